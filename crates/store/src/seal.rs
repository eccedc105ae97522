//! Sealing: records in, rows out, and back.
//!
//! A row's value is `nonce (12) || AES-256-GCM-SIV(u16 length || name || content) || tag (16)`, bound
//! to its place. The nonce is random; should one come twice, it shows whether two values of one
//! place are equal, and nothing else.

use aes_gcm_siv::{AeadInOut, Aes256GcmSiv, KeyInit, Nonce, Tag};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use rand_core::CryptoRng;
use sha2::Sha256;
use sprag_protocol::secret::Secret;
use zeroize::Zeroizing;

use crate::StoreError;
use crate::record::{Batch, Change, Collection, Key, MAX_NAME_LEN, MAX_VALUE_LEN, Value};
use crate::row::{CollectionId, RowChange, RowId, SealedBatch};

/// Bytes that a row's value has more than name and content together.
pub const ROW_OVERHEAD: usize = NONCE_LEN + 2 + TAG_LEN;

const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
const LABEL_NAME: &[u8] = b"Sprag v1 store name";
const LABEL_RECORD: &[u8] = b"Sprag v1 store record";
const LABEL_ROW: &[u8] = b"Sprag v1 record";

/// The key of a store: what its lock guards.
pub struct StoreKey(pub(crate) Secret<32>);

impl StoreKey {
    /// Draws a new key.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::random(rng))
    }
}

/// Seals and opens the records of one store. It does no input or output: a store that is not a
/// [`crate::Store`], such as one that is asynchronous, uses it directly.
pub struct Sealer {
    name: Secret<32>,
    record: Aes256GcmSiv,
}

impl Sealer {
    /// The sealer of the store that has this key.
    #[must_use]
    pub fn new(key: &StoreKey) -> Self {
        let record = derive(key.0.expose(), None, LABEL_RECORD);
        Self {
            name: derive(key.0.expose(), None, LABEL_NAME),
            record: Aes256GcmSiv::new(record.expose().into()),
        }
    }

    /// What the disk knows a collection by.
    #[must_use]
    pub fn collection(&self, collection: &Collection) -> CollectionId {
        let mac = keyed_hash(self.name.expose(), collection.name());
        let mut id = [0; 16];
        id.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        CollectionId(id)
    }

    /// Where the disk has a record.
    #[must_use]
    pub fn row(&self, key: &Key) -> RowId {
        RowId { collection: self.collection(&key.collection), position: key.position }
    }

    /// Seals a batch.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]: a name or value is longer than [`MAX_NAME_LEN`] or [`MAX_VALUE_LEN`].
    pub fn seal(&self, batch: &Batch, rng: &mut impl CryptoRng) -> Result<SealedBatch, StoreError> {
        let changes = batch.changes().iter().map(|change| {
            Ok(match change {
                Change::Put { key, value } => {
                    let row = self.row(key);
                    RowChange::Put { row, value: self.seal_value(&row, key, value, rng)? }
                }
                Change::Remove { key } => RowChange::Remove { row: self.row(key) },
                Change::RemoveRange { collection, from, to } => RowChange::RemoveRange {
                    collection: self.collection(collection),
                    from: *from,
                    to: *to,
                },
            })
        });
        changes.collect::<Result<_, _>>().map(SealedBatch)
    }

    fn seal_value(
        &self,
        row: &RowId,
        key: &Key,
        content: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, StoreError> {
        let name = key.collection.name();
        if name.len() > MAX_NAME_LEN || content.len() > MAX_VALUE_LEN {
            return Err(StoreError::TooLarge);
        }
        let name_len = u16::try_from(name.len()).map_err(|_| StoreError::TooLarge)?;
        let mut nonce = Nonce::default();
        rng.fill_bytes(&mut nonce);
        // Of its full length from the start: growing would leave copies of the plaintext behind.
        let mut value = Vec::with_capacity(ROW_OVERHEAD + name.len() + content.len());
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&name_len.to_be_bytes());
        value.extend_from_slice(name);
        value.extend_from_slice(content);
        let (_, plaintext) = value.split_at_mut(NONCE_LEN);
        let tag = self
            .record
            .encrypt_inout_detached(&nonce, &place(row), plaintext.into())
            .map_err(|_| StoreError::TooLarge)?;
        value.extend_from_slice(&tag);
        Ok(value)
    }

    /// Opens the value of a row that is expected to be this record.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: it was altered, or is from another place.
    pub fn open(&self, key: &Key, sealed: &[u8]) -> Result<Value, StoreError> {
        let (found, value) = self.open_row(&self.row(key), sealed)?;
        if found == *key { Ok(value) } else { Err(StoreError::Damaged) }
    }

    /// Opens the value of a row, and tells which record it is.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: it was altered, or is from another place.
    pub fn open_row(&self, row: &RowId, sealed: &[u8]) -> Result<(Key, Value), StoreError> {
        let damaged = StoreError::Damaged;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(damaged)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(damaged)?;
        let mut value = Zeroizing::new(ciphertext.to_vec());
        self.record
            .decrypt_inout_detached(
                &Nonce::from(*nonce),
                &place(row),
                value.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| damaged)?;
        let (len, rest) = value.split_first_chunk().ok_or(damaged)?;
        let name_len = usize::from(u16::from_be_bytes(*len));
        let collection = Collection::new(rest.get(..name_len).ok_or(damaged)?);
        if self.collection(&collection) != row.collection {
            return Err(damaged);
        }
        value.drain(..2 + name_len);
        Ok((collection.at(row.position), value))
    }
}

/// What a row's value is bound to.
fn place(row: &RowId) -> [u8; 39] {
    let mut bytes = [0; 39];
    let position = row.position.to_be_bytes();
    let parts = LABEL_ROW.iter().chain(&row.collection.0).chain(&position);
    bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
    bytes
}

/// HMAC-SHA-256 (RFC 2104).
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed_hash(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("any key length");
    mac.chain_update(bytes).finalize().into_bytes().into()
}

/// HKDF-SHA-256 (RFC 5869), 32 bytes of output.
#[expect(clippy::expect_used, reason = "HKDF fails only beyond 255 hashes of output; this is one")]
pub(crate) fn derive(ikm: &[u8], salt: Option<&[u8]>, info: &[u8]) -> Secret<32> {
    let hkdf = Hkdf::<Sha256>::new(salt, ikm);
    Secret::build(|key| hkdf.expand(info, key).expect("one hash of output"))
}

#[cfg(test)]
mod tests;
