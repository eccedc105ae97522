//! What the trace reported, as it stands in JSON.

use serde::Serialize;
use sprag_protocol::trace::{Agreement, Place};

use crate::record::{Happening, Hex, Party, Record};

/// An event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum EventView {
    /// Something happened to a key.
    Key {
        /// derived, used, kept or erased.
        kind: &'static str,
        /// Which key.
        place: PlaceView,
        /// Whose.
        party: Party,
        /// Its bytes; none for a prekey, of which only the end is told.
        hex: Option<Hex>,
    },
    /// The DH ratchet turned.
    DhStep {
        /// dh-step.
        kind: &'static str,
        /// The root key that it leads to.
        place: PlaceView,
        /// Who turned it.
        party: Party,
        /// The public ratchet keys.
        ours: Hex,
        /// The other one's.
        theirs: Hex,
    },
}

/// Which key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlaceView {
    /// What kind of key.
    pub key: &'static str,
    /// Which input of the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<&'static str>,
    /// The number of a prekey.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// The root step, or the one that began the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// The message's number in its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
}

impl From<&Record> for EventView {
    fn from(record: &Record) -> Self {
        let Record { party, happening, key } = *record;
        let hex = key.as_ref().map(|key| Hex::of(key));
        let (kind, place) = match happening {
            Happening::Derived(place) => ("derived", place),
            Happening::Used(place) => ("used", place),
            Happening::Kept(place) => ("kept", place),
            Happening::Erased(place) => ("erased", place),
            Happening::DhStep { step, ours, theirs } => {
                let place = Place::Root { step }.into();
                let (ours, theirs) = (Hex::of(ours.as_bytes()), Hex::of(theirs.as_bytes()));
                return Self::DhStep { kind: "dh-step", place, party, ours, theirs };
            }
        };
        Self::Key { kind, place: place.into(), party, hex }
    }
}

impl From<Place> for PlaceView {
    fn from(place: Place) -> Self {
        let at = |key, step| Self { key, step: Some(step), ..Self::default() };
        let numbered = |key, id| Self { key, id: Some(id), ..Self::default() };
        match place {
            Place::Agreement(input) => {
                let input = match input {
                    Agreement::Dh1 => "dh1",
                    Agreement::Dh2 => "dh2",
                    Agreement::Dh3 => "dh3",
                    Agreement::Dh4 => "dh4",
                    Agreement::Kem => "kem",
                };
                Self { key: "agreement", input: Some(input), ..Self::default() }
            }
            Place::Ephemeral => Self { key: "ephemeral", ..Self::default() },
            Place::OneTimePreKey { id } => numbered("one-time-prekey", id),
            Place::OneTimeKemPreKey { id } => numbered("one-time-kem-prekey", id),
            Place::RatchetKey => Self { key: "ratchet-key", ..Self::default() },
            Place::SharedSecret { step } => at("shared-secret", step),
            Place::Root { step } => at("root", step),
            Place::Header { step } => at("header", step),
            Place::Chain { step, n } => Self { n: Some(n), ..at("chain", step) },
            Place::Message { step, n } => Self { n: Some(n), ..at("message", step) },
        }
    }
}
