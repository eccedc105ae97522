//! Prekeys as a device publishes them, and bundles as a relay puts them together
//! (`docs/PROTOCOL.md`, section 4).

use crate::layout::{Damaged, Reader};
use crate::name::Address;
use crate::signature::{BadSignature, Purpose, SIGNATURE_LEN, VerifyKey, below_p};

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
    /// They are not laid out as one, the id is 0, or the key is one that M-KEY-1 or M-KEY-6 refuses.
    #[error("not a prekey (PROTOCOL.md, sections 2 and 4)")]
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
        Self::verify(bytes, x25519, Purpose::SignedPreKey, owner)
    }

    /// Takes an ML-KEM prekey, one-time or last-resort.
    ///
    /// # Errors
    /// Every [`InvalidPreKey`].
    pub fn kem(bytes: &[u8], owner: &VerifyKey) -> Result<Self, InvalidPreKey> {
        Self::verify(bytes, ml_kem_1024, Purpose::KemPreKey, owner)
    }

    fn verify(
        bytes: &[u8],
        key: fn(&mut Reader<'_>) -> Result<(), Damaged>,
        purpose: Purpose,
        owner: &VerifyKey,
    ) -> Result<Self, InvalidPreKey> {
        let (body, signature) =
            bytes.split_last_chunk::<SIGNATURE_LEN>().ok_or(InvalidPreKey::Malformed)?;
        let mut reader = Reader::new(body);
        let id = reader.u32()?;
        reader.u64()?;
        key(&mut reader)?;
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
        x25519(&mut reader)?;
        reader.end()?;
        if id == 0 {
            return Err(InvalidPreKey::Malformed);
        }
        Ok(Self { id, bytes: bytes.to_vec() })
    }
}

/// M-KEY-1
fn x25519(reader: &mut Reader<'_>) -> Result<(), Damaged> {
    if below_p(&reader.array()?) { Ok(()) } else { Err(Damaged) }
}

/// The modulus check of FIPS 203, section 7.2: 1,024 coefficients of 12 bits, little-endian, each below
/// 3,329, and 32 bytes more (M-KEY-6).
fn ml_kem_1024(reader: &mut Reader<'_>) -> Result<(), Damaged> {
    for _ in 0..512 {
        let [low, middle, high] = reader.array()?.map(u16::from);
        if low | (middle & 0x0F) << 8 >= 3329 || middle >> 4 | high << 4 >= 3329 {
            return Err(Damaged);
        }
    }
    reader.slice(32).map(|_| ())
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

#[cfg(test)]
mod tests;
