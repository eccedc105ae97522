//! What the nodes of one relay tell each other: that something is there to look at, never what.
//!
//! A signal may be lost: it is only a wake-up. Every node looks by itself where its devices stand, a few
//! seconds apart (`upkeep`), so a lost one delays and nothing else.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::app::Shared;
use crate::hub::Notice;
use crate::storage::{Fence, MailboxId};
use crate::{metrics, upkeep};

pub(crate) mod nats;
pub(crate) mod notify;

/// How many signals wait to be sent; what is beyond them is lost.
const WAITING: usize = 65_536;
/// How long to wait after a signal could not be sent.
const PAUSE: Duration = Duration::from_millis(200);

/// What one node tells the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Signal {
    /// Something was stored for a device.
    Arrived(MailboxId),
    /// A connection with this fence receives for a device now.
    TakenOver(MailboxId, Fence),
    /// One-time prekeys of a device are running out.
    PreKeysLow(MailboxId),
    /// The account of a device has another device list.
    DevicesChanged(MailboxId),
    /// A device is gone.
    Removed(MailboxId),
}

impl fmt::Display for Signal {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrived(MailboxId(id)) => write!(text, "a{id}"),
            Self::TakenOver(MailboxId(id), Fence(fence)) => write!(text, "t{id}.{fence}"),
            Self::PreKeysLow(MailboxId(id)) => write!(text, "p{id}"),
            Self::DevicesChanged(MailboxId(id)) => write!(text, "d{id}"),
            Self::Removed(MailboxId(id)) => write!(text, "r{id}"),
        }
    }
}

impl Signal {
    /// Reads what was written; `None` where a newer version wrote something else.
    fn read(word: &str) -> Option<Self> {
        let (kind, number) = word.split_at_checked(1)?;
        let id = |number: &str| number.parse().ok().map(MailboxId);
        match kind {
            "a" => id(number).map(Self::Arrived),
            "t" => {
                let (number, fence) = number.split_once('.')?;
                Some(Self::TakenOver(id(number)?, Fence(fence.parse().ok()?)))
            }
            "p" => id(number).map(Self::PreKeysLow),
            "d" => id(number).map(Self::DevicesChanged),
            "r" => id(number).map(Self::Removed),
            _ => None,
        }
    }
}

/// Signals in lines of at most so many bytes.
fn lines(signals: &[Signal], longest: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for signal in signals {
        let word = signal.to_string();
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= longest => {
                // Writing into a text cannot fail.
                let _ = write!(line, " {word}");
            }
            Some(_) | None => lines.push(word),
        }
    }
    lines
}

/// What is to be told, once each, until it is taken.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<BTreeSet<Signal>>,
    wake: Notify,
}

impl Outbox {
    pub(crate) fn put(&self, signal: Signal) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING {
            waiting.insert(signal);
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Everything that waits, once there is something.
    pub(crate) async fn take(&self) -> Vec<Signal> {
        loop {
            let waiting = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *waiting)
            };
            if !waiting.is_empty() {
                return waiting.into_iter().collect();
            }
            self.wake.notified().await;
        }
    }
}

/// A line was not sent; what is wrong was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

/// Sends lines to all nodes.
#[async_trait]
pub(crate) trait Mouth: Send {
    /// The most bytes of a line.
    fn longest(&self) -> usize;
    async fn say(&mut self, line: String) -> Result<(), Lost>;
}

/// What came from a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Line(String),
    /// Lines may have been missed.
    Gap,
}

/// Receives what all nodes send, its own node's lines too.
#[async_trait]
pub(crate) trait Ear: Send {
    async fn hear(&mut self) -> Heard;
}

/// A way from each node to all others.
pub(crate) struct Bus {
    pub(crate) mouth: Box<dyn Mouth>,
    pub(crate) ear: Box<dyn Ear>,
}

/// Goes on until it is dropped.
pub(crate) async fn run(app: Shared, outbox: Arc<Outbox>, bus: Bus) {
    let Bus { mouth, ear } = bus;
    tokio::join!(speak(outbox, mouth), listen(app, ear));
}

async fn speak(outbox: Arc<Outbox>, mut mouth: Box<dyn Mouth>) {
    loop {
        let signals = outbox.take().await;
        for line in lines(&signals, mouth.longest()) {
            let sent = mouth.say(line).await;
            metrics::signalled(sent.is_ok());
            if sent.is_err() {
                sleep(PAUSE).await;
            }
        }
    }
}

async fn listen(app: Shared, mut ear: Box<dyn Ear>) {
    loop {
        match ear.hear().await {
            Heard::Line(line) => {
                for signal in line.split(' ').filter_map(Signal::read) {
                    act(&app, signal).await;
                }
            }
            Heard::Gap => {
                // A failure was logged by the storage; the next look is a few seconds away.
                let _ = upkeep::look(&app).await;
            }
        }
    }
}

/// What cannot be read from the storage now is not told: a device asks by itself too.
async fn act(app: &Shared, signal: Signal) {
    match signal {
        Signal::Arrived(device) => app.hub.arrived(device),
        Signal::TakenOver(device, fence) => app.hub.taken_over(device, fence),
        Signal::Removed(device) => app.hub.tell_here(device, Notice::Removed),
        Signal::PreKeysLow(device) => {
            if app.hub.is_connected(device)
                && let Ok(counts) = app.storage.key_counts(device).await
            {
                app.hub.tell_here(device, Notice::PreKeysLow(counts));
            }
        }
        Signal::DevicesChanged(device) => {
            if app.hub.is_connected(device)
                && let Ok(Some(list)) = app.storage.list_of(device).await
            {
                app.hub.tell_here(device, Notice::DevicesChanged(list));
            }
        }
    }
}

#[cfg(test)]
mod tests;
