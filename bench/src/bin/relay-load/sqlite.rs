//! The limit of the storage: bare SQLite commits of messages, as the relay's mailboxes keep them: all that
//! one commit has for one mailbox is one row.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rusqlite::{Connection, params};

use crate::clock::now;
use crate::subject::count;
use crate::traffic::CIPHERTEXT_LEN;

/// How many mailboxes the messages are spread over.
const MAILBOXES: i64 = 100;
/// Bytes of a message with what is kept of it beside the ciphertext.
const MESSAGE_LEN: usize = CIPHERTEXT_LEN + 32;

/// A database of its own, with one table and its index.
pub(crate) struct Rows {
    database: Connection,
    next: i64,
    next_mailbox: i64,
    /// What rows hold.
    bytes: Vec<u8>,
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
             CREATE TABLE segments (
                 id INTEGER PRIMARY KEY, device INTEGER NOT NULL, last INTEGER NOT NULL,
                 first INTEGER NOT NULL, bytes INTEGER NOT NULL, received INTEGER NOT NULL,
                 deliver BLOB NOT NULL
             ) STRICT;
             CREATE UNIQUE INDEX segments_by_place ON segments (device, last, first, bytes);",
        )?;
        // As much as one mailbox has in the largest commit.
        let bytes = vec![0x5A; MESSAGE_LEN * usize::from(u8::MAX)];
        Ok(Self { database, next: 1, next_mailbox: 0, bytes })
    }

    /// Commits so many messages at a time, for so long; each commit also deletes as many older ones, as
    /// acknowledgements do. Gives the messages per second.
    pub(crate) fn measure(&mut self, batch: u32, time: Duration) -> Result<f64> {
        let begin = now();
        let mut messages = 0_u64;
        while begin.elapsed() < time {
            self.commit(i64::from(batch))?;
            messages += u64::from(batch);
        }
        Ok(count(messages)? / begin.elapsed().as_secs_f64())
    }

    fn commit(&mut self, batch: i64) -> Result<()> {
        let transaction = self.database.transaction()?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO segments (device, last, first, bytes, received, deliver)
             VALUES (?1, ?2, ?3, ?4, 1800000000, ?5)",
        )?;
        let mut delete =
            transaction.prepare_cached("DELETE FROM segments WHERE device = ?1 AND last < ?2")?;
        let mailboxes = MAILBOXES.min(batch);
        for row in 0..mailboxes {
            // What does not come out even goes to the first ones.
            let messages = batch / mailboxes + i64::from(row < batch % mailboxes);
            let mailbox = self.next_mailbox;
            self.next_mailbox = (mailbox + 1) % MAILBOXES;
            let (first, last) = (self.next, self.next + messages - 1);
            self.next = last + 1;
            let deliver = self.bytes.get(..usize::try_from(messages)? * MESSAGE_LEN);
            delete.execute(params![mailbox, first])?;
            insert.execute(params![mailbox, last, first, messages, deliver])?;
        }
        drop((insert, delete));
        Ok(transaction.commit()?)
    }
}
