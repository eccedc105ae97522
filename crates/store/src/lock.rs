//! Locks: how a store's key, or a backup's, is kept from whoever has the file.
//!
//! A lock is a few bytes at the front of what it guards:
//!
//! ```text
//! magic (12) || version (1) || kind (1) || memory u32 || passes u32 || lanes u32 || salt (16) ||
//! check (8) || checksum (8)
//! ```
//!
//! The secret is 32 bytes that the caller keeps, or what Argon2id (RFC 9106) makes of a passphrase. HKDF with the
//! salt makes the key and the check value of it. The check value tells a wrong secret from damage; the
//! checksum (SHA-256) tells damage of the lock itself.

use std::fmt;

use aes_gcm_siv::{AeadInOut, Aes256GcmSiv, KeyInit, Nonce, Tag};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use sprag_protocol::secret::Secret;
use zeroize::Zeroizing;

use crate::StoreError;
use crate::seal::{StoreKey, derive};

/// Bytes of a lock.
pub(crate) const LOCK_LEN: usize = 58;

/// The version that this code writes.
const VERSION: u8 = 1;
const STORE_MAGIC: &[u8; 12] = b"sprag device";
const SALT_LEN: usize = 16;
const CHECK_LEN: usize = 8;
const TAG_LEN: usize = 16;
const LABEL_KEY: &[u8] = b"Sprag v1 lock key";
const LABEL_CHECK: &[u8] = b"Sprag v1 lock check";

/// What turning a passphrase into a key costs (Argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The second recommendation of RFC 9106: 64 MiB, 3 passes, 4 lanes.
    pub const RECOMMENDED: Self = Self { memory: 64 * 1024, passes: 3, lanes: 4 };

    /// The most memory that is taken, in KiB.
    pub const MAX_MEMORY: u32 = 1024 * 1024;
    /// The most passes that are made.
    pub const MAX_PASSES: u32 = 64;
    /// The most lanes that are filled.
    pub const MAX_LANES: u32 = 64;

    /// So many KiB of memory, passes over it, and lanes.
    ///
    /// # Errors
    /// [`StoreError::TooCostly`] above the limits, [`StoreError::Damaged`] where Argon2 has no such
    /// parameters: no passes, no lanes, less than 8 KiB for each lane.
    pub fn new(memory: u32, passes: u32, lanes: u32) -> Result<Self, StoreError> {
        if memory > Self::MAX_MEMORY || passes > Self::MAX_PASSES || lanes > Self::MAX_LANES {
            return Err(StoreError::TooCostly);
        }
        Params::new(memory, passes, lanes, Some(32)).map_err(|_| StoreError::Damaged)?;
        Ok(Self { memory, passes, lanes })
    }

    fn stretch(self, passphrase: &str, salt: &[u8]) -> Result<Secret<32>, StoreError> {
        let params = Params::new(self.memory, self.passes, self.lanes, Some(32))
            .map_err(|_| StoreError::Damaged)?;
        // Of our own, so that it can be wiped: the last block is as good as the key.
        let mut blocks = Zeroizing::new(Vec::new());
        let count = params.block_count();
        blocks.try_reserve_exact(count).map_err(|_| StoreError::TooCostly)?;
        blocks.resize(count, Block::default());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut outcome = Ok(());
        let key = Secret::build(|key| {
            let passphrase = passphrase.as_bytes();
            outcome =
                argon2.hash_password_into_with_memory(passphrase, salt, key, blocks.as_mut_slice());
        });
        outcome.map_err(|_| StoreError::TooCostly)?;
        Ok(key)
    }
}

/// The ways to lock a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// A passphrase that a person remembers.
    Passphrase,
    /// A file with a key.
    KeyFile,
    /// A key that the caller keeps, such as in the keyring of the operating system.
    External,
}

impl Wrapping {
    /// How a store is locked that has this header.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Foreign`], [`StoreError::Newer`], [`StoreError::TooCostly`].
    pub fn of(header: &[u8]) -> Result<Self, StoreError> {
        Parsed::read(STORE_MAGIC, header).map(|(lock, _)| lock.wrapping)
    }

