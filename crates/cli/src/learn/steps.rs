//! What a walkthrough is made of: steps, and parts to be shown in any form.

use serde::Serialize;
use sprag_protocol::trace::Place;

use super::recorder::{Hex, Party, Record};
use super::theft::Theft;

/// The whole walkthrough.
pub(crate) struct Walkthrough {
    pub(crate) seed: u64,
    pub(crate) steps: Vec<Step>,
}

/// One step.
pub(crate) struct Step {
    pub(crate) number: u8,
    pub(crate) title: &'static str,
    pub(crate) parts: Vec<Part>,
}

impl Step {
    pub(crate) fn new(number: u8, title: &'static str) -> Self {
        Self { number, title, parts: Vec::new() }
    }

    pub(crate) fn text(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Text(text.into()));
    }

    pub(crate) fn value(&mut self, party: Party, name: &'static str, bytes: &[u8]) {
        self.parts.push(Part::Value { party, name, bytes: Hex::of(bytes) });
    }

    pub(crate) fn events(&mut self, title: impl Into<String>, records: Vec<Record>) {
        self.parts.push(Part::Events { title: title.into(), records });
    }

    pub(crate) fn check(&mut self, what: impl Into<String>, holds: bool) {
        self.parts.push(Part::Check { what: what.into(), holds });
    }
}

/// Something to show.
pub(crate) enum Part {
    Text(String),
    /// Public bytes with a name.
    Value {
        party: Party,
        name: &'static str,
        bytes: Hex,
    },
    /// What the trace reported while something was done.
    Events {
        title: String,
        records: Vec<Record>,
    },
    /// What both sides derived for one place.
    Both {
        place: Place,
        alice: [u8; 32],
        bob: [u8; 32],
    },
    /// A message as everybody on the way sees it.
    Wire(Wire),
    /// Something that was tried.
    Check {
        what: String,
        holds: bool,
    },
    Seen(Seen),
    Cost(Cost),
    Theft(Theft),
}

/// Bytes on the wire and what can be told of them.
pub(crate) struct Wire {
    pub(crate) message: String,
    pub(crate) from: Party,
    pub(crate) bytes: Hex,
    pub(crate) fields: Vec<Field>,
}

/// A run of bytes of a message.
#[derive(Serialize)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) length: usize,
}

/// The modes of the ratchet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    Plain,
    HeaderEncrypted,
}

/// What an eavesdropper reads of a message's header.
#[derive(Serialize)]
pub(crate) struct Seen {
    pub(crate) message: String,
    pub(crate) mode: Mode,
    pub(crate) ratchet_key: Option<Hex>,
    pub(crate) previous: Option<u32>,
    pub(crate) n: Option<u32>,
}

/// What a forged message made its receiver do.
#[derive(Serialize)]
pub(crate) struct Cost {
    pub(crate) mode: Mode,
    /// The core's answer.
    pub(crate) outcome: String,
    pub(crate) dh: usize,
    pub(crate) chain_steps: usize,
    pub(crate) header_trials: usize,
    /// Whether the receiver's state is bit for bit what it was.
    pub(crate) unchanged: bool,
}
