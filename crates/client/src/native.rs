//! The SDK: a client that runs by itself, with a store, a relay, and an [`Engine`](crate::Engine) between
//! them.
//!
//! ```no_run
//! use sprag_client::{Client, Config, Storage};
//!
//! # async fn example() -> Result<(), sprag_client::Error> {
//! let config = Config::new("http://127.0.0.1:7474", "bob").store(Storage::file("bob.db"));
//! let mut bob = Client::open(config).await?; // makes an account, or goes on with the one in the store
//! while let Some(message) = bob.next().await? {
//!     println!("{}: {}", message.from, message.text());
//!     bob.mark_read(&message.from, message.position).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! One thread owns the engine and the store (`desk`); tasks of the caller's runtime own the connection
//! (`line`, over `net` and `http`). A [`Client`] is a handle to them: clone it as you like. They end, and
//! the store is closed, when the last handle is dropped or [`Client::close`] returns.
//!
//! Reading order: [`Config`], [`Client`] (here, `talk`, `people`, `files`, `backup`), [`Happening`];
//! `desk`, `line`, `net`, `http`.

mod backup;
mod clock;
mod config;
mod desk;
mod events;
mod files;
mod http;
mod line;
mod net;
mod opening;
mod people;
mod talk;
mod tls;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sprag_api::directory::KeyCounts;
use sprag_api::name::Origin;
use sprag_protocol::{AccountName, DeviceId, Timestamp};
use sprag_store::Batch;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::effects::Reply;
use crate::error::Error;
use crate::input::Command;
use crate::retry::ANSWER_WITHIN;

use desk::{Desk, Order, Outlets};
use net::Net;
use talk::Cursor;

pub use config::{Config, Protection, Storage};
pub use events::{Connection, Events, Happening};
pub use files::{Attached, Existing, Progress};
pub use opening::Linking;
pub use people::Link;
pub use talk::{Message, Sent};

/// A device of an account, at work. Clones are handles to the same one.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// What [`Client::next`] has given out so far.
    cursor: Cursor,
    ahead: VecDeque<Message>,
}

/// What all handles share.
struct Inner {
    account: AccountName,
    origin: Origin,
    orders: mpsc::Sender<Order>,
    outlets: Arc<Outlets>,
    net: Arc<Net>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// The file that the store is in.
    file: Option<std::path::PathBuf>,
}

/// How a client is.
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The account.
    pub account: AccountName,
    /// This device; `None` while it waits to be signed into an account.
    pub device: Option<DeviceId>,
    /// The relay's address.
    pub relay: String,
    /// What is between this client and its relay.
    pub connection: Connection,
    /// Whether this device takes part in its account, as far as it knows.
    pub ready: bool,
    /// Whether this device holds the private account key, and so can link and remove others.
    pub account_key: bool,
    /// Whether others are told what was read.
    pub read_receipts: bool,
    /// How many messages and receipts wait to be encrypted.
    pub queued: usize,
    /// How many are encrypted, and not yet confirmed by the relay.
    pub in_flight: usize,
    /// Whether everything that waited at the relay when the connection began has been processed.
    pub caught_up: bool,
    /// How many one-time prekeys the relay has left, as it last said.
    pub prekeys: Option<KeyCounts>,
    /// Bytes of the store's file, where it has one.
    pub store_size: Option<u64>,
}

impl Client {
    /// The account.
    #[must_use]
    pub fn account(&self) -> &AccountName {
        &self.inner.account
    }

    /// The relay's address.
    #[must_use]
    pub fn relay(&self) -> &str {
        self.inner.origin.as_str()
    }

