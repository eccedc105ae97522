//! The same conversation, held again through the core's public face.

use std::collections::{BTreeMap, BTreeSet};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use data_encoding::HEXLOWER;
use serde_json::Value;
use sprag_learn::schedule::{Action, Label};
use sprag_learn::{Party, Schedule};
use sprag_protocol::ratchet::MAX_KEPT_CHAINS;
use sprag_protocol::trace::{Event, Observer, Place};
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, DeviceId, Env, Left, LocalDevice, PreKeyBundle, Sessions,
    Timestamp,
};

use crate::thief::Thief;

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(crate) struct Sent {
    pub(crate) label: Label,
    pub(crate) bytes: Vec<u8>,
    chain: u64,
    sealed: usize,
    opened: Option<usize>,
}

/// What one step left behind.
pub(crate) struct Step {
    /// `alice derived Root { step: 0 } hex`.
    pub(crate) events: Vec<String>,
    /// Every key that was derived up to here.
    pub(crate) derived: Vec<(Party, Place, [u8; 32])>,
    /// The sessions of Alice and Bob, at rest.
    pub(crate) states: [Vec<u8>; 2],
    pub(crate) kept: [usize; 2],
}

struct Side {
    device: LocalDevice,
    sessions: Sessions,
}

pub(crate) struct Twin {
    rng: ChaCha20Rng,
    sides: [Side; 2],
    bundle: PreKeyBundle,
    watch: Watch,
    pub(crate) sent: Vec<Sent>,
    pub(crate) steps: Vec<Step>,
    thief: Option<Thief>,
}

#[derive(Default)]
struct Watch {
    party: Option<Party>,
    events: Vec<String>,
    used: Option<u64>,
    derived: Vec<(Party, Place, [u8; 32])>,
    latest: BTreeMap<(Party, Place), [u8; 32]>,
    public: BTreeSet<String>,
}

impl Observer for &mut Watch {
    fn observe(&mut self, event: Event<'_>) {
        let party = self.party.unwrap();
        let (kind, place) = match event {
            Event::Derived { place, key } => {
                self.derived.push((party, place, *key));
                self.latest.insert((party, place), *key);
                ("derived", place)
            }
            Event::Used { place } => {
                if let Place::Message { step, .. } = place {
                    self.used = Some(step);
                }
                ("used", place)
            }
            Event::Kept { place } => ("kept", place),
            Event::Erased { place } => ("erased", place),
            Event::DhStep { step, ours, theirs } => {
                let (ours, theirs) = (hex(ours.as_bytes()), hex(theirs.as_bytes()));
                self.events.push(format!("{party} dh-step {step} {ours} {theirs}"));
                self.public.extend([ours, theirs]);
                return;
            }
        };
        let key = self.latest.get(&(party, place)).map_or("none".to_owned(), |key| hex(key));
        self.events.push(format!("{party} {kind} {} {key}", words(place)));
    }
}

