//! Whether a key was used twice, as far as a relay can see it: which is far, for headers are sealed
//! deterministically (PROTOCOL.md, section 6). The same number of the same chain shows as the same 56 bytes, and
//! with them comes the same message key.

use std::collections::BTreeMap;

use bytes::Bytes;
use sprag_api::frame::Send;
use sprag_protocol::FIRST_MESSAGE_PREFIX_LEN;

const HEADER_LEN: usize = 56;

/// Where a ciphertext was: for whom, and under which number. Where everybody has one device and writes to one other
/// person only, that tells the sender too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    to: String,
    device: u32,
    number: u64,
}

/// Every ciphertext that was seen.
#[derive(Default)]
pub(super) struct Keys {
    by_spot: BTreeMap<Spot, Bytes>,
    by_header: BTreeMap<[u8; HEADER_LEN], (Spot, Bytes)>,
    /// How many were seen, with those that came again.
    pub(super) seen: usize,
    pub(super) faults: Vec<Fault>,
}

/// What must not be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Another ciphertext under a number that had one.
    Changed(Spot),
    /// A header, and so a message key, with two texts.
    KeyTwice(Spot, Spot),
    /// One ciphertext under two numbers.
    SentTwice(Spot, Spot),
    /// This is no message of the protocol.
    NoMessage(Spot),
}

impl Keys {
    /// Takes note of what a relay was given to store.
    pub(super) fn note(&mut self, send: &Send) {
        for part in &send.parts {
            let spot = Spot { to: send.to.clone(), device: part.device, number: send.number };
            self.note_one(spot, &part.ciphertext);
        }
    }

    fn note_one(&mut self, spot: Spot, ciphertext: &Bytes) {
        self.seen += 1;
        let known = self.by_spot.entry(spot.clone()).or_insert_with(|| ciphertext.clone());
        if known != ciphertext {
            self.faults.push(Fault::Changed(spot.clone()));
        }
        let Some(header) = header(ciphertext) else {
            return self.faults.push(Fault::NoMessage(spot));
        };
        let first = || (spot.clone(), ciphertext.clone());
        let (there, known) = self.by_header.entry(header).or_insert_with(first);
        if known != ciphertext {
            self.faults.push(Fault::KeyTwice(there.clone(), spot));
        } else if *there != spot {
            self.faults.push(Fault::SentTwice(there.clone(), spot));
        }
    }

    /// How many different ones were seen.
    pub(super) fn distinct(&self) -> usize {
        self.by_header.len()
    }

    /// How many of those were first messages of a session.
    pub(super) fn first_messages(&self) -> usize {
        self.by_header.values().filter(|(_, ciphertext)| ciphertext.starts_with(&[1, 1])).count()
    }
}

/// The encrypted header of a message, or of the one in a first message.
fn header(ciphertext: &[u8]) -> Option<[u8; HEADER_LEN]> {
    let message = match ciphertext {
        [1, 1, ..] => ciphertext.get(FIRST_MESSAGE_PREFIX_LEN..)?,
        _ => ciphertext,
    };
    let [1, 2, rest @ ..] = message else { return None };
    rest.first_chunk().copied()
}

#[cfg(test)]
#[path = "keys/tests.rs"]
mod tests;
