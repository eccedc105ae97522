//! Signals over NATS, for more nodes than notifications of the database carry. Nothing is kept there.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Subscriber};
use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{sleep, timeout};

use super::{Bus, Ear, Heard, Lost, Mouth};

/// A server takes a million bytes, if nobody has told it otherwise.
const LONGEST: usize = 64 * 1024;
/// How long a line may wait for the connection.
const WITHIN: Duration = Duration::from_secs(2);
/// How long to wait before the next try to listen.
const PAUSE: Duration = Duration::from_millis(500);

/// The address of the bus is none, or cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the bus cannot be used: {0}; give nats://HOST:PORT, or tls://HOST:PORT")]
pub struct NatsError(String);

/// A bus over the servers at this address (`nats://...`, several with commas), for the nodes of one relay. A
/// server that is not there is tried again for ever.
pub(crate) async fn bus(address: &str, relay: &str) -> Result<Bus, NatsError> {
    let subject = format!("sprag.{relay}");
    let servers: Vec<async_nats::ServerAddr> = address
        .split(',')
        .map(|server| server.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|error: std::io::Error| NatsError(error.to_string()))?;
    let (told, news) = channel(16);
    let options = ConnectOptions::new()
        .name("sprag-relay")
        .retry_on_initial_connect()
        .event_callback(move |event| {
            let told = told.clone();
            async move {
                log(&event);
                if matches!(event, Event::Connected) {
                    // One is enough to make the node look.
                    let _ = told.try_send(());
                }
            }
        });
    let client = options.connect(servers).await.map_err(|error| NatsError(error.to_string()))?;
    let ear =
        Listener { client: client.clone(), subject: subject.clone(), lines: None, connected: news };
    Ok(Bus { mouth: Box::new(Speaker { client, subject }), ear: Box::new(ear) })
}

fn log(event: &Event) {
    if matches!(event, Event::Connected) {
        tracing::info!("the bus is connected");
    } else {
        tracing::warn!(%event, "the bus");
    }
}

struct Speaker {
    client: Client,
    subject: String,
}

#[async_trait]
impl Mouth for Speaker {
    fn longest(&self) -> usize {
        LONGEST
    }

    async fn say(&mut self, line: String) -> Result<(), Lost> {
        if self.client.connection_state() != async_nats::connection::State::Connected {
            return Err(Lost);
        }
        let said = async {
            let subject = self.subject.clone();
            self.client.publish(subject, line.into()).await.map_err(|_| Lost)?;
            self.client.flush().await.map_err(|_| Lost)
        };
        timeout(WITHIN, said).await.unwrap_or(Err(Lost))
    }
}

struct Listener {
    client: Client,
    subject: String,
    lines: Option<Subscriber>,
    /// Says whenever the connection is there again: something may have been missed.
    connected: Receiver<()>,
}

#[async_trait]
impl Ear for Listener {
    async fn hear(&mut self) -> Heard {
        loop {
            let Some(lines) = &mut self.lines else {
                match self.client.subscribe(self.subject.clone()).await {
                    Ok(lines) => self.lines = Some(lines),
                    Err(_) => sleep(PAUSE).await,
                }
                continue;
            };
            tokio::select! {
                line = lines.next() => match line {
                    Some(line) => {
                        return Heard::Line(String::from_utf8_lossy(&line.payload).into_owned());
                    }
                    None => self.lines = None,
                },
                Some(()) = self.connected.recv() => return Heard::Gap,
            }
        }
    }
}
