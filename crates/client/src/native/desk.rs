//! The thread that owns the engine and the store. Whatever concerns them is an order that it carries out, one
//! after the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chacha20::ChaCha20Rng;
use sprag_api::directory::{OpenSession, Register};
use sprag_api::frame::{Welcome, from_relay, to_relay};
use sprag_protocol::Timestamp;
use sprag_store::{
    Batch, Collection, CollectionId, Key, Page, Profile, Row, RowId, SealedBatch, Store,
    StoreError, Value,
};
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::events::{Connection, Happening};
use super::net::Net;
use super::{Error, clock};
use crate::effects::{CallId, Effects, Notice, Reply};
use crate::engine::{Engine, LoadError};
use crate::input::{Answer, Command, Failure, Input, Ticket};

/// Something to do with the engine and the store.
pub(super) type Order = Box<dyn FnOnce(&mut Desk) + Send>;

/// How many orders wait before whoever gives the next one has to wait too.
pub(super) const ORDERS: usize = 64;
/// How many happenings wait for each listener.
const HAPPENINGS: usize = 1024;

/// A store of any kind.
pub(super) struct Rows(pub(super) Box<dyn Store + Send>);

/// Where the desk says what has become of things.
pub(super) struct Outlets {
    pub(super) happenings: broadcast::Sender<Happening>,
    pub(super) connection: watch::Sender<Connection>,
    /// Counts turns of the engine.
    pub(super) turns: watch::Sender<u64>,
    /// Counts turns with new entries.
    pub(super) entries: watch::Sender<u64>,
    /// Whether this device can log in.
    pub(super) stage: watch::Sender<Stage>,
    /// When the engine is to be woken.
    pub(super) alarm: watch::Sender<Option<Timestamp>>,
    /// Counts wishes of a person to connect now.
    pub(super) wake: watch::Sender<u64>,
    /// Why the connection is to be ended.
    pub(super) hang_up: watch::Sender<Option<StoreError>>,
    /// Whether a registration was sent whose answer never came.
    pub(super) unsure: AtomicBool,
    pub(super) closed: watch::Sender<bool>,
}

/// What a device can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Wait to be signed into an account.
    Linking,
    /// Register, or log in, and wait.
    Beginning,
    /// Everything.
    Ready,
    /// Nothing any more.
    Removed,
}

impl Outlets {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            happenings: broadcast::Sender::new(HAPPENINGS),
            connection: watch::Sender::new(connection),
            turns: watch::Sender::new(0),
            entries: watch::Sender::new(0),
            stage: watch::Sender::new(Stage::Linking),
            alarm: watch::Sender::new(None),
            wake: watch::Sender::new(0),
            hang_up: watch::Sender::new(None),
            unsure: AtomicBool::new(false),
            closed: watch::Sender::new(false),
        }
    }

    pub(super) fn tell(&self, happening: Happening) {
        // Where nobody listens, there is nobody to tell.
        let _ = self.happenings.send(happening);
    }

    pub(super) fn connection_is(&self, connection: Connection) {
        let changed = self.connection.send_if_modified(|now| {
            let changed = *now != connection;
            now.clone_from(&connection);
            changed
        });
        if changed {
            self.tell(Happening::Connection(connection));
        }
    }

    fn close(&self) {
        if !matches!(*self.connection.borrow(), Connection::Ended(_)) {
            self.connection.send_replace(Connection::Ended(Error::Closed));
        }
        self.closed.send_replace(true);
        count(&self.turns);
        count(&self.entries);
    }
}

pub(super) fn count(counter: &watch::Sender<u64>) {
    counter.send_modify(|count| *count = count.wrapping_add(1));
}

/// The engine and its store.
pub(super) struct Desk {
    engine: Engine,
    profile: Profile<Rows>,
    rng: ChaCha20Rng,
    outlets: Arc<Outlets>,
    net: Arc<Net>,
    runtime: Handle,
    orders: mpsc::WeakSender<Order>,
    /// The socket, while there is one.
    outgoing: Option<mpsc::UnboundedSender<to_relay::Frame>>,
    tickets: BTreeMap<Ticket, oneshot::Sender<Result<Reply, Error>>>,
    next_ticket: u64,
    /// Which engine this is: answers to the calls of an earlier one are not for it.
    generation: u64,
    caught_up: bool,
    closing: bool,
    /// Dropped when the store is closed.
    done: Option<oneshot::Sender<()>>,
}

