//! Two designs for comparison, which show by what they lack what each ratchet buys.
//!
//! These are models for teaching and nothing that anybody sends. They begin with the real handshake;
//! after it they leave out a part of the Double Ratchet and put nothing in its place:
//!
//! - [`Design::SingleRatchet`] never turns the DH ratchet. The core's root step gives each of the two
//!   one chain, and the core's chain step moves it on.
//! - [`Design::StaticKey`] has no ratchet: root key 0 seals every message of both.
//!
//! Texts are sealed by the core's plain mode, so headers are visible. The model gives Bob his keys
//! at once instead of with Alice's first message. Nothing is derived in a way that is not the core's.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sprag_protocol::kdf::{ChainKey, MessageKey, RootKey};
use sprag_protocol::ratchet::{HeaderEncrypted, NoHeaderKey, OpenError, Plain, RootStep, Suite};
use sprag_protocol::secret::Secret;
use sprag_protocol::trace::{Event, Observer, Place, Silent};
use sprag_protocol::{Header, KeyPair, PublicKey};

use crate::conversation::{Conversation, Sent};
use crate::error::{Error, Result};
use crate::record::{Happening, Party, Record, Recorder};
use crate::theft::{Moment, Theft, Try, With};

/// What keys a conversation goes on with after the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// What Sprag does, by the real core.
    #[default]
    DoubleRatchet,
    /// A model: chains move on, and nothing new ever comes in.
    SingleRatchet,
    /// A model: one key for everything.
    StaticKey,
}

impl Design {
    /// All of them, the real one first.
    pub const ALL: [Self; 3] = [Self::DoubleRatchet, Self::SingleRatchet, Self::StaticKey];

    /// How it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DoubleRatchet => "double-ratchet",
            Self::SingleRatchet => "single-ratchet",
            Self::StaticKey => "static-key",
        }
    }
}

impl fmt::Display for Design {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// There is no such design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the designs are double-ratchet, single-ratchet and static-key")]
pub struct UnknownDesign;

impl FromStr for Design {
    type Err = UnknownDesign;

    fn from_str(name: &str) -> Result<Self, UnknownDesign> {
        Self::ALL.into_iter().find(|design| design.name() == name).ok_or(UnknownDesign)
    }
}

/// A conversation in one of the models.
pub(crate) struct Model {
    design: Design,
    recorder: Recorder,
    pub(crate) sent: Vec<Sent>,
    pub(crate) actions: u32,
    sides: [Hands; 2],
    /// The public keys that stand in the headers; they never change.
    headers: [PublicKey; 2],
    /// What messages are bound to: the real session's.
    context: [u8; 32],
}

/// What one of the two holds.
#[derive(Clone)]
struct Hands {
    sending: Line,
    receiving: Line,
}

/// One direction.
#[derive(Clone)]
struct Line {
    step: u64,
    /// The chain key; with the static design, root key 0.
    key: [u8; 32],
    n: u32,
    kept: BTreeMap<u32, [u8; 32]>,
}

impl Model {
    /// Goes on from a handshake. Answers also what is to be said of the beginning.
    pub(crate) fn after(
        talk: &mut Conversation,
        initiated: Vec<Record>,
        design: Design,
    ) -> Result<(Self, Vec<Record>)> {
        let of = |place| talk.recorder.key(Party::Alice, place).ok_or(Error::Contradiction);
        let root = of(Place::Root { step: 0 })?;
        let ratchet = KeyPair::from_secret(Secret::copy_of(&of(Place::RatchetKey)?));
        let theirs = talk.bundle.signed.key;
        let session = talk.alice.sessions.active().ok_or(Error::Contradiction)?;
        let mut recorder = std::mem::take(&mut talk.recorder);
        let lines = match design {
            Design::StaticKey => [Line::new(0, root), Line::new(0, root)],
            Design::DoubleRatchet | Design::SingleRatchet => two_chains(root, &ratchet, &theirs)?,
        };
        for party in Party::BOTH {
            begin(design, &root, &lines, &mut recorder, party);
        }
        let mut records: Vec<_> = initiated.into_iter().filter(is_of_the_handshake).collect();
        records.extend(recorder.take());
        let [alice, bob] = lines;
        let model = Self {
            design,
            recorder,
            sent: Vec::new(),
            actions: talk.actions,
            sides: [
                Hands { sending: alice.clone(), receiving: bob.clone() },
                Hands { sending: bob, receiving: alice },
            ],
            headers: [ratchet.public(), theirs],
            context: *session.associated_data(),
        };
        Ok((model, records))
    }

