//! Expiry, figures, backup and restore.

use std::collections::HashMap;
use std::fs;
use std::future::ready;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use crate::storage::{
    Answer, Expired, Fence, MailboxId, Position, Span, Statistics, Unavailable, Upkeep,
};

use super::memory::Devices;
use super::{OpenError, Sqlite, blobs, schema};

/// How many rows one transaction of upkeep deletes, so that messages need not wait for long.
const SLICE: u32 = 500;

impl Upkeep for Sqlite {
    fn expire(&self, now: u64, oldest_envelope: u64) -> Answer<Expired> {
        let relay = self
            .relay
            .writer
            .write(move |database, memory| expire_relay(database, memory, now, oldest_envelope));
        let blobs = self.blobs.writer.write(move |database, ()| expire_blobs(database, now));
        Box::pin(async move {
            let (relay, (blobs, more)) = (relay.await?, blobs.await?);
            Ok(Expired { blobs, more: relay.more || more, ..relay })
        })
    }

    fn statistics(&self, now: u64) -> Answer<Statistics> {
        let relay = self.relay.read(move |database| {
            let count = |table: &str| {
                database.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0))
            };
            let (envelopes, envelope_bytes) = database.query_row(
                "SELECT ifnull(sum(waiting), 0), ifnull(sum(waiting_bytes), 0) FROM counters",
                (),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            Ok(Statistics {
                accounts: count("accounts")?,
                devices: count("devices")?,
                envelopes,
                envelope_bytes,
                tokens: database.query_row(
                    "SELECT count(*) FROM tokens WHERE expires > ?1",
                    [now],
                    |row| row.get(0),
                )?,
                ..Statistics::default()
            })
        });
        let blobs = self.blobs.read(|database| {
            database.query_row("SELECT count(*), ifnull(sum(stored), 0) FROM blobs", (), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
        });
        Box::pin(async move {
            let (statistics, (blobs, blob_bytes)) = (relay.await?, blobs.await?);
            Ok(Statistics { blobs, blob_bytes, ..statistics })
        })
    }

    fn ready(&self) -> Answer<()> {
        // A transaction that changes nothing still takes the lock.
        let relay = self.relay.writer.write(|_, _| Ok(()));
        let blobs = self.blobs.writer.write(|_, ()| Ok(()));
        Box::pin(async move {
            relay.await?;
            blobs.await
        })
    }

    fn positions(&self, devices: Vec<MailboxId>) -> Answer<Vec<(MailboxId, Option<Position>)>> {
        self.relay.read(move |database| {
            let mut find =
                database.prepare_cached("SELECT next_seq - 1 FROM counters WHERE device = ?1")?;
            let positions = devices.into_iter().map(|device| {
                let last: Option<u64> = find.query_row([device.0], |row| row.get(0)).optional()?;
                let position = last.map(|last| Position { last, fence: Fence::default() });
                Ok((device, position))
            });
            positions.collect()
        })
    }

    /// There is one node, and what it takes is all that is taken.
    fn add_debts(
        &self,
        _: u8,
        _: u64,
        taken: Vec<(Vec<u8>, u64)>,
        _: u64,
    ) -> Answer<HashMap<Vec<u8>, u64>> {
        Box::pin(ready(Ok(taken.into_iter().collect())))
    }
}

impl Sqlite {
    /// Writes a consistent copy into a new folder, while everything goes on.
    pub(crate) fn back_up(&self, folder: &Path) -> Answer<()> {
        let relay = back_up(&self.relay.readers, folder.join(schema::RELAY.file));
        let blobs = back_up(&self.blobs.readers, folder.join(schema::BLOBS.file));
        Box::pin(async move {
            // Mailboxes first: a message may name a blob, and that must not be missing.
            relay.await?;
            blobs.await
        })
    }
}

fn expire_relay(
    database: &Connection,
    memory: &mut Devices,
    now: u64,
    oldest_envelope: u64,
) -> rusqlite::Result<Expired> {
    let (envelopes, more) = expire_envelopes(database, memory, oldest_envelope)?;
    let delete = |table: &str| {
        database
            .prepare_cached(&format!("DELETE FROM {table} WHERE expires <= ?1"))?
            .execute([now])
            .map(|count| count as u64)
    };
    let tokens = delete("tokens")?;
    delete("nonces")?;
    let invitations = delete("invitations")?;
    let left = sweep_removed(database)?;
    Ok(Expired { envelopes, tokens, invitations, more: more || left, blobs: 0 })
}

