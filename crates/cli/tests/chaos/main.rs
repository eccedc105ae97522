//! Three nodes of one relay, their PostgreSQL and their NATS, links that break, and clients with their stores: whoever is
//! killed, every promise holds.
//!
//! `SPRAG_CHAOS_ROUNDS` and `SPRAG_CHAOS_SEED` say how often and where, `SPRAG_CHAOS_AWAY` for how many seconds there is no
//! database in the last round; `cargo xtask chaos` says where the programs are.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![expect(clippy::print_stdout, reason = "a test tells what it measured")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test waits for one kind of frame")]

use std::env;
use std::mem;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use rustix::process::Signal;
use serde_json::Value;
use sprag_api::frame::to_relay::Frame;
use tokio::time::Instant;

use cluster::{Cluster, NODES};
use devices::{Devices, Traffic};
use keys::Keys;
use people::{Person, Plan, Said, Sending};
use proxy::Event;
use servers::Programs;
use world::World;

mod cluster;
mod devices;
mod figures;
mod servers;

#[path = "../messages/crash/history.rs"]
mod history;
#[path = "../messages/crash/keys.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod keys;
#[path = "../relay/ledger.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod ledger;
#[path = "../messages/crash/people.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod people;
#[path = "../messages/crash/proxy.rs"]
mod proxy;
#[path = "../../../relay/tests/support/mod.rs"]
mod support;
#[path = "../messages/crash/wire.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod wire;
#[path = "../messages/world.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod world;

/// The most messages that one person writes in a round.
const MOST: u32 = 5;
/// How much devices do in a round, at least.
const STEPS: u32 = 60;
/// How long nothing may happen in a round.
const STUCK: Duration = Duration::from_mins(2);
/// How often everybody looks until all is quiet.
const LOOKS: u32 = 10;
/// A killed node's clients are live elsewhere after so long at the most.
const LIVE_WITHIN: Duration = Duration::from_secs(5);
/// Without signals a node looks by itself every three seconds.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// How much of a node's log is shown where a promise was broken.
const LAST_LINES: usize = 50;

/// Who may be killed, as bits of what is drawn.
const NODE: u32 = 1;
const WRITERS: u32 = 2;
const READERS: u32 = 4;
const POSTGRES: u32 = 8;
const NATS: u32 = 16;
const ALL: u32 = 31;

struct Chaos {
    // It ends before its folder does.
    cluster: Cluster,
    world: World,
    random: ChaCha20Rng,
    /// Pairs: each writes to one other, who writes back.
    people: Vec<Person>,
    keys: Keys,
    figures: figures::Figures,
}

/// Those who write in a round.
struct Writers {
    /// By their places in `Chaos::people`.
    at_work: Vec<(usize, Sending, JoinHandle<Vec<Said>>)>,
    sender: mpsc::Sender<Event>,
    events: Receiver<Event>,
    working: usize,
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Whether something becomes true in time.
fn wait_until(within: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + within;
    while !is_so() {
        if Instant::now() > end {
            return false;
        }
        thread::park_timeout(Duration::from_millis(20));
    }
    true
}

#[test]
fn whoever_is_killed_nodes_database_and_bus_too_every_promise_holds() {
    let rounds = setting("SPRAG_CHAOS_ROUNDS", 3);
    let seed = setting("SPRAG_CHAOS_SEED", 1);
    let away = Duration::from_secs(setting("SPRAG_CHAOS_AWAY", 0));
    let Some(programs) = Programs::told() else { return };
    println!("{rounds} rounds, seed {seed}");
    let (mut chaos, mut devices) = Chaos::begin(&programs, seed);
    for round in 1..=rounds {
        let began = Instant::now();
        let (traffic, resting) = devices.go_on();
        chaos.storm(round, &traffic);
        devices = resting.end(traffic);
        chaos.everybody_talks(round);
        chaos.live_elsewhere();
        let away = if round == rounds { away } else { Duration::ZERO };
        chaos.outages(round, &mut devices, away);
        chaos.settle();
        let said = chaos.check();
        let (claimed, stored) = (devices.check_claims(), devices.check_messages());
        println!(
            "round {round}, {:.1} s: {said} said, {stored} stored, {claimed} claimed",
            began.elapsed().as_secs_f64()
        );
    }
    chaos.everybody_is_well();
    println!("{}", chaos.figures);
}

impl Drop for Chaos {
    fn drop(&mut self) {
        if thread::panicking() {
            for log in self.cluster.logs() {
                let lines: Vec<_> = log.lines().collect();
                let last = lines.len().saturating_sub(LAST_LINES);
                eprintln!("a node logged last:\n{}", lines[last..].join("\n"));
            }
        }
    }
}

impl Chaos {
    fn begin(programs: &Programs, seed: u64) -> (Self, Devices) {
        let world = World::without_relay();
        let cluster = Cluster::start(programs, &world, seed);
        let pairs = [("alice", "bob"), ("carol", "dave")];
        let both = |(a, b)| [Person::new(a, b), Person::new(b, a)];
        let people: Vec<_> = pairs.into_iter().flat_map(both).collect();
        for Person { name, .. } in &people {
            world.done(name, &["register", name, "--relay", &cluster.people.url]);
        }
        let devices = Devices::register(&cluster.devices, &cluster.people.url);
        let random = ChaCha20Rng::seed_from_u64(seed);
        let (keys, figures) = (Keys::default(), figures::Figures::default());
        (Self { cluster, world, random, people, keys, figures }, devices)
    }

