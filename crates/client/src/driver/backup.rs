//! Backups, written and read piece by piece.

use std::io::Cursor;
use std::mem;

use rand_core::CryptoRng;
use sprag_store::{
    ArchiveWriter, Batch, Collection, Cost, Records, RowId, SealedBatch, Sealer, StoreError,
    StoreKey, open_archive,
};
use zeroize::Zeroizing;

use super::action::{Action, Rows, Step, Value};
use super::questions::Question;
use super::rows::walk;
use super::{Awaiting, Driver};
use crate::engine::Engine;
use crate::error::Error;
use crate::exchange::forget_drivers;
use crate::input::Ticket;

/// How many rows are read at a time.
const WALK: u32 = 64;
/// A restore commits when it holds more than this.
const BATCH_BYTES: usize = 1024 * 1024;
/// Or so many records.
const BATCH_RECORDS: usize = 1024;

/// A backup that is being written.
pub(super) struct Backup {
    passphrase: Zeroizing<String>,
    writer: Option<ArchiveWriter<Vec<u8>>>,
    after: Option<RowId>,
    /// What was read and is not written yet.
    rows: Option<Rows>,
}

impl Backup {
    pub(super) fn new(passphrase: Zeroizing<String>) -> Self {
        Self { passphrase, writer: None, after: None, rows: None }
    }

    /// Writes what was read; gives what there is of the backup by now, and whether that is all.
    fn write<R: CryptoRng>(
        &mut self,
        rows: Rows,
        sealer: &Sealer,
        rng: &mut R,
    ) -> Result<(Vec<u8>, bool), StoreError> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => ArchiveWriter::begin(&self.passphrase, Cost::RECOMMENDED, Vec::new(), rng)?,
        };
        let whole = rows.len() < WALK as usize;
        for (row, sealed) in rows {
            let (key, value) = sealer.open_row(&row, &sealed)?;
            writer.record(&key, &value)?;
            self.after = Some(row);
        }
        if whole {
            return Ok((writer.finish()?, true));
        }
        let written = mem::take(writer.to());
        self.writer = Some(writer);
        Ok((written, false))
    }
}

impl Driver {
    /// Nothing else goes on meanwhile, so that what is written fits together.
    pub(super) fn is_writing_backup(&self) -> bool {
        matches!(self.questions.front(), Some((_, Question::Backup(_))))
    }

    pub(super) fn go_on_with_backup<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        mut backup: Box<Backup>,
        rng: &mut R,
    ) -> Option<Step> {
        let Some(rows) = backup.rows.take() else {
            let read = walk(backup.after, WALK);
            self.questions.push_front((ticket, Question::Backup(backup)));
            self.awaiting = Some(Awaiting::Walk);
            return Some(Step::Read(vec![read]));
        };
        match backup.write(rows, &self.sealer, rng) {
            Ok((bytes, whole)) => {
                self.actions.push(Action::Save { ticket, bytes });
                if whole {
                    self.answer(ticket, Ok(Value::Done));
                } else {
                    self.questions.push_front((ticket, Question::Backup(backup)));
                }
            }
            Err(error) => self.answer(ticket, Err(error.into())),
        }
        None
    }

    pub(super) fn take_walk(&mut self, answers: Vec<Rows>) {
        let rows = answers.into_iter().next().unwrap_or_default();
        if let Some((_, Question::Backup(backup))) = self.questions.front_mut() {
            backup.rows = Some(rows);
        }
    }
}

/// A backup that becomes a profile. All sessions of it start afresh, so that no key is used twice.
pub struct Restore {
    sealer: Sealer,
    records: Option<Records<Cursor<Vec<u8>>>>,
    /// What lets the engine know that it comes from a backup.
    last: Batch,
}

impl Restore {
    /// Looks through all of a backup.
    ///
    /// # Errors
    /// [`Error::Store`], such as [`WrongKey`](StoreError::WrongKey) and [`Damaged`](StoreError::Damaged);
    /// [`Error::Profile`], [`Error::NewerProfile`], [`Error::NoProfile`].
    pub fn begin(key: &StoreKey, backup: Vec<u8>, passphrase: &str) -> Result<Self, Error> {
        let mut backup = Cursor::new(backup);
        let archive = open_archive(&mut backup, passphrase)?;
        let begin = backup.position();
        let mut kept = Vec::new();
        for record in archive.records(&mut backup) {
            let (key, value) = record?;
            if Engine::COLLECTIONS.iter().any(|name| key.collection.name() == name.as_bytes()) {
                kept.push((key, value));
            }
        }
        let place = Collection::new("device").at(0);
        let device = kept.iter().find(|(key, _)| *key == place).ok_or(Error::NoProfile)?;
        let mut last = Engine::mark_restored(&device.1)?;
        forget_drivers(&mut last);
        Engine::load(kept)?;
        backup.set_position(begin);
        let records = Some(archive.records(backup));
        Ok(Self { sealer: Sealer::new(key), records, last })
    }

    /// The next changes to commit; `None` once all are.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn next_batch<R: CryptoRng>(
        &mut self,
        rng: &mut R,
    ) -> Result<Option<SealedBatch>, StoreError> {
        let Some(records) = &mut self.records else { return Ok(None) };
        let (mut batch, mut bytes) = (Batch::new(), 0);
        while bytes <= BATCH_BYTES && batch.len() < BATCH_RECORDS {
            let Some(record) = records.next() else {
                self.records = None;
                batch.append(mem::take(&mut self.last));
                break;
            };
            let (key, value) = record?;
            bytes += value.len();
            batch.put(key, value);
        }
        self.sealer.seal(&batch, rng).map(Some)
    }
}