    /// Seals a message. Answers what is to be said of it.
    pub(crate) fn seal(&mut self, from: Party, text: &str) -> Vec<Record> {
        let line = &mut from.of(self.sides.each_mut()).sending;
        let (step, n) = (line.step, line.n);
        let watch = &mut self.recorder.watch(from);
        let key = line.forward(self.design, watch);
        let header = Header { ratchet_key: from.of(self.headers), previous: 0, n };
        let message_key = MessageKey::copy_of(&key);
        let bytes = Plain::seal(&NoHeaderKey, &message_key, header, text.as_bytes(), &self.context);
        line.done(self.design, n, watch);
        self.actions += 1;
        let sent = Sent::new(&self.sent, (from, text), bytes, (step, n), self.actions);
        self.sent.push(sent);
        self.recorder.take()
    }

    /// A message arrives. Answers what is to be said of it, and whether it was refused.
    pub(crate) fn arrive(&mut self, index: usize) -> Result<(Vec<Record>, Result<(), OpenError>)> {
        let sent = self.sent.get_mut(index).ok_or(Error::Contradiction)?;
        let to = sent.from.other();
        let line = &mut to.of(self.sides.each_mut()).receiving;
        let watch = &mut self.recorder.watch(to);
        let opened = line.open(self.design, &sent.bytes, &self.context, watch);
        self.actions += 1;
        let opened = match opened {
            Ok((text, _)) if text != sent.text.as_bytes() => return Err(Error::Contradiction),
            Ok(_) => {
                sent.opened = sent.opened.or(Some(self.actions));
                Ok(())
            }
            Err(refusal) => Err(refusal),
        };
        Ok((self.recorder.take(), opened))
    }

    /// What somebody's phone holds now.
    pub(crate) fn loot(&self, victim: Party) -> Loot {
        let Hands { sending, receiving } = victim.of(self.sides.each_ref()).clone();
        let lines = [&sending, &receiving].map(|line| 1 + line.kept.len());
        let keys = if self.design == Design::StaticKey { 1 } else { lines.iter().sum() };
        Loot {
            design: self.design,
            moment: Moment { victim, actions: self.actions, stolen: 32 * keys },
            sending,
            receiving,
            context: self.context,
        }
    }
}

/// What was on a phone.
pub(crate) struct Loot {
    design: Design,
    moment: Moment,
    sending: Line,
    receiving: Line,
    context: [u8; 32],
}

impl Loot {
    /// Tries every message with what was stolen; nothing leads from one message to another chain, so
    /// each is tried alone. Headers are visible for everybody.
    pub(crate) fn try_all(&self, sent: &[Sent]) -> Theft {
        let tries = sent.iter().map(|sent| self.open(sent)).collect();
        Theft::of(&self.moment, sent, &[tries], |_| true)
    }

    fn open(&self, sent: &Sent) -> Try {
        let own = sent.from == self.moment.victim;
        let mut line = if own { self.sending.clone() } else { self.receiving.clone() };
        let with = match self.design {
            Design::StaticKey => With::StaticKey,
            Design::DoubleRatchet | Design::SingleRatchet if own => With::SendingChain,
            Design::DoubleRatchet | Design::SingleRatchet => With::ReceivingChain,
        };
        let opened = line.open(self.design, &sent.bytes, &self.context, &mut Silent);
        let opened = opened.map(|(_, kept)| if kept { With::KeptKey } else { with });
        opened.map_err(|refusal| refusal.to_string())
    }
}

impl Line {
    fn new(step: u64, key: [u8; 32]) -> Self {
        Self { step, key, n: 0, kept: BTreeMap::new() }
    }

