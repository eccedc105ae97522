//! Encrypted attachments, in pieces as they were uploaded.

use bytes::Bytes;
use deadpool_postgres::Transaction;

use crate::storage::{AccountId, Answer, BLOB_PIECE, BlobRecord, Blobs, PartRefusal};

use super::{Postgres, Trouble, signed, unsigned};

impl Blobs for Postgres {
    fn create_blob(&self, id: [u8; 16], blob: BlobRecord, quota: u64) -> Answer<bool> {
        self.run(move |mut client| async move {
            let transaction = client.transaction().await?;
            // Of two of one account, each sees the other.
            let lock = transaction
                .prepare_cached(
                    "SELECT pg_advisory_xact_lock( \
                     hashtextextended(current_schema() || ':sprag:blobs:' || $1::bigint, 0))",
                )
                .await?;
            transaction.query(&lock, &[&blob.owner.0]).await?;
            let used = transaction
                .prepare_cached(
                    "SELECT coalesce(sum(length), 0)::bigint FROM blobs WHERE owner = $1",
                )
                .await?;
            let used = transaction.query_one(&used, &[&blob.owner.0]).await?.try_get(0)?;
            if unsigned(used).saturating_add(blob.length) > quota {
                return Ok(false);
            }
            let insert = transaction
                .prepare_cached(
                    "INSERT INTO blobs (id, owner, length, expires) VALUES ($1, $2, $3, $4)",
                )
                .await?;
            let (length, expires) = (signed(blob.length), signed(blob.expires));
            let values = (id.as_slice(), blob.owner.0);
            transaction.execute(&insert, &[&values.0, &values.1, &length, &expires]).await?;
            transaction.commit().await?;
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
        self.run(move |mut client| async move {
            let transaction = client.transaction().await?;
            let outcome = append(&transaction, owner, &id, offset, &part).await?;
            transaction.commit().await?;
            Ok(outcome)
        })
    }

    fn blob(&self, id: [u8; 16]) -> Answer<Option<BlobRecord>> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached("SELECT owner, length, stored, expires FROM blobs WHERE id = $1")
                .await?;
            let Some(row) = client.query_opt(&statement, &[&id.as_slice()]).await? else {
                return Ok(None);
            };
            Ok(Some(BlobRecord {
                owner: AccountId(row.try_get(0)?),
                length: unsigned(row.try_get(1)?),
                offset: unsigned(row.try_get(2)?),
                expires: unsigned(row.try_get(3)?),
            }))
        })
    }

    fn read_blob(&self, id: [u8; 16], offset: u64) -> Answer<Option<Bytes>> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached(
                    "SELECT start, body FROM pieces \
                     WHERE blob = (SELECT entry FROM blobs WHERE id = $1) AND start <= $2 \
                     ORDER BY start DESC LIMIT 1",
                )
                .await?;
            let row = client.query_opt(&statement, &[&id.as_slice(), &signed(offset)]).await?;
            let Some(row) = row else { return Ok(None) };
            let start = unsigned(row.try_get(0)?);
            let body: &[u8] = row.try_get(1)?;
            // What is left of the piece that holds the byte at this offset.
            let skip = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
            let rest = body.get(skip..).filter(|rest| !rest.is_empty());
            Ok(rest.map(Bytes::copy_from_slice))
        })
    }

    fn remove_blob(&self, owner: AccountId, id: [u8; 16]) -> Answer<bool> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached(
                    "WITH gone AS (DELETE FROM blobs WHERE id = $1 AND owner = $2 RETURNING entry) \
                     INSERT INTO removed_blobs SELECT entry FROM gone",
                )
                .await?;
            Ok(client.execute(&statement, &[&id.as_slice(), &owner.0]).await? > 0)
        })
    }
}

/// Removes what an account has uploaded: the blobs at once, their pieces by and by.
pub(super) async fn remove_of(
    transaction: &Transaction<'_>,
    owner: AccountId,
) -> Result<(), Trouble> {
    let statement = transaction
        .prepare_cached(
            "WITH gone AS (DELETE FROM blobs WHERE owner = $1 RETURNING entry) \
             INSERT INTO removed_blobs SELECT entry FROM gone",
        )
        .await?;
    transaction.execute(&statement, &[&owner.0]).await?;
    Ok(())
}

async fn append(
    transaction: &Transaction<'_>,
    owner: AccountId,
    id: &[u8; 16],
    offset: u64,
    part: &Bytes,
) -> Result<Result<u64, PartRefusal>, Trouble> {
    let find = transaction
        .prepare_cached(
            "SELECT entry, length, stored FROM blobs WHERE id = $1 AND owner = $2 FOR UPDATE",
        )
        .await?;
    let Some(row) = transaction.query_opt(&find, &[&id.as_slice(), &owner.0]).await? else {
        return Ok(Err(PartRefusal::NotFound));
    };
    let entry: i64 = row.try_get(0)?;
    let (length, stored) = (unsigned(row.try_get(1)?), unsigned(row.try_get(2)?));
    if offset != stored {
        return Ok(Err(PartRefusal::Offset(stored)));
    }
    let end = offset.saturating_add(part.len() as u64);
    if end > length {
        return Ok(Err(PartRefusal::TooLong));
    }
    let pieces: Vec<&[u8]> = part.chunks(BLOB_PIECE).collect();
    let starts: Vec<i64> =
        (0..pieces.len() as u64).map(|n| signed(offset + n * BLOB_PIECE as u64)).collect();
    let insert = transaction
        .prepare_cached(
            "INSERT INTO pieces (blob, start, body) \
             SELECT $1, start, body FROM unnest($2::bigint[], $3::bytea[]) AS p(start, body)",
        )
        .await?;
    transaction.execute(&insert, &[&entry, &starts, &pieces]).await?;
    let update =
        transaction.prepare_cached("UPDATE blobs SET stored = $2 WHERE entry = $1").await?;
    transaction.execute(&update, &[&entry, &signed(end)]).await?;
    Ok(Ok(end))
}
