//! State at rest: `version (1) || kind (1) || body || checksum (8)`.
//!
//! Every version loads what the versions before it wrote (M-STA-1). The checksum finds accidents, not
//! attackers: whoever stores a state seals it.

use crate::codec::{Damaged, Reader, Writer};
use crate::device::LocalDevice;
use crate::device_list::PinnedAccount;
use crate::kdf::sha256;
use crate::keys::AccountKeyPair;
use crate::ratchet::{HeaderEncrypted, Plain, Ratchet};
use crate::secret::SecretBytes;
use crate::sessions::Sessions;

/// The version that this code writes.
pub const STATE_VERSION: u8 = 1;

/// Bytes of the checksum: the beginning of SHA-256 over everything before it.
const CHECKSUM_LEN: usize = 8;

/// Why bytes are no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// A newer version wrote them: update before you open them.
    #[error("written by a newer version ({0}); this one reads up to {STATE_VERSION}")]
    UnknownVersion(u8),
    /// They are the state of something else.
    #[error("the state of something else")]
    WrongKind,
    /// They are cut off, altered, or never were a state.
    #[error("the state is damaged")]
    Damaged,
}

impl From<Damaged> for StateError {
    fn from(Damaged: Damaged) -> Self {
        Self::Damaged
    }
}

fn seal(kind: u8, len: usize, write: impl FnOnce(&mut Writer)) -> SecretBytes {
    let mut writer = Writer::with_capacity(len.saturating_add(2 + CHECKSUM_LEN));
    writer.u8(STATE_VERSION);
    writer.u8(kind);
    write(&mut writer);
    let checksum = checksum(writer.as_slice());
    writer.put(&checksum);
    writer.into_secret()
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut checksum = [0; CHECKSUM_LEN];
    checksum.iter_mut().zip(sha256(&[bytes])).for_each(|(to, from)| *to = from);
    checksum
}

fn open<T>(
    kind: u8,
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, Damaged>,
) -> Result<T, StateError> {
    let mut reader = Reader::new(bytes);
    let version = reader.u8()?;
    if version > STATE_VERSION {
        return Err(StateError::UnknownVersion(version));
    }
    let (content, sum) = bytes.split_last_chunk().ok_or(Damaged)?;
    if checksum(content) != *sum {
        return Err(StateError::Damaged);
    }
    let mut reader = Reader::new(content);
    if reader.u8()? != STATE_VERSION {
        return Err(StateError::Damaged);
    }
    if reader.u8()? != kind {
        return Err(StateError::WrongKind);
    }
    let state = read(&mut reader)?;
    reader.end()?;
    Ok(state)
}

macro_rules! state {
    ($($type:ty, $kind:literal;)*) => {$(
        impl $type {
            /// The bytes to keep; secret.
            #[must_use]
            pub fn to_bytes(&self) -> SecretBytes {
                seal($kind, self.written_len(), |writer| self.write(writer))
            }

            /// Takes the bytes of `to_bytes`, of this or an earlier version.
            ///
            /// # Errors
            /// Every [`StateError`].
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
                open($kind, bytes, Self::read)
            }
        }
    )*};
}

state! {
    LocalDevice, 0x01;
    Sessions, 0x02;
    PinnedAccount, 0x03;
    AccountKeyPair, 0x04;
    Ratchet<HeaderEncrypted>, 0x05;
    Ratchet<Plain>, 0x06;
}

#[cfg(test)]
mod tests;
