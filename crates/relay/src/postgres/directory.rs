//! Accounts, devices, tokens, invitations.

use std::sync::Arc;

use deadpool_postgres::{GenericClient, Transaction};
use sprag_api::device_list::DeviceList;
use sprag_api::directory::KeyCounts;
use sprag_api::name::{AccountName, Address};
use sprag_api::signature::VerifyKey;
use tokio_postgres::Row;

use crate::storage::{
    AccountId, AccountRecord, Answer, Bearer, Claim, Damaged, DeviceRecord, DevicesReplaced,
    Directory, Hash, Keys, MailboxId, NewAccount, NewSession, RegisterRefusal, Replayed,
    TOKENS_PER_DEVICE, VersionConflict,
};

use super::accept::device_id;
use super::{Postgres, Trouble, blobs, prekeys, signed, unsigned};

impl Directory for Postgres {
    fn register(&self, account: NewAccount) -> Answer<Result<DeviceRecord, RegisterRefusal>> {
        self.run(move |mut client| async move {
            let transaction = client.transaction().await?;
            let outcome = register(&transaction, &account).await?;
            // Undone where it is refused.
            if outcome.is_ok() {
                transaction.commit().await?;
            }
            Ok(outcome)
        })
    }

    fn account(&self, name: AccountName) -> Answer<Option<AccountRecord>> {
        self.run(move |client| async move { account(&client, &name).await })
    }

    fn replace_devices(
        &self,
        account: AccountId,
        list: DeviceList,
    ) -> Answer<Result<DevicesReplaced, VersionConflict>> {
        self.run(move |mut client| async move {
            let transaction = client.transaction().await?;
            let outcome = replace_devices(&transaction, account, &list).await?;
            transaction.commit().await?;
            Ok(outcome)
        })
    }

    fn remove_account(&self, account: AccountId) -> Answer<Vec<MailboxId>> {
        self.run(move |mut client| async move {
            let transaction = client.transaction().await?;
            let removed = remove_account(&transaction, account).await?;
            transaction.commit().await?;
            Ok(removed)
        })
    }

    fn publish(&self, device: MailboxId, keys: Keys) -> Answer<Option<KeyCounts>> {
        self.run(move |mut client| async move {
            let transaction = client.transaction().await?;
            let counts = publish(&transaction, device, &keys).await?;
            transaction.commit().await?;
            Ok(counts)
        })
    }

    fn key_counts(&self, device: MailboxId) -> Answer<KeyCounts> {
        self.run(move |client| async move { prekeys::count(&client, device).await })
    }

    fn claim(
        &self,
        requester: MailboxId,
        name: AccountName,
        one_time: bool,
    ) -> Answer<Option<Claim>> {
        self.run(move |mut client| async move {
            let transaction = client.transaction().await?;
            let claim = match account(&transaction, &name).await? {
                Some(account) => {
                    Some(prekeys::claim(&transaction, requester, account, one_time).await?)
                }
                None => None,
            };
            transaction.commit().await?;
            Ok(claim)
        })
    }

