//! What was measured and counted.

use std::fmt;
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) said: usize,
    pub(crate) ciphertexts: usize,
    pub(crate) nodes_killed: u32,
    pub(crate) postgres_killed: u32,
    pub(crate) nats_killed: u32,
    pub(crate) writers_killed: usize,
    pub(crate) readers_killed: u32,
    /// Until a client of a killed node was live at another one.
    pub(crate) live: Vec<Duration>,
    /// From accepted at one node to delivered at another, with NATS and without.
    pub(crate) told: Vec<Duration>,
    pub(crate) told_without_nats: Vec<Duration>,
    /// From PostgreSQL's start to the first message that is accepted.
    pub(crate) resumed: Vec<Duration>,
    /// Sends that were answered with "later" while there was no database.
    pub(crate) refused: u32,
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { said, ciphertexts, refused, .. } = self;
        writeln!(out, "{said} messages of people, {ciphertexts} ciphertexts")?;
        writeln!(
            out,
            "killed: {} nodes, {} PostgreSQL, {} NATS, {} writers, {} readers",
            self.nodes_killed,
            self.postgres_killed,
            self.nats_killed,
            self.writers_killed,
            self.readers_killed
        )?;
        writeln!(out, "live elsewhere: {}", spread(&self.live))?;
        writeln!(out, "at another node: {}", spread(&self.told))?;
        writeln!(out, "at another node, without NATS: {}", spread(&self.told_without_nats))?;
        writeln!(out, "accepted once PostgreSQL is back: {}", spread(&self.resumed))?;
        write!(out, "refused while it was away: {refused}")
    }
}

/// Half took no longer than the first, none longer than the second.
fn spread(times: &[Duration]) -> String {
    let mut times = times.to_vec();
    times.sort();
    let Some(most) = times.last() else { return "never".into() };
    let half = times[(times.len() - 1) / 2];
    format!("p50 {half:.0?}, max {most:.0?} ({} times)", times.len())
}
