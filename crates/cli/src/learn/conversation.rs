//! Alice and Bob: two devices of the real core, and every message between them.

use anyhow::{Context, Result, bail};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_protocol::ratchet::{HeaderEncrypted, Ratchet};
use sprag_protocol::trace::Place;
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, DeviceId, Env, Left, LocalDevice, PreKeyBundle, Sessions,
    Timestamp,
};

use super::recorder::{Happening, Party, Record, Recorder};

/// When the conversation takes place; nothing in it depends on the real time.
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// One of the two.
pub(crate) struct Side {
    pub(crate) device: LocalDevice,
    pub(crate) sessions: Sessions,
}

/// A message that was sealed.
pub(crate) struct Sent {
    /// A1, A2, B1: the sender and a number.
    pub(crate) label: String,
    pub(crate) from: Party,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    /// The root step that began its chain.
    pub(crate) chain: u64,
    /// Its number in the chain.
    pub(crate) n: u32,
    /// When it was sealed and when it was opened, counted in actions.
    pub(crate) sealed: u32,
    pub(crate) opened: Option<u32>,
}

/// The two, and what happened so far.
pub(crate) struct Conversation {
    pub(crate) rng: ChaCha20Rng,
    pub(crate) now: Timestamp,
    pub(crate) alice: Side,
    pub(crate) bob: Side,
    pub(crate) recorder: Recorder,
    pub(crate) sent: Vec<Sent>,
    /// What Bob left in the directory, with a one-time prekey of each kind.
    pub(crate) bundle: PreKeyBundle,
    actions: u32,
}

impl Conversation {
    /// Both make their keys, and Bob publishes a bundle. Every byte follows from the seed.
    pub(crate) fn new(seed: u64) -> Result<Self> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha20Rng::from_seed(bytes);
        let mut env = Env::new(START, &mut rng);
        let alice = device("alice", &mut env)?;
        let mut bob = device("bob", &mut env)?;
        let upload = bob.replenish(Left { one_time: 0, kem: 0 }, &mut env)?;
        let mut bundle = bob.last_resort_bundle();
        bundle.one_time = upload.one_time.into_iter().next();
        bundle.kem = upload.kem.into_iter().next().context("a refill has one-time KEM prekeys")?;
        let with_bob = Sessions::with(bob.public().clone());
        let with_alice = Sessions::with(alice.public().clone());
        Ok(Self {
            rng,
            now: START,
            alice: Side { device: alice, sessions: with_bob },
            bob: Side { device: bob, sessions: with_alice },
            recorder: Recorder::default(),
            sent: Vec::new(),
            bundle,
            actions: 0,
        })
    }

    /// Alice starts a session from Bob's bundle.
    pub(crate) fn initiate(&mut self) -> Result<Vec<Record>> {
        let bundle = self.bundle.clone().verify()?;
        let watch = self.recorder.watch(Party::Alice);
        let mut env = Env::observed(self.now, &mut self.rng, watch);
        self.alice.sessions.initiate(&self.alice.device, bundle, &mut env)?;
        Ok(self.recorder.take())
    }

    /// Seals a message; it is on its way then. Answers its index and what the trace reported.
    pub(crate) fn seal(&mut self, from: Party, text: &str) -> Result<(usize, Vec<Record>)> {
        let side = match from {
            Party::Alice => &mut self.alice,
            Party::Bob => &mut self.bob,
        };
        let mut env = Env::observed(self.now, &mut self.rng, self.recorder.watch(from));
        let bytes = side.sessions.encrypt(text.as_bytes(), &mut env)?;
        let records = self.recorder.take();
        let (chain, n) = used(&records).context("a sealed message uses a message key")?;
        let number = self.sent.iter().filter(|sent| sent.from == from).count() + 1;
        let label = format!("{}{number}", if from == Party::Alice { 'A' } else { 'B' });
        self.actions += 1;
        let sealed = self.actions;
        let text = text.to_owned();
        self.sent.push(Sent { label, from, text, bytes, chain, n, sealed, opened: None });
        Ok((self.sent.len() - 1, records))
    }

    /// A message arrives and is opened. Answers what the trace reported.
    pub(crate) fn deliver(&mut self, index: usize) -> Result<Vec<Record>> {
        let sent = self.sent.get_mut(index).context("no such message")?;
        let to = sent.from.other();
        let side = match to {
            Party::Alice => &mut self.alice,
            Party::Bob => &mut self.bob,
        };
        let mut env = Env::observed(self.now, &mut self.rng, self.recorder.watch(to));
        let received = side.sessions.decrypt(&mut side.device, &sent.bytes, &mut env)?;
        if received.plaintext != sent.text.as_bytes() {
            bail!("{to} reads something else than was written");
        }
        self.actions += 1;
        sent.opened = Some(self.actions);
        Ok(self.recorder.take())
    }

    /// Seals and delivers.
    pub(crate) fn exchange(&mut self, from: Party, text: &str) -> Result<Exchange> {
        let (index, sealed) = self.seal(from, text)?;
        let opened = self.deliver(index)?;
        Ok(Exchange { index, sealed, opened })
    }

    /// How many things have been done.
    pub(crate) fn actions(&self) -> u32 {
        self.actions
    }
}

/// A message that went through at once.
pub(crate) struct Exchange {
    pub(crate) index: usize,
    pub(crate) sealed: Vec<Record>,
    pub(crate) opened: Vec<Record>,
}

impl Side {
    /// The same again, through the bytes that a phone keeps.
    pub(crate) fn copy(&self) -> Result<Self> {
        Ok(Self {
            device: LocalDevice::from_bytes(self.device.to_bytes().expose())?,
            sessions: Sessions::from_bytes(self.sessions.to_bytes().expose())?,
        })
    }

    /// The ratchet of the active session.
    pub(crate) fn ratchet(&self) -> Result<&Ratchet<HeaderEncrypted>> {
        Ok(self.sessions.active().context("there is a session")?.ratchet())
    }
}

/// Which message key was used.
fn used(records: &[Record]) -> Option<(u64, u32)> {
    records.iter().find_map(|record| {
        let Happening::Used(Place::Message { step, n }) = record.happening else { return None };
        Some((step, n))
    })
}

fn device<R: rand_core::CryptoRng>(name: &str, env: &mut Env<'_, R>) -> Result<LocalDevice> {
    let account = AccountKeyPair::generate(env.rng);
    let address = Address { account: AccountName::new(name)?, device: DeviceId::FIRST };
    Ok(LocalDevice::generate(address, account.public(), env))
}
