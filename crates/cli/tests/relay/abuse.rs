//! Everything at once that somebody with bad intent does, and a normal user beside it.
//!
//! The limits of rates are those that nobody changed. Every kind of abuse comes from an address of its own
//! and goes on until the normal user has sent its messages; [`KINDS`] says how fast. That is far above what
//! the limits let through, and what comes over a network, not all that a program can do which shares the
//! relay's processors: the abusers' threads yield to the relay and to the normal user, as if they were on
//! another machine. How often each was answered in a second, and how much of the processors the relay
//! took, is printed.
//!
//! Asserted is that every answer is the documented one, that memory stays bounded, and that the normal
//! user's messages all arrive. How long they take is printed; a figure means something with an optimised
//! build on a machine that does nothing else.
//!
//! `SPRAG_ABUSE` names the kinds to run, separated by commas; all of them where it is not set.

mod calls;
mod connections;
mod normal;
mod sockets;

use std::collections::BTreeMap;
use std::env;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::setpriority_process;
use tokio::runtime::{self, Runtime};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::process::{Process, alone, folder};
use crate::support::Place;

/// How much memory abuse may cost: the buffers of its connections, messages on their way, SQLite's
/// cache.
const MOST_GROWTH: u64 = 256 * 1024 * 1024;

/// How many messages the normal user sends undisturbed, and under abuse.
const MESSAGES: usize = 1_000;

/// As the relay is set up by nobody, but for times and a mailbox that are too long to wait for.
const FLAGS: &[&str] =
    &["--header-timeout=2s", "--body-timeout=2s", "--write-timeout=2s", "--mailbox-envelopes=500"];

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

    /// How many there were each second, if they took so long.
    fn each_second(&self, took: Duration) -> f64 {
        let count: u32 = self.0.values().sum::<u64>().try_into().unwrap();
        f64::from(count) / took.as_secs_f64()
    }
}

/// One who means harm.
pub(crate) struct Abuser {
    /// Where it comes from: each kind from an address of its own, as it has a limit of its own.
    place: Place,
    over: Arc<AtomicBool>,
    turns: Interval,
}

impl Abuser {
    fn new(kind: &str, place: &Place, over: &Arc<AtomicBool>) -> Self {
        let (number, turns) = (1..)
            .zip(KINDS)
            .find_map(|(number, (known, turns))| (known == kind).then_some((number, turns)))
            .unwrap_or_else(|| panic!("{kind}: there are {KINDS:?}"));
        let mut turns = interval(Duration::from_secs(1) / turns);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { place: place.seen_from([127, 0, 1, number]), over: Arc::clone(over), turns }
    }

    /// Waits for its next turn; whether it goes on.
    async fn goes_on(&mut self) -> bool {
        self.turns.tick().await;
        !self.over.load(Ordering::Relaxed)
    }
}

/// The kinds of abuse, and how often each has a turn in a second, at most: more than ten times what its
/// limits let through, where there is one.
const KINDS: [(&str, u32); 10] = [
    // Three hundred connections, which stay for two seconds.
    ("slow-heads", 1),
    // One hundred of them.
    ("slow-bodies", 1),
    // Sixty-four connections at once, one in four of them with a call that has no token.
    ("attempts", 32),
    ("malformed-frames", 200),
    // Twenty messages.
    ("full-mailbox", 100),
    // A message of 90 kB.
    ("deaf", 200),
    ("malformed-calls", 500),
    // Nine calls.
    ("drained-prekeys", 50),
    // Two calls.
    ("wrong-logins", 250),
    ("wrong-lists", 500),
];

async fn commit(kind: &str, abuser: Abuser) -> Tally {
    match kind {
        "slow-heads" => connections::slow_heads(abuser).await,
        "slow-bodies" => connections::slow_bodies(abuser).await,
        "attempts" => connections::attempts(abuser).await,
        "malformed-frames" => sockets::malformed_frames(abuser).await,
        "full-mailbox" => sockets::full_mailbox(abuser).await,
        "deaf" => sockets::deaf(abuser).await,
        "malformed-calls" => calls::malformed_calls(abuser).await,
        "drained-prekeys" => calls::drained_prekeys(abuser).await,
        "wrong-logins" => calls::wrong_logins(abuser).await,
        "wrong-lists" => calls::wrong_lists(abuser).await,
        other => panic!("{other}"),
    }
}

/// A thread for the abusers, who are on another machine in truth: on this one they get the time that the relay and
/// the normal user leave. A virtual machine whose processors are all busy is itself made to wait, for milliseconds.
fn elsewhere() -> Runtime {
    let mut threads = runtime::Builder::new_multi_thread();
    threads.worker_threads(1).enable_all().on_thread_start(give_way);
    threads.build().unwrap()
}

/// With nice alone such a thread still runs to the end of its slice, some milliseconds, while the relay waits.
fn give_way() {
    setpriority_process(None, 19).unwrap();
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    let mut idle = Command::new("chrt");
    idle.args(["--idle", "--pid", "0", &thread]).stdout(Stdio::null()).stderr(Stdio::null());
    // Where there is no such program, nice has to do.
    let _ = idle.status();
}

#[tokio::test(flavor = "multi_thread")]
async fn abuse_is_answered_and_costs_others_little() {
    let _alone = alone().await;
    let folder = folder();
    let process = Process::start(&folder.path().join("data"), FLAGS).await;
    let user = normal::User::start(&process.place.seen_from([127, 0, 0, 2]), MESSAGES);
    let (idle, user) = spawn_blocking(|| (user.first(), user)).await.unwrap();
    let before = process.memory();

    let over = Arc::new(AtomicBool::new(false));
    let kinds = env::var("SPRAG_ABUSE").unwrap_or_else(|_| KINDS.map(|(kind, _)| kind).join(","));
    let mut abuse = JoinSet::new();
    let elsewhere = elsewhere();
    let (began, ran) = (Instant::now(), process.processor_time());
    for kind in kinds.split(',').map(str::to_owned) {
        let abuser = Abuser::new(&kind, &process.place, &over);
        let committed = async move {
            let tally = commit(&kind, abuser).await;
            (kind, tally, began.elapsed())
        };
        abuse.spawn_on(committed, elsewhere.handle());
    }
    let under_abuse = spawn_blocking(|| user.second()).await.unwrap();
    let cores =
        process.processor_time().saturating_sub(ran).as_secs_f64() / began.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    while let Some(done) = abuse.join_next().await {
        let (kind, tally, took) = done.unwrap();
        let each_second = tally.each_second(took);
        println!("{kind}: {each_second:.0} each second, {tally:?}");
    }

    elsewhere.shutdown_background();
    println!("the relay used {cores:.2} cores");

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