    fn byte(self) -> u8 {
        match self {
            Self::Passphrase => 1,
            Self::KeyFile => 2,
            Self::External => 3,
        }
    }
}

impl fmt::Display for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase => "a passphrase",
            Self::KeyFile => "a key file",
            Self::External => "a key that is kept elsewhere",
        })
    }
}

/// What to lock a store with.
#[derive(Clone, Copy)]
pub enum Lock<'a> {
    /// A passphrase, and what trying one is to cost.
    Passphrase(&'a str, Cost),
    /// The content of a key file.
    KeyFile(&'a Secret<32>),
    /// A key that the caller keeps.
    External(&'a Secret<32>),
}

impl<'a> Lock<'a> {
    /// What opens this lock.
    #[must_use]
    pub fn unlock(&self) -> Unlock<'a> {
        match *self {
            Self::Passphrase(passphrase, _) => Unlock::Passphrase(passphrase),
            Self::KeyFile(key) => Unlock::KeyFile(key),
            Self::External(key) => Unlock::External(key),
        }
    }
}

/// What to open a store with.
#[derive(Clone, Copy)]
pub enum Unlock<'a> {
    /// A passphrase.
    Passphrase(&'a str),
    /// The content of a key file.
    KeyFile(&'a Secret<32>),
    /// A key that the caller keeps.
    External(&'a Secret<32>),
}

impl Unlock<'_> {
    fn wrapping(&self) -> Wrapping {
        match self {
            Self::Passphrase(_) => Wrapping::Passphrase,
            Self::KeyFile(_) => Wrapping::KeyFile,
            Self::External(_) => Wrapping::External,
        }
    }
}

impl StoreKey {
    /// The header of a store that this lock guards: the lock, then this key sealed under the lock's key.
    ///
    /// # Errors
    /// [`StoreError::TooCostly`]: there is not so much memory.
    pub fn wrap(&self, lock: &Lock<'_>, rng: &mut impl CryptoRng) -> Result<Vec<u8>, StoreError> {
        let (mut header, key) = close(STORE_MAGIC, lock, rng)?;
        let bound = header.clone();
        header.extend_from_slice(self.0.expose());
        let (_, wrapped) = header.split_at_mut(LOCK_LEN);
        let tag = Aes256GcmSiv::new(key.expose().into())
            .encrypt_inout_detached(&Nonce::default(), &bound, wrapped.into())
            .map_err(|_| StoreError::TooLarge)?;
        header.extend_from_slice(&tag);
        Ok(header)
    }

    /// Takes the key out of a header.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`], [`StoreError::OtherLock`], [`StoreError::Damaged`],
    /// [`StoreError::Foreign`], [`StoreError::Newer`], [`StoreError::TooCostly`].
    pub fn open(header: &[u8], unlock: &Unlock<'_>) -> Result<Self, StoreError> {
        let damaged = StoreError::Damaged;
        let (lock, rest) = Parsed::read(STORE_MAGIC, header)?;
        let (wrapped, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(damaged)?;
        let wrapped: &[u8; 32] = wrapped.try_into().map_err(|_| damaged)?;
        let key = lock.open(unlock)?;
        let mut outcome = Ok(());
        let store_key = Secret::build(|bytes| {
            bytes.copy_from_slice(wrapped);
            outcome = Aes256GcmSiv::new(key.expose().into()).decrypt_inout_detached(
                &Nonce::default(),
                lock.bytes,
                bytes.as_mut_slice().into(),
                &Tag::from(*tag),
            );
        });
        outcome.map_err(|_| damaged)?;
        Ok(Self(store_key))
    }
}

/// Makes a lock: its bytes, and the key that it guards.
pub(crate) fn close(
    magic: &[u8; 12],
    lock: &Lock<'_>,
    rng: &mut impl CryptoRng,
) -> Result<(Vec<u8>, Secret<32>), StoreError> {
    let mut salt = [0; SALT_LEN];
    rng.fill_bytes(&mut salt);
    let cost = match lock {
        Lock::Passphrase(_, cost) => Some(*cost),
        Lock::KeyFile(_) | Lock::External(_) => None,
    };
    let unlock = lock.unlock();
    let (key, check) = keys(&unlock, cost, &salt)?;
    let mut bytes = Vec::with_capacity(LOCK_LEN + 32 + TAG_LEN);
    bytes.extend_from_slice(magic);
    bytes.extend_from_slice(&[VERSION, unlock.wrapping().byte()]);
    let cost = cost.map_or([0; 3], |cost| [cost.memory, cost.passes, cost.lanes]);
    bytes.extend(cost.iter().flat_map(|value| value.to_be_bytes()));
    bytes.extend_from_slice(&salt);
    bytes.extend_from_slice(&check);
    bytes.extend_from_slice(&checksum(&bytes));
    Ok((bytes, key))
}

/// A lock that was read, not yet opened.
pub(crate) struct Parsed<'a> {
    /// All of its bytes.
    pub(crate) bytes: &'a [u8],
    wrapping: Wrapping,
    cost: Option<Cost>,
    salt: &'a [u8; SALT_LEN],
    check: &'a [u8; CHECK_LEN],
}

impl<'a> Parsed<'a> {
    /// Reads a lock; gives what follows it too.
    pub(crate) fn read(magic: &[u8; 12], bytes: &'a [u8]) -> Result<(Self, &'a [u8]), StoreError> {
        let damaged = StoreError::Damaged;
        let rest = bytes.strip_prefix(magic).ok_or(StoreError::Foreign)?;
        let (&[version, kind], rest) = rest.split_first_chunk().ok_or(damaged)?;
        if version > VERSION {
            return Err(StoreError::Newer { found: version.into(), known: VERSION.into() });
        }
        let (memory, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (passes, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (lanes, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (check, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (sum, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let bytes = bytes.get(..LOCK_LEN).ok_or(damaged)?;
        if checksum(bytes.get(..LOCK_LEN - CHECK_LEN).ok_or(damaged)?) != *sum || version == 0 {
            return Err(damaged);
        }
        let cost = [memory, passes, lanes].map(|value| u32::from_be_bytes(*value));
        let (wrapping, cost) = match (kind, cost) {
            (1, [memory, passes, lanes]) => {
                (Wrapping::Passphrase, Some(Cost::new(memory, passes, lanes)?))
            }
            (2, [0, 0, 0]) => (Wrapping::KeyFile, None),
            (3, [0, 0, 0]) => (Wrapping::External, None),
            _ => return Err(damaged),
        };
        Ok((Self { bytes, wrapping, cost, salt, check }, rest))
    }

    /// The key that it guards.
    pub(crate) fn open(&self, unlock: &Unlock<'_>) -> Result<Secret<32>, StoreError> {
        if unlock.wrapping() != self.wrapping {
            return Err(StoreError::OtherLock(self.wrapping));
        }
        let (key, check) = keys(unlock, self.cost, self.salt)?;
        if check == *self.check { Ok(key) } else { Err(StoreError::WrongKey) }
    }
}

fn keys(
    unlock: &Unlock<'_>,
    cost: Option<Cost>,
    salt: &[u8; SALT_LEN],
) -> Result<(Secret<32>, [u8; CHECK_LEN]), StoreError> {
    let stretched;
    let secret = match unlock {
        Unlock::Passphrase(passphrase) => {
            stretched = cost.unwrap_or(Cost::RECOMMENDED).stretch(passphrase, salt)?;
            stretched.expose()
        }
        Unlock::KeyFile(key) | Unlock::External(key) => key.expose(),
    };
    let check = derive(secret, Some(salt), LABEL_CHECK);
    Ok((derive(secret, Some(salt), LABEL_KEY), beginning(check.expose())))
}

fn checksum(bytes: &[u8]) -> [u8; CHECK_LEN] {
    beginning(&Sha256::digest(bytes).into())
}

fn beginning(bytes: &[u8; 32]) -> [u8; CHECK_LEN] {
    let mut beginning = [0; CHECK_LEN];
    beginning.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    beginning
}

#[cfg(test)]
mod tests;
