//! A store in a file of SQLite.
//!
//! WAL and `synchronous=FULL`: what was committed survives a power cut. `secure_delete`: what was
//! removed is overwritten. Beside `PATH` lie `PATH-wal` while it is open, and `PATH.lock`, which is
//! locked as long.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, Transaction, params};

use crate::StoreError;
use crate::files::{self, Exclusive};
use crate::record::Page;
use crate::row::{CollectionId, Row, RowChange, RowId, SealedBatch, Store};

mod schema;

/// How long [`Sqlite::open_waiting`] sleeps between two looks.
const WAIT: Duration = Duration::from_millis(20);

/// An open store in a file, which no other process uses meanwhile.
#[derive(Debug)]
pub struct Sqlite {
    /// Closed before the lock is given back.
    database: Connection,
    _exclusive: Exclusive,
}

impl Sqlite {
    /// Opens the store at a path; makes it, and its folder, where there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Newer`], [`StoreError::Foreign`], [`StoreError::Damaged`],
    /// [`StoreError::Full`], [`StoreError::Io`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let exclusive = Exclusive::take(path)?;
        // SQLite gives the files that it makes beside this one the same mode.
        drop(files::make(path)?);
        let database = schema::open(path, schema::STEPS)?;
        Ok(Self { database, _exclusive: exclusive })
    }

    /// As [`Sqlite::open`], but waits so long for another process to end its use.
    ///
    /// # Errors
    /// Those of [`Sqlite::open`].
    #[expect(clippy::disallowed_methods, reason = "file locks cannot be waited for with a limit")]
    pub fn open_waiting(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        let mut left = patience;
        loop {
            match Self::open(path) {
                Err(StoreError::InUse { .. }) if !left.is_zero() => {
                    let nap = left.min(WAIT);
                    std::thread::sleep(nap);
                    left -= nap;
                }
                outcome => return outcome,
            }
        }
    }

    /// Runs changes as one transaction: all of them, durable, or none.
    fn transaction(
        &mut self,
        run: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.transaction().map_err(refusal)?;
        run(&transaction).map_err(refusal)?;
        transaction.commit().map_err(refusal)
    }
}

impl Store for Sqlite {
    fn header(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.database
            .query_row("SELECT bytes FROM header", [], |row| row.get(0))
            .optional()
            .map_err(refusal)
    }

    fn set_header(&mut self, header: &[u8]) -> Result<(), StoreError> {
        self.transaction(|transaction| {
            transaction
                .execute("INSERT OR REPLACE INTO header (id, bytes) VALUES (1, ?1)", [header])
                .map(drop)
        })?;
        // The header before this one, which an old passphrase opens, is not to stay in the WAL. Where
        // this fails, the new one is durable nevertheless, and the old one goes when the store closes.
        let _ = self.database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        Ok(())
    }

    fn read(&mut self, row: &RowId) -> Result<Option<Vec<u8>>, StoreError> {
        self.database
            .prepare_cached("SELECT value FROM record WHERE collection = ?1 AND position = ?2")
            .and_then(|mut read| {
                let place = params![row.collection.0, to_sql(row.position)];
                read.query_row(place, |found| found.get(0)).optional()
            })
            .map_err(refusal)
    }

    fn range(
        &mut self,
        collection: &CollectionId,
        page: Page,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let sql = if page.newest_first {
            "SELECT position, value FROM record WHERE collection = ?1 AND position BETWEEN ?2 AND ?3
             ORDER BY position DESC LIMIT ?4"
        } else {
            "SELECT position, value FROM record WHERE collection = ?1 AND position BETWEEN ?2 AND ?3
             ORDER BY position LIMIT ?4"
        };
        let (from, to) = (to_sql(page.from), to_sql(page.to));
        self.database
            .prepare_cached(sql)
            .and_then(|mut select| {
                let found = select
                    .query_map(params![collection.0, from, to, limit(page.limit)], |row| {
                        Ok((from_sql(row.get(0)?), row.get(1)?))
                    })?;
                found.collect()
            })
            .map_err(refusal)
    }

    fn walk(&mut self, after: Option<&RowId>, most: usize) -> Result<Vec<Row>, StoreError> {
        // No collection has a name of no bytes: this is before every row.
        let (collection, position) =
            after.map_or((&[][..], i64::MIN), |row| (&row.collection.0, to_sql(row.position)));
        self.database
            .prepare_cached(
                "SELECT collection, position, value FROM record
                 WHERE (collection, position) > (?1, ?2) ORDER BY collection, position LIMIT ?3",
            )
            .and_then(|mut select| {
                select.query_map(params![collection, position, limit(most)], row)?.collect()
            })
            .map_err(refusal)
    }

    fn commit(&mut self, batch: &SealedBatch) -> Result<(), StoreError> {
        self.transaction(|transaction| {
            batch.0.iter().try_for_each(|change| apply(transaction, change))
        })
    }
}

fn row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let collection = CollectionId(row.get(0)?);
    Ok((RowId { collection, position: from_sql(row.get(1)?) }, row.get(2)?))
}

fn apply(transaction: &Transaction<'_>, change: &RowChange) -> rusqlite::Result<()> {
    match change {
        RowChange::Put { row, value } => transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO record (collection, position, value) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![row.collection.0, to_sql(row.position), value]),
        RowChange::Remove { row } => transaction
            .prepare_cached("DELETE FROM record WHERE collection = ?1 AND position = ?2")?
            .execute(params![row.collection.0, to_sql(row.position)]),
        RowChange::RemoveRange { collection, from, to } => transaction
            .prepare_cached(
                "DELETE FROM record WHERE collection = ?1 AND position BETWEEN ?2 AND ?3",
            )?
            .execute(params![collection.0, to_sql(*from), to_sql(*to)]),
    }
    .map(drop)
}

/// SQLite's integers have a sign. Positions keep their order: 0 is the smallest of them.
fn to_sql(position: u64) -> i64 {
    (position ^ (1 << 63)).cast_signed()
}

fn from_sql(position: i64) -> u64 {
    position.cast_unsigned() ^ (1 << 63)
}

fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// What SQLite's errors mean here.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn refusal(error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    use std::io::ErrorKind;

    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        // A value of another type than the schema has, or a file's name that is no text.
        return StoreError::Damaged;
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is unexpected alike")]
    match failure.code {
        ErrorCode::DiskFull => StoreError::Full,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Damaged,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::InUse { pid: None },
        ErrorCode::TooBig => StoreError::TooLarge,
        ErrorCode::CannotOpen => StoreError::Io(ErrorKind::NotFound),
        ErrorCode::PermissionDenied => StoreError::Io(ErrorKind::PermissionDenied),
        ErrorCode::ReadOnly => StoreError::Io(ErrorKind::ReadOnlyFilesystem),
        ErrorCode::OutOfMemory => StoreError::Io(ErrorKind::OutOfMemory),
        _ => StoreError::Io(ErrorKind::Other),
    }
}

#[cfg(test)]
mod tests;
