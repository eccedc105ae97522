//! What is printed.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

/// All figures: seconds, bytes, per second, shares.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) messages: Messages,
    pub(crate) latency: Latency,
    pub(crate) waiting: Waiting,
}

/// All pairs at once.
#[derive(Serialize)]
pub(crate) struct Messages {
    pub(crate) pairs: usize,
    /// Written, sent, delivered, opened, kept and given out, per second.
    pub(crate) rate: f64,
    /// From `send` to `next`.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) relay_cpu: Option<f64>,
    /// Of sender and receiver together.
    pub(crate) client_cpu: Option<f64>,
    pub(crate) wire: Option<f64>,
}

/// One message at a time.
#[derive(Serialize)]
pub(crate) struct Latency {
    pub(crate) accepted_p50: f64,
    pub(crate) read_p50: f64,
    pub(crate) read_p99: f64,
}

/// Messages that waited.
#[derive(Serialize)]
pub(crate) struct Waiting {
    pub(crate) messages: usize,
    /// From opening the profile to the last message kept, per second.
    pub(crate) rate: f64,
    /// The share of that time that was spent in the store.
    pub(crate) store: f64,
    pub(crate) commits: u64,
}

impl Report {
    pub(crate) fn print(&self, json: bool) -> Result<()> {
        let text = if json { serde_json::to_string(self)? } else { self.text() };
        writeln!(io::stdout().lock(), "{text}")?;
        Ok(())
    }

    fn text(&self) -> String {
        let Self { messages, latency, waiting } = self;
        let micro = |seconds: Option<f64>| {
            seconds.map_or_else(|| "unknown".to_owned(), |s| format!("{:.0} us", s * 1e6))
        };
        let wire = messages.wire.map_or_else(|| "unknown".to_owned(), |b| format!("{b:.0} B"));
        [
            format!("messages of 256 B, {} pairs at once, receipts included", messages.pairs),
            format!("  sent, opened, kept              {:10.0}/s", messages.rate),
            format!("  from send to next, p50          {:10.2} ms", messages.p50 * 1e3),
            format!("  from send to next, p99          {:10.2} ms", messages.p99 * 1e3),
            format!("  CPU of the relay for each       {:>13}", micro(messages.relay_cpu)),
            format!("  CPU of both clients for each    {:>13}", micro(messages.client_cpu)),
            format!("  bytes over loopback for each    {wire:>13}"),
            "one message at a time".to_owned(),
            format!("  from send to accepted, p50      {:10.2} ms", latency.accepted_p50 * 1e3),
            format!("  from send to next, p50          {:10.2} ms", latency.read_p50 * 1e3),
            format!("  from send to next, p99          {:10.2} ms", latency.read_p99 * 1e3),
            format!("{} waiting messages", waiting.messages),
            format!("  from opening to all kept        {:10.0}/s", waiting.rate),
            format!("  of that time in the store       {:10.0} %", waiting.store * 100.0),
            format!("  commits                         {:10}", waiting.commits),
        ]
        .join("\n")
    }
}
