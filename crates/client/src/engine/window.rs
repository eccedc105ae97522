//! Which numbers of a sending device were processed: the highest one, and which of the 1,024 up to it,
//! as the relay remembers them too (docs/API.md, "Numbers").

/// How many numbers are told apart.
const WIDTH: u64 = 1024;
const WORDS: usize = 16;

/// The processed numbers of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    highest: u64,
    /// Bit `n % 1024` for number `n`.
    bits: [u64; WORDS],
}

impl Window {
    /// Whether this number was processed, as far as that is remembered. Numbers are the relay's word, so
    /// one far below the highest is left to the ratchet: a false high one must not silence a device.
    pub(super) fn contains(&self, number: u64) -> bool {
        let remembered = number <= self.highest && self.highest - number < WIDTH;
        remembered && self.word(number) & bit(number) != 0
    }

    /// Takes note of a number.
    pub(super) fn insert(&mut self, number: u64) {
        if number > self.highest {
            let passed = (number - self.highest).min(WIDTH);
            for skipped in (number - passed + 1)..=number {
                self.set(skipped, false);
            }
            self.highest = number;
        }
        if self.highest - number < WIDTH {
            self.set(number, true);
        }
    }

    fn word(&self, number: u64) -> u64 {
        self.bits.get(index(number)).copied().unwrap_or_default()
    }

    fn set(&mut self, number: u64, to: bool) {
        if let Some(word) = self.bits.get_mut(index(number)) {
            if to { *word |= bit(number) } else { *word &= !bit(number) }
        }
    }

    /// The highest number, and the bits as bytes.
    pub(super) fn parts(&self) -> (u64, Vec<u8>) {
        (self.highest, self.bits.iter().flat_map(|word| word.to_be_bytes()).collect())
    }

    /// What [`parts`](Self::parts) gave.
    pub(super) fn of(highest: u64, bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks() else { return None };
        let words: Vec<u64> = words.iter().map(|word| u64::from_be_bytes(*word)).collect();
        Some(Self { highest, bits: words.try_into().ok()? })
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number % WIDTH / 64).unwrap_or_default()
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests;
