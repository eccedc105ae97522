//! What a relay can see of ciphertexts: whether a key was used twice.
//!
//! Headers are sealed deterministically, so the same number of the same chain shows as the same 56
//! bytes. Two ciphertexts of one pair of devices with the same header and another text mean that a
//! message key was used twice; the same ciphertext under two numbers, that a message was sent twice.

use std::collections::BTreeMap;

use bytes::Bytes;
use sprag_protocol::FIRST_MESSAGE_PREFIX_LEN;

/// A sending device, by its identity key, and a receiving one.
pub(crate) type Pair = ([u8; 32], (String, u32, [u8; 32]));

const HEADER_LEN: usize = 56;

/// Every ciphertext that was seen, by its header.
#[derive(Clone, Default)]
pub(crate) struct Ciphers {
    seen: BTreeMap<(Pair, Vec<u8>), (u64, Bytes)>,
    pub(crate) reused: Vec<Reuse>,
    /// Looks only at what was accepted. A state that was rolled back cannot know of what the relay has
    /// seen and refused: the mark does not tell.
    pub(crate) only_accepted: bool,
}

/// A header that came twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// With two texts, at these numbers.
    Key(u64, u64),
    /// With one text, at these numbers.
    Number(u64, u64),
}

impl Ciphers {
    /// Takes note of a ciphertext that has left a device.
    pub(crate) fn note(&mut self, pair: Pair, number: u64, ciphertext: &Bytes) {
        let header = header(ciphertext).expect("an engine sends messages");
        let seen = self.seen.entry((pair, header)).or_insert_with(|| (number, ciphertext.clone()));
        if seen.1 != *ciphertext {
            self.reused.push(Reuse::Key(seen.0, number));
        } else if seen.0 != number {
            self.reused.push(Reuse::Number(seen.0, number));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }
}

/// The encrypted header of a message, or of the one in a first message (PROTOCOL.md, section 7).
fn header(ciphertext: &[u8]) -> Option<Vec<u8>> {
    let message = match ciphertext {
        [1, 1, ..] => ciphertext.get(FIRST_MESSAGE_PREFIX_LEN..)?,
        [1, 2, ..] => ciphertext,
        _ => return None,
    };
    Some(message.get(2..2 + HEADER_LEN)?.to_vec())
}
