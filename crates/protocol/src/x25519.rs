//! X25519 (RFC 7748): public keys that are always canonical, agreements that are never all zero.
//!
//! Two libraries do the arithmetic behind one face: aws-lc-rs on native targets, where it is about
//! twice as fast, and x25519-dalek on wasm32, where aws-lc-rs does not build.

use ed25519_dalek::VerifyingKey;
use rand_core::CryptoRng;

use crate::codec::{Damaged, Reader, Writer};
use crate::secret::Secret;

#[cfg(not(target_arch = "wasm32"))]
mod aws;
#[cfg(any(target_arch = "wasm32", test))]
mod dalek;

#[cfg(not(target_arch = "wasm32"))]
use aws as backend;
#[cfg(target_arch = "wasm32")]
use dalek as backend;

/// Bytes of a public key.
pub const PUBLIC_KEY_LEN: usize = 32;

/// p = 2^255 - 19, little-endian as on the wire.
const FIELD_PRIME: [u8; 32] = {
    let mut p = [0xFF; 32];
    p[0] = 0xED;
    p[31] = 0x7F;
    p
};

/// An X25519 public key in its one canonical encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; PUBLIC_KEY_LEN]);

/// These bytes are no acceptable public key: not canonical, or a point of low order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an acceptable public key")]
pub struct InvalidKey;

impl PublicKey {
    /// Takes 32 bytes, little-endian as RFC 7748 has them (M-KEY-1).
    ///
    /// # Errors
    /// [`InvalidKey`] where the number is not below 2^255 - 19, so that no key has two encodings.
    pub fn from_bytes(bytes: &[u8; PUBLIC_KEY_LEN]) -> Result<Self, InvalidKey> {
        if bytes.iter().rev().lt(FIELD_PRIME.iter().rev()) {
            Ok(Self(*bytes))
        } else {
            Err(InvalidKey)
        }
    }

    /// The birational map of RFC 7748, section 4.1; a field element encodes canonically.
    pub(crate) fn of_edwards(key: &VerifyingKey) -> Self {
        Self(key.to_montgomery().to_bytes())
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.0
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Self::from_bytes(reader.array()?).map_err(|InvalidKey| Damaged)
    }
}

/// What two key pairs agree on; never all zero.
pub struct SharedSecret(Secret<32>);

impl SharedSecret {
    /// Reads the secret.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// A private key and its public key.
pub struct KeyPair {
    secret: Secret<32>,
    public: PublicKey,
    agreement: backend::PrivateKey,
}

impl KeyPair {
    /// Draws a key pair: 32 bytes of `rng`.
    pub fn generate<R: CryptoRng>(rng: &mut R) -> Self {
        Self::from_secret(Secret::random(rng))
    }

    /// Takes 32 secret bytes; clamping happens inside the agreement (RFC 7748, section 5).
    #[must_use]
    pub fn from_secret(secret: Secret<32>) -> Self {
        let (agreement, public) = backend::PrivateKey::new(secret.expose());
        Self { secret, public: PublicKey(public), agreement }
    }

    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    pub(crate) fn into_secret(self) -> Secret<32> {
        self.secret
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// DH(self, theirs) (M-KEY-2).
    ///
    /// # Errors
    /// [`InvalidKey`] where the result is all zero: `theirs` is a point of low order.
    pub fn agree(&self, theirs: &PublicKey) -> Result<SharedSecret, InvalidKey> {
        self.agreement.agree(&theirs.0).map(SharedSecret).ok_or(InvalidKey)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.put(self.secret.expose());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self::from_secret(Secret::copy_of(reader.array()?)))
    }
}

#[cfg(test)]
mod tests;
