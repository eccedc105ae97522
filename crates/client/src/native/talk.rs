//! Writing, reading, looking back.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use sprag_protocol::{AccountName, DeviceId, Timestamp};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::desk::Desk;
use super::{Client, Connection, Error, Happening, Inner};
use crate::content::{Attachment, Body, MessageId};
use crate::effects::Reply;
use crate::history;
use crate::input::Command;
use crate::view::{Conversation, Entry, Event, MessageState};

/// A message from somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The account that wrote it.
    pub from: AccountName,
    /// The device that it was written on.
    pub device: DeviceId,
    /// What both sides call it.
    pub id: MessageId,
    /// Its place in the conversation.
    pub position: u64,
    /// When it was written, by the writer's clock.
    pub written: Timestamp,
    /// When it arrived.
    pub received: Timestamp,
    /// What it says. It is as it was written: strip control characters before a terminal gets it.
    pub body: Body,
}

impl Message {
    /// Its text; with a file, what was written beside it.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.body {
            Body::Text(text) => text,
            Body::File(file) => &file.caption,
        }
    }

    /// Its file, where it has one.
    #[must_use]
    pub fn file(&self) -> Option<&Attachment> {
        match &self.body {
            Body::Text(_) => None,
            Body::File(file) => Some(file),
        }
    }

    /// The message of an entry, where it is one and somebody else's.
    #[must_use]
    pub fn of(entry: Entry) -> Option<Self> {
        let Event::Message { id, written, body } = entry.event else { return None };
        (!entry.own).then_some(Self {
            from: entry.from,
            device: entry.device,
            id,
            position: entry.position,
            written,
            received: entry.received,
            body,
        })
    }
}

/// Up to where messages were given out: below which position, by conversation. `None` before the first.
pub(super) type Cursor = Option<history::Cursor>;

/// A message that will be sent, also after a restart.
#[derive(Clone)]
pub struct Sent {
    inner: Arc<Inner>,
    to: AccountName,
    id: MessageId,
    position: u64,
}

impl Client {
    /// Writes a text. When this returns, it is kept durably and will be sent.
    ///
    /// # Errors
    /// [`Error::Name`]; [`Error::Refused`] (such as [`KeyChanged`](crate::Refusal::KeyChanged)), nothing
    /// has changed then; [`Error::Store`]; [`Error::Closed`].
    pub async fn send(&self, to: &str, text: impl Into<String>) -> Result<Sent, Error> {
        let to = name(to)?;
        let body = Body::Text(text.into());
        let reply = self.command(Command::Send { to: to.clone(), body, id: None }).await?;
        self.sent(to, &reply)
    }

    pub(super) fn sent(&self, to: AccountName, reply: &Reply) -> Result<Sent, Error> {
        let Reply::Queued { id, position } = *reply else { return Err(Error::NoSuchMessage) };
        Ok(Sent { inner: Arc::clone(&self.inner), to, id, position })
    }

    /// Tries a message again that was given up, with the same id.
    ///
    /// # Errors
    /// [`Error::NoSuchMessage`] also where it was not given up; [`Error::Name`], [`Error::Refused`],
    /// [`Error::Store`], [`Error::Closed`].
    pub async fn retry(&self, to: &str, id: MessageId) -> Result<Sent, Error> {
        let with = name(to)?;
        let found = self.find(with.clone(), id).await?.ok_or(Error::NoSuchMessage)?;
        let position = found.position;
        let Event::Message { body, .. } = found.event else { return Err(Error::NoSuchMessage) };
        if !matches!(found.state, Some(MessageState::Failed(_))) {
            return Err(Error::NoSuchMessage);
        }
        let content = (id, body);
        self.command(Command::Retry { with: with.clone(), content }).await?;
        Ok(Sent { inner: Arc::clone(&self.inner), to: with, id, position })
    }

    async fn find(&self, with: AccountName, id: MessageId) -> Result<Option<Entry>, Error> {
        let mut before = None;
        loop {
            let with = with.clone();
            let step = move |desk: &mut Desk| {
                let (engine, profile) = desk.parts();
                history::find(engine, profile, &with, before, id)
            };
            let (next, found) = self.inner.ask(step).await??;
            if found.is_some() || next.is_none() {
                return Ok(found);
            }
            before = next;
        }
    }

    /// The next message from somebody else, once it is here: what was unread when this was first called on
    /// this handle, and then what arrives, each once, in order within a conversation. Mark what you have
    /// dealt with as read ([`mark_read`](Self::mark_read)); after a restart, what was not marked comes
    /// again. `None` once the client is closed, and where it never connects and there is nothing more.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::TakenOver`] and others that end the connection, once there is nothing
    /// more to give; [`Error::Store`].
    pub async fn next(&mut self) -> Result<Option<Message>, Error> {
        let mut entries = self.inner.outlets.entries.subscribe();
        let mut connection = self.inner.outlets.connection.subscribe();
        loop {
            if let Some(message) = self.ahead.pop_front() {
                return Ok(Some(message));
            }
            entries.mark_unchanged();
            let link = connection.borrow_and_update().clone();
            let cursor = self.cursor.clone();
            let incoming = move |desk: &mut Desk| {
                let (engine, profile) = desk.parts();
                history::incoming(engine, profile, cursor)
            };
            match self.inner.ask(incoming).await {
                Ok(found) => {
                    let (cursor, messages) = found?;
                    self.cursor = Some(cursor);
                    self.ahead
                        .extend(messages.into_iter().filter_map(|(_, entry)| Message::of(entry)));
                }
                Err(Error::Closed) => return Ok(None),
                Err(error) => return Err(error),
            }
            match link {
                _ if !self.ahead.is_empty() => {}
                Connection::Offline => return Ok(None),
                Connection::Ended(why) => return Err(why),
                Connection::Connecting | Connection::Online | Connection::Waiting { .. } => {
                    // Where either ends, the client is closed, and the next question says so.
                    tokio::select! {
                        _ = entries.changed() => {}
                        _ = connection.changed() => {}
                    }
                }
            }
        }
    }