    fn device(&self, address: Address) -> Answer<Option<DeviceRecord>> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached(&format!("{DEVICE} WHERE a.name = $1 AND d.number = $2"))
                .await?;
            let number = i64::from(address.device.get());
            let row = client.query_opt(&statement, &[&address.account.as_str(), &number]).await?;
            row.as_ref().map(device_record).transpose()
        })
    }

    fn list_of(&self, device: MailboxId) -> Answer<Option<Vec<u8>>> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached(
                    "SELECT a.device_list FROM accounts a JOIN devices d ON d.account = a.id \
                     WHERE d.id = $1",
                )
                .await?;
            let row = client.query_opt(&statement, &[&device.0]).await?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })
    }

    fn open_session(
        &self,
        device: MailboxId,
        session: NewSession,
    ) -> Answer<Result<u64, Replayed>> {
        self.run(move |mut client| async move {
            let transaction = client.transaction().await?;
            let statement =
                transaction.prepare_cached("SELECT mark FROM senders WHERE device = $1").await?;
            let Some(row) = transaction.query_opt(&statement, &[&device.0]).await? else {
                return Ok(Err(Replayed));
            };
            let mark = unsigned(row.try_get(0)?);
            let opened = open_session(&transaction, device, &session).await?;
            transaction.commit().await?;
            Ok(opened.map(|()| mark))
        })
    }

    fn bearer(&self, token: Hash, now: u64) -> Answer<Option<Bearer>> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached(
                    "SELECT d.id, d.account, a.name, d.number, d.identity_key, t.expires \
                     FROM tokens t JOIN devices d ON d.id = t.device \
                     JOIN accounts a ON a.id = d.account WHERE t.hash = $1 AND t.expires > $2",
                )
                .await?;
            let row = client.query_opt(&statement, &[&token.as_slice(), &signed(now)]).await?;
            let Some(row) = row else { return Ok(None) };
            Ok(Some(Bearer { device: device_record(&row)?, expires: unsigned(row.try_get(5)?) }))
        })
    }

    fn close_session(&self, token: Hash) -> Answer<()> {
        self.run(move |client| async move {
            let statement = client.prepare_cached("DELETE FROM tokens WHERE hash = $1").await?;
            client.execute(&statement, &[&token.as_slice()]).await?;
            Ok(())
        })
    }

    fn invite(&self, code: Hash, uses: u32, expires: u64) -> Answer<()> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached("INSERT INTO invitations (hash, uses, expires) VALUES ($1, $2, $3)")
                .await?;
            let values = (code.as_slice(), i64::from(uses), signed(expires));
            client.execute(&statement, &[&values.0, &values.1, &values.2]).await?;
            Ok(())
        })
    }
}

/// The columns of a [`DeviceRecord`].
const DEVICE: &str = "SELECT d.id, d.account, a.name, d.number, d.identity_key FROM devices d \
                      JOIN accounts a ON a.id = d.account";

fn device_record(row: &Row) -> Result<DeviceRecord, Trouble> {
    let account = AccountName::new(row.try_get::<_, String>(2)?).map_err(|_| Damaged)?;
    let key: [u8; 32] = array(row.try_get(4)?)?;
    Ok(DeviceRecord {
        mailbox: MailboxId(row.try_get(0)?),
        account: AccountId(row.try_get(1)?),
        address: Arc::new(Address { account, device: device_id(row.try_get(3)?)? }),
        identity_key: VerifyKey::from_bytes(&key).map_err(|_| Damaged)?,
    })
}

/// A key out of a table.
pub(super) fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Damaged> {
    bytes.try_into().map_err(|_| Damaged)
}

async fn account(
    client: &impl GenericClient,
    name: &AccountName,
) -> Result<Option<AccountRecord>, Trouble> {
    let statement =
        client.prepare_cached("SELECT id, key, device_list FROM accounts WHERE name = $1").await?;
    let Some(row) = client.query_opt(&statement, &[&name.as_str()]).await? else {
        return Ok(None);
    };
    Ok(Some(AccountRecord {
        id: AccountId(row.try_get(0)?),
        key: array(row.try_get(1)?)?,
        device_list: row.try_get(2)?,
    }))
}

async fn register(
    transaction: &Transaction<'_>,
    new: &NewAccount,
) -> Result<Result<DeviceRecord, RegisterRefusal>, Trouble> {
    let list = &new.device_list;
    let insert = transaction
        .prepare_cached(
            "INSERT INTO accounts (name, key, list_version, device_list, created) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING RETURNING id",
        )
        .await?;
    let (name, key, version) = (list.account.as_str(), new.key.as_slice(), signed(list.version));
    let inserted = transaction
        .query_opt(&insert, &[&name, &key, &version, &list.signed, &signed(new.now)])
        .await?;
    let Some(row) = inserted else { return Ok(Err(RegisterRefusal::NameTaken)) };
    if let Some(code) = new.invitation {
        let used = transaction
            .prepare_cached(
                "UPDATE invitations SET uses = uses - 1 WHERE hash = $1 AND uses > 0 \
                 AND expires > $2",
            )
            .await?;
        if transaction.execute(&used, &[&code.as_slice(), &signed(new.now)]).await? == 0 {
            return Ok(Err(RegisterRefusal::InvitationInvalid));
        }
    }
    let account = AccountId(row.try_get(0)?);
    add_devices(transaction, account, list).await?;
    let statement = transaction.prepare_cached(&format!("{DEVICE} WHERE d.account = $1")).await?;
    let device = device_record(&transaction.query_one(&statement, &[&account.0]).await?)?;
    prekeys::publish(transaction, device.mailbox, &new.keys).await?;
    // A device that is new has used no nonce.
    let _ = open_session(transaction, device.mailbox, &new.session).await?;
    Ok(Ok(device))
}