    /// What is between this client and its relay.
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.inner.outlets.connection.borrow().clone()
    }

    /// Everything that happens from now on. Up to 1,024 happenings wait to be read; older ones are dropped
    /// then, and [`Happening::Missed`] says so.
    #[must_use]
    pub fn events(&self) -> Events {
        Events {
            happenings: self.inner.outlets.happenings.subscribe(),
            closed: self.inner.outlets.closed.subscribe(),
        }
    }

    /// How this client is.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn status(&self) -> Result<Status, Error> {
        let (connection, relay) = (self.connection(), self.relay().to_owned());
        let prekeys = self.inner.net.prekeys();
        let store_size = self.store_size();
        self.inner
            .ask(move |desk| {
                let engine = desk.engine();
                let (queued, in_flight) = engine.unsettled();
                Status {
                    account: engine.account().clone(),
                    device: engine.device(),
                    relay,
                    connection,
                    ready: engine.is_ready(),
                    account_key: engine.has_account_key(),
                    read_receipts: engine.read_receipts(),
                    queued,
                    in_flight,
                    caught_up: engine.caught_up(),
                    prekeys,
                    store_size,
                }
            })
            .await
    }

    fn store_size(&self) -> Option<u64> {
        std::fs::metadata(self.inner.file.as_ref()?).ok().map(|file| file.len())
    }

    /// Waits until there is a connection, or the attempt that is under way has failed.
    ///
    /// # Errors
    /// Why it failed; [`Error::Offline`]; [`Error::Timeout`].
    pub async fn online(&self, within: Duration) -> Result<(), Error> {
        let mut connection = self.inner.outlets.connection.subscribe();
        let decided = connection.wait_for(|now| !matches!(now, Connection::Connecting));
        let decided = timeout(within, decided).await.map_err(|_| Error::Timeout)?;
        match &*decided.map_err(|_| Error::Closed)? {
            Connection::Online => Ok(()),
            Connection::Waiting { why, .. } | Connection::Ended(why) => Err(why.clone()),
            Connection::Offline | Connection::Connecting => Err(Error::Offline),
        }
    }

    /// Waits until nothing that was written is still to be sent, but for what waits for a person or
    /// for a time that the relay gave.
    ///
    /// # Errors
    /// Why there is no connection, or [`Error::Timeout`], when the time is over; it is sent later all the
    /// same. [`Error::Closed`].
    pub async fn settle(&self, within: Duration) -> Result<(), Error> {
        self.until(within, |desk| desk.engine().is_settled(clock::now())).await
    }

    /// Waits until everything that waited at the relay has been received.
    ///
    /// # Errors
    /// Why there is no connection, or [`Error::Timeout`], when the time is over. [`Error::Closed`].
    pub async fn caught_up(&self, within: Duration) -> Result<(), Error> {
        self.until(within, |desk| desk.engine().caught_up()).await
    }

    /// Waits until nothing is left to do that could be done within this time: what a person wrote, receipts,
    /// repairs, what other own devices are to get, prekeys. Whoever closes the client soon calls this before.
    ///
    /// # Errors
    /// Why there is no connection, or [`Error::Timeout`], when the time is over. [`Error::Closed`].
    pub async fn rest(&self, within: Duration) -> Result<(), Error> {
        let end = clock::now().seconds().saturating_add(within.as_secs());
        let end = Timestamp::from_seconds(end);
        self.until(within, move |desk| desk.engine().is_at_rest(end)).await
    }

    async fn until(
        &self,
        within: Duration,
        holds: impl Fn(&mut Desk) -> bool + Copy + Send + 'static,
    ) -> Result<(), Error> {
        let waiting = async {
            let mut turns = self.inner.outlets.turns.subscribe();
            while !self.inner.ask(holds).await? {
                turns.changed().await.map_err(|_| Error::Closed)?;
            }
            Ok(())
        };
        match timeout(within, waiting).await {
            Ok(outcome) => outcome,
            Err(_) => Err(match self.connection() {
                Connection::Waiting { why, .. } | Connection::Ended(why) => why,
                Connection::Offline => Error::Offline,
                Connection::Connecting | Connection::Online => Error::Timeout,
            }),
        }
    }

    /// Connects now, where the next attempt would come later or not at all. A connection that is
    /// there stays.
    pub fn reconnect(&self) {
        desk::count(&self.inner.outlets.wake);
    }

    /// Whether others are told what was read.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Closed`].
    pub async fn set_read_receipts(&self, tell: bool) -> Result<(), Error> {
        self.command(Command::SetReadReceipts(tell)).await.map(drop)
    }

    /// Closes the connection and the store. When this returns, the profile can be opened elsewhere;
    /// other handles answer [`Error::Closed`].
    pub async fn close(self) {
        self.inner.close().await;
    }

    /// Lets the engine do something, and waits for its answer.
    async fn command(&self, command: Command) -> Result<Reply, Error> {
        self.inner.command(command, Batch::new()).await
    }

    /// The same for what needs the relay: waits for the connection that is being made.
    async fn command_online(&self, command: Command) -> Result<Reply, Error> {
        self.online(ANSWER_WITHIN).await?;
        self.command(command).await
    }
}

impl Inner {
    /// Does something on the thread of the engine and the store.
    async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Desk) -> T + Send + 'static,
    ) -> Result<T, Error> {
        desk::ask(&self.orders, what).await
    }

    /// A command; where it is done, `also` is in the same transaction.
    async fn command(&self, command: Command, also: Batch) -> Result<Reply, Error> {
        let (reply, answer) = oneshot::channel();
        let order: Order = Box::new(move |desk| desk.command(command, also, reply));
        self.orders.send(order).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn close(&self) {
        let (done, closed) = oneshot::channel::<()>();
        let order: Order = Box::new(move |desk| desk.close(done));
        if self.orders.send(order).await.is_ok() {
            // Ends without a word when the thread has closed the store.
            let _ = closed.await;
        }
        for task in self.tasks.lock().await.drain(..) {
            let _ = task.await;
        }
    }
}

/// What this client knows is nobody's business.
impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Client")
    }
}
