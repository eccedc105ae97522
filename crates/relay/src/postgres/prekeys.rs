//! Prekeys: each one-time prekey is handed out once, whichever nodes are asked at the same time.

use std::collections::HashMap;

use deadpool_postgres::{GenericClient, Transaction};
use sprag_api::directory::KeyCounts;
use sprag_api::limit;

use crate::storage::{AccountRecord, Claim, ClaimedKeys, Keys, MailboxId};

use super::Trouble;
use super::accept::device_id;
use super::directory::array;

/// Kinds of one-time prekeys in the table.
const X25519: i16 = 0;
const ML_KEM: i16 = 1;

/// Adds keys to a device.
pub(super) async fn publish(
    transaction: &Transaction<'_>,
    device: MailboxId,
    keys: &Keys,
) -> Result<(), Trouble> {
    let update = transaction
        .prepare_cached(
            "UPDATE devices SET signed = coalesce($2, signed), \
             last_resort = coalesce($3, last_resort) WHERE id = $1",
        )
        .await?;
    let [signed, last_resort] =
        [&keys.signed, &keys.last_resort].map(|key| key.as_ref().map(|key| key.bytes.as_slice()));
    transaction.execute(&update, &[&device.0, &signed, &last_resort]).await?;
    let one_time = keys.one_time.iter().map(|key| (key.id, key.bytes.as_slice()));
    add(transaction, device, (X25519, "one_time_mark"), one_time.unzip()).await?;
    let one_time_kem = keys.one_time_kem.iter().map(|key| (key.id, key.bytes.as_slice()));
    add(transaction, device, (ML_KEM, "kem_mark"), one_time_kem.unzip()).await
}

/// Adds one-time prekeys with ids above all that were ever added, so that none is handed out twice.
async fn add(
    transaction: &Transaction<'_>,
    device: MailboxId,
    (kind, mark): (i16, &str),
    (ids, bodies): (Vec<u32>, Vec<&[u8]>),
) -> Result<(), Trouble> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = ids.into_iter().map(i64::from).collect();
    let insert = transaction
        .prepare_cached(&format!(
            "INSERT INTO prekeys (device, kind, id, body) \
             SELECT $1, $2, k.id, k.body FROM unnest($3::bigint[], $4::bytea[]) AS k(id, body) \
             JOIN devices d ON d.id = $1 WHERE k.id > d.{mark} ON CONFLICT DO NOTHING"
        ))
        .await?;
    transaction.execute(&insert, &[&device.0, &kind, &ids, &bodies]).await?;
    let raise = transaction
        .prepare_cached(&format!("UPDATE devices SET {mark} = greatest({mark}, $2) WHERE id = $1"))
        .await?;
    let highest = ids.iter().copied().max().unwrap_or_default();
    transaction.execute(&raise, &[&device.0, &highest]).await?;
    // The device itself drops its oldest first, too.
    let surplus = transaction
        .prepare_cached(
            "DELETE FROM prekeys WHERE device = $1 AND kind = $2 AND id <= (SELECT id \
             FROM prekeys WHERE device = $1 AND kind = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)",
        )
        .await?;
    let held = i64::try_from(limit::PREKEYS_HELD).unwrap_or(i64::MAX);
    transaction.execute(&surplus, &[&device.0, &kind, &held]).await?;
    Ok(())
}

/// How many one-time prekeys a device has.
pub(super) async fn count(
    client: &impl GenericClient,
    device: MailboxId,
) -> Result<KeyCounts, Trouble> {
    let counts = counts(client, &[device.0]).await?;
    Ok(counts.get(&device.0).copied().unwrap_or_default())
}

async fn counts(
    client: &impl GenericClient,
    devices: &[i64],
) -> Result<HashMap<i64, KeyCounts>, Trouble> {
    let statement = client
        .prepare_cached(
            "SELECT device, kind, count(*) FROM prekeys WHERE device = ANY($1) \
             GROUP BY device, kind",
        )
        .await?;
    let mut counts: HashMap<i64, KeyCounts> = HashMap::new();
    for row in client.query(&statement, &[&devices]).await? {
        let count = u32::try_from(row.try_get::<_, i64>(2)?).unwrap_or(u32::MAX);
        let of = counts.entry(row.try_get(0)?).or_default();
        match row.try_get::<_, i16>(1)? {
            X25519 => of.one_time = count,
            _ => of.one_time_kem = count,
        }
    }
    Ok(counts)
}

/// Takes keys of each device but the requester's own.
pub(super) async fn claim(
    transaction: &Transaction<'_>,
    requester: MailboxId,
    account: AccountRecord,
    one_time: bool,
) -> Result<Claim, Trouble> {
    let statement = transaction
        .prepare_cached(
            "SELECT id, number, identity_key, signed, last_resort FROM devices \
             WHERE account = $1 AND id <> $2 AND signed IS NOT NULL AND last_resort IS NOT NULL \
             ORDER BY number",
        )
        .await?;
    let mut devices = Vec::new();
    for row in transaction.query(&statement, &[&account.id.0, &requester.0]).await? {
        devices.push(ClaimedKeys {
            mailbox: MailboxId(row.try_get(0)?),
            device: device_id(row.try_get(1)?)?,
            identity_key: array(row.try_get(2)?)?,
            signed: row.try_get(3)?,
            kem: row.try_get(4)?,
            kem_is_one_time: false,
            one_time: None,
            left: KeyCounts::default(),
        });
    }
    let ids: Vec<i64> = devices.iter().map(|device| device.mailbox.0).collect();
    let mut taken = if one_time { take(transaction, &ids).await? } else { HashMap::new() };
    let left = counts(transaction, &ids).await?;
    for device in &mut devices {
        device.one_time = taken.remove(&(device.mailbox.0, X25519));
        if let Some(kem) = taken.remove(&(device.mailbox.0, ML_KEM)) {
            device.kem = kem;
            device.kem_is_one_time = true;
        }
        device.left = left.get(&device.mailbox.0).copied().unwrap_or_default();
    }
    Ok(Claim { account, devices })
}

/// Takes the oldest one-time prekey of each kind and device out of the directory, for good. What another
/// claim is about to take is passed over.
async fn take(
    transaction: &Transaction<'_>,
    devices: &[i64],
) -> Result<HashMap<(i64, i16), Vec<u8>>, Trouble> {
    let statement = transaction
        .prepare_cached(
            "WITH oldest AS MATERIALIZED ( \
                 SELECT o.device, o.kind, o.id FROM unnest($1::bigint[]) AS d(device) \
                 CROSS JOIN (VALUES (0::smallint), (1::smallint)) AS k(kind) \
                 CROSS JOIN LATERAL (SELECT device, kind, id FROM prekeys \
                     WHERE device = d.device AND kind = k.kind ORDER BY id LIMIT 1 \
                     FOR UPDATE SKIP LOCKED) o) \
             DELETE FROM prekeys p USING oldest o \
             WHERE p.device = o.device AND p.kind = o.kind AND p.id = o.id \
             RETURNING p.device, p.kind, p.body",
        )
        .await?;
    let rows = transaction.query(&statement, &[&devices]).await?;
    let taken = rows.iter().map(|row| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?)));
    taken.collect()
}
