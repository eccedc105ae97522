//! A driver without input and output: for whoever has a store, a network and a clock that answer later, such as a page in a
//! browser. It says step by step what is to be done ([`Driver::poll`]), and is told what came of it.
//!
//! What happens waits inside until the step before it is done, so the engine is never ahead of what a question
//! reads, and what comes while a commit is under way shares the next one. Nothing that follows from a commit
//! is given out before it is durable.
//!
//! Reading order: [`action`] (the face), here (the steps), `line` (the connection), `calls` (HTTP and the token),
//! `wishes` and `questions` (what a person wants), `rows` (records that are not at hand), `upload`, `download`, `backup`.

pub mod action;
mod backup;
mod calls;
mod download;
mod files;
mod line;
mod loading;
mod questions;
mod rows;
mod upload;
mod wishes;

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use rand_core::CryptoRng;
use sprag_api::name::Origin;
use sprag_protocol::{AccountName, Timestamp};
use sprag_store::{Batch, Key, Sealer, StoreError, StoreKey, Value};

use crate::effects::{Effects, Notice};
use crate::engine::Engine;
use crate::error::Error;
use crate::input::{Input, Ticket};
use crate::sorted::Map;

use action::{Action, RowRead, Rows, Step};
use calls::Calls;
use files::Transfer;
use line::{Line, State};
use questions::Question;
use rows::{Cache, Wanted};
use wishes::{Parked, Then};

pub use backup::Restore;
pub use files::Outgoing;
pub use loading::names;
pub use wishes::Wish;

/// Something that happened outside, or is wished for; it waits for its turn.
enum Event {
    Answered { request: u64, answer: (u16, Vec<u8>) },
    Opened(u64),
    Said(u64, Vec<u8>),
    Closed(u64),
    Reconnect,
    Wish(Ticket, Wish),
    Cancel(Ticket),
    Sliced { transfer: u64, content: Option<Value> },
}

/// What is waited for.
enum Awaiting {
    Commit,
    /// The engine's records.
    Load(Vec<Wanted>),
    /// Records that the engine asked for.
    Fetch(Vec<Key>),
    /// Records that a question misses.
    Question(Vec<Wanted>),
    /// Rows for a backup.
    Walk,
}

/// How far it is.
enum Life {
    /// The engine is to be read; whether it was there before, and not before which time.
    Loading {
        again: bool,
        after: u64,
    },
    Running,
    Ended,
}

/// One device of one account, between an engine and whoever does what it says.
pub struct Driver {
    sealer: Sealer,
    /// Who it must be.
    names: Option<(Origin, AccountName)>,
    life: Life,
    engine: Option<Engine>,
    /// Which engine this is: answers to the calls of an earlier one are not for it.
    generation: u64,
    events: VecDeque<Event>,
    /// What the engine is to be told next.
    inputs: VecDeque<Input>,
    /// What the engine wants, since the last commit.
    effects: Effects,
    awaiting: Option<Awaiting>,
    /// What the store failed with.
    ill: Option<StoreError>,
    actions: Vec<Action>,
    /// What there is to tell, once what was done is durable.
    told: Vec<Action>,
    line: Line,
    calls: Calls,
    next_ticket: u64,
    tickets: Map<Ticket, Then>,
    parked: Vec<Parked>,
    questions: VecDeque<(Ticket, Question)>,
    cache: Cache,
    next_transfer: u64,
    transfers: Map<u64, Transfer>,
    wake_at: Option<Timestamp>,
    caught_up: bool,
    /// Whether the profile was made just now, and whether the relay has not taken the account yet.
    fresh: bool,
    registering: bool,
}

impl Driver {
    fn of(key: &StoreKey, offline: bool) -> Self {
        Self {
            sealer: Sealer::new(key),
            names: None,
            life: Life::Running,
            engine: None,
            generation: 0,
            events: VecDeque::new(),
            inputs: VecDeque::new(),
            effects: Effects::default(),
            awaiting: None,
            ill: None,
            actions: Vec::new(),
            told: Vec::new(),
            line: Line::new(offline),
            calls: Calls::default(),
            next_ticket: 1,
            tickets: Map::new(),
            parked: Vec::new(),
            questions: VecDeque::new(),
            cache: Cache::default(),
            next_transfer: 1,
            transfers: Map::new(),
            wake_at: None,
            caught_up: false,
            fresh: false,
            registering: false,
        }
    }

    /// What to do next. Times are in milliseconds since 1970.
    pub fn poll<R: CryptoRng>(&mut self, now: u64, rng: &mut R) -> Step {
        // A question can take several steps, each of which may be done at once.
        loop {
            if self.awaiting.is_some() {
                return Step::Idle(None);
            }
            if let Some(error) = self.ill.take() {
                self.start_over(error, now, rng);
            }
            if !self.actions.is_empty() {
                return Step::Act(mem::take(&mut self.actions));
            }
            match self.life {
                Life::Running => {}
                Life::Ended => return Step::Idle(None),
                Life::Loading { after, .. } if now < after => return Step::Idle(Some(after)),
                Life::Loading { .. } => return self.load(),
            }
            if !self.is_writing_backup() {
                self.take_turns(now, rng);
            }
            if !self.effects.commit.is_empty() {
                match self.sealer.seal(&self.effects.commit, rng) {
                    Ok(sealed) => {
                        self.awaiting = Some(Awaiting::Commit);
                        return Step::Commit(sealed);
                    }
                    Err(error) => {
                        self.start_over(error, now, rng);
                        continue;
                    }
                }
            }
            if let Some(step) = self.carry_on(now, rng) {
                return step;
            }
        }
    }

