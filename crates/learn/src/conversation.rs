//! Alice and Bob: two devices of the real core, and every message between them.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_protocol::ratchet::{HeaderEncrypted, Ratchet};
use sprag_protocol::sessions::DecryptError;
use sprag_protocol::trace::Place;
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, DeviceId, Env, Left, LocalDevice, PreKeyBundle, Sessions,
    Timestamp,
};

use crate::error::{Error, Result};
use crate::record::{Happening, Party, Record, Recorder};
use crate::schedule::Label;

/// When the conversation takes place; nothing in it depends on the real time.
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// One of the two.
pub(crate) struct Side {
    pub(crate) device: LocalDevice,
    pub(crate) sessions: Sessions,
}

/// A message that was sealed.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) label: Label,
    pub(crate) from: Party,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    /// The root step that began its chain.
    pub(crate) chain: u64,
    /// Its number in the chain.
    pub(crate) n: u32,
    /// When it was sealed, opened, lost; counted in actions.
    pub(crate) sealed: u32,
    pub(crate) opened: Option<u32>,
    pub(crate) lost: Option<u32>,
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
    pub(crate) actions: u32,
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
        bundle.kem = upload.kem.into_iter().next().ok_or(Error::Contradiction)?;
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

    pub(crate) fn side(&self, party: Party) -> &Side {
        party.of([&self.alice, &self.bob])
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
        let side = from.of([&mut self.alice, &mut self.bob]);
        let mut env = Env::observed(self.now, &mut self.rng, self.recorder.watch(from));
        let bytes = side.sessions.encrypt(text.as_bytes(), &mut env)?;
        let records = self.recorder.take();
        let at = used(&records).ok_or(Error::Contradiction)?;
        self.actions += 1;
        let sent = Sent::new(&self.sent, (from, text), bytes, at, self.actions);
        self.sent.push(sent);
        Ok((self.sent.len() - 1, records))
    }

    /// A message arrives and is opened. Answers what the trace reported.
    pub(crate) fn deliver(&mut self, index: usize) -> Result<Vec<Record>> {
        let (records, opened) = self.arrive(index)?;
        opened?;
        Ok(records)
    }

    /// A message arrives. Answers what the trace reported, and whether the core refused it.
    pub(crate) fn arrive(
        &mut self,
        index: usize,
    ) -> Result<(Vec<Record>, Result<(), DecryptError>)> {
        let sent = self.sent.get_mut(index).ok_or(Error::Contradiction)?;
        let to = sent.from.other();
        let side = to.of([&mut self.alice, &mut self.bob]);
        let mut env = Env::observed(self.now, &mut self.rng, self.recorder.watch(to));
        let received = side.sessions.decrypt(&mut side.device, &sent.bytes, &mut env);
        self.actions += 1;
        let opened = match received {
            Ok(received) if received.plaintext != sent.text.as_bytes() => {
                return Err(Error::Contradiction);
            }
            Ok(_) => {
                sent.opened = Some(self.actions);
                Ok(())
            }
            Err(refusal) => Err(refusal),
        };
        Ok((self.recorder.take(), opened))
    }

    /// Seals and delivers.
    pub(crate) fn exchange(&mut self, from: Party, text: &str) -> Result<Exchange> {
        let (index, sealed) = self.seal(from, text)?;
        let opened = self.deliver(index)?;
        Ok(Exchange { index, sealed, opened })
    }
}

/// A message that went through at once.
pub(crate) struct Exchange {
    pub(crate) index: usize,
    pub(crate) sealed: Vec<Record>,
    pub(crate) opened: Vec<Record>,
}

impl Sent {
    /// The next message of this party; `at` is its chain and its number there.
    pub(crate) fn new(
        before: &[Self],
        (from, text): (Party, &str),
        bytes: Vec<u8>,
        (chain, n): (u64, u32),
        sealed: u32,
    ) -> Self {
        let number = (1..).zip(before.iter().filter(|sent| sent.from == from)).last();
        let label = Label { from, number: number.map_or(1, |(number, _)| number + 1) };
        let text = text.to_owned();
        Self { label, from, text, bytes, chain, n, sealed, opened: None, lost: None }
    }
}

impl Side {
    /// The same again, through the bytes that a phone keeps.
    pub(crate) fn copy(&self) -> Result<Self> {
        Ok(Self {
            device: LocalDevice::from_bytes(self.device.to_bytes().expose())?,
            sessions: Sessions::from_bytes(self.sessions.to_bytes().expose())?,
        })
    }

    /// How many bytes the state of the sessions takes.
    pub(crate) fn stored(&self) -> usize {
        self.sessions.to_bytes().expose().len()
    }

    /// The ratchet of the active session.
    pub(crate) fn ratchet(&self) -> Result<&Ratchet<HeaderEncrypted>> {
        Ok(self.sessions.active().ok_or(Error::Contradiction)?.ratchet())
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
