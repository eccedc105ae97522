//! Accounts, keys, tokens, invitations.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use sprag_api::device_list::DeviceList;
use sprag_api::directory::KeyCounts;
use sprag_api::limit;
use sprag_api::name::{AccountName, Address};
use sprag_api::signature::VerifyKey;

use crate::storage::{
    AccountId, AccountRecord, Answer, Bearer, Claim, ClaimedKeys, DeviceRecord, DevicesReplaced,
    Directory, Hash, Keys, MailboxId, NewAccount, NewSession, RegisterRefusal, Replayed,
    TOKENS_PER_DEVICE, VersionConflict,
};

use super::memory::{Devices, device_id};
use super::{Sqlite, damaged};

/// Kinds of one-time prekeys in the table.
const X25519: u8 = 0;
const ML_KEM: u8 = 1;

impl Directory for Sqlite {
    fn register(&self, account: NewAccount) -> Answer<Result<DeviceRecord, RegisterRefusal>> {
        self.relay.writer.write(move |database, _| register(database, &account))
    }

    fn account(&self, name: AccountName) -> Answer<Option<AccountRecord>> {
        self.relay.read(move |database| account(database, &name))
    }

    fn replace_devices(
        &self,
        account: AccountId,
        list: DeviceList,
    ) -> Answer<Result<DevicesReplaced, VersionConflict>> {
        self.relay
            .writer
            .write(move |database, memory| replace_devices(database, memory, account, &list))
    }

    fn remove_account(&self, account: AccountId) -> Answer<Vec<MailboxId>> {
        let blobs = self.remove_blobs_of(account);
        let removed = self
            .relay
            .writer
            .write(move |database, memory| remove_account(database, memory, account));
        Box::pin(async move {
            let removed = removed.await?;
            blobs.await?;
            Ok(removed)
        })
    }

    fn publish(&self, device: MailboxId, keys: Keys) -> Answer<Option<KeyCounts>> {
        self.relay.writer.write(move |database, memory| {
            let account: Option<i64> = database
                .prepare_cached("SELECT account FROM devices WHERE id = ?1")?
                .query_row([device.0], |row| row.get(0))
                .optional()?;
            let Some(account) = account else { return Ok(None) };
            publish(database, device, &keys)?;
            memory.account_changed(AccountId(account));
            key_counts(database, device).map(Some)
        })
    }

    fn key_counts(&self, device: MailboxId) -> Answer<KeyCounts> {
        self.relay.read(move |database| key_counts(database, device))
    }

    fn claim(
        &self,
        requester: MailboxId,
        name: AccountName,
        one_time: bool,
    ) -> Answer<Option<Claim>> {
        self.relay.writer.write(move |database, _| claim(database, requester, &name, one_time))
    }

    fn device(&self, address: Address) -> Answer<Option<DeviceRecord>> {
        self.relay.read(move |database| {
            database
                .prepare_cached(&format!(
                    "{DEVICE} WHERE accounts.name = ?1 AND devices.number = ?2"
                ))?
                .query_row(params![address.account.as_str(), address.device.get()], device_record)
                .optional()
        })
    }

    fn list_of(&self, device: MailboxId) -> Answer<Option<Vec<u8>>> {
        self.relay.read(move |database| {
            database
                .prepare_cached(
                    "SELECT device_list FROM accounts \
                     WHERE id = (SELECT account FROM devices WHERE id = ?1)",
                )?
                .query_row([device.0], |row| row.get(0))
                .optional()
        })
    }

    fn open_session(
        &self,
        device: MailboxId,
        session: NewSession,
    ) -> Answer<Result<u64, Replayed>> {
        self.relay.writer.write(move |database, memory| {
            let Some(known) = memory.device(database, device)? else { return Ok(Err(Replayed)) };
            let mark = known.sent.mark();
            Ok(open_session(database, device, &session)?.map(|()| mark))
        })
    }

