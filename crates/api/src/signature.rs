//! Public keys and the checking of signatures (`docs/PROTOCOL.md`, section 2).

use ed25519_dalek::VerifyingKey;

use crate::layout::{Damaged, Reader};

/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

/// What a signature is for; each has a label of its own (M-KEY-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The account key vouches for the account's devices.
    DeviceList,
    /// A device vouches for its signed prekey.
    SignedPreKey,
    /// A device vouches for a KEM prekey.
    KemPreKey,
    /// A device asks a relay for a bearer token.
    Login,
}

impl Purpose {
    /// The label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::DeviceList => "Sprag v1 device list",
            Self::SignedPreKey => "Sprag v1 signed prekey",
            Self::KemPreKey => "Sprag v1 kem prekey",
            Self::Login => "Sprag v1 login",
        }
    }
}

/// An account key or an identity key: a canonical Ed25519 public key, not of low order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyKey(VerifyingKey);

/// These 32 bytes are no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical Ed25519 public key, or one of low order")]
pub struct InvalidKey;

/// The signature is not by this key over these bytes for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

impl VerifyKey {
    /// Takes 32 bytes (M-KEY-3).
    ///
    /// # Errors
    /// [`InvalidKey`] where they are no canonical encoding of a point, or the point is of low order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| InvalidKey)?;
        if canonical(bytes) && !key.is_weak() { Ok(Self(key)) } else { Err(InvalidKey) }
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Checks a signature over `label || 0x00 || body` (RFC 8032, section 5.1.7, strict; M-KEY-4).
    ///
    /// # Errors
    /// [`BadSignature`] where it does not verify.
    pub fn verify(
        &self,
        purpose: Purpose,
        body: &[u8],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), BadSignature> {
        let message = [purpose.label().as_bytes(), &[0], body].concat();
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(&message, &signature).map_err(|_| BadSignature)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Self::from_bytes(&reader.array()?).map_err(|InvalidKey| Damaged)
    }
}

/// Whether the number, which is little-endian, is below 2^255 - 19: what an X25519 public key must be
/// (M-KEY-1).
pub(crate) fn below_p(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    *last < 0x7F || *last == 0x7F && (middle.iter().any(|byte| *byte != 0xFF) || *first < 0xED)
}

/// Whether the y coordinate, which is all but the highest bit, is below 2^255 - 19. That leaves one
/// encoding of each point, but for x = 0 with its sign set: both such are of low order.
fn canonical(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    let [.., top] = &mut y;
    *top &= 0x7F;
    below_p(&y)
}

#[cfg(test)]
mod tests;