    /// What follows once nothing is to be committed; `None` where more may follow.
    fn carry_on<R: CryptoRng>(&mut self, now: u64, rng: &mut R) -> Option<Step> {
        self.carry_out();
        let fetch = mem::take(&mut self.effects.fetch);
        if !fetch.is_empty() {
            let reads = fetch.iter().map(|key| RowRead::Row(self.sealer.row(key))).collect();
            self.awaiting = Some(Awaiting::Fetch(fetch));
            return Some(Step::Read(reads));
        }
        if let Some(step) = self.go_on_with_questions(now, rng) {
            return Some(step);
        }
        self.send_calls(now, rng);
        if !self.actions.is_empty() || self.is_busy() {
            return None;
        }
        Some(Step::Idle(self.wake_time()))
    }

    /// Whether another turn would find something to do at once.
    fn is_busy(&self) -> bool {
        !self.inputs.is_empty()
            || !self.events.is_empty()
            || !self.questions.is_empty()
            || !self.effects.commit.is_empty()
            || !self.told.is_empty()
            || matches!(self.life, Life::Loading { .. } | Life::Ended)
    }

    /// Everything that happened, and whatever time has brought.
    fn take_turns<R: CryptoRng>(&mut self, now: u64, rng: &mut R) {
        while let Some(event) = self.events.pop_front() {
            self.take(event, now, rng);
        }
        if self.wake_at.is_some_and(|at| at <= seconds(now)) {
            self.inputs.push_back(Input::Tick);
        }
        self.go_on_with_line(now, rng);
        self.go_on_with_parked(now, rng);
        self.go_on_with_files(now, rng);
        self.send_calls(now, rng);
        while let Some(input) = self.inputs.pop_front() {
            self.input(input, now, rng);
        }
        // A registration that was just taken is followed by the socket.
        self.go_on_with_line(now, rng);
    }

    fn take<R: CryptoRng>(&mut self, event: Event, now: u64, rng: &mut R) {
        match event {
            Event::Answered { request, answer } => self.take_answer(request, answer, now, rng),
            Event::Opened(socket) => self.socket_opened(socket, now),
            Event::Said(socket, bytes) => self.socket_said(socket, &bytes, now, rng),
            Event::Closed(socket) => self.socket_closed(socket, now, rng),
            Event::Reconnect => self.reconnect_now(now),
            Event::Wish(ticket, wish) => self.wished(ticket, wish, now, rng),
            Event::Cancel(ticket) => self.cancelled(ticket),
            Event::Sliced { transfer, content } => self.file_sliced(transfer, content, now),
        }
    }

    /// Tells the engine something.
    fn input<R: CryptoRng>(&mut self, input: Input, now: u64, rng: &mut R) {
        let Some(engine) = &mut self.engine else { return };
        let effects = engine.handle(input, seconds(now), rng);
        self.gather(effects);
    }

    fn gather(&mut self, effects: Effects) {
        let all = &mut self.effects;
        all.commit.append(effects.commit);
        all.frames.extend(effects.frames);
        all.calls.extend(effects.calls);
        all.fetch.extend(effects.fetch);
        all.notices.extend(effects.notices);
        self.wake_at = effects.wake_at;
    }

    /// The changes are durable.
    pub fn committed(&mut self) {
        if matches!(self.awaiting, Some(Awaiting::Commit)) {
            self.awaiting = None;
            self.effects.commit = Batch::new();
            self.carry_out();
        }
    }

    /// What follows a commit.
    fn carry_out(&mut self) {
        let frames = mem::take(&mut self.effects.frames);
        // Where the socket is gone, everything is said again on the next one.
        if self.line.online().is_some() {
            for frame in frames {
                self.write(frame);
            }
        }
        for (call, what) in mem::take(&mut self.effects.calls) {
            self.engine_asks(call, &what);
        }
        for notice in mem::take(&mut self.effects.notices) {
            if let Notice::Reply { ticket, result } = notice {
                self.replied(ticket, result);
            } else {
                self.actions.push(Action::Notice(notice));
            }
        }
        self.actions.append(&mut self.told);
        self.show();
    }

    /// Says what the engine has come to.
    fn show(&mut self) {
        let Some(engine) = &self.engine else { return };
        let caught_up = engine.caught_up();
        if caught_up && !self.caught_up {
            self.actions.push(Action::CaughtUp);
        }
        self.caught_up = caught_up;
        if engine.is_ready() && mem::take(&mut self.registering) {
            self.actions.push(Action::Registered);
        }
    }

