//! Conversations as they were, out of a profile: pages, what is unread, words in them.

use prost::Message;
use sprag_protocol::{AccountName, DeviceId, Timestamp};
use sprag_store::{Collection, Key, Page, Profile, Store, StoreError, Value};

use crate::content::{Body, MessageId, Said};
use crate::engine::{Engine, history, mark as place_of_mark};
use crate::record;
use crate::sorted::{Map, by_number};
use crate::view::{Entry, Event, Failed, MessageState};

/// How many entries are looked at together where many are.
pub(crate) const STEP: usize = 256;
/// How many entries of a conversation [`incoming`] takes at once.
const AHEAD: usize = 64;

/// Where records are read: a profile, or what a driver has of one.
pub trait Records {
    /// The value of a record.
    ///
    /// # Errors
    /// What the store says.
    fn read(&mut self, key: &Key) -> Result<Option<Value>, StoreError>;

    /// Part of a collection, in the order that the page asks for.
    ///
    /// # Errors
    /// What the store says.
    fn range(&mut self, of: &Collection, page: Page) -> Result<Vec<(u64, Value)>, StoreError>;
}

impl<S: Store> Records for Profile<S> {
    fn read(&mut self, key: &Key) -> Result<Option<Value>, StoreError> {
        Self::read(self, key)
    }

    fn range(&mut self, of: &Collection, page: Page) -> Result<Vec<(u64, Value)>, StoreError> {
        Self::range(self, of, page)
    }
}

/// Up to where entries were given out: below which position, by conversation.
pub type Cursor = Map<AccountName, u64>;

/// An entry, and the other account of its conversation.
pub type Found = (AccountName, Entry);

/// What has arrived from others beyond the cursor, by the time of its arrival; some of it, where it is much. Without a
/// cursor it begins with what is unread.
///
/// # Errors
/// As [`page`].
pub fn incoming<S: Records>(
    engine: &Engine,
    profile: &mut S,
    cursor: Option<Cursor>,
) -> Result<(Cursor, Vec<Found>), StoreError> {
    let conversations = engine.conversations();
    let mut cursor = cursor.unwrap_or_else(|| {
        conversations.iter().map(|talk| (talk.with.clone(), talk.read_below)).collect()
    });
    let mut found = Vec::new();
    for talk in conversations {
        let from = cursor.get(&talk.with).copied().unwrap_or_default();
        if from >= talk.entries {
            continue;
        }
        let entries = decoded(engine, profile, &talk.with, Page { from, ..Page::oldest(AHEAD) })?;
        let next = entries.last().map_or(talk.entries, |last| last.position + 1);
        let theirs = |entry: &Entry| !entry.own && matches!(entry.event, Event::Message { .. });
        // By arrival, but within a conversation as it has them, whatever the clock said.
        let mut arrived = 0;
        for entry in entries.into_iter().filter(theirs) {
            arrived = entry.received.seconds().max(arrived);
            found.push((arrived, (talk.with.clone(), entry)));
        }
        cursor.insert(talk.with, next);
    }
    let found = by_number(found, |(arrived, _)| *arrived);
    Ok((cursor, found.into_iter().map(|(_, found)| found).collect()))
}

/// What [`Command::MarkRead`](crate::Command::MarkRead) is told where a person has read up to a position: below which
/// everything is read, and what of it was unread.
///
/// # Errors
/// As [`page`].
pub fn to_read<S: Records>(
    engine: &Engine,
    profile: &mut S,
    with: &AccountName,
    through: u64,
) -> Result<(u64, Vec<MessageId>), StoreError> {
    let talks = engine.conversations();
    let entries = talks.iter().find(|talk| talk.with == *with).map(|talk| talk.entries);
    // Not beyond what there is: what comes later is not read yet.
    let below = through.saturating_add(1).min(entries.unwrap_or_default());
    unread(engine, profile, with, through).map(|ids| (below, ids))
}

/// One step back in a search for words: what of the last entries below a position has them, newest first, and
/// below which position the next step looks; `None` at the beginning of the conversation.
///
/// # Errors
/// As [`page`].
pub fn search<S: Records>(
    engine: &Engine,
    profile: &mut S,
    with: &AccountName,
    before: Option<u64>,
    words: &Search,
) -> Result<(Option<u64>, Vec<Entry>), StoreError> {
    let Some(page) = below(before, STEP) else { return Ok((None, Vec::new())) };
    let entries = decoded(engine, profile, with, page)?;
    let next = entries.last().map(|first| first.position);
    let mut found: Vec<_> = entries.into_iter().filter(|entry| words.finds(entry)).collect();
    say_states(engine, profile, with, &mut found)?;
    Ok((next, found))
}

