//! Safety numbers: what two people compare to know that nobody sits between them.
//!
//! Signal's numeric fingerprint: 5,200 iterations of SHA-512 over version, account key and account
//! name; 30 digits for each side, the lower first, so both sides see the same 60.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

use crate::address::AccountName;
use crate::codec::Reader;
use crate::keys::AccountKey;

/// The version of the fingerprint, hashed in and shown in the QR payload.
const VERSION: u16 = 1;
const ITERATIONS: usize = 5200;
/// Bytes of the hash that make the 30 digits of one side: 5 for every 5 digits.
const DIGITS_FROM: usize = 30;

/// Bytes of a QR payload: version, the shower's fingerprint, the scanner's.
pub const QR_LEN: usize = 2 + 32 + 32;

/// One side's hash, cut to 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(account: &AccountName, key: &AccountKey) -> Self {
        let key = key.as_bytes();
        let start = [&VERSION.to_be_bytes(), key.as_slice(), account.as_str().as_bytes()].concat();
        let first = Sha512::new().chain_update(start).chain_update(key).finalize();
        let hash = (1..ITERATIONS)
            .fold(first, |hash, _| Sha512::new().chain_update(hash).chain_update(key).finalize());
        let mut cut = [0; 32];
        cut.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self(cut)
    }

    /// Six groups of five digits.
    fn groups(&self) -> impl Iterator<Item = u32> {
        let (digits, _) = self.0.split_at(DIGITS_FROM);
        let (chunks, _) = digits.as_chunks::<5>();
        chunks.iter().map(|&[a, b, c, d, e]| {
            let number = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]).rem_euclid(100_000);
            u32::try_from(number).unwrap_or(0)
        })
    }
}

/// The safety number of two accounts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SafetyNumber {
    ours: Fingerprint,
    theirs: Fingerprint,
}

/// What came of scanning the other side's QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Both sides see the same two keys.
    Match,
    /// They see another key of ours than we have.
    OursDiffers,
    /// We see another key of theirs than they have.
    TheirsDiffers,
    /// Neither key is what the other side sees: most likely the code of another conversation.
    BothDiffer,
}

/// The bytes are no QR payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// Made by another version.
    #[error("the code is of another version of Sprag")]
    OtherVersion,
    /// Not a safety number at all.
    #[error("the code is not a safety number")]
    Malformed,
}

impl SafetyNumber {
    /// Computes the number: about 10,400 hashes.
    #[must_use]
    pub fn new(ours: (&AccountName, &AccountKey), theirs: (&AccountName, &AccountKey)) -> Self {
        Self { ours: Fingerprint::of(ours.0, ours.1), theirs: Fingerprint::of(theirs.0, theirs.1) }
    }

    /// Twelve groups of five digits, the lower side first (M-FPR-1).
    #[must_use]
    pub fn groups(&self) -> [u32; 12] {
        let [lower, higher] = if self.ours <= self.theirs {
            [self.ours, self.theirs]
        } else {
            [self.theirs, self.ours]
        };
        let mut groups = [0; 12];
        groups
            .iter_mut()
            .zip(lower.groups().chain(higher.groups()))
            .for_each(|(to, from)| *to = from);
        groups
    }

    /// What to put into our QR code: `version (2) || our fingerprint (32) || theirs (32)`.
    #[must_use]
    pub fn qr(&self) -> [u8; QR_LEN] {
        let version = VERSION.to_be_bytes();
        let bytes = version.iter().chain(&self.ours.0).chain(&self.theirs.0);
        let mut qr = [0; QR_LEN];
        qr.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        qr
    }

    /// Compares with what the other side's QR code says (M-FPR-2).
    ///
    /// # Errors
    /// Every [`QrError`].
    pub fn compare(&self, scanned: &[u8]) -> Result<Comparison, QrError> {
        let mut reader = Reader::new(scanned);
        let version = reader.u16().map_err(|_| QrError::Malformed)?;
        if version != VERSION {
            return Err(QrError::OtherVersion);
        }
        let theirs: &[u8; 32] = reader.array().map_err(|_| QrError::Malformed)?;
        let ours: &[u8; 32] = reader.array().map_err(|_| QrError::Malformed)?;
        reader.end().map_err(|_| QrError::Malformed)?;
        let same = (self.ours.0.ct_eq(ours).into(), self.theirs.0.ct_eq(theirs).into());
        Ok(match same {
            (true, true) => Comparison::Match,
            (false, true) => Comparison::OursDiffers,
            (true, false) => Comparison::TheirsDiffers,
            (false, false) => Comparison::BothDiffer,
        })
    }
}

/// Twelve groups of five digits with a space between them.
impl fmt::Display for SafetyNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<String> =
            self.groups().iter().map(|group| alloc::format!("{group:05}")).collect();
        formatter.write_str(&groups.join(" "))
    }
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SafetyNumber({self})")
    }
}

#[cfg(test)]
mod tests;
