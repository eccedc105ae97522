//! Everything at once that somebody with bad intent does, and a normal user beside it.
//!
//! Asserted is that every answer is the documented one, that memory stays bounded, and that the normal
//! user's messages all arrive. How long they take is printed.

mod calls;
mod connections;
mod normal;
mod sockets;

use std::collections::BTreeMap;

use tokio::task::JoinSet;

use crate::process::{Process, alone, folder};
use crate::support::Place;

/// How much memory abuse may cost: the buffers of its connections, messages on their way, SQLite's
/// cache.
const MOST_GROWTH: u64 = 256 * 1024 * 1024;

/// As the relay is set up by nobody, but for times that are too long to wait for and for the number of
/// accounts that this needs from one machine.
const FLAGS: &[&str] = &[
    "--header-timeout=2s",
    "--body-timeout=2s",
    "--write-timeout=2s",
    "--mailbox-envelopes=500",
    "--sends-per-account=1000000+1000000/h",
];

/// How often something was answered in which way.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<String, u64>);

impl Tally {
    /// One more; it must be one of those that are documented for what was done.
    fn count(&mut self, answer: &str, documented: &[&str]) {
        assert!(documented.contains(&answer), "{answer} is none of {documented:?}");
        *self.0.entry(answer.into()).or_default() += 1;
    }

    fn of(&self, answer: &str) -> u64 {
        self.0.get(answer).copied().unwrap_or_default()
    }
}

/// Where abusers come from: each kind from an address of its own, as it has a limit of its own.
fn from(place: &Place, kind: u8) -> Place {
    place.seen_from([127, 0, 1, kind])
}

#[tokio::test(flavor = "multi_thread")]
async fn abuse_is_answered_and_costs_others_little() {
    let _alone = alone().await;
    let folder = folder();
    let process = Process::start(&folder.path().join("data"), FLAGS).await;
    let place = process.place.clone();
    let user = normal::User::start(&place.seen_from([127, 0, 0, 2]), 200);
    let idle = user.first();
    let before = process.memory();

    let mut abuse = JoinSet::new();
    abuse.spawn(connections::slow_heads(from(&place, 1)));
    abuse.spawn(connections::slow_bodies(from(&place, 2)));
    abuse.spawn(connections::attempts(from(&place, 3)));
    abuse.spawn(sockets::malformed_frames(from(&place, 4)));
    abuse.spawn(sockets::full_mailbox(from(&place, 5)));
    abuse.spawn(sockets::deaf(from(&place, 6)));
    abuse.spawn(calls::malformed_calls(from(&place, 7)));
    abuse.spawn(calls::drained_prekeys(from(&place, 8)));
    abuse.spawn(calls::wrong_logins(from(&place, 9)));
    abuse.spawn(calls::wrong_lists(from(&place, 10)));
    while let Some(done) = abuse.join_next().await {
        let (what, tally) = done.unwrap();
        println!("{what}: {tally:?}");
    }
    let under_abuse = user.stop();

    let growth = process.most_memory().saturating_sub(before);
    println!("memory: {} KiB, at most {} KiB more", before / 1024, growth / 1024);
    println!("a normal user's messages, sent and received, idle:        {idle}");
    println!("a normal user's messages, sent and received, under abuse: {under_abuse}");
    println!("p99 under abuse is {:.1} x that of idle", under_abuse.p99() / idle.p99());
    assert!(growth < MOST_GROWTH, "{growth} bytes");
    let log = process.log();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    assert!(process.terminate().await.success());
}