/// Adds the devices of a list that the account does not have yet.
async fn add_devices(
    transaction: &Transaction<'_>,
    account: AccountId,
    list: &DeviceList,
) -> Result<(), Trouble> {
    let statement = transaction
        .prepare_cached(
            "WITH added AS ( \
                 INSERT INTO devices (account, number, identity_key) \
                 SELECT $1, number, key FROM unnest($2::bigint[], $3::bytea[]) AS d(number, key) \
                 ON CONFLICT (account, number) DO NOTHING RETURNING id), \
             a AS (INSERT INTO mailboxes (device) SELECT id FROM added), \
             b AS (INSERT INTO receipts (device) SELECT id FROM added) \
             INSERT INTO senders (device) SELECT id FROM added",
        )
        .await?;
    let numbers: Vec<_> = list.devices.iter().map(|device| i64::from(device.id.get())).collect();
    let keys: Vec<&[u8]> =
        list.devices.iter().map(|device| device.identity_key.as_bytes().as_slice()).collect();
    transaction.execute(&statement, &[&account.0, &numbers, &keys]).await?;
    Ok(())
}

/// Waits for the sends to an account that are being stored; those after it find the raised epoch.
async fn hold_sends(transaction: &Transaction<'_>, account: AccountId) -> Result<(), Trouble> {
    let statement = transaction
        .prepare_cached(
            "SELECT device FROM mailboxes WHERE device IN \
             (SELECT id FROM devices WHERE account = $1) ORDER BY device FOR UPDATE",
        )
        .await?;
    transaction.query(&statement, &[&account.0]).await?;
    Ok(())
}

async fn replace_devices(
    transaction: &Transaction<'_>,
    account: AccountId,
    list: &DeviceList,
) -> Result<Result<DevicesReplaced, VersionConflict>, Trouble> {
    let update = transaction
        .prepare_cached(
            "UPDATE accounts SET list_version = $2, device_list = $3, epoch = epoch + 1 \
             WHERE id = $1 AND list_version + 1 = $2",
        )
        .await?;
    let version = signed(list.version);
    if transaction.execute(&update, &[&account.0, &version, &list.signed]).await? == 0 {
        let statement =
            transaction.prepare_cached("SELECT device_list FROM accounts WHERE id = $1").await?;
        let row = transaction.query_opt(&statement, &[&account.0]).await?;
        let current = row.map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
        return Ok(Err(VersionConflict { current }));
    }
    hold_sends(transaction, account).await?;
    let mut outcome = DevicesReplaced { removed: Vec::new(), kept: Vec::new() };
    let devices = transaction
        .prepare_cached(
            "SELECT id, number, identity_key FROM devices WHERE account = $1 ORDER BY id",
        )
        .await?;
    for row in transaction.query(&devices, &[&account.0]).await? {
        let (id, number): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let key: &[u8] = row.try_get(2)?;
        // A number that comes back with another key is another device.
        let stays = list.devices.iter().any(|device| {
            i64::from(device.id.get()) == number && device.identity_key.as_bytes() == key
        });
        let devices = if stays { &mut outcome.kept } else { &mut outcome.removed };
        devices.push(MailboxId(id));
    }
    remove_devices(transaction, &outcome.removed).await?;
    add_devices(transaction, account, list).await?;
    Ok(Ok(outcome))
}

