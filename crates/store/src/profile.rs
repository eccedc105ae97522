//! A profile: a store that is open and unlocked.

use rand_core::CryptoRng;

use crate::StoreError;
use crate::lock::{Lock, Unlock};
use crate::record::{Batch, Collection, Key, Page, Value};
use crate::row::Store;
use crate::seal::{Sealer, StoreKey};

/// A store that is open and unlocked: the state of one device.
pub struct Profile<S> {
    store: S,
    key: StoreKey,
    sealer: Sealer,
}

impl<S: Store> Profile<S> {
    /// Makes a profile in an empty store.
    ///
    /// # Errors
    /// [`StoreError::Exists`], or what the store says.
    pub fn create(
        mut store: S,
        lock: &Lock<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, StoreError> {
        if store.header()?.is_some() {
            return Err(StoreError::Exists);
        }
        let key = StoreKey::random(rng);
        store.set_header(&key.wrap(lock, rng)?)?;
        Ok(Self { store, sealer: Sealer::new(&key), key })
    }

    /// Opens the profile of a store.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::WrongKey`], [`StoreError::OtherLock`],
    /// [`StoreError::TooCostly`], [`StoreError::Newer`], [`StoreError::Damaged`], or what the store says.
    pub fn open(mut store: S, unlock: &Unlock<'_>) -> Result<Self, StoreError> {
        let header = store.header()?.ok_or(StoreError::Missing)?;
        let key = StoreKey::open(&header, unlock)?;
        Ok(Self { store, sealer: Sealer::new(&key), key })
    }

    /// Locks the profile with something else. What was locked with the old one before, such as a
    /// copy of the file, still opens with it.
    ///
    /// # Errors
    /// What the store says.
    pub fn change_lock(
        &mut self,
        lock: &Lock<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StoreError> {
        let header = self.key.wrap(lock, rng)?;
        self.store.set_header(&header)
    }

    /// The value of a record.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or what the store says.
    pub fn read(&mut self, key: &Key) -> Result<Option<Value>, StoreError> {
        let sealed = self.store.read(&self.sealer.row(key))?;
        sealed.map(|sealed| self.sealer.open(key, &sealed)).transpose()
    }

    /// Part of a collection: positions and values, in the order that the page asks for.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or what the store says.
    pub fn range(
        &mut self,
        collection: &Collection,
        page: Page,
    ) -> Result<Vec<(u64, Value)>, StoreError> {
        let rows = self.store.range(&self.sealer.collection(collection), page)?;
        let open = |(position, sealed): (u64, Vec<u8>)| {
            Ok((position, self.sealer.open(&collection.at(position), &sealed)?))
        };
        rows.into_iter().map(open).collect()
    }

    /// Makes all changes of the batch, durable when this returns, or none.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], or what the store says. Nothing has changed then.
    pub fn commit(&mut self, batch: &Batch, rng: &mut impl CryptoRng) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let sealed = self.sealer.seal(batch, rng)?;
        self.store.commit(&sealed)
    }

    /// The store, locked again.
    pub fn into_store(self) -> S {
        self.store
    }
}