/// What a desk is made of.
pub(super) struct Parts {
    pub(super) engine: Engine,
    pub(super) profile: Profile<Rows>,
    pub(super) rng: ChaCha20Rng,
    pub(super) outlets: Arc<Outlets>,
    pub(super) net: Arc<Net>,
    pub(super) runtime: Handle,
    pub(super) orders: mpsc::WeakSender<Order>,
}

impl Desk {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { engine, profile, rng, outlets, net, runtime, orders } = parts;
        Self {
            engine,
            profile,
            rng,
            outlets,
            net,
            runtime,
            orders,
            outgoing: None,
            tickets: BTreeMap::new(),
            next_ticket: 0,
            generation: 0,
            caught_up: false,
            closing: false,
            done: None,
        }
    }

    /// Carries out orders until there can be none any more, or it is to close.
    pub(super) fn run(mut self, effects: Effects, mut orders: mpsc::Receiver<Order>) {
        self.carry_out(effects);
        self.turn(Input::Tick);
        while !self.closing {
            match orders.blocking_recv() {
                Some(order) => order(&mut self),
                None => break,
            }
        }
        drop(orders);
        let Self { profile, outlets, done, .. } = self;
        drop(profile);
        outlets.close();
        drop(done);
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn parts(&mut self) -> (&Engine, &mut Profile<Rows>) {
        (&self.engine, &mut self.profile)
    }

    pub(super) fn profile(&mut self) -> (&mut Profile<Rows>, &mut ChaCha20Rng) {
        (&mut self.profile, &mut self.rng)
    }

    /// Commits changes of the driver's own records.
    pub(super) fn keep(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.profile.commit(batch, &mut self.rng)
    }

    /// A command; where it is done at once, `also` is in the same transaction.
    pub(super) fn command(
        &mut self,
        command: Command,
        also: Batch,
        reply: oneshot::Sender<Result<Reply, Error>>,
    ) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.tickets.insert(ticket, reply);
        self.turn_with(Input::Command { ticket, command }, Some((ticket, also)));
    }

    /// A socket is open.
    pub(super) fn welcome(
        &mut self,
        welcome: Welcome,
        outgoing: mpsc::UnboundedSender<to_relay::Frame>,
    ) {
        self.outgoing = Some(outgoing);
        self.turn(Input::Welcome(welcome));
    }

    pub(super) fn frame(&mut self, frame: from_relay::Frame) {
        // What still came on a connection that was given up is for no engine.
        if self.outgoing.is_some() {
            self.turn(Input::Frame(frame));
        }
    }

    pub(super) fn disconnected(&mut self) {
        if self.outgoing.take().is_some() {
            self.turn(Input::Disconnected);
        }
    }

    fn answered(&mut self, generation: u64, call: CallId, result: Result<Answer, Failure>) {
        if generation == self.generation {
            self.turn(Input::Answer { call, result });
        }
    }

    pub(super) fn registration(&mut self) -> Option<Register> {
        self.engine.registration(clock::now(), &mut self.rng)
    }

    pub(super) fn login(&mut self) -> Option<OpenSession> {
        self.engine.login(clock::now(), &mut self.rng)
    }

    pub(super) fn close(&mut self, done: oneshot::Sender<()>) {
        self.closing = true;
        self.done = Some(done);
    }

    /// Removes all that there is, and closes: this profile is of no use to anybody. A file that was made
    /// for it goes too, while nobody else can have it open.
    pub(super) fn abandon(&mut self, file: Option<&Path>, done: oneshot::Sender<()>) {
        let mut batch = Batch::new();
        for name in Engine::COLLECTIONS.into_iter().chain(crate::exchange::DRIVERS) {
            batch.remove_range(Collection::new(name), 0, u64::MAX);
        }
        // Where this fails, the profile stays: it can be opened, and says what is wrong with it.
        let _ = self.keep(&batch);
        if let Some(file) = file {
            // Where it cannot be removed, it is an empty profile.
            let _ = std::fs::remove_file(file);
        }
        self.close(done);
    }

    /// Tells the engine something.
    pub(super) fn turn(&mut self, input: Input) {
        self.turn_with(input, None);
    }

    fn turn_with(&mut self, input: Input, mut also: Option<(Ticket, Batch)>) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let mut effects = self.engine.handle(input, clock::now(), &mut self.rng);
            let wanted = also.as_ref().map(|(wanted, _)| *wanted);
            let done = |notice: &Notice| matches!(notice, Notice::Reply { ticket, result: Ok(_) } if Some(*ticket) == wanted);
            if effects.notices.iter().any(done)
                && let Some((_, also)) = also.take()
            {
                effects.commit.append(also);
            }
            if let Err(error) = self.profile.commit(&effects.commit, &mut self.rng) {
                return self.start_over(error);
            }
            let fetch = std::mem::take(&mut effects.fetch);
            self.carry_out(effects);
            if !fetch.is_empty() {
                match self.fetch(fetch) {
                    Ok(records) => next = Some(Input::Fetched(records)),
                    Err(error) => return self.start_over(error),
                }
            }
        }
    }

    fn fetch(&mut self, keys: Vec<Key>) -> Result<Vec<(Key, Option<Value>)>, StoreError> {
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            let value = self.profile.read(&key)?;
            records.push((key, value));
        }
        Ok(records)
    }

    /// What follows a commit.
    fn carry_out(&mut self, effects: Effects) {
        let Effects { frames, calls, notices, wake_at, .. } = effects;
        if let Some(outgoing) = &self.outgoing {
            // Where the socket is gone, everything is said again on the next one.
            frames.into_iter().all(|frame| outgoing.send(frame).is_ok());
        }
        for (id, call) in calls {
            let (net, orders, generation) =
                (Arc::clone(&self.net), self.orders.clone(), self.generation);
            self.runtime.spawn(async move {
                let result = net.answer(call).await;
                if let Some(orders) = orders.upgrade() {
                    let order: Order = Box::new(move |desk| desk.answered(generation, id, result));
                    // Where the desk is closed, nobody asks any more.
                    let _ = orders.send(order).await;
                }
            });
        }
        let mut entries = false;
        for notice in notices {
            entries |= matches!(notice, Notice::Entry { .. } | Notice::Conversation(_));
            self.pass_on(notice);
        }
        self.outlets.alarm.send_replace(wake_at);
        self.show(entries);
    }

    /// Lets everybody who waits for it look at what has changed.
    pub(super) fn show(&mut self, entries: bool) {
        let stage = match (self.engine.is_removed(), self.engine.device()) {
            (true, _) => Stage::Removed,
            (false, None) => Stage::Linking,
            (false, Some(_)) if self.engine.is_ready() => Stage::Ready,
            (false, Some(_)) => Stage::Beginning,
        };
        self.outlets.stage.send_if_modified(|now| std::mem::replace(now, stage) != stage);
        let caught_up = self.engine.caught_up();
        if caught_up && !std::mem::replace(&mut self.caught_up, caught_up) {
            self.outlets.tell(Happening::CaughtUp);
        }
        self.caught_up = caught_up;
        count(&self.outlets.turns);
        if entries {
            count(&self.outlets.entries);
        }
    }

    fn pass_on(&mut self, notice: Notice) {
        self.outlets.tell(match notice {
            Notice::Reply { ticket, result } => {
                if let Some(reply) = self.tickets.remove(&ticket) {
                    // Where nobody waits any more, the answer is not needed.
                    let _ = reply.send(result.map_err(Error::from));
                }
                return;
            }
            Notice::Entry { with, entry } => Happening::Entry { with, entry },
            Notice::State { with, id, state } => Happening::State { with, id, state },
            Notice::Conversation(with) => Happening::Conversation(with),
            Notice::KeyChanged(with) => Happening::KeyChanged(with),
            Notice::Unreadable { from, device } => Happening::Unreadable { from, device },
            Notice::RelayLies { account, why } => Happening::RelayLies { account, why },
            Notice::NoSuchAccount(name) => Happening::NoSuchAccount(name),
            Notice::DevicesChanged => Happening::DevicesChanged,
            Notice::Linked => Happening::Linked,
            Notice::Removed => Happening::Removed,
            Notice::StartedAfresh => Happening::StartedAfresh,
            Notice::Cloned => Happening::Cloned,
        });
    }

    /// A commit failed: the engine is ahead of the store. It is thrown away with everything that it
    /// wanted, and made anew out of the store; the relay says again what it said since.
    fn start_over(&mut self, error: StoreError) {
        self.generation = self.generation.wrapping_add(1);
        // In this order: whoever loses the socket is to know why.
        self.outlets.hang_up.send_replace(Some(error));
        self.outgoing = None;
        for (_, reply) in std::mem::take(&mut self.tickets) {
            let _ = reply.send(Err(Error::Store(error)));
        }
        self.outlets.tell(Happening::StoreFailed(error));
        match load(&mut self.profile) {
            Ok(Some(engine)) => {
                self.engine = engine;
                // So that it says when it wants to be woken. A commit that fails again here comes
                // later, with the first order that needs one.
                let effects = self.engine.handle(Input::Tick, clock::now(), &mut self.rng);
                match self.profile.commit(&effects.commit, &mut self.rng) {
                    Ok(()) => self.carry_out(effects),
                    Err(_) => self.reload_quietly(),
                }
            }
            Ok(None) => self.end(Error::Profile),
            Err(error) => self.end(error),
        }
    }

    /// The store does not take anything: the engine is as it was kept, and is woken in a while.
    fn reload_quietly(&mut self) {
        match load(&mut self.profile) {
            Ok(Some(engine)) => {
                self.engine = engine;
                let soon = clock::now().seconds().saturating_add(5);
                self.outlets.alarm.send_replace(Some(Timestamp::from_seconds(soon)));
                self.show(true);
            }
            Ok(None) => self.end(Error::Profile),
            Err(error) => self.end(error),
        }
    }

    fn end(&mut self, error: Error) {
        self.outlets.connection_is(Connection::Ended(error));
        self.closing = true;
    }
}

