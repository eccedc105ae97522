//! What the story is made of: steps, and parts to be shown in any form.

use serde::Serialize;
use sprag_protocol::trace::Place;

use crate::record::{Hex, Party, Record};
use crate::theft::Theft;

/// All of it.
pub struct Walkthrough {
    /// Where every byte comes from.
    pub seed: u64,
    /// In order.
    pub steps: Vec<Step>,
}

/// One step.
pub struct Step {
    /// From 1.
    pub number: u8,
    /// Its name.
    pub title: &'static str,
    /// What there is to show, in order.
    pub parts: Vec<Part>,
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
pub enum Part {
    /// An explanation.
    Text(String),
    /// Public bytes with a name.
    Value {
        /// Whose they are.
        party: Party,
        /// What they are.
        name: &'static str,
        /// The bytes.
        bytes: Hex,
    },
    /// What the trace reported while something was done.
    Events {
        /// What was done.
        title: String,
        /// What was reported.
        records: Vec<Record>,
    },
    /// What both sides derived for one place.
    Both {
        /// Which key.
        place: Place,
        /// Alice's.
        alice: [u8; 32],
        /// Bob's.
        bob: [u8; 32],
    },
    /// A message as everybody on the way sees it.
    Wire(Wire),
    /// Something that was tried.
    Check {
        /// What.
        what: String,
        /// Whether it is so.
        holds: bool,
    },
    /// What an eavesdropper reads of a header.
    Seen(Seen),
    /// What a forged message costs.
    Cost(Cost),
    /// What a thief reads.
    Theft(Theft),
}

/// Bytes on the wire and what can be told of them.
pub struct Wire {
    /// The message's name.
    pub message: String,
    /// Who sent it.
    pub from: Party,
    /// All of it.
    pub bytes: Hex,
    /// Runs of these bytes, in order.
    pub fields: Vec<Field>,
}

/// A run of bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// What it is.
    pub name: &'static str,
    /// What one can tell of it.
    pub meaning: String,
    /// How many bytes.
    pub length: usize,
}

/// The modes of the ratchet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// With visible headers.
    Plain,
    /// With sealed headers, as sessions have it.
    HeaderEncrypted,
}

/// What an eavesdropper reads of a message's header.
#[derive(Serialize)]
pub struct Seen {
    /// The message's name.
    pub message: String,
    /// The mode that it was sent in.
    pub mode: Mode,
    /// The sender's public ratchet key.
    pub ratchet_key: Option<Hex>,
    /// PN.
    pub previous: Option<u32>,
    /// N.
    pub n: Option<u32>,
}

/// What a forged message made its receiver do.
#[derive(Serialize)]
pub struct Cost {
    /// The receiver's mode.
    pub mode: Mode,
    /// The core's answer.
    pub outcome: String,
    /// How often it turned the DH ratchet.
    pub dh: usize,
    /// How many message keys it derived.
    pub chain_steps: usize,
    /// How many header keys it tried.
    pub header_trials: usize,
    /// Whether the receiver's state is bit for bit what it was.
    pub unchanged: bool,
}
