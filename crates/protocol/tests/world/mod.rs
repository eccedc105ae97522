//! Two devices and a hostile network in virtual time, held against a small reference model of what
//! each of them should read. Property tests and fuzzers drive the same steps.

use std::collections::{BTreeMap, BTreeSet};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_protocol::session::SessionId;
use sprag_protocol::sessions::{EncryptError, MAX_ARCHIVED};
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, DeviceId, Env, KemPreKey, Left, LocalDevice,
    OneTimePreKey, PreKeyBundle, Sessions, Timestamp, ratchet::MAX_KEPT_CHAINS,
};

/// One thing that happens. `which` chooses among what there is at that moment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A party sends.
    Send { party: usize },
    /// A party starts a new session, though it may have one, and sends.
    Restart { party: usize },
    /// A waiting letter arrives.
    Deliver { which: usize },
    /// A waiting letter is lost.
    Lose { which: usize },
    /// A letter arrives that arrived before.
    Replay { which: usize },
    /// A waiting letter arrives with one bit changed; the true one stays on its way.
    Corrupt { which: usize, bit: usize },
    /// A waiting letter arrives at its own sender.
    Reflect { which: usize },
    /// A day passes, and both rotate what is due. Not so many that anything expires.
    Night,
}

impl Step {
    /// Any three bytes are a step.
    pub(crate) fn from_bytes([kind, low, high]: [u8; 3]) -> Self {
        let which = usize::from(u16::from_le_bytes([low, high]));
        match kind % 32 {
            0..=11 => Self::Send { party: which % 2 },
            12 => Self::Restart { party: which % 2 },
            13..=24 => Self::Deliver { which },
            25..=26 => Self::Lose { which },
            27..=28 => Self::Replay { which },
            29..=30 => Self::Corrupt { which: which % 251, bit: which.wrapping_mul(7919) },
            31 if which % 4 == 0 => Self::Night,
            _ => Self::Reflect { which },
        }
    }
}

/// A message under way, and what the model knows of it.
#[derive(Clone)]
struct Letter {
    to: usize,
    bytes: Vec<u8>,
    plaintext: Vec<u8>,
    session: SessionId,
    first: bool,
    chain: u64,
    n: u32,
}

/// What the model knows of one direction of one session at its receiver.
#[derive(Default)]
struct Direction {
    chain: u64,
    next: u32,
    /// Messages that were skipped, by chain.
    missing: BTreeMap<u64, BTreeSet<u32>>,
}

impl Direction {
    /// Whether the message can be read now; if so, it has been.
    fn read(&mut self, letter: &Letter, sent: &BTreeMap<(SessionId, u64), u32>) -> bool {
        let Letter { session, chain, n, .. } = *letter;
        if chain > self.chain {
            let end = sent.get(&(session, self.chain)).copied().unwrap_or(0);
            self.missing.entry(self.chain).or_default().extend(self.next..end);
            (self.chain, self.next) = (chain, 0);
        }
        let readable = if chain == self.chain && n >= self.next {
            self.missing.entry(chain).or_default().extend(self.next..n);
            self.next = n + 1;
            true
        } else {
            self.missing.get_mut(&chain).is_some_and(|missing| missing.remove(&n))
        };
        self.missing.retain(|_, missing| !missing.is_empty());
        let closed = self.missing.keys().filter(|&&chain| chain < self.chain).count();
        for _ in MAX_KEPT_CHAINS..closed {
            self.missing.pop_first();
        }
        readable
    }
}

struct Party {
    device: LocalDevice,
    sessions: Sessions,
    one_time: Vec<OneTimePreKey>,
    one_time_kem: Vec<KemPreKey>,
    /// The model: sessions that it can read on, last used first, and where they stand.
    known: Vec<(SessionId, Direction)>,
    /// The model: every session that it ever had.
    ever: BTreeSet<SessionId>,
}

/// The two parties, what is on its way between them, and what came of it.
pub(crate) struct World {
    parties: [Party; 2],
    rng: ChaCha20Rng,
    now: u64,
    nights: u32,
    waiting: Vec<Letter>,
    arrived: Vec<Letter>,
    /// Messages sent on each chain.
    sent: BTreeMap<(SessionId, u64), u32>,
    count: u32,
    /// Letters that were read.
    pub(crate) read: usize,
    /// Letters that were refused, as they had to be.
    pub(crate) refused: usize,
}

