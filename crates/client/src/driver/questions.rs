//! Questions whose answers are in the store, step by step.

use std::mem;

use rand_core::CryptoRng;
use sprag_protocol::{AccountName, DeviceId};
use sprag_store::{Batch, StoreError};

use super::action::{Step, Value};
use super::backup::Backup;
use super::rows::{Cache, Wanted};
use super::wishes::{Then, Wish};
use super::{Awaiting, Driver};
use crate::content::{Attachment, Body, MessageId};
use crate::engine::Engine;
use crate::error::Error;
use crate::history::{self, Cursor, Found, Search};
use crate::input::{Command, Ticket};
use crate::sorted::by_number;
use crate::view::{Event, MessageState};

/// How many entries of a history are handed over at once.
const PAST: usize = 200;

/// A question, as far as it has come.
pub(super) enum Question {
    Page {
        with: AccountName,
        before: Option<u64>,
        limit: usize,
    },
    From {
        with: AccountName,
        from: u64,
        limit: usize,
    },
    Search(Searching),
    State {
        with: AccountName,
        id: MessageId,
    },
    Incoming(Option<Cursor>),
    Retry {
        with: AccountName,
        id: MessageId,
        before: Option<u64>,
    },
    MarkRead {
        with: AccountName,
        through: u64,
    },
    Share(Share),
    /// Whether there is a message of ours with this id; if not, the wish is fulfilled.
    Once {
        with: AccountName,
        id: MessageId,
        wish: Option<Box<Wish>>,
    },
    FindUpload(u64),
    Receive {
        with: AccountName,
        position: u64,
        from: u64,
    },
    Backup(Box<Backup>),
}

/// A search, as far as it has come.
pub(super) struct Searching {
    words: Search,
    limit: usize,
    /// The conversations that are still to be looked through; none before the first step.
    talks: Option<Vec<AccountName>>,
    before: Option<u64>,
    /// How much was found in the conversation that is being looked through.
    here: usize,
    found: Vec<Found>,
}

/// The conversations that are given to another own device, as far as they are.
#[derive(Clone)]
pub(super) struct Share {
    device: DeviceId,
    /// The other accounts, and how many entries there are.
    talks: Vec<(AccountName, u64)>,
    from: u64,
}

impl Share {
    pub(super) fn all(device: DeviceId, engine: Option<&Engine>) -> Self {
        let talks = engine.map(Engine::conversations).unwrap_or_default();
        let talks = talks.into_iter().map(|talk| (talk.with, talk.entries)).collect();
        Self { device, talks, from: 0 }
    }
}

/// What a step of a question leads to.
enum Outcome {
    Answer(Value),
    Refuse(Error),
    Again(Question),
    Command(Command, Then),
    Wish(Box<Wish>),
    Upload(u64, Option<super::files::Begun>, Batch),
    Download(Box<Attachment>, u64),
}

impl Question {
    pub(super) fn of(wish: Wish) -> Option<Self> {
        Some(match wish {
            Wish::Retry { with, id } => Self::Retry { with, id, before: None },
            Wish::MarkRead { with, through } => Self::MarkRead { with, through },
            Wish::History { with, before, limit } => Self::Page { with, before, limit },
            Wish::HistoryFrom { with, from, limit } => Self::From { with, from, limit },
            Wish::Search { words, limit } => Self::Search(Searching {
                words,
                limit,
                talks: None,
                before: None,
                here: 0,
                found: Vec::new(),
            }),
            Wish::State { with, id } => Self::State { with, id },
            Wish::Incoming(cursor) => Self::Incoming(cursor),
            Wish::ReceiveFile { with, position, from } => Self::Receive { with, position, from },
            Wish::Backup(passphrase) => Self::Backup(Box::new(Backup::new(passphrase))),
            Wish::Send { .. }
            | Wish::Meet(_)
            | Wish::Refresh(_)
            | Wish::SafetyNumber(_)
            | Wish::SetVerified { .. }
            | Wish::AcceptKey(_)
            | Wish::SetReadReceipts(_)
            | Wish::LinkDevice { .. }
            | Wish::RemoveDevice(_)
            | Wish::DeleteAccount
            | Wish::SendFile { .. } => return None,
        })
    }

