//! The walkthrough as one JSON document; `sprag learn --help` documents its shape.

use std::io::{self, Write};

use serde::Serialize;
use sprag_protocol::trace::{Agreement, Place};

use super::recorder::{Happening, Hex, Party, Record};
use super::steps::{Cost, Field, Part, Seen, Step, Walkthrough};
use super::theft::Theft;

/// Raised when a field changes its meaning or goes away.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    seed: String,
    steps: Vec<StepView<'a>>,
}

#[derive(Serialize)]
struct StepView<'a> {
    number: u8,
    title: &'static str,
    parts: Vec<PartView<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum PartView<'a> {
    Text { text: &'a str },
    Value { party: Party, name: &'a str, hex: &'a Hex },
    Events { title: &'a str, events: Vec<EventView> },
    Both { place: PlaceView, alice: Hex, bob: Hex, equal: bool },
    Wire { message: &'a str, from: Party, hex: &'a Hex, fields: &'a [Field] },
    Check { what: &'a str, holds: bool },
    Seen(&'a Seen),
    Cost(&'a Cost),
    Theft(&'a Theft),
}

#[derive(Serialize)]
#[serde(untagged)]
enum EventView {
    Key { kind: &'static str, place: PlaceView, party: Party, hex: Option<Hex> },
    DhStep { kind: &'static str, place: PlaceView, party: Party, ours: Hex, theirs: Hex },
}

#[derive(Default, Serialize)]
struct PlaceView {
    key: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u32>,
}

/// Writes the document and a line break.
pub(super) fn write(walkthrough: &Walkthrough, to: &mut impl Write) -> io::Result<()> {
    let document = Document {
        format: "sprag-learn",
        version: VERSION,
        seed: walkthrough.seed.to_string(),
        steps: walkthrough.steps.iter().map(StepView::from).collect(),
    };
    // Written at once: a terminal's stream looks at every piece that it is given.
    let mut json = serde_json::to_vec_pretty(&document)?;
    json.push(b'\n');
    to.write_all(&json)
}

impl<'a> From<&'a Step> for StepView<'a> {
    fn from(step: &'a Step) -> Self {
        let Step { number, title, parts } = step;
        Self { number: *number, title, parts: parts.iter().map(PartView::from).collect() }
    }
}

impl<'a> From<&'a Part> for PartView<'a> {
    fn from(part: &'a Part) -> Self {
        match part {
            Part::Text(text) => Self::Text { text },
            Part::Value { party, name, bytes } => Self::Value { party: *party, name, hex: bytes },
            Part::Events { title, records } => {
                Self::Events { title, events: records.iter().map(EventView::from).collect() }
            }
            Part::Both { place, alice, bob } => Self::Both {
                place: (*place).into(),
                alice: Hex::of(alice),
                bob: Hex::of(bob),
                equal: alice == bob,
            },
            Part::Wire(wire) => Self::Wire {
                message: &wire.message,
                from: wire.from,
                hex: &wire.bytes,
                fields: &wire.fields,
            },
            Part::Check { what, holds } => Self::Check { what, holds: *holds },
            Part::Seen(seen) => Self::Seen(seen),
            Part::Cost(cost) => Self::Cost(cost),
            Part::Theft(theft) => Self::Theft(theft),
        }
    }
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