/// The engine that a profile holds, if it holds one.
pub(super) fn load(profile: &mut Profile<Rows>) -> Result<Option<Engine>, Error> {
    let mut records = Vec::new();
    for name in Engine::COLLECTIONS {
        let collection = Collection::new(name);
        let found = profile.range(&collection, Page::ALL)?;
        records.extend(found.into_iter().map(|(at, value)| (collection.at(at), value)));
    }
    match Engine::load(records) {
        Ok(engine) => Ok(Some(engine)),
        Err(LoadError::Empty) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Asks the desk for something, from whatever task.
pub(super) async fn ask<T: Send + 'static>(
    orders: &mpsc::Sender<Order>,
    what: impl FnOnce(&mut Desk) -> T + Send + 'static,
) -> Result<T, Error> {
    let (reply, answer) = oneshot::channel();
    let order: Order = Box::new(move |desk| {
        // Where nobody waits any more, the answer is not needed.
        let _ = reply.send(what(desk));
    });
    orders.send(order).await.map_err(|_| Error::Closed)?;
    answer.await.map_err(|_| Error::Closed)
}

/// A record of the driver's own.
pub(super) fn put(batch: &mut Batch, key: Key, record: &impl prost::Message) {
    batch.put(key, record.encode_to_vec());
}

impl Store for Rows {
    fn header(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.header()
    }

    fn set_header(&mut self, header: &[u8]) -> Result<(), StoreError> {
        self.0.set_header(header)
    }

    fn read(&mut self, row: &RowId) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.read(row)
    }

    fn range(
        &mut self,
        collection: &CollectionId,
        page: Page,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        self.0.range(collection, page)
    }

    fn walk(&mut self, after: Option<&RowId>, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.0.walk(after, limit)
    }

    fn commit(&mut self, batch: &SealedBatch) -> Result<(), StoreError> {
        self.0.commit(batch)
    }
}