    /// When to look again, where nothing happens before.
    fn wake_time(&self) -> Option<u64> {
        let engine = self.wake_at.map(|at| at.seconds().saturating_mul(1000));
        let parked = self.parked.iter().map(|parked| parked.until);
        let files = self.transfers.values().filter_map(Transfer::wake_at);
        engine.into_iter().chain(self.line.wake_at()).chain(parked).chain(files).min()
    }

    // ---- what happened outside

    /// A call has an answer, with this status; 0 where none came.
    pub fn answered(&mut self, request: u64, status: u16, body: Vec<u8>) {
        self.events.push_back(Event::Answered { request, answer: (status, body) });
    }

    /// A socket is open.
    pub fn opened(&mut self, socket: u64) {
        self.events.push_back(Event::Opened(socket));
    }

    /// It says something.
    pub fn said(&mut self, socket: u64, bytes: Vec<u8>) {
        self.events.push_back(Event::Said(socket, bytes));
    }

    /// It is closed, or did not open.
    pub fn closed(&mut self, socket: u64) {
        self.events.push_back(Event::Closed(socket));
    }

    /// There is a network again, or somebody who wants a connection now.
    pub fn reconnect(&mut self) {
        self.events.push_back(Event::Reconnect);
    }

    /// Ends it: the connection, and whatever waits. The last actions are given out by [`poll`](Self::poll).
    pub fn close(&mut self) {
        if let State::Opening { socket, .. }
        | State::Greeting { socket, .. }
        | State::Online { socket, .. } = self.line.state
        {
            self.actions.push(Action::HangUp { socket });
        }
        self.line.state = State::Ended;
        self.refuse_all(&Error::Closed);
        for event in mem::take(&mut self.events) {
            if let Event::Wish(ticket, _) = event {
                let result = Box::new(Err(Error::Closed));
                self.actions.push(Action::Answer { ticket, result });
            }
        }
        self.life = Life::Ended;
        self.awaiting = None;
    }

    /// The engine, once the profile is open.
    #[must_use]
    pub fn engine(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }

    /// How the connection is.
    #[must_use]
    pub fn connection(&self) -> &action::Connection {
        &self.line.shown
    }

    /// How many one-time prekeys the relay had left when it was last asked.
    #[must_use]
    pub fn prekeys(&self) -> Option<sprag_api::directory::KeyCounts> {
        self.calls.prekeys
    }

    /// Whether this new profile is of no use to anybody: the relay does not take the account, and never got to see it.
    #[must_use]
    pub fn is_useless(&self) -> bool {
        let why = match &self.line.shown {
            action::Connection::Waiting { why, .. } | action::Connection::Ended(why) => why,
            action::Connection::Offline
            | action::Connection::Linking
            | action::Connection::Connecting
            | action::Connection::Online => return false,
        };
        self.registering && (*why == Error::NameTaken || self.fresh && !self.line.unsure)
    }

    // ---- the store

    /// What was asked for was read: for each question its rows.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where these are not as many answers as there were questions: nothing was taken.
    pub fn loaded(&mut self, answers: Vec<Rows>) -> Result<(), StoreError> {
        let expected = match &self.awaiting {
            Some(Awaiting::Load(wanted) | Awaiting::Question(wanted)) => wanted.len(),
            Some(Awaiting::Fetch(keys)) => keys.len(),
            Some(Awaiting::Walk) => 1,
            Some(Awaiting::Commit) | None => return Ok(()),
        };
        if expected != answers.len() {
            return Err(StoreError::Damaged);
        }
        let outcome = match self.awaiting.take() {
            Some(Awaiting::Load(wanted)) => self.take_profile(&wanted, answers),
            Some(Awaiting::Fetch(keys)) => self.take_fetched(keys, answers),
            Some(Awaiting::Question(wanted)) => {
                if let Err(error) = self.take_records(wanted, answers) {
                    self.question_failed(error);
                }
                Ok(())
            }
            Some(Awaiting::Walk) => {
                self.take_walk(answers);
                Ok(())
            }
            Some(Awaiting::Commit) | None => Ok(()),
        };
        if let Err(error) = outcome {
            self.ill = Some(error);
        }
        Ok(())
    }

    fn take_fetched(&mut self, keys: Vec<Key>, answers: Vec<Rows>) -> Result<(), StoreError> {
        let mut records = Vec::with_capacity(keys.len());
        for (key, rows) in keys.into_iter().zip(answers) {
            let row = rows.into_iter().next();
            let value = row.map(|(_, sealed)| self.sealer.open(&key, &sealed)).transpose()?;
            records.push((key, value));
        }
        self.inputs.push_front(Input::Fetched(records));
        Ok(())
    }

    fn take_records(&mut self, wanted: Vec<Wanted>, answers: Vec<Rows>) -> Result<(), StoreError> {
        for (wanted, rows) in wanted.into_iter().zip(answers) {
            let found = wanted.open(&self.sealer, rows)?;
            self.cache.fill(wanted, found);
        }
        Ok(())
    }
}

/// The engine's clock.
fn seconds(now: u64) -> Timestamp {
    Timestamp::from_seconds(now / 1000)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
