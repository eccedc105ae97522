//! Expiry, figures, where devices stand.

use std::collections::{BTreeMap, HashMap};

use deadpool_postgres::Transaction;

use crate::storage::{Answer, Expired, Fence, MailboxId, Position, Span, Statistics, Upkeep};

use super::{Postgres, PostgresError, SchemaError, Trouble, presence, signed, unsigned};

/// How many rows one transaction of upkeep deletes, so that messages need not wait for long.
const SLICE: i64 = 500;
/// How many pieces of blobs, which are large.
const PIECES: i64 = 16;

impl Upkeep for Postgres {
    fn expire(&self, now: u64, oldest_envelope: u64) -> Answer<Expired> {
        self.run(move |mut client| async move {
            let transaction = client.transaction().await?;
            // One node at a time does it.
            let lock = transaction
                .prepare_cached(
                    "SELECT pg_try_advisory_xact_lock( \
                     hashtextextended(current_schema() || ':sprag:upkeep', 0))",
                )
                .await?;
            if !transaction.query_one(&lock, &[]).await?.try_get::<_, bool>(0)? {
                return Ok(Expired::default());
            }
            let (envelopes, mut more) = expire_envelopes(&transaction, oldest_envelope).await?;
            let (blobs, tokens, invitations) = expire_others(&transaction, now).await?;
            more |=
                sweep(&transaction, ("removed", "device"), ("segments", "device", "last", SLICE))
                    .await?;
            more |=
                sweep(&transaction, ("removed_blobs", "blob"), ("pieces", "blob", "start", PIECES))
                    .await?;
            transaction.commit().await?;
            Ok(Expired { envelopes, blobs, tokens, invitations, more })
        })
    }

    fn statistics(&self, now: u64) -> Answer<Statistics> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached(
                    "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM devices), \
                     (SELECT coalesce(sum(m.stored - r.released), 0)::bigint FROM mailboxes m \
                      JOIN receipts r ON r.device = m.device), \
                     (SELECT coalesce(sum(m.stored_bytes - r.released_bytes), 0)::bigint \
                      FROM mailboxes m JOIN receipts r ON r.device = m.device), \
                     (SELECT count(*) FROM blobs), \
                     (SELECT coalesce(sum(stored), 0)::bigint FROM blobs), \
                     (SELECT count(*) FROM tokens WHERE expires > $1)",
                )
                .await?;
            let row = client.query_one(&statement, &[&signed(now)]).await?;
            let figure = |column: usize| row.try_get(column).map(unsigned);
            Ok(Statistics {
                accounts: figure(0)?,
                devices: figure(1)?,
                envelopes: figure(2)?,
                envelope_bytes: figure(3)?,
                blobs: figure(4)?,
                blob_bytes: figure(5)?,
                tokens: figure(6)?,
            })
        })
    }

    fn ready(&self) -> Answer<()> {
        self.run(move |client| async move {
            // One that only reads answers this with true.
            let statement = client.prepare_cached("SELECT pg_is_in_recovery()").await?;
            if client.query_one(&statement, &[]).await?.try_get(0)? {
                return Err(Trouble::Standby);
            }
            Ok(())
        })
    }

    fn positions(&self, devices: Vec<MailboxId>) -> Answer<Vec<(MailboxId, Option<Position>)>> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached(
                    "SELECT m.device, m.next_seq - 1, r.fence FROM mailboxes m \
                     JOIN receipts r ON r.device = m.device WHERE m.device = ANY($1)",
                )
                .await?;
            let ids: Vec<i64> = devices.iter().map(|device| device.0).collect();
            let mut found = HashMap::new();
            for row in client.query(&statement, &[&ids]).await? {
                let (last, fence) = (unsigned(row.try_get(1)?), Fence(unsigned(row.try_get(2)?)));
                found.insert(MailboxId(row.try_get(0)?), Position { last, fence });
            }
            Ok(devices.into_iter().map(|device| (device, found.remove(&device))).collect())
        })
    }

    fn add_debts(
        &self,
        kind: u8,
        per_second: u64,
        taken: Vec<(Vec<u8>, u64)>,
        now: u64,
    ) -> Answer<HashMap<Vec<u8>, u64>> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached(
                    "INSERT INTO debts AS d (kind, key, weight, at, full_at) \
                     SELECT $1, t.key, t.weight, $4, $4 + t.weight / greatest($5::bigint, 1) + 1 \
                     FROM unnest($2::bytea[], $3::bigint[]) AS t(key, weight) ORDER BY t.key \
                     ON CONFLICT (kind, key) DO UPDATE SET \
                     weight = greatest(0, d.weight - greatest(0, excluded.at - d.at) * $5) \
                         + excluded.weight, \
                     at = greatest(d.at, excluded.at), \
                     full_at = greatest(d.at, excluded.at) \
                         + (d.weight + excluded.weight) / greatest($5, 1) + 1 \
                     RETURNING key, weight",
                )
                .await?;
            let (keys, weights): (Vec<_>, Vec<_>) =
                taken.into_iter().map(|(key, weight)| (key, signed(weight))).unzip();
            let (kind, per_second) = (i16::from(kind), signed(per_second));
            let rows = client
                .query(&statement, &[&kind, &keys, &weights, &signed(now), &per_second])
                .await?;
            let debts = rows.iter().map(|row| Ok((row.try_get(0)?, unsigned(row.try_get(1)?))));
            debts.collect()
        })
    }
}

