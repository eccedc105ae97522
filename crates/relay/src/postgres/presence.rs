//! Whether relays run on the database: each node holds a lock of its own kind for as long as it lives, on a
//! connection that does nothing else. Whatever moves the database waits for all of them to go.
//!
//! Where that connection breaks it is made again within a second. A move that begins just then locks every
//! table and leaves none under its name, so that a node that did not notice writes nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Notification};

use super::{Link, PostgresError, SchemaError, schema};

/// How long whoever wants to be alone waits for nodes that are just ending.
const ALONE_WITHIN: &str = "3s";
/// How long to wait before the next try.
const PAUSE: Duration = Duration::from_millis(500);

/// What the lock is called, for relays with tables of their own in one database.
const LOCK: &str = "hashtextextended(current_setting('search_path') || ':sprag:nodes', 0)";

/// A node is there, until this is dropped.
#[derive(Debug)]
pub(super) struct Presence(JoinHandle<()>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Says that a node is there.
pub(super) async fn enter(link: Arc<Link>) -> Result<Presence, PostgresError> {
    let mut listening = link.listening().await?;
    share(&listening.0).await?;
    Ok(Presence(tokio::spawn(async move {
        loop {
            // Nothing is said on it; it only ends.
            while listening.1.recv().await.is_some() {}
            listening = again(&link).await;
        }
    })))
}

async fn again(link: &Link) -> (Client, UnboundedReceiver<Notification>) {
    loop {
        if let Ok(listening) = link.listening().await {
            match share(&listening.0).await {
                Ok(()) => return listening,
                Err(error) => tracing::error!(%error, "this node cannot say that it is there"),
            }
        }
        sleep(PAUSE).await;
    }
}

async fn share(client: &Client) -> Result<(), PostgresError> {
    lock(client, "pg_advisory_lock_shared", PostgresError::Moving).await
}

/// A connection to a database that no node is on, and none starts on until it is closed. What is done on it
/// may take its time.
pub(super) async fn alone(url: &str) -> Result<Client, PostgresError> {
    let mut client = Link::to(url)?.connect().await?;
    let wait = format!("SET lock_timeout = '{ALONE_WITHIN}'");
    client.batch_execute(&wait).await.map_err(SchemaError::from)?;
    lock(&client, "pg_advisory_lock", PostgresError::InUse).await?;
    schema::prepare(&mut client).await?;
    client
        .batch_execute(
            "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
             SET enable_seqscan = on",
        )
        .await
        .map_err(SchemaError::from)?;
    Ok(client)
}

async fn lock(client: &Client, how: &str, taken: PostgresError) -> Result<(), PostgresError> {
    match client.batch_execute(&format!("SELECT {how}({LOCK})")).await {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Err(taken),
        outcome => Ok(outcome.map_err(SchemaError::from)?),
    }
}
