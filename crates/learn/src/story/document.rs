//! The walkthrough as one JSON document; `sprag learn --help` documents its shape.

use serde::Serialize;

use super::steps::{Cost, Field, Part, Seen, Step, Walkthrough};
use crate::record::{Hex, Party};
use crate::theft::Theft;
use crate::view::{EventView, PlaceView};

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

/// The document, and a line break.
#[must_use]
pub fn json(walkthrough: &Walkthrough) -> Vec<u8> {
    let document = Document {
        format: "sprag-learn",
        version: VERSION,
        seed: walkthrough.seed.to_string(),
        steps: walkthrough.steps.iter().map(StepView::from).collect(),
    };
    crate::document::lines(&document)
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
