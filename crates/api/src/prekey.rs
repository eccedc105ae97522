//! Prekeys as a device publishes them, and bundles as a relay puts them together
//! (`docs/PROTOCOL.md`, section 4).

use crate::layout::{Damaged, Reader};
use crate::name::Address;
use crate::signature::{BadSignature, Purpose, SIGNATURE_LEN, VerifyKey};

const X25519_LEN: usize = 32;
const ML_KEM_1024_LEN: usize = 1568;

/// A prekey signed by its device: `u32(id) || u64(created) || key || signature (64)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPreKey {
    /// From 1, never used twice.
    pub id: u32,
    /// The whole, as it came.
    pub bytes: Vec<u8>,
}

/// A one-time X25519 prekey: `u32(id) || key (32)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimePreKey {
    /// From 1, never used twice.
    pub id: u32,
    /// The whole, as it came.
    pub bytes: Vec<u8>,
}

/// Why bytes are no prekey of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPreKey {
    /// They are not laid out as one, or the id is 0.
    #[error("not a prekey (PROTOCOL.md, section 4)")]
    Malformed,
    /// The signature is not the device's.
    #[error("the prekey is not signed by the device's identity key")]
    BadSignature,
}

impl From<Damaged> for InvalidPreKey {
    fn from(Damaged: Damaged) -> Self {
        Self::Malformed
    }
}

impl SignedPreKey {
    /// Takes a signed X25519 prekey (SPK).
    ///
    /// # Errors
    /// Every [`InvalidPreKey`].
    pub fn x25519(bytes: &[u8], owner: &VerifyKey) -> Result<Self, InvalidPreKey> {
        Self::verify(bytes, X25519_LEN, Purpose::SignedPreKey, owner)
    }

    /// Takes an ML-KEM prekey, one-time or last-resort.
    ///
    /// # Errors
    /// Every [`InvalidPreKey`].
    pub fn kem(bytes: &[u8], owner: &VerifyKey) -> Result<Self, InvalidPreKey> {
        Self::verify(bytes, ML_KEM_1024_LEN, Purpose::KemPreKey, owner)
    }

    fn verify(
        bytes: &[u8],
        key_len: usize,
        purpose: Purpose,
        owner: &VerifyKey,
    ) -> Result<Self, InvalidPreKey> {
        let (body, signature) =
            bytes.split_last_chunk::<SIGNATURE_LEN>().ok_or(InvalidPreKey::Malformed)?;
        let mut reader = Reader::new(body);
        let id = reader.u32()?;
        reader.u64()?;
        reader.slice(key_len)?;
        reader.end()?;
        if id == 0 {
            return Err(InvalidPreKey::Malformed);
        }
        owner
            .verify(purpose, body, signature)
            .map_err(|BadSignature| InvalidPreKey::BadSignature)?;
        Ok(Self { id, bytes: bytes.to_vec() })
    }
}

impl OneTimePreKey {
    /// Takes a one-time X25519 prekey.
    ///
    /// # Errors
    /// [`InvalidPreKey::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidPreKey> {
        let mut reader = Reader::new(bytes);
        let id = reader.u32()?;
        reader.slice(X25519_LEN)?;
        reader.end()?;
        if id == 0 {
            return Err(InvalidPreKey::Malformed);
        }
        Ok(Self { id, bytes: bytes.to_vec() })
    }
}

/// The bundle of a device: `address || account key || IK || prekey (SPK) || prekey (KEM)`, then 0, or 1
/// and the one-time prekey.
#[must_use]
pub fn bundle(
    owner: (&Address, &[u8; 32], &[u8; 32]),
    signed: &[u8],
    kem: &[u8],
    one_time: Option<&[u8]>,
) -> Vec<u8> {
    let (address, account_key, identity_key) = owner;
    let mut bundle = Vec::with_capacity(2048);
    address.account.write(&mut bundle);
    bundle.extend_from_slice(&address.device.get().to_be_bytes());
    bundle.extend_from_slice(account_key);
    bundle.extend_from_slice(identity_key);
    bundle.extend_from_slice(signed);
    bundle.extend_from_slice(kem);
    bundle.push(u8::from(one_time.is_some()));
    bundle.extend_from_slice(one_time.unwrap_or_default());
    bundle
}
