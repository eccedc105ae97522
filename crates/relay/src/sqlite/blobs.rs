//! Encrypted attachments, in pieces as they were uploaded.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use crate::storage::{AccountId, Answer, BLOB_PIECE, BlobRecord, Blobs, PartRefusal};

use super::Sqlite;

impl Blobs for Sqlite {
    fn create_blob(&self, id: [u8; 16], blob: BlobRecord, quota: u64) -> Answer<bool> {
        self.blobs.writer.write(move |database, ()| {
            let used: u64 = database
                .prepare_cached("SELECT ifnull(sum(length), 0) FROM blobs WHERE owner = ?1")?
                .query_row([blob.owner.0], |row| row.get(0))?;
            if used.saturating_add(blob.length) > quota {
                return Ok(false);
            }
            database
                .prepare_cached(
                    "INSERT INTO blobs (id, owner, length, expires) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![id, blob.owner.0, blob.length, blob.expires])?;
            Ok(true)
        })
    }

    fn append_blob(
        &self,
        owner: AccountId,
        id: [u8; 16],
        offset: u64,
        part: Bytes,
    ) -> Answer<Result<u64, PartRefusal>> {
        self.blobs.writer.write(move |database, ()| append(database, owner, &id, offset, &part))
    }

    fn blob(&self, id: [u8; 16]) -> Answer<Option<BlobRecord>> {
        self.blobs.read(move |database| Ok(find(database, &id)?.map(|(_, record)| record)))
    }

    fn read_blob(&self, id: [u8; 16], offset: u64) -> Answer<Option<Bytes>> {
        self.blobs.read(move |database| read(database, &id, offset))
    }

    fn remove_blob(&self, owner: AccountId, id: [u8; 16]) -> Answer<bool> {
        self.blobs.writer.write(move |database, ()| {
            let removed = remove(database, "id = ?1 AND owner = ?2", params![id, owner.0])?;
            Ok(removed > 0)
        })
    }
}

impl Sqlite {
    /// Removes what an account has uploaded.
    pub(super) fn remove_blobs_of(&self, owner: AccountId) -> Answer<usize> {
        self.blobs
            .writer
            .write(move |database, ()| remove(database, "owner = ?1", params![owner.0]))
    }
}

/// The blobs are gone at once; their pieces are deleted by and by.
pub(super) fn remove(
    database: &Connection,
    which: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<usize> {
    database
        .prepare_cached(&format!("INSERT INTO removed SELECT entry FROM blobs WHERE {which}"))?
        .execute(values)?;
    database.prepare_cached(&format!("DELETE FROM blobs WHERE {which}"))?.execute(values)
}

fn find(database: &Connection, id: &[u8; 16]) -> rusqlite::Result<Option<(i64, BlobRecord)>> {
    database
        .prepare_cached("SELECT entry, owner, length, stored, expires FROM blobs WHERE id = ?1")?
        .query_row([id], |row| {
            let record = BlobRecord {
                owner: AccountId(row.get(1)?),
                length: row.get(2)?,
                offset: row.get(3)?,
                expires: row.get(4)?,
            };
            Ok((row.get(0)?, record))
        })
        .optional()
}

fn append(
    database: &Connection,
    owner: AccountId,
    id: &[u8; 16],
    offset: u64,
    part: &Bytes,
) -> rusqlite::Result<Result<u64, PartRefusal>> {
    let Some((entry, blob)) = find(database, id)?.filter(|(_, blob)| blob.owner == owner) else {
        return Ok(Err(PartRefusal::NotFound));
    };
    if offset != blob.offset {
        return Ok(Err(PartRefusal::Offset(blob.offset)));
    }
    let end = offset.saturating_add(part.len() as u64);
    if end > blob.length {
        return Ok(Err(PartRefusal::TooLong));
    }
    let mut insert =
        database.prepare_cached("INSERT INTO pieces (blob, start, body) VALUES (?1, ?2, ?3)")?;
    let mut start = offset;
    for piece in part.chunks(BLOB_PIECE) {
        insert.execute(params![entry, start, piece])?;
        start += piece.len() as u64;
    }
    database
        .prepare_cached("UPDATE blobs SET stored = ?2 WHERE entry = ?1")?
        .execute(params![entry, end])?;
    Ok(Ok(end))
}

/// What is left of the piece that holds the byte at this offset.
fn read(database: &Connection, id: &[u8; 16], offset: u64) -> rusqlite::Result<Option<Bytes>> {
    let piece: Option<(u64, Vec<u8>)> = database
        .prepare_cached(
            "SELECT start, body FROM pieces WHERE blob = (SELECT entry FROM blobs WHERE id = ?1) \
             AND start <= ?2 ORDER BY start DESC LIMIT 1",
        )?
        .query_row(params![id, offset], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(piece.and_then(|(start, body)| {
        let skip = usize::try_from(offset.saturating_sub(start)).ok()?;
        (skip < body.len()).then(|| Bytes::from(body).slice(skip..))
    }))
}
