//! `kill -9` of clients and relay at random points, while two people talk: whatever was accepted is read exactly
//! once and in order, no key is used twice, no session is wedged.
//!
//! `SPRAG_CRASH_ROUNDS` and `SPRAG_CRASH_SEED` say how often and where.

#![expect(clippy::print_stdout, reason = "a test tells what it measured")]

use std::env;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use rustix::process::Signal;
use sprag_api::frame::to_relay::Frame;
use tokio::time::Instant;

use crate::world::World;
use keys::Keys;
use people::{Person, Plan, Said, Sending};
use proxy::{Event, Proxy};

mod copy;
mod history;
mod keys;
mod people;
#[allow(dead_code, reason = "each test uses a part of it")]
mod proxy;
mod register;
mod wire;

/// The most messages that one person writes in a round.
const MOST: u32 = 3;
/// About how many pieces go over the wire for one of them.
const PIECES: u32 = 24;
/// How long nothing may happen in a round.
const STUCK: Duration = Duration::from_mins(2);
/// How often both look, at the end, until all is quiet.
const LOOKS: u32 = 10;

/// What became of the rounds.
#[derive(Debug, Default)]
struct Figures {
    relays_killed: u32,
    senders_killed: u32,
}

/// Two people, and a relay that they reach through a proxy.
struct Talk {
    world: World,
    proxy: Proxy,
    random: ChaCha20Rng,
    people: [Person; 2],
    /// How long a command takes when nothing happens to it.
    typical: Duration,
    figures: Figures,
}

/// Those who write in a round.
struct Writers {
    /// By their places in `Talk::people`.
    at_work: Vec<(usize, Sending, JoinHandle<Vec<Said>>)>,
    events: Receiver<Event>,
}

fn rounds() -> u64 {
    setting("SPRAG_CRASH_ROUNDS", 10)
}

