//! Signals by `NOTIFY`: the database is the bus. All that has gathered goes in one notification, after the
//! commit that it is about, in a commit of its own that waits for no disk; a notification inside every
//! commit would make all nodes' commits wait for each other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Notification};

use super::{Bus, Ear, Heard, Lost, Mouth};
use crate::postgres::{Link, LinkError};

/// PostgreSQL takes payloads of less than 8,000 bytes.
const LONGEST: usize = 7_900;
/// How long a notification may take.
const WITHIN: Duration = Duration::from_secs(5);
/// How long to wait before the next try to listen.
const PAUSE: Duration = Duration::from_millis(500);

/// A bus over a database, whose nodes are those with the same tables.
pub(crate) async fn bus(link: Arc<Link>) -> Result<Bus, LinkError> {
    let (client, news) = link.listening().await?;
    let ear = Listener {
        link: Arc::clone(&link),
        line: listen(&client).await.ok().map(|()| (client, news)),
    };
    Ok(Bus { mouth: Box::new(Speaker { link, client: None }), ear: Box::new(ear) })
}

/// Nodes that keep their tables in one schema of one database hear each other.
async fn listen(client: &Client) -> Result<(), tokio_postgres::Error> {
    client
        .batch_execute(
            "DO $$ BEGIN EXECUTE format('LISTEN %I', 'sprag:' || current_schema()); END $$",
        )
        .await
}

struct Speaker {
    link: Arc<Link>,
    client: Option<Client>,
}

#[async_trait]
impl Mouth for Speaker {
    fn longest(&self) -> usize {
        LONGEST
    }

    async fn say(&mut self, line: String) -> Result<(), Lost> {
        let said = timeout(WITHIN, self.try_to_say(&line)).await;
        if let Ok(Ok(())) = said {
            return Ok(());
        }
        self.client = None;
        Err(Lost)
    }
}

impl Speaker {
    async fn try_to_say(&mut self, line: &str) -> Result<(), ()> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            let client = self.link.connect().await.map_err(|error| warn(&error))?;
            let settle = client.batch_execute("SET synchronous_commit = off").await;
            settle.map_err(|error| warn(&error))?;
            self.client = Some(client);
        }
        let Some(client) = &self.client else { return Err(()) };
        let said =
            client.execute("SELECT pg_notify('sprag:' || current_schema(), $1)", &[&line]).await;
        said.map(|_| ()).map_err(|error| warn(&error))
    }
}

fn warn(error: &dyn std::error::Error) {
    tracing::warn!(%error, "other nodes cannot be told; they will look by themselves");
}

struct Listener {
    link: Arc<Link>,
    line: Option<(Client, UnboundedReceiver<Notification>)>,
}

#[async_trait]
impl Ear for Listener {
    async fn hear(&mut self) -> Heard {
        if let Some((_, news)) = &mut self.line
            && let Some(notification) = news.recv().await
        {
            return Heard::Line(notification.payload().to_owned());
        }
        self.line = None;
        loop {
            if let Ok((client, news)) = self.link.listening().await
                && listen(&client).await.is_ok()
            {
                self.line = Some((client, news));
                return Heard::Gap;
            }
            sleep(PAUSE).await;
        }
    }
}
