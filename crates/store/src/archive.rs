//! Backups: all records of a profile in one file, under a passphrase of its own.
//!
//! ```text
//! lock ("sprag backup") || STREAM over: record*
//! record = u16 length || collection's name || u64 position || u32 length || value
//! ```
//!
//! Every chunk is bound to the lock. Nothing of it is known before the passphrase but the file's length.

use std::io::{self, ErrorKind, Read, Write};

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::StoreError;
use crate::lock::{self, Cost, LOCK_LEN, Lock, Parsed, Unlock};
use crate::record::{Collection, Key, MAX_NAME_LEN, MAX_VALUE_LEN, Value};
use crate::stream::{ChunkKey, OpeningReader, SealingWriter};

const MAGIC: &[u8; 12] = b"sprag backup";

/// A record, or why there is none.
pub type Record = Result<(Key, Value), StoreError>;

/// Writes records as a backup, and flushes it. Making a file durable is up to the caller.
///
/// # Errors
/// The first that `records` yields, [`StoreError::TooLarge`], [`StoreError::TooCostly`], or what `to` says.
pub fn write_archive(
    records: impl IntoIterator<Item = Record>,
    passphrase: &str,
    cost: Cost,
    to: impl Write,
    rng: &mut impl CryptoRng,
) -> Result<(), StoreError> {
    let mut writer = ArchiveWriter::begin(passphrase, cost, to, rng)?;
    for record in records {
        let (key, value) = record?;
        writer.record(&key, &value)?;
    }
    writer.finish()?;
    Ok(())
}

/// A backup that is written record by record.
pub struct ArchiveWriter<W> {
    writer: SealingWriter<W>,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins a backup.
    ///
    /// # Errors
    /// [`StoreError::TooCostly`], or what `to` says.
    pub fn begin(
        passphrase: &str,
        cost: Cost,
        mut to: W,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, StoreError> {
        let (lock, key) = lock::close(MAGIC, &Lock::Passphrase(passphrase, cost), rng)?;
        to.write_all(&lock)?;
        Ok(Self { writer: SealingWriter::new(ChunkKey::new(&key, &lock), to) })
    }

    /// Writes a record.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], or what `to` says.
    pub fn record(&mut self, key: &Key, value: &[u8]) -> Result<(), StoreError> {
        let name = key.collection.name();
        if name.len() > MAX_NAME_LEN || value.len() > MAX_VALUE_LEN {
            return Err(StoreError::TooLarge);
        }
        let name_len = u16::try_from(name.len()).map_err(|_| StoreError::TooLarge)?;
        let value_len = u32::try_from(value.len()).map_err(|_| StoreError::TooLarge)?;
        self.writer.write_all(&name_len.to_be_bytes())?;
        self.writer.write_all(name)?;
        self.writer.write_all(&key.position.to_be_bytes())?;
        self.writer.write_all(&value_len.to_be_bytes())?;
        self.writer.write_all(value)?;
        Ok(())
    }

    /// Where it is written to.
    pub fn to(&mut self) -> &mut W {
        self.writer.to()
    }

    /// Writes the end, without which the backup does not open.
    ///
    /// # Errors
    /// What `to` says.
    pub fn finish(self) -> Result<W, StoreError> {
        Ok(self.writer.finish()?)
    }
}

/// Opens a backup. What the iterator yields was authenticated; that the backup is whole is known once
/// it ends without an error.
///
/// # Errors
/// [`StoreError::Foreign`], [`StoreError::Newer`], [`StoreError::Damaged`], [`StoreError::TooCostly`],
/// [`StoreError::WrongKey`], or what `from` says.
pub fn read_archive<R: Read>(mut from: R, passphrase: &str) -> Result<Records<R>, StoreError> {
    let archive = open_archive(&mut from, passphrase)?;
    Ok(archive.records(from))
}

/// The opened lock of a backup.
pub struct ArchiveKey {
    lock: [u8; LOCK_LEN],
    key: sprag_protocol::secret::Secret<32>,
}

impl ArchiveKey {
    /// The records that follow the lock. What the iterator yields was authenticated; that the backup is whole is known
    /// once it ends without an error.
    pub fn records<R: Read>(&self, from: R) -> Records<R> {
        Records::new(ChunkKey::new(&self.key, &self.lock), from)
    }
}

/// Reads and opens the lock of a backup; its records follow. Whoever reads them twice opens it once.
///
/// # Errors
/// As [`read_archive`].
pub fn open_archive(from: &mut impl Read, passphrase: &str) -> Result<ArchiveKey, StoreError> {
    let mut lock = [0; LOCK_LEN];
    let mut magic = from.take(MAGIC.len() as u64);
    let mut found = Vec::new();
    magic.read_to_end(&mut found)?;
    if found != MAGIC {
        return Err(StoreError::Foreign);
    }
    let (head, rest) = lock.split_at_mut(MAGIC.len());
    head.copy_from_slice(MAGIC);
    from.read_exact(rest)?;
    let (parsed, _) = Parsed::read(MAGIC, &lock)?;
    let key = parsed.open(&Unlock::Passphrase(passphrase))?;
    Ok(ArchiveKey { lock, key })
}

/// The records of a backup, one after the other. After an error comes nothing more.
pub struct Records<R> {
    stream: OpeningReader<R>,
    ended: bool,
}

impl<R: Read> Records<R> {
    fn new(key: ChunkKey, from: R) -> Self {
        Self { stream: OpeningReader::new(key, from), ended: false }
    }

    fn record(&mut self) -> io::Result<Option<(Key, Value)>> {
        let mut first = [0];
        if self.stream.read(&mut first)? == 0 {
            return Ok(None);
        }
        let name_len = u16::from_be_bytes([first[0], self.array::<1>()?[0]]);
        let name = self.bytes(usize::from(name_len), MAX_NAME_LEN)?;
        let position = u64::from_be_bytes(self.array()?);
        let value_len = usize::try_from(u32::from_be_bytes(self.array()?));
        let value = self.bytes(value_len.unwrap_or(usize::MAX), MAX_VALUE_LEN)?;
        Ok(Some((Collection::new(name.as_slice()).at(position), value)))
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn bytes(&mut self, len: usize, most: usize) -> io::Result<Value> {
        if len > most {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut bytes = Zeroizing::new(vec![0; len]);
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.ended {
            return None;
        }
        let record = self.record().map_err(StoreError::from).transpose();
        self.ended = !matches!(record, Some(Ok(_)));
        record
    }
}

#[cfg(test)]
mod tests;
