//! The tables, and how a database of an earlier version becomes one of this.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::{beside, sync};

/// A database: its file, and the steps that made it what it is. `user_version` counts those taken.
pub(super) struct Schema {
    pub(super) file: &'static str,
    steps: &'static [&'static str],
}

/// Accounts, keys, tokens, mailboxes.
///
/// `devices.id` names a mailbox, and is never used twice. `counters` has a row for each device, apart from
/// `devices` because every message changes it. `segments.id` rises with time; `first` and `last` are
/// places in the mailbox. What a removed device leaves is deleted by and by: `removed` lists it.
pub(super) const RELAY: Schema = Schema {
    file: "relay.sqlite",
    steps: &["
        CREATE TABLE accounts (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            key BLOB NOT NULL,
            list_version INTEGER NOT NULL,
            device_list BLOB NOT NULL,
            created INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE devices (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            account INTEGER NOT NULL REFERENCES accounts(id),
            number INTEGER NOT NULL,
            identity_key BLOB NOT NULL,
            signed BLOB,
            last_resort BLOB,
            one_time_mark INTEGER NOT NULL DEFAULT 0,
            kem_mark INTEGER NOT NULL DEFAULT 0,
            UNIQUE (account, number)
        ) STRICT;

        CREATE TABLE counters (
            device INTEGER PRIMARY KEY REFERENCES devices(id) ON DELETE CASCADE,
            next_seq INTEGER NOT NULL DEFAULT 1,
            acknowledged INTEGER NOT NULL DEFAULT 0,
            waiting INTEGER NOT NULL DEFAULT 0,
            waiting_bytes INTEGER NOT NULL DEFAULT 0,
            sent_mark INTEGER NOT NULL DEFAULT 0,
            sent_window BLOB NOT NULL DEFAULT x''
        ) STRICT;

        CREATE TABLE prekeys (
            entry INTEGER PRIMARY KEY,
            device INTEGER NOT NULL,
            kind INTEGER NOT NULL,
            id INTEGER NOT NULL,
            body BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX prekeys_by_device ON prekeys (device, kind, id);

        CREATE TABLE tokens (
            hash BLOB PRIMARY KEY,
            device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
            expires INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tokens_by_device ON tokens (device, expires);
        CREATE INDEX tokens_by_expiry ON tokens (expires);

        CREATE TABLE nonces (
            device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
            nonce BLOB NOT NULL,
            expires INTEGER NOT NULL,
            PRIMARY KEY (device, nonce)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX nonces_by_expiry ON nonces (expires);

        CREATE TABLE invitations (
            hash BLOB PRIMARY KEY,
            uses INTEGER NOT NULL,
            expires INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE segments (
            id INTEGER PRIMARY KEY,
            device INTEGER NOT NULL,
            last INTEGER NOT NULL,
            first INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            received INTEGER NOT NULL,
            deliver BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX segments_by_place ON segments (device, last, first, bytes);

        CREATE TABLE removed (device INTEGER PRIMARY KEY) STRICT;
    "],
};

/// Encrypted attachments, in pieces.
pub(super) const BLOBS: Schema = Schema {
    file: "blobs.sqlite",
    steps: &["
        CREATE TABLE blobs (
            entry INTEGER PRIMARY KEY AUTOINCREMENT,
            id BLOB NOT NULL UNIQUE,
            owner INTEGER NOT NULL,
            length INTEGER NOT NULL,
            stored INTEGER NOT NULL DEFAULT 0,
            expires INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX blobs_by_owner ON blobs (owner, length);
        CREATE INDEX blobs_by_expiry ON blobs (expires);

        CREATE TABLE pieces (
            entry INTEGER PRIMARY KEY,
            blob INTEGER NOT NULL,
            start INTEGER NOT NULL,
            body BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX pieces_by_place ON pieces (blob, start);

        CREATE TABLE removed (blob INTEGER PRIMARY KEY) STRICT;
    "],
};

/// In the place of a version, where everything was moved to another storage: every version of this program
/// refuses it, as one that is newer.
pub(super) const MOVED: u32 = 0x4d4f_5645;

/// Why the databases of a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be reached.
    #[error("{}: {error}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// SQLite cannot use the file.
    #[error("{}: {error}", file.display())]
    Database {
        /// The file.
        file: PathBuf,
        /// What SQLite says.
        error: rusqlite::Error,
    },
    /// A newer version of this program wrote it.
    #[error(
        "{} was written by a newer version (schema {found}, this program knows {known}): \
         run that version, or restore a backup made by this one", file.display()
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its schema.
        found: usize,
        /// The newest that this program knows.
        known: usize,
    },
    /// Everything was moved to another storage.
    #[error(
        "everything in {} was moved to another storage, and what is left here is old: start the relay \
         on that one", .0.display()
    )]
    Moved(PathBuf),
}

/// Opens a database for its writer, and takes the steps that it has not taken. Before the first of
/// them a copy is made beside it.
pub(super) fn open(file: &Path, schema: &Schema) -> Result<Connection, OpenError> {
    let failed = |error| OpenError::Database { file: file.into(), error };
    let mut database = Connection::open(file).map_err(failed)?;
    settle(&database).map_err(failed)?;
    let taken = prepare(&database).map_err(failed)?;
    if taken == MOVED as usize {
        return Err(OpenError::Moved(file.into()));
    }
    let known = schema.steps.len();
    let steps = schema.steps.get(taken..);
    let Some(steps) = steps else {
        return Err(OpenError::Newer { file: file.into(), found: taken, known });
    };
    if taken > 0 && !steps.is_empty() {
        copy(&database, &beside(file, &format!(".v{taken}")))?;
    }
    migrate(&mut database, steps, known).map_err(failed)?;
    Ok(database)
}

/// Settings of every connection.
pub(super) fn settle(database: &Connection) -> rusqlite::Result<()> {
    database.busy_timeout(Duration::from_secs(10))?;
    database.set_prepared_statement_cache_capacity(64);
    // A statement's plan does not depend on its values: it is made once, not for each execution.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    database.pragma_update(None, "foreign_keys", true)?;
    database.pragma_update(None, "temp_store", "MEMORY")
}

/// Settings of the writer's; gives the schema's version.
fn prepare(database: &Connection) -> rusqlite::Result<usize> {
    database.pragma_update(None, "page_size", 8192)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "cache_size", -65_536)?;
    database.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    let version: u32 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version as usize)
}

fn migrate(database: &mut Connection, steps: &[&str], known: usize) -> rusqlite::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = database.transaction()?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()
}

/// Writes a consistent, durable copy into a new file; the database goes on meanwhile.
pub(super) fn copy(database: &Connection, to: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::File { file: to.into(), error };
    let name = to.to_str().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    // SQLite writes into no file that has something in it; one of an earlier try is in the way.
    if to.exists() {
        std::fs::remove_file(to).map_err(failed)?;
    }
    database
        .execute("VACUUM INTO ?1", [name])
        .map_err(|error| OpenError::Database { file: to.into(), error })?;
    sync(to).map_err(failed)
}
