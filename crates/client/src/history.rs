//! Conversations as they were, out of a profile: pages, what is unread, words in them.

use prost::Message;
use sprag_protocol::{AccountName, DeviceId, Timestamp};
use sprag_store::{Page, Profile, Store, StoreError};

use crate::content::{Body, MessageId, Said};
use crate::engine::{Engine, history, mark as place_of_mark};
use crate::record;
use crate::view::{Entry, Event, Failed, MessageState};

/// How many entries are looked at together where many are.
const STEP: usize = 256;

/// The last `limit` entries of a conversation below the position `before`, oldest first.
///
/// # Errors
/// What the store says; [`StoreError::Damaged`] where an entry is none.
pub fn page<S: Store>(
    engine: &Engine,
    profile: &mut Profile<S>,
    with: &AccountName,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let to = match before {
        Some(0) => return Ok(Vec::new()),
        Some(before) => before - 1,
        None => u64::MAX,
    };
    let page = Page { to, ..Page::newest(limit) };
    let mut entries = read(engine, profile, with, page)?;
    entries.reverse();
    Ok(entries)
}

/// The first `limit` entries of a conversation from the position `from` on.
///
/// # Errors
/// As [`page`].
pub fn after<S: Store>(
    engine: &Engine,
    profile: &mut Profile<S>,
    with: &AccountName,
    from: u64,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    read(engine, profile, with, Page { from, ..Page::oldest(limit) })
}

/// The messages of the other account, up to the position `through`, that were not marked as read.
///
/// # Errors
/// As [`page`].
pub fn unread<S: Store>(
    engine: &Engine,
    profile: &mut Profile<S>,
    with: &AccountName,
    through: u64,
) -> Result<Vec<MessageId>, StoreError> {
    let mut from = engine.read_below(with);
    let mut ids = Vec::new();
    while from <= through {
        let page = Page { from, to: through, ..Page::oldest(STEP) };
        let records = profile.range(&history(with), page)?;
        let Some((last, _)) = records.last() else { break };
        from = last.saturating_add(1);
        for (position, value) in &records {
            let entry = decode(engine.account(), *position, value)?;
            if let (false, Event::Message { id, .. }) = (entry.own, entry.event) {
                ids.push(id);
            }
        }
    }
    Ok(ids)
}

/// How far a message of the own account has come.
///
/// # Errors
/// As [`page`].
pub fn state<S: Store>(
    engine: &Engine,
    profile: &mut Profile<S>,
    with: &AccountName,
    id: MessageId,
) -> Result<MessageState, StoreError> {
    if let Some(state) = engine.progress(with, id) {
        return Ok(state);
    }
    if mark(profile, "read", with, id)?.is_some() {
        return Ok(MessageState::Read);
    }
    if mark(profile, "delivered", with, id)?.is_some() {
        return Ok(MessageState::Delivered);
    }
    let failed = mark(profile, "failed", with, id)?;
    Ok(failed.map_or(MessageState::Sent, |mark| MessageState::Failed(Failed::parse(&mark.why))))
}

/// An entry out of its record, with the state of a message that was sent: whoever has the marks says more.
///
/// # Errors
/// [`StoreError::Damaged`] where it is none.
pub fn decode(own: &AccountName, position: u64, value: &[u8]) -> Result<Entry, StoreError> {
    let damaged = StoreError::Damaged;
    let kept = record::Entry::decode(value).map_err(|_| damaged)?;
    let is_own = kept.from.is_empty();
    let from = if is_own { own.clone() } else { name(&kept.from)? };
    let event = match kept.event() {
        record::Event::KeyChanged => Event::KeyChanged,
        record::Event::None => {
            let said = Said::decode(&kept.content).and_then(Said::message);
            let (id, written, body) = said.ok_or(damaged)?;
            Event::Message { id, written, body }
        }
    };
    Ok(Entry {
        position,
        from,
        device: DeviceId::new(kept.device).ok_or(damaged)?,
        own: is_own,
        received: Timestamp::from_seconds(kept.received),
        event,
        state: is_own.then_some(MessageState::Sent),
    })
}

/// Words to look for, whatever their case.
#[derive(Clone, Debug)]
pub struct Search(String);

impl Search {
    /// Looks for these words, as they stand.
    #[must_use]
    pub fn new(words: &str) -> Self {
        Self(words.to_lowercase())
    }

    /// Whether they are in the text, the caption or the file's name.
    #[must_use]
    pub fn finds(&self, entry: &Entry) -> bool {
        let has = |text: &str| text.to_lowercase().contains(&self.0);
        match &entry.event {
            Event::Message { body: Body::Text(text), .. } => has(text),
            Event::Message { body: Body::File(file), .. } => has(&file.caption) || has(&file.name),
            Event::KeyChanged => false,
        }
    }
}

fn read<S: Store>(
    engine: &Engine,
    profile: &mut Profile<S>,
    with: &AccountName,
    page: Page,
) -> Result<Vec<Entry>, StoreError> {
    let records = profile.range(&history(with), page)?;
    let mut entries = Vec::with_capacity(records.len());
    for (position, value) in records {
        let mut entry = decode(engine.account(), position, &value)?;
        if let (true, Event::Message { id, .. }) = (entry.own, &entry.event) {
            entry.state = Some(state(engine, profile, with, *id)?);
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// A mark of this message: another one's may lie in the same place.
fn mark<S: Store>(
    profile: &mut Profile<S>,
    state: &str,
    with: &AccountName,
    id: MessageId,
) -> Result<Option<record::Mark>, StoreError> {
    let Some(value) = profile.read(&place_of_mark(state, with, id))? else { return Ok(None) };
    let mark = record::Mark::decode(&value[..]).map_err(|_| StoreError::Damaged)?;
    Ok((mark.id == id.0).then_some(mark))
}

fn name(text: &str) -> Result<AccountName, StoreError> {
    AccountName::new(text).map_err(|_| StoreError::Damaged)
}