/// One step back in a search for a message; where it is, or below which position the next step looks.
///
/// # Errors
/// As [`page`].
pub fn find<S: Records>(
    engine: &Engine,
    profile: &mut S,
    with: &AccountName,
    before: Option<u64>,
    id: MessageId,
) -> Result<(Option<u64>, Option<Entry>), StoreError> {
    let Some(page) = below(before, STEP) else { return Ok((None, None)) };
    let entries = decoded(engine, profile, with, page)?;
    let next = entries.last().map(|first| first.position);
    let is_it =
        |entry: &Entry| matches!(entry.event, Event::Message { id: found, .. } if found == id);
    let mut found: Vec<_> = entries.into_iter().filter(is_it).take(1).collect();
    say_states(engine, profile, with, &mut found)?;
    Ok((next, found.pop()))
}

/// The last `limit` positions below this one; `None` where there are none.
fn below(before: Option<u64>, limit: usize) -> Option<Page> {
    let to = match before {
        Some(0) => return None,
        Some(before) => before - 1,
        None => u64::MAX,
    };
    Some(Page { to, ..Page::newest(limit) })
}

/// The last `limit` entries of a conversation below the position `before`, oldest first.
///
/// # Errors
/// What the store says; [`StoreError::Damaged`] where an entry is none.
pub fn page<S: Records>(
    engine: &Engine,
    profile: &mut S,
    with: &AccountName,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let Some(page) = below(before, limit) else { return Ok(Vec::new()) };
    let mut entries = read(engine, profile, with, page)?;
    entries.reverse();
    Ok(entries)
}

/// The first `limit` entries of a conversation from the position `from` on.
///
/// # Errors
/// As [`page`].
pub fn after<S: Records>(
    engine: &Engine,
    profile: &mut S,
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
pub fn unread<S: Records>(
    engine: &Engine,
    profile: &mut S,
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
pub fn state<S: Records>(
    engine: &Engine,
    profile: &mut S,
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
pub struct Search {
    words: String,
    lowercase: fn(&str) -> String,
}

impl Search {
    /// Looks for these words, as they stand. `lowercase` is [`str::to_lowercase`], or the browser's own: the tables for it
    /// are 6 KB of a module that browsers load.
    #[must_use]
    pub fn new(words: &str, lowercase: fn(&str) -> String) -> Self {
        Self { words: lowercase(words), lowercase }
    }

    /// Whether they are in the text, the caption or the file's name.
    #[must_use]
    pub fn finds(&self, entry: &Entry) -> bool {
        let has = |text: &str| (self.lowercase)(text).contains(&self.words);
        match &entry.event {
            Event::Message { body: Body::Text(text), .. } => has(text),
            Event::Message { body: Body::File(file), .. } => has(&file.caption) || has(&file.name),
            Event::KeyChanged => false,
        }
    }
}

fn read<S: Records>(
    engine: &Engine,
    profile: &mut S,
    with: &AccountName,
    page: Page,
) -> Result<Vec<Entry>, StoreError> {
    let mut entries = decoded(engine, profile, with, page)?;
    say_states(engine, profile, with, &mut entries)?;
    Ok(entries)
}

/// The entries, without the states of their messages.
fn decoded<S: Records>(
    engine: &Engine,
    profile: &mut S,
    with: &AccountName,
    page: Page,
) -> Result<Vec<Entry>, StoreError> {
    let records = profile.range(&history(with), page)?;
    let decode = |(position, value): (u64, Value)| decode(engine.account(), position, &value);
    records.into_iter().map(decode).collect()
}

fn say_states<S: Records>(
    engine: &Engine,
    profile: &mut S,
    with: &AccountName,
    entries: &mut [Entry],
) -> Result<(), StoreError> {
    for entry in entries {
        if let (true, Event::Message { id, .. }) = (entry.own, &entry.event) {
            entry.state = Some(state(engine, profile, with, *id)?);
        }
    }
    Ok(())
}

/// A mark of this message: another one's may lie in the same place.
fn mark<S: Records>(
    profile: &mut S,
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
