//! Keeps what the core's trace reports.

use std::collections::HashMap;
use std::fmt;

use serde::{Serialize, Serializer};
use sprag_protocol::PublicKey;
use sprag_protocol::trace::{Agreement, Event, Observer, Place};

/// Whose keys they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// Starts the session.
    Alice,
    /// Has left a bundle in the directory.
    Bob,
}

impl Party {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::Alice, Self::Bob];

    /// The one that it is not.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Alice => Self::Bob,
            Self::Bob => Self::Alice,
        }
    }

    /// A or B.
    #[must_use]
    pub fn initial(self) -> char {
        match self {
            Self::Alice => 'A',
            Self::Bob => 'B',
        }
    }

    /// Of two things, the one that is this party's.
    pub(crate) fn of<T>(self, [alice, bob]: [T; 2]) -> T {
        match self {
            Self::Alice => alice,
            Self::Bob => bob,
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.of(["Alice", "Bob"]))
    }
}

/// What the trace reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A key came to be.
    Derived(Place),
    /// It sealed, opened, or led to others.
    Used(Place),
    /// A message key was put aside for a message that is still on its way.
    Kept(Place),
    /// A key was wiped.
    Erased(Place),
    /// Our ratchet key and theirs led to this root step.
    DhStep {
        /// The root step.
        step: u64,
        /// Our ratchet key.
        ours: PublicKey,
        /// Theirs.
        theirs: PublicKey,
    },
}

/// One report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose key it is.
    pub party: Party,
    /// What happened to it.
    pub happening: Happening,
    /// The key's bytes, as they were reported when it was derived.
    pub key: Option<[u8; 32]>,
}

impl Record {
    /// Which key; a DH step is about two.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.happening.place()
    }

    pub(crate) fn is_derived_message(&self) -> bool {
        matches!(self.happening, Happening::Derived(Place::Message { .. }))
    }

    pub(crate) fn is_derived(&self) -> bool {
        matches!(self.happening, Happening::Derived(_))
    }

    pub(crate) fn is_kept(&self) -> bool {
        matches!(self.happening, Happening::Kept(_))
    }

    pub(crate) fn is_agreement(&self) -> bool {
        matches!(self.happening, Happening::Derived(Place::Agreement(_)))
    }

    pub(crate) fn is_dh_step(&self) -> bool {
        matches!(self.happening, Happening::DhStep { .. })
    }
}

impl Happening {
    /// Which key; a DH step is about two.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match *self {
            Self::Derived(place) | Self::Used(place) | Self::Kept(place) | Self::Erased(place) => {
                Some(place)
            }
            Self::DhStep { .. } => None,
        }
    }
}

/// Everything that was reported since the last look, and every key that was ever reported.
#[derive(Default)]
pub(crate) struct Recorder {
    records: Vec<Record>,
    keys: HashMap<(Party, Place), [u8; 32]>,
}

impl Recorder {
    /// An observer for an operation of `party`.
    pub(crate) fn watch(&mut self, party: Party) -> Watch<'_> {
        Watch { party, recorder: self }
    }

    /// What was reported since the last time.
    pub(crate) fn take(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// A key that was derived at some time.
    pub(crate) fn key(&self, party: Party, place: Place) -> Option<[u8; 32]> {
        self.keys.get(&(party, place)).copied()
    }
}

/// Watches one party.
pub(crate) struct Watch<'a> {
    party: Party,
    recorder: &'a mut Recorder,
}

impl Observer for Watch<'_> {
    fn observe(&mut self, event: Event<'_>) {
        let party = self.party;
        let happening = match event {
            Event::Derived { place, key } => {
                self.recorder.keys.insert((party, place), *key);
                Happening::Derived(place)
            }
            Event::Used { place } => Happening::Used(place),
            Event::Kept { place } => Happening::Kept(place),
            Event::Erased { place } => Happening::Erased(place),
            Event::DhStep { step, ours, theirs } => Happening::DhStep { step, ours, theirs },
        };
        let mut record = Record { party, happening, key: None };
        record.key = record.place().and_then(|place| self.recorder.key(party, place));
        self.recorder.records.push(record);
    }
}

/// A place, in words.
#[must_use]
pub fn name(place: Place) -> String {
    match place {
        Place::Agreement(Agreement::Kem) => "KEM secret".into(),
        Place::Agreement(Agreement::Dh1) => "DH1".into(),
        Place::Agreement(Agreement::Dh2) => "DH2".into(),
        Place::Agreement(Agreement::Dh3) => "DH3".into(),
        Place::Agreement(Agreement::Dh4) => "DH4".into(),
        Place::Ephemeral => "private EK".into(),
        Place::OneTimePreKey { id } => format!("private OPK {id}"),
        Place::OneTimeKemPreKey { id } => format!("private KEM key {id}"),
        Place::RatchetKey => "private ratchet key".into(),
        Place::SharedSecret { step } => format!("DH result {step}"),
        Place::Root { step } => format!("root key {step}"),
        Place::Header { step } => format!("header key {step}"),
        Place::Chain { step, n } => format!("chain key {step}/{n}"),
        Place::Message { step, n } => format!("message key {step}/{n}"),
    }
}

/// Bytes that are written as hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

impl Hex {
    /// A copy of them.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