    /// The key of the next message; the chain moves on, if there is one.
    fn forward<O: Observer>(&mut self, design: Design, observer: &mut O) -> [u8; 32] {
        let Self { step, n, .. } = *self;
        self.n += 1;
        if design == Design::StaticKey {
            return self.key;
        }
        let (next, message) = Plain::chain_step(&ChainKey::copy_of(&self.key));
        let place = Place::Message { step, n };
        observer.observe(Event::Derived { place, key: message.expose() });
        let place = Place::Chain { step, n: n + 1 };
        observer.observe(Event::Derived { place, key: next.expose() });
        observer.observe(Event::Erased { place: Place::Chain { step, n } });
        self.key = *next.expose();
        *message.expose()
    }

    /// Message `n` was sealed or opened.
    fn done<O: Observer>(&self, design: Design, n: u32, observer: &mut O) {
        if design == Design::StaticKey {
            observer.observe(Event::Used { place: Place::Root { step: 0 } });
            return;
        }
        let place = Place::Message { step: self.step, n };
        observer.observe(Event::Used { place });
        observer.observe(Event::Erased { place });
    }

    /// Opens a message; says also whether its key had been kept. The static design opens it as often
    /// as it comes: nothing tells the second time from the first.
    fn open<O: Observer>(
        &mut self,
        design: Design,
        message: &[u8],
        context: &[u8; 32],
        observer: &mut O,
    ) -> Result<(Vec<u8>, bool), OpenError> {
        let header = Plain::open_header(&NoHeaderKey, message).ok_or(OpenError::Unreadable)?;
        let n = header.n;
        let (key, kept) = if design == Design::StaticKey {
            (self.key, false)
        } else if n < self.n {
            (self.kept.remove(&n).ok_or(OpenError::Duplicate)?, true)
        } else {
            while self.n < n {
                let passed = self.n;
                let key = self.forward(design, observer);
                let place = Place::Message { step: self.step, n: passed };
                observer.observe(Event::Kept { place });
                self.kept.insert(passed, key);
            }
            (self.forward(design, observer), false)
        };
        let text = Plain::open(&MessageKey::copy_of(&key), message, context);
        self.done(design, n, observer);
        Ok((text.ok_or(OpenError::Unreadable)?, kept))
    }
}

/// Two root steps of the core: the first is the real one, and gives Alice's chain; the second goes on
/// from it with the same DH result, because the model has no other, and gives Bob's.
fn two_chains(root: [u8; 32], ours: &KeyPair, theirs: &PublicKey) -> Result<[Line; 2]> {
    let shared = ours.agree(theirs)?;
    let first: RootStep<HeaderEncrypted> =
        HeaderEncrypted::root_step(&RootKey::copy_of(&root), &shared);
    let second: RootStep<HeaderEncrypted> = HeaderEncrypted::root_step(&first.root, &shared);
    Ok([Line::new(1, *first.chain.expose()), Line::new(2, *second.chain.expose())])
}

fn begin(
    design: Design,
    root: &[u8; 32],
    lines: &[Line; 2],
    recorder: &mut Recorder,
    party: Party,
) {
    let mut watch = recorder.watch(party);
    let place = Place::Root { step: 0 };
    if party == Party::Bob {
        watch.observe(Event::Derived { place, key: root });
    }
    if design == Design::StaticKey {
        return;
    }
    for Line { step, key, n, .. } in lines {
        watch.observe(Event::Derived { place: Place::Chain { step: *step, n: *n }, key });
    }
    watch.observe(Event::Erased { place });
}

/// What the models share with the real thing: how root key 0 came to be.
fn is_of_the_handshake(record: &Record) -> bool {
    let root = Happening::Derived(Place::Root { step: 0 });
    let inputs = matches!(record.place(), Some(Place::Agreement(_) | Place::Ephemeral));
    inputs || record.happening == root
}
