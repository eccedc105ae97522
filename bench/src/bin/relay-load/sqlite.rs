//! The limit of the storage: bare SQLite commits of rows like those of a mailbox.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rusqlite::{Connection, params};

use crate::clock::now;
use crate::subject::count;
use crate::traffic::CIPHERTEXT_LEN;

/// How many mailboxes the rows are spread over.
const MAILBOXES: i64 = 100;

/// A database of its own, with one table and its index.
pub(crate) struct Rows {
    database: Connection,
    next: i64,
}

impl Rows {
    /// Makes the database.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let database = Connection::open(folder.join("bare.sqlite"))?;
        database.execute_batch(
            "PRAGMA page_size = 8192;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA cache_size = -65536;
             PRAGMA wal_autocheckpoint = 4000;
             CREATE TABLE envelopes (
                 id INTEGER PRIMARY KEY, device INTEGER NOT NULL, seq INTEGER NOT NULL,
                 sender TEXT NOT NULL, sender_device INTEGER NOT NULL, number INTEGER NOT NULL,
                 received INTEGER NOT NULL, bytes INTEGER NOT NULL, ciphertext BLOB NOT NULL
             ) STRICT;
             CREATE UNIQUE INDEX envelopes_by_place ON envelopes (device, seq, bytes);",
        )?;
        Ok(Self { database, next: 0 })
    }

    /// Commits so many rows at a time, for so long; each commit also deletes as many older ones, as
    /// acknowledgements do. Gives the rows per second.
    pub(crate) fn measure(&mut self, batch: u32, time: Duration) -> Result<f64> {
        let begin = now();
        let mut rows = 0_u64;
        while begin.elapsed() < time {
            self.commit(i64::from(batch))?;
            rows += u64::from(batch);
        }
        Ok(count(rows)? / begin.elapsed().as_secs_f64())
    }

    fn commit(&mut self, batch: i64) -> Result<()> {
        let transaction = self.database.transaction()?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO envelopes (device, seq, sender, sender_device, number, received, bytes,
             ciphertext) VALUES (?1, ?2, 'pair-100', 1, ?2, 1800000000, ?3, ?4)",
        )?;
        let mut delete =
            transaction.prepare_cached("DELETE FROM envelopes WHERE device = ?1 AND seq < ?2")?;
        let ciphertext = [0x5A_u8; CIPHERTEXT_LEN];
        let rows = self.next..self.next + batch;
        self.next = rows.end;
        for mailbox in 0..MAILBOXES.min(batch) {
            let mailbox = (rows.start + mailbox) % MAILBOXES;
            delete.execute(params![mailbox, rows.start])?;
        }
        for row in rows {
            insert.execute(params![row % MAILBOXES, row, CIPHERTEXT_LEN, ciphertext])?;
        }
        drop((insert, delete));
        Ok(transaction.commit()?)
    }
}
