//! The storage on PostgreSQL, for many nodes: every node is equal, and the database holds everything.
//!
//! What is done for every message goes through lanes (`lane`), each with a connection of its own that
//! commits or reads in groups; everything else takes a connection of the pool for one transaction.
//!
//! **Order of locks**, so that no two transactions wait for each other: an account, mailboxes, receipts,
//! senders, and rows of one table by rising id. A send locks the mailboxes that it writes to, and looks at
//! their accounts' `epoch` after that; whatever changes which devices a send must name raises the epoch,
//! and locks the account's mailboxes before it commits. So a send is stored for the devices of before or
//! of after, never for some of each.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use tokio::time::timeout;

use crate::bus::Bus;
use crate::bus::notify;
use crate::hub::Hub;
use crate::storage::{Answer, Damaged, MailboxQuota, Unavailable};

use accept::Acceptance;
use acknowledge::Acknowledgement;
use lane::Lane;
pub(crate) use link::Link;
pub use link::LinkError;
use pending::Reading;
use presence::Presence;
pub use schema::SchemaError;

mod accept;
mod acknowledge;
mod blobs;
mod directory;
mod lane;
mod link;
mod mailboxes;
pub(crate) mod moving;
mod pending;
mod prekeys;
mod presence;
mod schema;
mod upkeep;

#[cfg(test)]
pub(crate) mod tests;

/// How many connections a node has for everything but messages.
const POOL: usize = 12;
/// How long an operation may take, with the wait for a connection.
const WITHIN: Duration = Duration::from_secs(10);
/// How long a new connection may take, and the question whether an old one is alive.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// It cannot be reached.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Its tables cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Nodes hold it.
    #[error("relays run on the database; stop them all first")]
    InUse,
    /// Whatever moves it holds it.
    #[error("the database is being moved at this moment")]
    Moving,
}

/// What an operation met.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{}", brief(.0))]
    Database(#[from] tokio_postgres::Error),
    #[error("no connection to the database: {0}")]
    Pool(String),
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error("the database did not answer in time")]
    Late,
    #[error("the devices of an account changed again and again")]
    Restless,
    #[error("the database only reads: it is a standby")]
    Standby,
}

impl From<PoolError> for Trouble {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Database(error),
            error @ (PoolError::Timeout(_)
            | PoolError::Closed
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_)) => Self::Pool(error.to_string()),
        }
    }
}

/// The error without its details, which may hold what is stored.
pub(crate) fn brief(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} ({})", error.message(), error.code().code()),
        None => error.to_string(),
    }
}

/// The storage on PostgreSQL.
pub(crate) struct Postgres {
    /// What the relay is called on a bus.
    relay: String,
    pool: Pool,
    accept: Lane<Acceptance>,
    acknowledge: Lane<Acknowledgement>,
    read: Lane<Reading>,
    /// Where this is a node.
    _presence: Option<Presence>,
}

impl Postgres {
    /// The storage of a node. As long as there is one, nothing is moved away.
    ///
    /// # Errors
    /// As [`Postgres::open`], and [`PostgresError::Moving`].
    pub(crate) async fn join(
        url: &str,
        quota: MailboxQuota,
        hub: Arc<Hub>,
    ) -> Result<Self, PostgresError> {
        let presence = presence::enter(Arc::new(Link::to(url)?)).await?;
        let opened = Self::open(url, quota, hub).await?;
        Ok(Self { _presence: Some(presence), ..opened })
    }

    /// Connects to a database; makes or migrates its tables where need be.
    ///
    /// # Errors
    /// [`PostgresError`]: out of reach, written by a newer version, or moved away.
    pub(crate) async fn open(
        url: &str,
        quota: MailboxQuota,
        hub: Arc<Hub>,
    ) -> Result<Self, PostgresError> {
        let link = Arc::new(Link::to(url)?);
        let mut first = link.connect().await?;
        let relay = schema::prepare(&mut first).await?;
        let manager = Manager::from_config(
            link.config().clone(),
            link.tls(),
            ManagerConfig { recycling_method: RecyclingMethod::Verified },
        );
        let pool = Pool::builder(manager)
            .max_size(POOL)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(CONNECT_WITHIN))
            .recycle_timeout(Some(CONNECT_WITHIN))
            .wait_timeout(Some(WITHIN))
            .build()
            .map_err(|_| LinkError::Runtime)?;
        Ok(Self {
            relay,
            pool,
            accept: Lane::start(Arc::clone(&link), Acceptance::new(quota, hub)),
            acknowledge: Lane::start(Arc::clone(&link), Acknowledgement),
            read: Lane::start(link, Reading),
            _presence: None,
        })
    }

    /// What the relay is called on a bus, where there may be others.
    pub(crate) fn relay(&self) -> &str {
        &self.relay
    }

    /// The bus that the database is itself.
    pub(crate) async fn bus(url: &str) -> Result<Bus, PostgresError> {
        Ok(notify::bus(Arc::new(Link::to(url)?)).await?)
    }

    /// An operation on a connection of the pool.
    fn run<T, F>(&self, operation: impl FnOnce(Object) -> F + Send + 'static) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Trouble>> + Send,
    {
        let pool = self.pool.clone();
        Box::pin(async move {
            let done = timeout(WITHIN, async { operation(pool.get().await?).await }).await;
            done.unwrap_or(Err(Trouble::Late)).map_err(|error| {
                tracing::error!(%error, "an operation failed");
                Unavailable
            })
        })
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.debug_struct("Postgres").finish_non_exhaustive()
    }
}

/// A count or a place as a table has it.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The same out of a table, where none is below zero.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
