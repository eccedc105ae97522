//! Keeps what the core's trace reports.

use std::collections::HashMap;
use std::fmt;

use serde::{Serialize, Serializer};
use sprag_protocol::PublicKey;
use sprag_protocol::trace::{Agreement, Event, Observer, Place};

/// Whose keys they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Party {
    Alice,
    Bob,
}

impl Party {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Alice => Self::Bob,
            Self::Bob => Self::Alice,
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Alice => "Alice",
            Self::Bob => "Bob",
        })
    }
}

/// What the trace reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Derived(Place),
    Used(Place),
    Kept(Place),
    Erased(Place),
    DhStep { step: u64, ours: PublicKey, theirs: PublicKey },
}

/// One report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) party: Party,
    pub(crate) happening: Happening,
    /// The key's bytes, as they were reported when it was derived.
    pub(crate) key: Option<[u8; 32]>,
}

impl Record {
    /// Which key; a DH step is about two.
    pub(crate) fn place(&self) -> Option<Place> {
        match self.happening {
            Happening::Derived(place)
            | Happening::Used(place)
            | Happening::Kept(place)
            | Happening::Erased(place) => Some(place),
            Happening::DhStep { .. } => None,
        }
    }

    pub(crate) fn is_derived_message(&self) -> bool {
        matches!(self.happening, Happening::Derived(Place::Message { .. }))
    }

    pub(crate) fn is_agreement(&self) -> bool {
        matches!(self.happening, Happening::Derived(Place::Agreement(_)))
    }

    pub(crate) fn is_dh_step(&self) -> bool {
        matches!(self.happening, Happening::DhStep { .. })
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
pub(crate) fn name(place: Place) -> String {
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
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl Hex {
    pub(crate) fn of(bytes: &[u8]) -> Self {
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