    fn below(&mut self, most: u32) -> u32 {
        self.random.next_u32() % most
    }

    /// Links break, some write, the others read, and at one to three moments whoever is drawn is killed, and
    /// starts again where it is a server.
    fn storm(&mut self, round: u64, traffic: &Traffic) {
        self.cluster.storm(true);
        let drawn = self.below(15) + 1;
        let writes = |place: usize| drawn & 1 << place > 0;
        for place in (0..self.people.len()).filter(|place| !writes(*place)) {
            let follow = self.below(4) > 0;
            self.people[place].read(&self.world, follow);
        }
        let mut talk = self.write(round, writes);
        for _ in 0..=self.below(3) {
            // Short fuses as often as long ones.
            let most = 1 << (2 + self.below(6));
            let pieces = 1 + self.below(most);
            self.cluster.people.light(pieces, talk.sender.clone());
            talk.wait();
            self.strike(&talk);
            self.cluster.mend(&self.world);
        }
        for (place, _, at_work) in mem::take(&mut talk.at_work) {
            let said = at_work.join().unwrap();
            self.figures.writers_killed += said.iter().filter(|said| said.killed).count();
            self.people[place].said.extend(said);
        }
        traffic.has_done(STEPS);
        self.cluster.storm(false);
        self.people.iter_mut().for_each(|person| person.stop_reading(Signal::INT));
    }

    fn write(&mut self, round: u64, writes: impl Fn(usize) -> bool) -> Writers {
        let (sender, events) = mpsc::channel();
        let mut at_work = Vec::new();
        for place in (0..self.people.len()).filter(|place| writes(*place)) {
            let count = 1 + self.below(MOST);
            let name = self.people[place].name;
            // Some are only put into the queue, and go with the next command.
            let text = |number| (format!("{name} {round}.{number}"), self.below(4) == 0);
            let texts = (0..count).map(text).collect();
            let plan = Plan::new(texts, &self.people[place], &self.world);
            let (sending, working) = plan.begin(sender.clone());
            at_work.push((place, sending, working));
        }
        Writers { working: at_work.len(), at_work, sender, events }
    }

    fn strike(&mut self, writers: &Writers) {
        let victims = 1 + self.below(ALL);
        if victims & NATS > 0 {
            self.cluster.kill_nats();
            self.figures.nats_killed += 1;
        }
        if victims & POSTGRES > 0 {
            let at_once = self.below(2) == 0;
            self.cluster.kill_postgres(at_once);
            self.figures.postgres_killed += 1;
        }
        if victims & NODE > 0 {
            let (first, more) = (self.below(3) as usize, self.below(3) as usize);
            for node in first..=first + more {
                self.cluster.kill_node(node % NODES);
                self.figures.nodes_killed += 1;
            }
        }
        if victims & WRITERS > 0 {
            for (_, sending, _) in &writers.at_work {
                sending.kill();
            }
        }
        if victims & READERS > 0 {
            self.people.iter_mut().for_each(|person| person.stop_reading(Signal::KILL));
        }
    }

    /// Every session still works, both ways.
    fn everybody_talks(&mut self, round: u64) {
        for person in &mut self.people {
            let text = format!("{} still talks after {round}", person.name);
            let sent = self.world.json(person.name, &["send", person.other, &text]);
            assert_eq!(sent[0]["state"], "sent");
            person.said.push(told(text, &sent[0]));
        }
    }

    /// Without a database, what somebody writes stays with them, and they hear that it may be tried again.
    fn somebody_writes_in_vain(&mut self, round: u64) {
        let place = self.below(4) as usize;
        let person = &mut self.people[place];
        let text = format!("{} waits for the database of {round}", person.name);
        let sent = self.world.run(person.name, &["send", person.other, &text, "--json"]);
        assert!(sent.code == Some(3) && sent.is_retryable(), "{sent:?}");
        let line = sent.json().remove(0);
        assert!(line["state"] == "queued" || line["state"] == "sending", "{line}");
        person.said.push(told(text, &line));
    }