    fn bearer(&self, token: Hash, now: u64) -> Answer<Option<Bearer>> {
        self.relay.read(move |database| {
            let found: Option<(i64, u64)> = database
                .prepare_cached(
                    "SELECT device, expires FROM tokens WHERE hash = ?1 AND expires > ?2",
                )?
                .query_row(params![token, now], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((device, expires)) = found else { return Ok(None) };
            let device = database
                .prepare_cached(&format!("{DEVICE} WHERE devices.id = ?1"))?
                .query_row([device], device_record)
                .optional()?;
            Ok(device.map(|device| Bearer { device, expires }))
        })
    }

    fn close_session(&self, token: Hash) -> Answer<()> {
        self.relay.writer.write(move |database, _| {
            database.prepare_cached("DELETE FROM tokens WHERE hash = ?1")?.execute([token])?;
            Ok(())
        })
    }

    fn invite(&self, code: Hash, uses: u32, expires: u64) -> Answer<()> {
        self.relay.writer.write(move |database, _| {
            database
                .prepare_cached(
                    "INSERT INTO invitations (hash, uses, expires) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![code, uses, expires])?;
            Ok(())
        })
    }
}

/// The columns of a [`DeviceRecord`].
const DEVICE: &str = "SELECT devices.id, devices.account, accounts.name, devices.number, \
                      devices.identity_key FROM devices \
                      JOIN accounts ON accounts.id = devices.account";

fn device_record(row: &Row<'_>) -> rusqlite::Result<DeviceRecord> {
    let account = AccountName::new(row.get::<_, String>(2)?).map_err(damaged)?;
    Ok(DeviceRecord {
        mailbox: MailboxId(row.get(0)?),
        account: AccountId(row.get(1)?),
        address: Arc::new(Address { account, device: device_id(row.get(3)?)? }),
        identity_key: VerifyKey::from_bytes(&row.get(4)?).map_err(damaged)?,
    })
}

fn account(database: &Connection, name: &AccountName) -> rusqlite::Result<Option<AccountRecord>> {
    database
        .prepare_cached("SELECT id, key, device_list FROM accounts WHERE name = ?1")?
        .query_row([name.as_str()], |row| {
            Ok(AccountRecord {
                id: AccountId(row.get(0)?),
                key: row.get(1)?,
                device_list: row.get(2)?,
            })
        })
        .optional()
}

fn register(
    database: &Connection,
    new: &NewAccount,
) -> rusqlite::Result<Result<DeviceRecord, RegisterRefusal>> {
    let list = &new.device_list;
    if account(database, &list.account)?.is_some() {
        return Ok(Err(RegisterRefusal::NameTaken));
    }
    if let Some(code) = new.invitation {
        let used = database
            .prepare_cached(
                "UPDATE invitations SET uses = uses - 1 WHERE hash = ?1 AND uses > 0 \
                 AND expires > ?2",
            )?
            .execute(params![code, new.now])?;
        if used == 0 {
            return Ok(Err(RegisterRefusal::InvitationInvalid));
        }
    }
    database
        .prepare_cached(
            "INSERT INTO accounts (name, key, list_version, device_list, created) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![list.account.as_str(), new.key, list.version, list.signed, new.now])?;
    let account = AccountId(database.last_insert_rowid());
    add_devices(database, account, list)?;
    let device = database
        .prepare_cached(&format!("{DEVICE} WHERE devices.account = ?1"))?
        .query_row([account.0], device_record)?;
    publish(database, device.mailbox, &new.keys)?;
    // A device that is new has used no nonce.
    let _ = open_session(database, device.mailbox, &new.session)?;
    Ok(Ok(device))
}

/// Adds the devices of a list that the account does not have yet.
fn add_devices(
    database: &Connection,
    account: AccountId,
    list: &DeviceList,
) -> rusqlite::Result<()> {
    let mut insert = database.prepare_cached(
        "INSERT INTO devices (account, number, identity_key) VALUES (?1, ?2, ?3) \
         ON CONFLICT (account, number) DO NOTHING",
    )?;
    let mut count = database.prepare_cached("INSERT INTO counters (device) VALUES (?1)")?;
    for device in &list.devices {
        let identity_key = device.identity_key.as_bytes().as_slice();
        if insert.execute(params![account.0, device.id.get(), identity_key])? == 1 {
            count.execute([database.last_insert_rowid()])?;
        }
    }
    Ok(())
}

fn replace_devices(
    database: &Connection,
    memory: &mut Devices,
    account: AccountId,
    list: &DeviceList,
) -> rusqlite::Result<Result<DevicesReplaced, VersionConflict>> {
    let updated = database
        .prepare_cached(
            "UPDATE accounts SET list_version = ?2, device_list = ?3 \
             WHERE id = ?1 AND list_version = ?2 - 1",
        )?
        .execute(params![account.0, list.version, list.signed])?;
    if updated == 0 {
        let current = super::mailboxes::device_list(database, account).optional()?;
        return Ok(Err(VersionConflict { current: current.unwrap_or_default() }));
    }
    let mut outcome = DevicesReplaced { removed: Vec::new(), kept: Vec::new() };
    for (mailbox, number, identity_key) in devices(database, account)? {
        // A number that comes back with another key is another device.
        let stays = list.devices.iter().any(|device| {
            device.id.get() == number && *device.identity_key.as_bytes() == identity_key
        });
        if stays {
            outcome.kept.push(mailbox);
        } else {
            remove_device(database, memory, mailbox)?;
            outcome.removed.push(mailbox);
        }
    }
    add_devices(database, account, list)?;
    memory.account_changed(account);
    Ok(Ok(outcome))
}

fn devices(
    database: &Connection,
    account: AccountId,
) -> rusqlite::Result<Vec<(MailboxId, u32, [u8; 32])>> {
    database
        .prepare_cached("SELECT id, number, identity_key FROM devices WHERE account = ?1")?
        .query_map([account.0], |row| Ok((MailboxId(row.get(0)?), row.get(1)?, row.get(2)?)))?
        .collect()
}

/// A device is gone at once; what it leaves is deleted by and by.
fn remove_device(
    database: &Connection,
    memory: &mut Devices,
    device: MailboxId,
) -> rusqlite::Result<()> {
    database.prepare_cached("DELETE FROM devices WHERE id = ?1")?.execute([device.0])?;
    database.prepare_cached("INSERT INTO removed (device) VALUES (?1)")?.execute([device.0])?;
    memory.device_removed(device);
    Ok(())
}

fn remove_account(
    database: &Connection,
    memory: &mut Devices,
    account: AccountId,
) -> rusqlite::Result<Vec<MailboxId>> {
    let removed: Vec<_> = devices(database, account)?.into_iter().map(|device| device.0).collect();
    for device in &removed {
        remove_device(database, memory, *device)?;
    }
    database.prepare_cached("DELETE FROM accounts WHERE id = ?1")?.execute([account.0])?;
    memory.account_changed(account);
    Ok(removed)
}

fn publish(database: &Connection, device: MailboxId, keys: &Keys) -> rusqlite::Result<()> {
    if let Some(signed) = &keys.signed {
        database
            .prepare_cached("UPDATE devices SET signed = ?2 WHERE id = ?1")?
            .execute(params![device.0, signed.bytes])?;
    }
    if let Some(last_resort) = &keys.last_resort {
        database
            .prepare_cached("UPDATE devices SET last_resort = ?2 WHERE id = ?1")?
            .execute(params![device.0, last_resort.bytes])?;
    }
    let one_time = keys.one_time.iter().map(|key| (key.id, key.bytes.as_slice()));
    add_prekeys(database, device, (X25519, "one_time_mark"), one_time.collect())?;
    let one_time_kem = keys.one_time_kem.iter().map(|key| (key.id, key.bytes.as_slice()));
    add_prekeys(database, device, (ML_KEM, "kem_mark"), one_time_kem.collect())
}

/// Adds one-time prekeys with ids above all that were ever added, so that none is handed out twice.
fn add_prekeys(
    database: &Connection,
    device: MailboxId,
    (kind, mark): (u8, &str),
    mut keys: Vec<(u32, &[u8])>,
) -> rusqlite::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut highest: u32 = database
        .prepare_cached(&format!("SELECT {mark} FROM devices WHERE id = ?1"))?
        .query_row([device.0], |row| row.get(0))?;
    keys.sort_unstable_by_key(|key| key.0);
    let mut insert = database
        .prepare_cached("INSERT INTO prekeys (device, kind, id, body) VALUES (?1, ?2, ?3, ?4)")?;
    for (id, body) in keys {
        if id > highest {
            insert.execute(params![device.0, kind, id, body])?;
            highest = id;
        }
    }
    database
        .prepare_cached(&format!("UPDATE devices SET {mark} = ?2 WHERE id = ?1"))?
        .execute(params![device.0, highest])?;
    // The device itself drops its oldest first, too.
    database
        .prepare_cached(
            "DELETE FROM prekeys WHERE device = ?1 AND kind = ?2 AND id <= ifnull((SELECT id \
             FROM prekeys WHERE device = ?1 AND kind = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3), 0)",
        )?
        .execute(params![device.0, kind, limit::PREKEYS_HELD])?;
    Ok(())
}

fn key_counts(database: &Connection, device: MailboxId) -> rusqlite::Result<KeyCounts> {
    let mut count =
        database.prepare_cached("SELECT count(*) FROM prekeys WHERE device = ?1 AND kind = ?2")?;
    Ok(KeyCounts {
        one_time: count.query_row(params![device.0, X25519], |row| row.get(0))?,
        one_time_kem: count.query_row(params![device.0, ML_KEM], |row| row.get(0))?,
    })
}

fn claim(
    database: &Connection,
    requester: MailboxId,
    name: &AccountName,
    one_time: bool,
) -> rusqlite::Result<Option<Claim>> {
    let Some(account) = account(database, name)? else { return Ok(None) };
    let mut devices = database
        .prepare_cached(
            "SELECT id, number, identity_key, signed, last_resort FROM devices \
             WHERE account = ?1 AND id <> ?2 AND signed IS NOT NULL AND last_resort IS NOT NULL \
             ORDER BY number",
        )?
        .query_map([account.id.0, requester.0], |row| {
            Ok(ClaimedKeys {
                mailbox: MailboxId(row.get(0)?),
                device: device_id(row.get(1)?)?,
                identity_key: row.get(2)?,
                signed: row.get(3)?,
                kem: row.get(4)?,
                kem_is_one_time: false,
                one_time: None,
                left: KeyCounts::default(),
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for keys in &mut devices {
        if one_time {
            keys.one_time = take_prekey(database, keys.mailbox, X25519)?;
            if let Some(kem) = take_prekey(database, keys.mailbox, ML_KEM)? {
                keys.kem = kem;
                keys.kem_is_one_time = true;
            }
        }
        keys.left = key_counts(database, keys.mailbox)?;
    }
    Ok(Some(Claim { account, devices }))
}

/// Takes the oldest one-time prekey of a kind out of the directory, for good.
fn take_prekey(
    database: &Connection,
    device: MailboxId,
    kind: u8,
) -> rusqlite::Result<Option<Vec<u8>>> {
    database
        .prepare_cached(
            "DELETE FROM prekeys WHERE entry = (SELECT entry FROM prekeys WHERE device = ?1 \
             AND kind = ?2 ORDER BY id LIMIT 1) RETURNING body",
        )?
        .query_row(params![device.0, kind], |row| row.get(0))
        .optional()
}

fn open_session(
    database: &Connection,
    device: MailboxId,
    session: &NewSession,
) -> rusqlite::Result<Result<(), Replayed>> {
    let fresh = database
        .prepare_cached(
            "INSERT INTO nonces (device, nonce, expires) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![device.0, session.nonce, session.expires])?;
    if fresh == 0 {
        return Ok(Err(Replayed));
    }
    database
        .prepare_cached("INSERT INTO tokens (hash, device, expires) VALUES (?1, ?2, ?3)")?
        .execute(params![session.token, device.0, session.expires])?;
    database
        .prepare_cached(
            "DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE device = ?1 \
             ORDER BY expires DESC LIMIT -1 OFFSET ?2)",
        )?
        .execute(params![device.0, TOKENS_PER_DEVICE])?;
    Ok(Ok(()))
}