    /// One step. It is made again, from its beginning, where the cache misses something.
    fn step(&mut self, engine: &Engine, cache: &mut Cache) -> Result<Outcome, StoreError> {
        Ok(match self {
            Self::Page { with, before, limit } => {
                let page = history::page(engine, cache, with, *before, *limit)?;
                Outcome::Answer(Value::Entries(page))
            }
            Self::From { with, from, limit } => {
                let page = history::after(engine, cache, with, *from, *limit)?;
                Outcome::Answer(Value::Entries(page))
            }
            Self::State { with, id } => {
                Outcome::Answer(Value::State(history::state(engine, cache, with, *id)?))
            }
            Self::Incoming(cursor) => {
                let (cursor, found) = history::incoming(engine, cache, cursor.clone())?;
                Outcome::Answer(Value::Incoming(cursor, found))
            }
            Self::MarkRead { with, through } => {
                let (below, ids) = history::to_read(engine, cache, with, *through)?;
                Outcome::Command(Command::MarkRead { with: with.clone(), below, ids }, Then::Done)
            }
            Self::Retry { with, id, before } => retry(engine, cache, with, *id, *before)?,
            Self::Search(searching) => searching.step(engine, cache)?,
            Self::Share(share) => share.step(engine, cache)?,
            Self::Receive { with, position, from } => {
                let entries = history::after(engine, cache, with, *position, 1)?;
                match entries.into_iter().next().map(|entry| (entry.position, entry.event)) {
                    Some((at, Event::Message { body: Body::File(file), .. }))
                        if at == *position =>
                    {
                        Outcome::Download(Box::new(file), *from)
                    }
                    _ => Outcome::Refuse(Error::NoSuchMessage),
                }
            }
            Self::Once { with, id, wish } => {
                let (_, found) = history::find(engine, cache, with, None, *id)?;
                match found.filter(|entry| entry.own).map(|entry| entry.position) {
                    Some(position) => {
                        Outcome::Answer(Value::Sent { to: with.clone(), id: *id, position })
                    }
                    None if !cache.missed.is_empty() => Outcome::Refuse(Error::Closed),
                    None => wish.take().map_or(Outcome::Refuse(Error::Closed), Outcome::Wish),
                }
            }
            Self::FindUpload(_) | Self::Backup(_) => Outcome::Refuse(Error::Closed),
        })
    }
}

fn retry(
    engine: &Engine,
    cache: &mut Cache,
    with: &AccountName,
    id: MessageId,
    before: Option<u64>,
) -> Result<Outcome, StoreError> {
    let (next, found) = history::find(engine, cache, with, before, id)?;
    let Some(entry) = found else {
        return Ok(match next {
            Some(_) => Outcome::Again(Question::Retry { with: with.clone(), id, before: next }),
            None => Outcome::Refuse(Error::NoSuchMessage),
        });
    };
    let failed = matches!(entry.state, Some(MessageState::Failed(_)));
    Ok(match entry.event {
        Event::Message { body, .. } if failed => {
            let then = Then::Sent(with.clone(), Some((id, entry.position)));
            let content = (id, body);
            Outcome::Command(Command::Retry { with: with.clone(), content }, then)
        }
        Event::Message { .. } | Event::KeyChanged => Outcome::Refuse(Error::NoSuchMessage),
    })
}

impl Searching {
    fn step(&mut self, engine: &Engine, cache: &mut Cache) -> Result<Outcome, StoreError> {
        let talks = self.talks.get_or_insert_with(|| {
            engine.conversations().into_iter().map(|talk| talk.with).collect()
        });
        let Some(with) = talks.first().cloned() else {
            let found = mem::take(&mut self.found);
            // The highest number first.
            let mut found = by_number(found, |(_, entry)| !entry.received.seconds());
            found.truncate(self.limit);
            return Ok(Outcome::Answer(Value::Found(found)));
        };
        let (next, entries) = history::search(engine, cache, &with, self.before, &self.words)?;
        let mut further = Self {
            words: self.words.clone(),
            talks: Some(talks.clone()),
            found: Vec::new(),
            here: self.here + entries.len(),
            before: next,
            limit: self.limit,
        };
        if !cache.missed.is_empty() {
            return Ok(Outcome::Again(Question::Search(further)));
        }
        further.found = mem::take(&mut self.found);
        further.found.extend(entries.into_iter().map(|entry| (with.clone(), entry)));
        if next.is_none() || further.here >= self.limit {
            (further.here, further.before) = (0, None);
            further.talks = further.talks.map(|talks| talks.into_iter().skip(1).collect());
        }
        Ok(Outcome::Again(Question::Search(further)))
    }
}

