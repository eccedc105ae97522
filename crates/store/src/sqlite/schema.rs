//! The tables, and how a file of an earlier version becomes one of this.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Transaction};

use super::refusal;
use crate::StoreError;
use crate::files::{beside, sync_folder};

/// Names the file as Sprag's in its first page ("Sprg").
pub(super) const APPLICATION: u32 = u32::from_be_bytes(*b"Sprg");

/// The steps that made the schema what it is. `user_version` counts those taken.
///
/// Positions are those of the records with the highest bit turned, so that they keep their order as
/// signed integers.
pub(super) const STEPS: &[&str] = &["
    CREATE TABLE header (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        bytes BLOB NOT NULL
    ) STRICT;

    CREATE TABLE record (
        collection BLOB NOT NULL,
        position INTEGER NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (collection, position)
    ) STRICT, WITHOUT ROWID;
"];

/// Opens a file that this process has for itself, and takes the steps that it has not taken. Before
/// the first of them a copy is made beside it.
pub(super) fn open(path: &Path, steps: &[&str]) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(path, flags).map_err(refusal)?;
    let taken = version(&database, steps.len())?;
    settle(&database).map_err(refusal)?;
    let missing = steps.get(taken..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(database);
    }
    if taken > 0 {
        copy(&database, &beside(path, &format!(".v{taken}")))?;
    }
    migrate(&mut database, missing, steps.len()).map_err(refusal)?;
    sync_folder(path)?;
    Ok(database)
}

/// How many steps a file has taken; 0 for a new one.
fn version(database: &Connection, known: usize) -> Result<usize, StoreError> {
    let number = |name| database.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: u32 = database.query_row(tables, [], |row| row.get(0)).map_err(refusal)?;
    let application = number("application_id").map_err(refusal)?;
    let found = number("user_version").map_err(refusal)?;
    if application != APPLICATION && (tables > 0 || found > 0 || application > 0) {
        return Err(StoreError::Foreign);
    }
    let known = u32::try_from(known).unwrap_or(u32::MAX);
    if found > known { Err(StoreError::Newer { found, known }) } else { Ok(found as usize) }
}

fn settle(database: &Connection) -> rusqlite::Result<()> {
    // One process: the index of the WAL is in its memory, and no other can look in.
    database.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "secure_delete", true)?;
    database.pragma_update(None, "temp_store", "MEMORY")?;
    // A short WAL: what it holds of rows that were removed is soon overwritten.
    database.pragma_update(None, "wal_autocheckpoint", 256)?;
    database.pragma_update(None, "journal_size_limit", 0)
}

fn migrate(database: &mut Connection, steps: &[&str], known: usize) -> rusqlite::Result<()> {
    let transaction: Transaction<'_> = database.transaction()?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()
}

/// Writes a consistent, durable copy into a new file.
fn copy(database: &Connection, to: &Path) -> Result<(), StoreError> {
    let name = to.to_str().ok_or(StoreError::Io(std::io::ErrorKind::InvalidFilename))?;
    // SQLite writes into no file that has something in it; one of an earlier try is in the way.
    let file = crate::files::make(to)?;
    file.set_len(0)?;
    database.execute("VACUUM INTO ?1", [name]).map_err(refusal)?;
    File::sync_all(&file)?;
    sync_folder(to)?;
    Ok(())
}