/// A place, as its fields stand in JSON.
fn words(place: Place) -> String {
    let text = format!("{place:?}").to_lowercase();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// An event of the document, in the same words.
pub(crate) fn line(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let party = match text(&event["party"]).as_str() {
        "alice" => Party::Alice,
        _ => Party::Bob,
    };
    let (kind, place) = (text(&event["kind"]), &event["place"]);
    if kind == "dh-step" {
        let (ours, theirs) = (text(&event["ours"]), text(&event["theirs"]));
        return format!("{party} dh-step {} {ours} {theirs}", place["step"]);
    }
    let mut words = vec![text(&place["key"]).replace('-', "")];
    if place["input"].is_string() {
        words.push(text(&place["input"]));
    }
    for field in ["id", "step", "n"] {
        if let Some(number) = place[field].as_u64() {
            words.push(format!("{field} {number}"));
        }
    }
    format!("{party} {kind} {} {}", words.join(" "), text(&event["hex"]))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn index(party: Party) -> usize {
    usize::from(party == Party::Bob)
}

impl Twin {
    pub(crate) fn play(seed: u64, schedule: &Schedule, theft: (Party, usize)) -> Self {
        let mut twin = Self::new(seed);
        twin.watch.party = Some(Party::Alice);
        let bundle = twin.bundle.clone().verify().unwrap();
        let [alice, _] = &mut twin.sides;
        let mut env = Env::observed(NOW, &mut twin.rng, &mut twin.watch);
        alice.sessions.initiate(&alice.device, bundle, &mut env).unwrap();
        twin.end_step(theft);
        for action in schedule.actions() {
            twin.act(*action);
            twin.end_step(theft);
        }
        twin
    }

    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha20Rng::from_seed(bytes);
        let mut env = Env::new(NOW, &mut rng);
        let device = |name: &str, env: &mut Env<'_, ChaCha20Rng>| {
            let account = AccountKeyPair::generate(env.rng);
            let name = AccountName::new(name).unwrap();
            let address = Address { account: name, device: DeviceId::FIRST };
            LocalDevice::generate(address, account.public(), env)
        };
        let alice = device("alice", &mut env);
        let mut bob = device("bob", &mut env);
        let upload = bob.replenish(Left { one_time: 0, kem: 0 }, &mut env).unwrap();
        let mut bundle = bob.last_resort_bundle();
        bundle.one_time = upload.one_time.into_iter().next();
        bundle.kem = upload.kem.into_iter().next().unwrap();
        let with_bob = Sessions::with(bob.public().clone());
        let with_alice = Sessions::with(alice.public().clone());
        let sides = [
            Side { device: alice, sessions: with_bob },
            Side { device: bob, sessions: with_alice },
        ];
        let (watch, sent, steps) = (Watch::default(), Vec::new(), Vec::new());
        Self { rng, sides, bundle, watch, sent, steps, thief: None }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Send(from) => self.send(from),
            Action::Deliver(label) => {
                let sent = self.sent.iter_mut().find(|sent| sent.label == label).unwrap();
                let to = label.from.other();
                self.watch.party = Some(to);
                let Side { device, sessions } = &mut self.sides[index(to)];
                let mut env = Env::observed(NOW, &mut self.rng, &mut self.watch);
                if sessions.decrypt(device, &sent.bytes, &mut env).is_ok() {
                    sent.opened = Some(self.steps.len());
                }
            }
            Action::Drop(_) => {}
        }
    }

    fn send(&mut self, from: Party) {
        self.watch.party = Some(from);
        let written = self.sent.iter().filter(|sent| sent.label.from == from).count();
        let text = text(from, written);
        let mut env = Env::observed(NOW, &mut self.rng, &mut self.watch);
        let bytes = self.sides[index(from)].sessions.encrypt(text.as_bytes(), &mut env).unwrap();
        let chain = self.watch.used.take().unwrap();
        let label = Label { from, number: u16::try_from(written).unwrap() + 1 };
        let sealed = self.steps.len();
        self.sent.push(Sent { label, bytes, chain, sealed, opened: None });
    }

    fn end_step(&mut self, (victim, after): (Party, usize)) {
        if self.steps.len() == after {
            let Side { device, sessions } = &self.sides[index(victim)];
            let (device, sessions) = (device.to_bytes(), sessions.to_bytes());
            self.thief = Some(Thief::new(victim, device.into_vec(), sessions.into_vec()));
        }
        let state = |side: &Side| side.sessions.to_bytes().expose().to_vec();
        let kept =
            |side: &Side| side.sessions.active().map_or(0, |session| session.ratchet().kept_keys());
        self.steps.push(Step {
            events: std::mem::take(&mut self.watch.events),
            derived: self.watch.derived.clone(),
            states: self.sides.each_ref().map(state),
            kept: self.sides.each_ref().map(kept),
        });
    }

    pub(crate) fn thief(&self) -> &Thief {
        self.thief.as_ref().unwrap()
    }

    /// All that may be shown as hex: keys, ratchet keys, messages.
    pub(crate) fn every_hex(&self) -> BTreeSet<String> {
        let keys = self.watch.derived.iter().map(|(_, _, key)| hex(key));
        let messages = self.sent.iter().map(|sent| hex(&sent.bytes));
        keys.chain(messages).chain(self.watch.public.iter().cloned()).collect()
    }

    /// Whether no key can have been dropped because too many chains wait for something.
    pub(crate) fn within_limits(&self) -> bool {
        let waiting = |party| {
            let late = self.sent.iter().filter(|sent| sent.label.from == party);
            late.map(|sent| sent.chain).collect::<BTreeSet<_>>().len()
        };
        Party::BOTH.into_iter().all(|party| waiting(party) <= MAX_KEPT_CHAINS)
    }

    /// What a thief should read, from the positions of the messages alone, without any key.
    pub(crate) fn positions_say(&self, victim: Party, after: usize) -> Vec<bool> {
        let by = |at: usize| at <= after;
        let others = self.sent.iter().filter(|sent| sent.label.from != victim);
        let received = others.filter(|sent| sent.opened.is_some_and(by));
        let received = received.map(|sent| sent.chain).max();
        let own = self.sent.iter().filter(|sent| sent.label.from == victim && by(sent.sealed));
        let own = own.map(|sent| sent.chain).max();
        // The initiator has her first chain before she writes on it.
        let own = own.or((victim == Party::Alice).then_some(1));
        // The ratchet key is on the phone while nobody has answered to it.
        let own = own.filter(|own| Some(*own) > received);
        let reads = |sent: &Sent| {
            if sent.label.from == victim {
                return !by(sent.sealed) && Some(sent.chain) == own;
            }
            let begun = Some(sent.chain) <= received;
            let prekeys = victim == Party::Bob && received.is_none() && sent.chain == 1;
            let answers = own.is_some_and(|own| sent.chain == own + 1);
            !sent.opened.is_some_and(by) && (begun || prekeys || answers)
        };
        self.sent.iter().map(reads).collect()
    }
}

/// What the two say: the bytes depend on it.
fn text(from: Party, written: usize) -> &'static str {
    let alice = [
        "Hello, Bob!",
        "Are you there?",
        "The train leaves at nine.",
        "Platform four.",
        "I have both tickets.",
        "See you at the station.",
    ];
    let bob = [
        "Hello, Alice!",
        "Yes, I am on my way.",
        "Shall I bring coffee?",
        "Ten minutes.",
        "I see you!",
        "Wait for me.",
    ];
    let lines = if from == Party::Alice { alice } else { bob };
    lines[written % lines.len()]
}