impl Share {
    fn step(&mut self, engine: &Engine, cache: &mut Cache) -> Result<Outcome, StoreError> {
        let Some((with, entries)) = self.talks.first().cloned() else {
            return Ok(Outcome::Answer(Value::Device(self.device)));
        };
        let page = if self.from < entries {
            history::after(engine, cache, &with, self.from, PAST)?
        } else {
            Vec::new()
        };
        let mut share = self.clone();
        let Some(last) = page.last() else {
            share.talks.remove(0);
            share.from = 0;
            return Ok(Outcome::Again(Question::Share(share)));
        };
        share.from = last.position + 1;
        let command = Command::ShareHistory { device: self.device, with, entries: page };
        Ok(Outcome::Command(command, Then::Shared(share)))
    }
}

impl Driver {
    /// The next step of the first question; `None` where it needs nothing, or there is none.
    pub(super) fn go_on_with_questions<R: CryptoRng>(
        &mut self,
        now: u64,
        rng: &mut R,
    ) -> Option<Step> {
        let (ticket, mut question) = self.questions.pop_front()?;
        if let Question::Backup(backup) = question {
            return self.go_on_with_backup(ticket, backup, rng);
        }
        let Some(engine) = &self.engine else {
            self.questions.push_front((ticket, question));
            return None;
        };
        let outcome = if let Question::FindUpload(transfer) = question {
            self.find_upload(transfer, now)
        } else {
            question.step(engine, &mut self.cache)
        };
        let missed = mem::take(&mut self.cache.missed);
        if !missed.is_empty() {
            self.questions.push_front((ticket, question));
            return Some(self.read(missed));
        }
        self.cache = Cache::default();
        match outcome {
            Err(error) => {
                if let Question::FindUpload(transfer) = question {
                    self.transfers.remove(&transfer);
                }
                self.answer(ticket, Err(error.into()));
            }
            Ok(outcome) => self.conclude(ticket, outcome, now, rng),
        }
        None
    }

    fn read(&mut self, wanted: Vec<Wanted>) -> Step {
        let reads = wanted.iter().map(|wanted| wanted.sealed(&self.sealer)).collect();
        self.awaiting = Some(Awaiting::Question(wanted));
        Step::Read(reads)
    }

    fn conclude<R: CryptoRng>(&mut self, ticket: Ticket, outcome: Outcome, now: u64, rng: &mut R) {
        match outcome {
            Outcome::Answer(value) => self.answer(ticket, Ok(value)),
            Outcome::Refuse(error) => self.answer(ticket, Err(error)),
            // Behind the others: nobody waits for a long search.
            Outcome::Again(question) => self.questions.push_back((ticket, question)),
            Outcome::Command(command, then) => {
                self.command(ticket, (command, then, Batch::new()), now, rng);
            }
            Outcome::Wish(wish) => self.fulfil(ticket, *wish, now, rng),
            Outcome::Upload(transfer, found, gone) => {
                self.effects.commit.append(gone);
                self.upload_found(transfer, found);
            }
            Outcome::Download(file, from) => self.receive(ticket, *file, from),
        }
    }

    fn find_upload(&mut self, transfer: u64, now: u64) -> Result<Outcome, StoreError> {
        let Some(found) = self.transfers.get(&transfer) else {
            return Ok(Outcome::Refuse(Error::Closed));
        };
        let (begun, gone) = found.find(&mut self.cache, now)?;
        Ok(Outcome::Upload(transfer, begun, gone))
    }

    /// What a question needs cannot be read: it is not answered, and everything else goes on.
    pub(super) fn question_failed(&mut self, error: StoreError) {
        self.cache = Cache::default();
        if let Some((ticket, question)) = self.questions.pop_front() {
            if let Question::FindUpload(transfer) = question {
                self.transfers.remove(&transfer);
            }
            self.answer(ticket, Err(error.into()));
        }
    }
}