impl Postgres {
    /// Time has gone on since the backup that the database was restored from: one-time prekeys that it holds
    /// may have been handed out, places in mailboxes may have been used, and every device is to log in and
    /// learn its mark.
    pub(crate) async fn after_restore(url: &str) -> Result<(), PostgresError> {
        let mut client = presence::alone(url).await?;
        let transaction = client.transaction().await.map_err(SchemaError::from)?;
        let forget = "DELETE FROM prekeys; DELETE FROM tokens; \
                      UPDATE mailboxes SET next_seq = next_seq + 4294967296";
        transaction.batch_execute(forget).await.map_err(SchemaError::from)?;
        Ok(transaction.commit().await.map_err(SchemaError::from)?)
    }
}

/// Some of the oldest segments; whether there is more.
async fn expire_envelopes(
    transaction: &Transaction<'_>,
    oldest: u64,
) -> Result<(u64, bool), Trouble> {
    let find = transaction
        .prepare_cached(
            "SELECT device, last FROM segments WHERE received < $1 ORDER BY received LIMIT $2",
        )
        .await?;
    let rows = transaction.query(&find, &[&signed(oldest), &SLICE]).await?;
    if rows.is_empty() {
        return Ok((0, false));
    }
    let column =
        |of: usize| rows.iter().map(|row| row.try_get(of)).collect::<Result<Vec<i64>, _>>();
    let (devices, lasts) = (column(0)?, column(1)?);
    // As with acknowledgements: receipts first.
    let lock = transaction
        .prepare_cached(
            "SELECT device, acknowledged FROM receipts WHERE device = ANY($1) \
             ORDER BY device FOR NO KEY UPDATE",
        )
        .await?;
    let mut acknowledged: HashMap<i64, u64> = HashMap::new();
    for row in transaction.query(&lock, &[&devices]).await? {
        acknowledged.insert(row.try_get(0)?, unsigned(row.try_get(1)?));
    }
    let delete = transaction
        .prepare_cached(
            "DELETE FROM segments s USING unnest($1::bigint[], $2::bigint[]) AS o(device, last) \
             WHERE s.device = o.device AND s.last = o.last \
             RETURNING s.device, s.first, s.last, s.bytes",
        )
        .await?;
    let mut released: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let mut envelopes = 0;
    for row in transaction.query(&delete, &[&devices, &lasts]).await? {
        let device: i64 = row.try_get(0)?;
        let [first, last, bytes] =
            [row.try_get(1)?, row.try_get(2)?, row.try_get(3)?].map(unsigned);
        let span = Span { first, last, bytes };
        // What is left of a device that is gone is nobody's.
        if let Some(acknowledged) = acknowledged.get(&device) {
            let waiting = span.waiting(*acknowledged);
            let of = released.entry(device).or_default();
            of.0 += signed(waiting);
            of.1 += signed(bytes);
            envelopes += waiting;
        }
    }
    let release = transaction
        .prepare_cached(
            "UPDATE receipts r SET released = r.released + a.envelopes, \
             released_bytes = r.released_bytes + a.bytes \
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS a(device, envelopes, bytes) \
             WHERE r.device = a.device",
        )
        .await?;
    let devices: Vec<i64> = released.keys().copied().collect();
    let (counts, bytes): (Vec<i64>, Vec<i64>) = released.into_values().unzip();
    transaction.execute(&release, &[&devices, &counts, &bytes]).await?;
    Ok((envelopes, rows.len() as u64 == unsigned(SLICE)))
}

/// Blobs, tokens and invitations that have expired, and what else has an end.
async fn expire_others(
    transaction: &Transaction<'_>,
    now: u64,
) -> Result<(u64, u64, u64), Trouble> {
    let now = signed(now);
    let delete = async |statement: &str| {
        let statement = transaction.prepare_cached(statement).await?;
        transaction.execute(&statement, &[&now]).await
    };
    let blobs = delete(
        "WITH gone AS (DELETE FROM blobs WHERE expires <= $1 RETURNING entry) \
         INSERT INTO removed_blobs SELECT entry FROM gone",
    )
    .await?;
    let tokens = delete("DELETE FROM tokens WHERE expires <= $1").await?;
    delete("DELETE FROM nonces WHERE expires <= $1").await?;
    delete("DELETE FROM debts WHERE full_at <= $1").await?;
    let invitations = delete("DELETE FROM invitations WHERE expires <= $1").await?;
    Ok((blobs, tokens, invitations))
}

/// Deletes some of what something left that is gone; whether there is more.
async fn sweep(
    transaction: &Transaction<'_>,
    (removed, of): (&str, &str),
    (table, owner, place, most): (&str, &str, &str, i64),
) -> Result<bool, Trouble> {
    let first = transaction
        .prepare_cached(&format!("SELECT {of} FROM {removed} ORDER BY {of} LIMIT 1"))
        .await?;
    let Some(row) = transaction.query_opt(&first, &[]).await? else { return Ok(false) };
    let gone: i64 = row.try_get(0)?;
    let delete = transaction
        .prepare_cached(&format!(
            "DELETE FROM {table} WHERE {owner} = $1 AND {place} IN \
             (SELECT {place} FROM {table} WHERE {owner} = $1 ORDER BY {place} LIMIT $2)"
        ))
        .await?;
    let mut deleted = transaction.execute(&delete, &[&gone, &most]).await?;
    if table == "segments" && deleted == 0 {
        // At most a thousand of each kind.
        let prekeys = transaction.prepare_cached("DELETE FROM prekeys WHERE device = $1").await?;
        deleted = transaction.execute(&prekeys, &[&gone]).await?;
    }
    if deleted == 0 {
        let done =
            transaction.prepare_cached(&format!("DELETE FROM {removed} WHERE {of} = $1")).await?;
        transaction.execute(&done, &[&gone]).await?;
    }
    Ok(true)
}