/// Two devices before anything happened; making their keys takes longer than many schedules.
pub(crate) struct Beginning {
    devices: [Vec<u8>; 2],
    one_time: [Vec<OneTimePreKey>; 2],
    one_time_kem: [Vec<KemPreKey>; 2],
}

const START: u64 = 1_800_000_000;

impl Beginning {
    /// The same seed makes the same keys.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut env = Env::new(Timestamp::from_seconds(START), &mut rng);
        let mut device = |name| {
            let account = AccountKeyPair::generate(env.rng).public();
            let address =
                Address { account: AccountName::new(name).unwrap(), device: DeviceId::FIRST };
            let mut device = LocalDevice::generate(address, account, &mut env);
            let upload = device.replenish(Left { one_time: 24, kem: 24 }, &mut env).unwrap();
            let one_time: Vec<_> = upload.one_time.into_iter().take(2).collect();
            let one_time_kem: Vec<_> = upload.kem.into_iter().take(3).collect();
            (device.to_bytes().into_vec(), one_time, one_time_kem)
        };
        let (alice, bob) = (device("alice"), device("bob"));
        Self {
            devices: [alice.0, bob.0],
            one_time: [alice.1, bob.1],
            one_time_kem: [alice.2, bob.2],
        }
    }

    fn party(&self, party: usize) -> Party {
        let device = |party: usize| LocalDevice::from_bytes(&self.devices[party]).unwrap();
        Party {
            device: device(party),
            sessions: Sessions::with(device(1 - party).public().clone()),
            one_time: self.one_time[party].clone(),
            one_time_kem: self.one_time_kem[party].clone(),
            known: Vec::new(),
            ever: BTreeSet::new(),
        }
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::begin(&Beginning::new(seed))
    }

    pub(crate) fn begin(beginning: &Beginning) -> Self {
        Self {
            parties: [beginning.party(0), beginning.party(1)],
            rng: ChaCha20Rng::seed_from_u64(0),
            now: START,
            nights: 0,
            waiting: Vec::new(),
            arrived: Vec::new(),
            sent: BTreeMap::new(),
            count: 0,
            read: 0,
            refused: 0,
        }
    }

    /// Runs a schedule and [finishes](Self::finish) it.
    pub(crate) fn run(beginning: &Beginning, steps: impl IntoIterator<Item = Step>) -> Self {
        let mut world = Self::begin(beginning);
        for step in steps {
            world.step(step);
        }
        world.finish();
        world
    }

    /// Does one step, then saves and loads the party that it touched.
    pub(crate) fn step(&mut self, step: Step) {
        self.now += 1;
        let touched = match step {
            Step::Send { party } => {
                self.send(party);
                Some(party)
            }
            Step::Restart { party } => {
                self.initiate(party);
                self.send(party);
                Some(party)
            }
            Step::Deliver { which } => self.take(which).map(|letter| {
                self.deliver(&letter);
                let to = letter.to;
                self.arrived.push(letter);
                to
            }),
            Step::Lose { which } => {
                self.take(which);
                None
            }
            // It may be that it was refused before; then it still cannot be read.
            Step::Replay { which } => pick(&self.arrived, which).cloned().map(|letter| {
                self.deliver(&letter);
                letter.to
            }),
            Step::Corrupt { which, bit } => {
                pick(&self.waiting, which).cloned().map(|mut letter| {
                    let bit = bit % (letter.bytes.len() * 8);
                    letter.bytes[bit / 8] ^= 1 << (bit % 8);
                    self.refuse(letter.to, &letter.bytes);
                    letter.to
                })
            }
            Step::Reflect { which } => pick(&self.waiting, which).cloned().map(|letter| {
                self.refuse(1 - letter.to, &letter.bytes);
                1 - letter.to
            }),
            Step::Night => {
                self.night();
                None
            }
        };
        if let Some(party) = touched {
            let party = &mut self.parties[party];
            party.sessions = Sessions::from_bytes(party.sessions.to_bytes().expose()).unwrap();
            party.device = LocalDevice::from_bytes(party.device.to_bytes().expose()).unwrap();
        }
    }

    fn night(&mut self) {
        if self.nights < 28 {
            self.nights += 1;
            self.now += 24 * 60 * 60;
        }
        for party in &mut self.parties {
            let mut env = Env::new(Timestamp::from_seconds(self.now), &mut self.rng);
            party.device.rotate(&mut env).unwrap();
            party.sessions.expire(&mut env);
        }
    }

    /// Everything that waits arrives; then one answer each way must bring both to one session.
    pub(crate) fn finish(&mut self) {
        while !self.waiting.is_empty() {
            self.step(Step::Deliver { which: 0 });
        }
        for party in [0, 1] {
            self.step(Step::Send { party });
            self.step(Step::Deliver { which: 0 });
        }
        let active = |party: &Party| party.sessions.active().map(sprag_protocol::Session::id);
        assert_eq!(active(&self.parties[0]), active(&self.parties[1]), "both on one session");
    }

    fn take(&mut self, which: usize) -> Option<Letter> {
        let index = which.checked_rem(self.waiting.len())?;
        Some(self.waiting.remove(index))
    }

    /// Starts a session from the other's bundle; the directory gives each one-time prekey once.
    fn initiate(&mut self, party: usize) {
        let them = &mut self.parties[1 - party];
        let one_time = them.one_time.pop();
        let kem = them.one_time_kem.pop().unwrap_or_else(|| them.device.last_resort());
        let (owner, signed) = (them.device.public().clone(), them.device.signed_prekey());
        let bundle = PreKeyBundle { owner, signed, kem, one_time };
        let bundle = PreKeyBundle::from_bytes(&bundle.to_bytes()).unwrap().verify().unwrap();
        let mut env = Env::new(Timestamp::from_seconds(self.now), &mut self.rng);
        let us = &mut self.parties[party];
        let id = us.sessions.initiate(&us.device, bundle, &mut env).unwrap();
        us.begin(id);
    }

    fn send(&mut self, party: usize) {
        self.count += 1;
        let plaintext = format!("{} from {party}", self.count).into_bytes();
        let mut env = Env::new(Timestamp::from_seconds(self.now), &mut self.rng);
        let sealed = self.parties[party].sessions.encrypt(&plaintext, &mut env);
        let bytes = match sealed {
            Ok(bytes) => bytes,
            Err(EncryptError::NoSession) => {
                self.initiate(party);
                return self.send(party);
            }
            Err(error) => panic!("{error}"),
        };
        let active = self.parties[party].sessions.active().unwrap();
        let (session, chain) = (active.id(), active.ratchet().step());
        let first = active.is_unanswered();
        let sent = self.sent.entry((session, chain)).or_default();
        let n = *sent;
        *sent += 1;
        self.waiting.push(Letter { to: 1 - party, bytes, plaintext, session, first, chain, n });
    }

    /// Delivers a true letter and holds the outcome against the model.
    fn deliver(&mut self, letter: &Letter) {
        let party = &mut self.parties[letter.to];
        if !party.model_reads(letter, &self.sent) {
            return self.refuse(letter.to, &letter.bytes);
        }
        let mut env = Env::new(Timestamp::from_seconds(self.now), &mut self.rng);
        let received = party.sessions.decrypt(&mut party.device, &letter.bytes, &mut env).unwrap();
        assert_eq!(received.plaintext, letter.plaintext);
        assert_eq!(received.session, letter.session);
        self.read += 1;
    }

    /// These bytes must be refused and leave no trace.
    fn refuse(&mut self, to: usize, bytes: &[u8]) {
        let party = &mut self.parties[to];
        let before = (party.sessions.to_bytes(), party.device.to_bytes());
        let mut env = Env::new(Timestamp::from_seconds(self.now), &mut self.rng);
        let outcome = party.sessions.decrypt(&mut party.device, bytes, &mut env);
        assert!(outcome.is_err(), "{outcome:?}");
        assert!(before.0.expose() == party.sessions.to_bytes().expose(), "sessions changed");
        assert!(before.1.expose() == party.device.to_bytes().expose(), "device changed");
        self.refused += 1;
    }
}

impl Party {
    fn begin(&mut self, session: SessionId) {
        self.ever.insert(session);
        self.known.insert(0, (session, Direction::default()));
        self.known.truncate(MAX_ARCHIVED + 1);
    }

    /// Whether the letter can be read now; if so, it has been.
    fn model_reads(&mut self, letter: &Letter, sent: &BTreeMap<(SessionId, u64), u32>) -> bool {
        match self.known.iter().position(|(session, _)| *session == letter.session) {
            Some(index) => {
                let readable = self.known[index].1.read(letter, sent);
                if readable {
                    self.known[..=index].rotate_right(1);
                }
                readable
            }
            None if letter.first && !self.ever.contains(&letter.session) => {
                self.begin(letter.session);
                self.known[0].1.read(letter, sent)
            }
            None => false,
        }
    }
}

fn pick<T>(from: &[T], which: usize) -> Option<&T> {
    from.get(which.checked_rem(from.len())?)
}