/// Segments in the order in which they were stored; stops at the first that is young enough.
fn expire_envelopes(
    database: &Connection,
    memory: &mut Devices,
    oldest: u64,
) -> rusqlite::Result<(u64, bool)> {
    let old: Vec<(i64, i64, Span)> = database
        .prepare_cached(
            "SELECT id, device, first, last, bytes FROM (SELECT * FROM segments ORDER BY id LIMIT ?2) \
             WHERE received < ?1",
        )?
        .query_map(params![oldest, SLICE], |row| {
            let span = Span { first: row.get(2)?, last: row.get(3)?, bytes: row.get(4)? };
            Ok((row.get(0)?, row.get(1)?, span))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut delete = database.prepare_cached("DELETE FROM segments WHERE id = ?1")?;
    let mut envelopes = 0;
    for (id, device, span) in &old {
        delete.execute([id])?;
        if let Some(device) = memory.device_mut(database, MailboxId(*device))? {
            let waiting = span.waiting(device.acknowledged);
            device.release(waiting, span.bytes);
            envelopes += waiting;
        }
    }
    Ok((envelopes, old.len() == SLICE as usize))
}

/// Deletes some of what removed devices left; whether there is more.
fn sweep_removed(database: &Connection) -> rusqlite::Result<bool> {
    let mut first = database.prepare_cached("SELECT min(device) FROM removed")?;
    let Some(device) = first.query_row((), |row| row.get::<_, Option<i64>>(0))? else {
        return Ok(false);
    };
    let mut deleted = 0;
    for (table, entry) in [("segments", "id"), ("prekeys", "entry")] {
        deleted += database
            .prepare_cached(&format!(
                "DELETE FROM {table} WHERE {entry} IN (SELECT {entry} FROM {table} \
                 WHERE device = ?1 LIMIT ?2)"
            ))?
            .execute(params![device, SLICE])?;
    }
    if deleted == 0 {
        database.prepare_cached("DELETE FROM removed WHERE device = ?1")?.execute([device])?;
    }
    Ok(true)
}

/// Blobs that expired, and some of the pieces of those that are gone; whether there is more.
fn expire_blobs(database: &Connection, now: u64) -> rusqlite::Result<(u64, bool)> {
    let expired = blobs::remove(database, "expires <= ?1", params![now])?;
    let mut first = database.prepare_cached("SELECT min(blob) FROM removed")?;
    let Some(blob) = first.query_row((), |row| row.get::<_, Option<i64>>(0))? else {
        return Ok((expired as u64, false));
    };
    let deleted = database
        .prepare_cached(
            "DELETE FROM pieces WHERE entry IN (SELECT entry FROM pieces WHERE blob = ?1 LIMIT 16)",
        )?
        .execute([blob])?;
    if deleted == 0 {
        database.prepare_cached("DELETE FROM removed WHERE blob = ?1")?.execute([blob])?;
    }
    Ok((expired as u64, true))
}

fn back_up(readers: &super::Readers, to: PathBuf) -> Answer<()> {
    let copied = readers.run(move |database| Ok(schema::copy(database, &to)));
    Box::pin(async move {
        copied.await?.map_err(|error| {
            tracing::error!(%error, "the backup failed");
            Unavailable
        })
    })
}

/// Why a backup was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a database already.
    #[error(
        "{} exists already: restore into an empty data folder, or move it away first",
        .0.display()
    )]
    Exists(PathBuf),
    /// The backup has no such file.
    #[error("{} is missing: this is no backup of a relay", .0.display())]
    Missing(PathBuf),
    /// A file cannot be copied.
    #[error("{}: {error}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The copy cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Makes a backup the databases of an empty data folder.
///
/// Time has gone on since the backup: one-time prekeys that it holds may have been handed out, so they
/// are dropped; places in mailboxes may have been used, so the next ones are far above; tokens are
/// dropped, so that every device logs in and learns its mark.
pub(crate) fn restore(backup: &Path, data: &Path) -> Result<(), RestoreError> {
    let files = [&schema::RELAY, &schema::BLOBS];
    for schema in files {
        let (from, to) = (backup.join(schema.file), data.join(schema.file));
        if to.exists() {
            return Err(RestoreError::Exists(to));
        }
        if !from.exists() {
            return Err(RestoreError::Missing(from));
        }
    }
    for schema in files {
        let to = data.join(schema.file);
        let failed = |error| RestoreError::File { file: to.clone(), error };
        // Under another name until it may be used.
        let unfinished = super::beside(&to, ".restoring");
        fs::copy(backup.join(schema.file), &unfinished).map_err(failed)?;
        let database = schema::open(&unfinished, schema)?;
        let failed_in = |error| OpenError::Database { file: to.clone(), error };
        if schema.file == schema::RELAY.file {
            database.execute_batch(AFTER_RESTORE).map_err(failed_in)?;
        }
        // All of it into the one file that is moved.
        database.pragma_update(None, "journal_mode", "DELETE").map_err(failed_in)?;
        drop(database);
        fs::rename(&unfinished, &to).map_err(failed)?;
        super::sync(&to).map_err(failed)?;
    }
    Ok(())
}

const AFTER_RESTORE: &str = "
    BEGIN;
    DELETE FROM prekeys;
    DELETE FROM tokens;
    UPDATE counters SET next_seq = next_seq + 4294967296;
    COMMIT;
";
