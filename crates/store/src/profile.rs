//! A profile: a store that is open and unlocked.

use std::io::{Read, Seek, SeekFrom, Write};
use std::iter;

use rand_core::CryptoRng;

use crate::StoreError;
use crate::archive::{open_archive, write_archive};
use crate::lock::{Cost, Lock, Unlock};
use crate::record::{Batch, Collection, Key, Page, Value};
use crate::row::{RowChange, SealedBatch, Store};
use crate::seal::{Sealer, StoreKey};

/// How many rows are taken at a time where all are looked at.
const WALK: usize = 32;
/// An import commits when it holds more than this.
const IMPORT_BYTES: usize = 1024 * 1024;
/// Or so many records.
const IMPORT_RECORDS: usize = 1024;

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
        vacate(&mut store)?;
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

    /// Writes a backup of all records, under a passphrase of its own. Making a file durable is up to
    /// the caller.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::TooCostly`], what the store says, or what `to` says.
    pub fn export(
        &mut self,
        passphrase: &str,
        cost: Cost,
        to: impl Write,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StoreError> {
        let mut rows = Vec::new().into_iter();
        let mut after = None;
        let records = iter::from_fn(|| {
            if rows.len() == 0 {
                match self.store.walk(after.as_ref(), WALK) {
                    Ok(more) => rows = more.into_iter(),
                    Err(error) => return Some(Err(error)),
                }
            }
            let (row, sealed) = rows.next()?;
            after = Some(row);
            Some(self.sealer.open_row(&row, &sealed))
        });
        write_archive(records, passphrase, cost, to, rng)
    }

    /// Makes a profile in an empty store out of a backup. The backup is looked through before
    /// anything is written, and the header comes last: a store where this failed, or was cut off, has
    /// no profile.
    ///
    /// # Errors
    /// [`StoreError::Exists`], those of [`read_archive`](crate::read_archive), or what the store says.
    pub fn import(
        mut store: S,
        lock: &Lock<'_>,
        mut backup: impl Read + Seek,
        passphrase: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, StoreError> {
        vacate(&mut store)?;
        let archive = open_archive(&mut backup, passphrase)?;
        let begin = backup.stream_position()?;
        archive.records(&mut backup).try_for_each(|record| record.map(drop))?;
        backup.seek(SeekFrom::Start(begin))?;

        let key = StoreKey::random(rng);
        let mut profile = Self { store, sealer: Sealer::new(&key), key };
        let (mut batch, mut bytes) = (Batch::new(), 0);
        for record in archive.records(&mut backup) {
            let (key, value) = record?;
            bytes += value.len();
            batch.put(key, value);
            if bytes > IMPORT_BYTES || batch.len() >= IMPORT_RECORDS {
                profile.commit(&batch, rng)?;
                (batch, bytes) = (Batch::new(), 0);
            }
        }
        profile.commit(&batch, rng)?;
        profile.change_lock(lock, rng)?;
        Ok(profile)
    }

    /// The store, locked again.
    pub fn into_store(self) -> S {
        self.store
    }
}

/// Makes sure that there is no profile, and removes the rows that an import left that was cut off: nothing
/// opens them any more.
fn vacate(store: &mut impl Store) -> Result<(), StoreError> {
    if store.header()?.is_some() {
        return Err(StoreError::Exists);
    }
    loop {
        let rows = store.walk(None, WALK)?;
        if rows.is_empty() {
            return Ok(());
        }
        let changes = rows.into_iter().map(|(row, _)| RowChange::Remove { row });
        store.commit(&SealedBatch(changes.collect()))?;
    }
}

#[cfg(test)]
mod tests;