    /// Everybody looks until nothing is on its way any more.
    fn settle(&mut self) {
        for _ in 0..LOOKS {
            self.people.iter_mut().for_each(|person| person.look(&self.world));
            if history::is_quiet(&self.world, &self.people) {
                return;
            }
        }
        panic!("something is still on its way");
    }

    /// Kills the node that most people are connected to; how long until they are live elsewhere.
    fn live_elsewhere(&mut self) {
        self.check_keys();
        let all = self.people.len();
        self.people.iter_mut().for_each(|person| person.read(&self.world, true));
        let people = &self.cluster.people;
        people.await_sockets(all, None, STUCK).expect("everybody connects");
        let (node, _) = people.sockets().into_iter().max_by_key(|(_, count)| *count).unwrap();
        let began = Instant::now();
        self.cluster.kill_node(node);
        let live = self.cluster.people.await_sockets(all, Some(node), STUCK);
        for since in live.expect("everybody connects again") {
            if let Some(took) = since.checked_duration_since(began) {
                self.figures.live.push(took);
                assert!(took < LIVE_WITHIN, "live elsewhere after {took:?}");
            }
        }
        self.figures.nodes_killed += 1;
        self.cluster.mend(&self.world);
        self.people.iter_mut().for_each(|person| person.stop_reading(Signal::INT));
    }

    /// Without NATS all is as ever, but later; without PostgreSQL nothing is accepted, and all goes on once it is back.
    fn outages(&mut self, round: u64, devices: &mut Devices, away: Duration) {
        let (from, to) = (self.cluster.address(0), self.cluster.address(1));
        self.figures.told.push(devices.across(from, to));
        self.cluster.kill_nats();
        let told = devices.across(from, to);
        assert!(told < TOLD_WITHIN, "told after {told:?}");
        self.figures.told_without_nats.push(told);
        let at_once = self.below(2) == 0;
        self.cluster.kill_postgres(at_once);
        self.figures.refused += devices.are_refused(away) + 1;
        self.somebody_writes_in_vain(round);
        self.cluster.mend(&self.world);
        self.figures.resumed.push(devices.resume());
        self.figures.nats_killed += 1;
        self.figures.postgres_killed += 1;
    }

    /// Takes what the relay saw apart, now that nobody is connected.
    fn check_keys(&mut self) {
        for said in self.cluster.people.take_said(STUCK) {
            for frame in wire::decode(&said).frames {
                if let Some(Frame::Submit(submit)) = frame.frame {
                    submit.sends.iter().for_each(|send| self.keys.note(send));
                }
            }
        }
        assert_eq!(self.keys.faults, []);
    }

    /// Nothing is wrong with anybody's profile, and no node has met what it did not expect.
    fn everybody_is_well(&self) {
        for person in &self.people {
            let checks = self.world.json(person.name, &["doctor"]);
            assert!(checks.iter().all(|check| check["result"] != "fail"), "{checks:?}");
        }
        let logs = self.cluster.logs();
        assert!(logs.iter().all(|log| !log.contains("panicked")));
    }

    /// Holds what everybody said against what the others have, and the wire against the rules; how much was said.
    fn check(&mut self) -> usize {
        self.check_keys();
        let places = 0..self.people.len();
        let pairs = places.map(|place| (&self.people[place], &self.people[place ^ 1]));
        let said = pairs.map(|(from, to)| history::check(&self.world, from, to)).sum();
        assert!(self.keys.distinct() >= said, "{} ciphertexts for {said}", self.keys.distinct());
        self.figures.said = said;
        self.figures.ciphertexts = self.keys.distinct();
        self.figures.readers_killed = self.people.iter().map(|person| person.killed_readers).sum();
        said
    }
}

/// What a command told of a message.
fn told(text: String, line: &Value) -> Said {
    let field = |name: &str| line[name].as_str().unwrap().to_owned();
    Said { text, told: Some((field("id"), field("state"))), killed: false, took: Duration::ZERO }
}

impl Writers {
    /// Waits until the fuse has burnt, or everybody has said what they had to say.
    fn wait(&mut self) {
        while self.working > 0 {
            match self.events.recv_timeout(STUCK).expect("something happens") {
                Event::SaidAll => self.working -= 1,
                Event::Burnt => return,
            }
        }
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        // A test that failed leaves none behind.
        for (_, sending, _) in &self.at_work {
            sending.kill();
        }
    }
}