fn seed() -> u64 {
    setting("SPRAG_CRASH_SEED", 1)
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn whoever_is_killed_nothing_is_lost_or_said_twice_and_no_key_is_used_again() {
    let (rounds, seed) = (rounds(), seed());
    let mut talk = Talk::new(seed);
    for round in 1..=rounds {
        talk.round(round);
        let said: usize = talk.people.iter().map(|person| person.said.len()).sum();
        println!("round {round} of {rounds}, seed {seed}: {said} attempted");
    }
    talk.settle();
    talk.check();
    talk.is_not_wedged();
}

impl Talk {
    fn new(seed: u64) -> Self {
        let proxy = Proxy::new(seed);
        let world = World::with(&[&format!("--origin={}", proxy.url)]);
        let relay = world.url.trim_start_matches("http://").parse().unwrap();
        proxy.leads_to(vec![Some(relay)]);
        let people = [Person::new("alice", "bob"), Person::new("bob", "alice")];
        let began = Instant::now();
        for Person { name, .. } in &people {
            world.done(name, &["register", name, "--relay", &proxy.url]);
        }
        let typical = began.elapsed() / 2;
        let random = ChaCha20Rng::seed_from_u64(seed);
        Self { world, proxy, random, people, typical, figures: Figures::default() }
    }

    fn below(&mut self, most: u32) -> u32 {
        self.random.next_u32() % most
    }

    fn start_relay(&mut self) {
        let origin = format!("--origin={}", self.proxy.url);
        self.world.start_relay(&[&origin]);
    }

    /// Some write, the others read, and at one moment some of them, or the relay, are killed.
    fn round(&mut self, round: u64) {
        if !self.world.has_relay() {
            self.start_relay();
        }
        // One writes, or the other, or both; and whom it meets: the relay, who writes, who reads.
        let (roles, victims) = (self.below(3), self.below(7) + 1);
        let writes = |place: usize| roles == 2 || roles as usize == place;
        for place in 0..self.people.len() {
            if writes(place) {
                self.people[place].stop_reading(Signal::INT);
            } else if !self.people[place].goes_on_reading() || self.below(4) == 0 {
                let follow = self.below(4) > 0;
                self.people[place].stop_reading(Signal::INT);
                self.people[place].read(&self.world, follow);
            }
        }
        let begun = self.write(round, writes);
        self.wait(&begun);
        if victims & 1 > 0 {
            self.world.kill_relay();
            self.figures.relays_killed += 1;
        }
        for (_, sending, _) in begun.at_work.iter().filter(|_| victims & 2 > 0) {
            sending.kill();
        }
        if victims & 4 > 0 {
            self.people.iter_mut().for_each(|person| person.stop_reading(Signal::KILL));
        }
        for (place, _, at_work) in begun.at_work {
            self.has_said(place, at_work.join().unwrap());
        }
    }

    fn write(&mut self, round: u64, writes: impl Fn(usize) -> bool) -> Writers {
        let (sender, events) = mpsc::channel();
        let mut plans = Vec::new();
        for place in (0..self.people.len()).filter(|place| writes(*place)) {
            let count = 1 + self.below(MOST);
            let name = self.people[place].name;
            // Some are only put into the queue, and go with the next command.
            let text = |number| (format!("{name} {round}.{number}"), self.below(4) == 0);
            let texts = (0..count).map(text).collect();
            plans.push((place, count, Plan::new(texts, &self.people[place], &self.world)));
        }
        let most = plans.iter().map(|(_, count, _)| count).sum::<u32>() * PIECES;
        let pieces = 1 + self.below(most);
        self.proxy.light(pieces, sender.clone());
        let begin = |(place, _, plan): (usize, u32, Plan)| {
            let (sending, at_work) = plan.begin(sender.clone());
            (place, sending, at_work)
        };
        Writers { at_work: plans.into_iter().map(begin).collect(), events }
    }

    /// Waits for the moment: a place in what goes over the wire, or a time, which may be before anything does.
    fn wait(&mut self, writers: &Writers) {
        let by_time = self.below(2) == 0;
        let most = u32::try_from(self.typical.as_micros()).unwrap() * MOST;
        let limit = Duration::from_micros(self.below(most).into());
        let end = Instant::now() + if by_time { limit } else { STUCK };
        let mut working = writers.at_work.len();
        while working > 0 {
            let left = end.saturating_duration_since(Instant::now());
            match writers.events.recv_timeout(left) {
                Ok(Event::SaidAll) => working -= 1,
                Ok(Event::Burnt) if by_time => {}
                Ok(Event::Burnt) => return,
                Err(error) => return assert!(by_time, "nothing happens: {error}"),
            }
        }
    }

    fn has_said(&mut self, place: usize, said: Vec<Said>) {
        for said in &said {
            self.figures.senders_killed += u32::from(said.killed);
            if matches!(&said.told, Some((_, state)) if state == "sent") {
                self.typical = (self.typical * 7 + said.took) / 8;
            }
        }
        self.people[place].said.extend(said);
    }

    /// Everybody looks until nothing is on its way any more, or ought to be.
    fn settle(&mut self) {
        if !self.world.has_relay() {
            self.start_relay();
        }
        for person in &mut self.people {
            person.stop_reading(Signal::INT);
        }
        for _ in 0..LOOKS {
            self.people.iter_mut().for_each(|person| person.look(&self.world));
            if self.is_quiet() {
                return;
            }
        }
    }

    fn is_quiet(&self) -> bool {
        history::is_quiet(&self.world, &self.people)
    }

    /// Holds what everybody said against what the others have, and the wire against the rules.
    fn check(&self) {
        self.check_keys();
        assert!(self.is_quiet(), "something is still on its way");
        for (from, to) in [(0, 1), (1, 0)] {
            let (from, to) = (&self.people[from], &self.people[to]);
            let said = history::check(&self.world, from, to);
            let told = from.said.iter().filter_map(|said| said.told.as_ref());
            let accepted =
                told.clone().filter(|(_, state)| state != "queued" && state != "sending");
            let (told, accepted, attempted) = (told.count(), accepted.count(), from.said.len());
            let (name, again) = (from.name, to.heard.again);
            println!("{name}: {attempted} attempted, {told} reported, {accepted} accepted");
            println!("  {said} said, and read in order and once; {again} shown again after a kill");
        }
        let readers_killed: u32 = self.people.iter().map(|person| person.killed_readers).sum();
        println!("{:?}, {readers_killed} readers killed", self.figures);
    }

    /// Takes what the relay saw apart.
    fn check_keys(&self) {
        let (mut keys, mut torn) = (Keys::default(), 0);
        let said = self.proxy.said();
        for said in &said {
            let spoken = wire::decode(said);
            torn += u32::from(spoken.torn);
            let sent = |call: &String| call.contains("/v1/messages");
            assert!(!spoken.calls.iter().any(sent), "messages went another way: {spoken:?}");
            for frame in spoken.frames {
                if let Some(Frame::Submit(submit)) = frame.frame {
                    submit.sends.iter().for_each(|send| keys.note(send));
                }
            }
        }
        let (seen, distinct, first) = (keys.seen, keys.distinct(), keys.first_messages());
        let again = seen - distinct;
        println!("{} connections, {torn} torn", said.len());
        println!("{distinct} ciphertexts, {first} of them first messages; {again} came again");
        assert_eq!(keys.faults, []);
        let all: usize = self.people.iter().map(|person| person.heard.printed.len()).sum();
        assert!(distinct >= all && all > 0, "{distinct} ciphertexts for {all} messages");
    }

    /// The talk goes on both ways, and nothing is wrong with anybody.
    fn is_not_wedged(&mut self) {
        for place in 0..2 {
            let Person { name, other, .. } = self.people[place];
            let text = format!("{name} still talks");
            let sent = self.world.json(name, &["send", other, &text]);
            assert_eq!(sent[0]["state"], "sent");
            assert_eq!(self.world.texts(other), [text]);
        }
        for person in &self.people {
            let checks = self.world.json(person.name, &["doctor"]);
            assert!(checks.iter().all(|check| check["result"] != "fail"), "{checks:?}");
        }
        self.check_keys();
    }
}