/// Devices are gone at once; what they leave is deleted by and by.
async fn remove_devices(
    transaction: &Transaction<'_>,
    devices: &[MailboxId],
) -> Result<(), Trouble> {
    let devices: Vec<i64> = devices.iter().map(|device| device.0).collect();
    let delete = transaction.prepare_cached("DELETE FROM devices WHERE id = ANY($1)").await?;
    transaction.execute(&delete, &[&devices]).await?;
    let note = transaction
        .prepare_cached("INSERT INTO removed (device) SELECT unnest($1::bigint[])")
        .await?;
    transaction.execute(&note, &[&devices]).await?;
    Ok(())
}

async fn remove_account(
    transaction: &Transaction<'_>,
    account: AccountId,
) -> Result<Vec<MailboxId>, Trouble> {
    let lock =
        transaction.prepare_cached("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE").await?;
    transaction.query(&lock, &[&account.0]).await?;
    hold_sends(transaction, account).await?;
    let devices =
        transaction.prepare_cached("SELECT id FROM devices WHERE account = $1 ORDER BY id").await?;
    let devices = transaction.query(&devices, &[&account.0]).await?;
    let devices = devices.iter().map(|row| Ok(MailboxId(row.try_get(0)?)));
    let devices: Vec<_> = devices.collect::<Result<_, Trouble>>()?;
    remove_devices(transaction, &devices).await?;
    let delete = transaction.prepare_cached("DELETE FROM accounts WHERE id = $1").await?;
    transaction.execute(&delete, &[&account.0]).await?;
    blobs::remove_of(transaction, account).await?;
    Ok(devices)
}

async fn publish(
    transaction: &Transaction<'_>,
    device: MailboxId,
    keys: &Keys,
) -> Result<Option<KeyCounts>, Trouble> {
    let account = transaction
        .prepare_cached(
            "SELECT a.id FROM accounts a JOIN devices d ON d.account = a.id WHERE d.id = $1 \
             FOR UPDATE OF a",
        )
        .await?;
    let Some(row) = transaction.query_opt(&account, &[&device.0]).await? else { return Ok(None) };
    let account = AccountId(row.try_get(0)?);
    let standing = transaction
        .prepare_cached(
            "SELECT signed IS NOT NULL AND last_resort IS NOT NULL FROM devices WHERE id = $1",
        )
        .await?;
    // It may have gone before the account was locked.
    let Some(row) = transaction.query_opt(&standing, &[&device.0]).await? else { return Ok(None) };
    let had_keys: bool = row.try_get(0)?;
    if !had_keys {
        // From now on it may be one of those that a send must name.
        let raise = transaction
            .prepare_cached("UPDATE accounts SET epoch = epoch + 1 WHERE id = $1")
            .await?;
        transaction.execute(&raise, &[&account.0]).await?;
        hold_sends(transaction, account).await?;
    }
    prekeys::publish(transaction, device, keys).await?;
    prekeys::count(transaction, device).await.map(Some)
}

async fn open_session(
    transaction: &Transaction<'_>,
    device: MailboxId,
    session: &NewSession,
) -> Result<Result<(), Replayed>, Trouble> {
    let nonce = transaction
        .prepare_cached(
            "INSERT INTO nonces (device, nonce, expires) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let expires = signed(session.expires);
    let fresh =
        transaction.execute(&nonce, &[&device.0, &session.nonce.as_slice(), &expires]).await?;
    if fresh == 0 {
        return Ok(Err(Replayed));
    }
    let token = transaction
        .prepare_cached("INSERT INTO tokens (hash, device, expires) VALUES ($1, $2, $3)")
        .await?;
    transaction.execute(&token, &[&session.token.as_slice(), &device.0, &expires]).await?;
    let surplus = transaction
        .prepare_cached(
            "DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE device = $1 \
             ORDER BY expires DESC OFFSET $2)",
        )
        .await?;
    transaction.execute(&surplus, &[&device.0, &i64::from(TOKENS_PER_DEVICE)]).await?;
    Ok(Ok(()))
}
