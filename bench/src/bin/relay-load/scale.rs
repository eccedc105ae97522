//! How much is measured, and for how long.

use std::time::Duration;

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Senders, and as many receivers.
    pub(crate) pairs: usize,
    /// Rounds of each measurement.
    pub(crate) rounds: usize,
    /// How long senders submit in a round of saturation.
    pub(crate) saturation: Duration,
    /// Messages of a round of latency.
    pub(crate) paced: u32,
    /// The time from one of them to the next.
    pub(crate) step: Duration,
    /// Messages that wait in the mailbox that is drained.
    pub(crate) drained: u64,
    /// Accounts that claim, at the same time.
    pub(crate) claimers: usize,
    /// Accounts whose prekeys are claimed.
    pub(crate) targets: usize,
    /// Connections that do nothing.
    pub(crate) idle: usize,
    /// How long SQLite commits in a round.
    pub(crate) commits: Duration,
}

impl Scale {
    /// About three minutes.
    pub(crate) const WHOLE: Self = Self {
        pairs: 100,
        rounds: 5,
        saturation: Duration::from_secs(2),
        paced: 400,
        step: Duration::from_millis(10),
        drained: 10_000,
        claimers: 64,
        targets: 100,
        idle: 10_000,
        commits: Duration::from_millis(500),
    };

    /// A few seconds: whether all of it works, and nothing about speed.
    pub(crate) const QUICK: Self = Self {
        pairs: 8,
        rounds: 1,
        saturation: Duration::from_millis(200),
        paced: 20,
        step: Duration::from_millis(2),
        drained: 600,
        claimers: 8,
        targets: 2,
        idle: 40,
        commits: Duration::from_millis(20),
    };
}
