//! Which messages of a device were accepted: each is stored once, however often it is sent.

use sprag_api::limit;

/// Words of a ring of [`limit::NUMBER_WINDOW`] bits.
const WORDS: usize = 16;

/// The numbers of accepted sends: the highest, and which of the 1024 up to it (a ring of bits, as in
/// RFC 6479).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    mark: u64,
    /// Bit `number % 1024`.
    accepted: [u64; WORDS],
}

/// What a number is to those accepted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    New,
    Accepted,
    TooOld,
}

impl Numbers {
    /// Takes what [`Numbers::to_bytes`] gave; nothing was accepted where that is empty.
    pub(crate) fn from_bytes(mark: u64, bytes: &[u8]) -> Self {
        let mut accepted = [0; WORDS];
        let (words, _) = bytes.as_chunks();
        for (to, word) in accepted.iter_mut().zip(words) {
            *to = u64::from_be_bytes(*word);
        }
        Self { mark, accepted }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.accepted.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// The highest.
    pub(crate) fn mark(&self) -> u64 {
        self.mark
    }

    pub(crate) fn standing(&self, number: u64) -> Standing {
        let (index, bit) = place(number);
        let below = self.mark.checked_sub(number);
        if below.is_some_and(|below| below >= limit::NUMBER_WINDOW) {
            Standing::TooOld
        } else if below.is_some() && self.accepted[index] & bit != 0 {
            Standing::Accepted
        } else {
            Standing::New
        }
    }

    /// Notes a new number.
    pub(crate) fn accept(&mut self, number: u64) {
        // The ring's places for what lies between were those of numbers that are too old now.
        for between in (self.mark + 1..=number).take(WORDS * 64) {
            let (index, bit) = place(between);
            self.accepted[index] &= !bit;
        }
        self.mark = self.mark.max(number);
        let (index, bit) = place(number);
        self.accepted[index] |= bit;
    }
}

/// A number's word and bit in the ring.
fn place(number: u64) -> (usize, u64) {
    ((number / 64 % WORDS as u64) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests;
