//! The story: a script of what Alice and Bob do and what is said about it, for a terminal.

use crate::error::{Error, Result};
use sprag_protocol::trace::Place;

use crate::conversation::{Conversation, Exchange, Sent};
use crate::record::{Happening, Party, Record};
use steps::{Part, Step, Walkthrough};

mod chains;
mod document;
mod headers;
mod opening;
pub mod steps;
mod stolen;
mod turning;

pub use document::json;

/// The number of the last step.
pub const LAST_STEP: u8 = 9;

/// Walks through all of it.
///
/// # Errors
/// None that a seed could cause; see [`Error`].
pub fn walk(seed: u64) -> Result<Walkthrough> {
    let mut talk = Conversation::new(seed)?;
    let keys = opening::keys(&talk)?;
    let (handshake, first) = opening::handshake(&mut talk)?;
    let steps = vec![
        keys,
        handshake,
        opening::first_message(&talk, first)?,
        chains::in_order(&mut talk)?,
        chains::out_of_order(&mut talk)?,
        chains::lost(&mut talk)?,
        turning::dh_steps(&mut talk)?,
        headers::compared(&mut talk)?,
        stolen::theft(&mut talk)?,
    ];
    Ok(Walkthrough { seed, steps })
}

impl Step {
    /// What both derived for a place, side by side.
    fn both(&mut self, talk: &Conversation, place: Place) -> Result<()> {
        let of = |party| talk.recorder.key(party, place).ok_or(Error::Contradiction);
        let (alice, bob) = (of(Party::Alice)?, of(Party::Bob)?);
        self.parts.push(Part::Both { place, alice, bob });
        Ok(())
    }

    /// A message that went through, at both ends.
    fn exchange(&mut self, talk: &Conversation, exchange: Exchange) -> Result<()> {
        let Exchange { index, sealed, opened } = exchange;
        let sent = message(talk, index)?;
        self.events(sealing(sent), sealed);
        self.events(opening_of(sent), opened);
        Ok(())
    }
}

fn message(talk: &Conversation, index: usize) -> Result<&Sent> {
    talk.sent.get(index).ok_or(Error::Contradiction)
}

/// "Alice seals A1: Hello".
fn sealing(sent: &Sent) -> String {
    format!("{} seals {}: \"{}\"", sent.from, sent.label, sent.text)
}

fn opening_of(sent: &Sent) -> String {
    format!("{} opens {}", sent.from.other(), sent.label)
}

/// Only what is about these places; a walkthrough need not say everything twice.
fn only(records: &[Record], shows: impl Fn(&Happening) -> bool) -> Vec<Record> {
    records.iter().filter(|record| shows(&record.happening)).copied().collect()
}

/// What step 2 tells of: how the handshake's keys came to be, and that what they came from is gone.
fn is_handshake(happening: &Happening) -> bool {
    match happening {
        Happening::Derived(place)
        | Happening::Used(place)
        | Happening::Kept(place)
        | Happening::Erased(place) => match place {
            Place::Agreement(_)
            | Place::Ephemeral
            | Place::OneTimePreKey { .. }
            | Place::OneTimeKemPreKey { .. } => true,
            Place::Root { step } => *step == 0 && matches!(happening, Happening::Derived(_)),
            Place::Header { step } => *step <= 2 && matches!(happening, Happening::Derived(_)),
            Place::RatchetKey
            | Place::SharedSecret { .. }
            | Place::Chain { .. }
            | Place::Message { .. } => false,
        },
        Happening::DhStep { .. } => false,
    }
}

#[cfg(test)]
mod tests;