    /// The conversations, the one in which something happened last first.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn conversations(&self) -> Result<Vec<Conversation>, Error> {
        self.inner.ask(|desk| desk.engine().conversations()).await
    }

    /// The last `limit` entries of a conversation that are below the position `before`, oldest first.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Store`], [`Error::Closed`].
    pub async fn history(
        &self,
        with: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        self.page(name(with)?, before, limit).await
    }

    async fn page(
        &self,
        with: AccountName,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        let page = move |desk: &mut Desk| {
            let (engine, profile) = desk.parts();
            history::page(engine, profile, &with, before, limit)
        };
        Ok(self.inner.ask(page).await??)
    }

    /// The newest `limit` entries of all conversations that have these words in their text, caption or
    /// file's name, whatever the case.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Closed`].
    pub async fn search(
        &self,
        words: &str,
        limit: usize,
    ) -> Result<Vec<(AccountName, Entry)>, Error> {
        let search = Arc::new(history::Search::new(words, str::to_lowercase));
        let mut found = Vec::new();
        for conversation in self.conversations().await? {
            let (mut before, begin) = (None, found.len());
            loop {
                let (with, search) = (conversation.with.clone(), Arc::clone(&search));
                let step = move |desk: &mut Desk| {
                    let (engine, profile) = desk.parts();
                    history::search(engine, profile, &with, before, &search)
                };
                let (next, entries) = self.inner.ask(step).await??;
                found.extend(entries.into_iter().map(|entry| (conversation.with.clone(), entry)));
                before = next;
                if before.is_none() || found.len() - begin >= limit {
                    break;
                }
            }
        }
        found.sort_by_key(|(_, entry)| Reverse(entry.received));
        found.truncate(limit);
        Ok(found)
    }

    /// Everything in this conversation up to the position `through` is read.
    ///
    /// # Errors
    /// [`Error::Refused`] where nothing is known of this account, [`Error::Store`], [`Error::Closed`].
    pub async fn mark_read(&self, with: &AccountName, through: u64) -> Result<(), Error> {
        let with = with.clone();
        let name = with.clone();
        let unread = move |desk: &mut Desk| {
            let (engine, profile) = desk.parts();
            history::to_read(engine, profile, &name, through)
        };
        let (below, ids) = self.inner.ask(unread).await??;
        self.command(Command::MarkRead { with, below, ids }).await.map(drop)
    }
}

impl Sent {
    /// What both sides call the message.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// The account that it is for.
    #[must_use]
    pub fn to(&self) -> &AccountName {
        &self.to
    }

    /// Its place in the conversation.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How far it has come.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Closed`].
    pub async fn state(&self) -> Result<MessageState, Error> {
        let (to, id) = (self.to.clone(), self.id);
        let state = move |desk: &mut Desk| {
            let (engine, profile) = desk.parts();
            history::state(engine, profile, &to, id)
        };
        Ok(self.inner.ask(state).await??)
    }

    /// Waits until it has come so far, or further.
    ///
    /// # Errors
    /// [`Error::NotSent`] where it was given up; [`Error::Timeout`]; [`Error::Store`], [`Error::Closed`].
    pub async fn reached(
        &self,
        state: MessageState,
        within: Duration,
    ) -> Result<MessageState, Error> {
        let waiting = async {
            let mut happenings = self.inner.outlets.happenings.subscribe();
            loop {
                let now = self.state().await?;
                if let MessageState::Failed(why) = now {
                    return Err(Error::NotSent(why));
                }
                if now >= state {
                    return Ok(now);
                }
                self.changes(&mut happenings).await?;
            }
        };
        timeout(within, waiting).await.map_err(|_| Error::Timeout)?
    }

    /// Waits until its state may be another one.
    async fn changes(&self, happenings: &mut Receiver<Happening>) -> Result<(), Error> {
        loop {
            let it = |happening: &Happening| matches!(happening, Happening::State { id, .. } if *id == self.id);
            match happenings.recv().await {
                Ok(happening) if it(&happening) => return Ok(()),
                Err(RecvError::Lagged(_)) => return Ok(()),
                Err(RecvError::Closed) => return Err(Error::Closed),
                Ok(_) => {}
            }
        }
    }
}

/// Nobody's business.
impl std::fmt::Debug for Sent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Sent({})", self.id)
    }
}

/// An account's name, as a person gave it.
pub(super) fn name(text: &str) -> Result<AccountName, Error> {
    AccountName::new(text).map_err(|_| Error::Name)
}
