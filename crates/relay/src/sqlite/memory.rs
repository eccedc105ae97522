//! What the writer remembers of devices between transactions: counters that every message moves. They
//! are written once for each commit, however many messages it holds; so are the envelopes that one
//! mailbox gets in it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use sprag_api::frame::Envelope;
use sprag_api::name::{AccountName, DeviceId};

use crate::hub::Hub;
use crate::storage::{AccountId, MailboxId, Numbers, Recipient, Segment};

use super::group::Memory;

/// How many devices and how many accounts are remembered.
const REMEMBERED: usize = 65_536;

/// The counters of a device.
#[derive(Clone, Debug)]
pub(super) struct Device {
    /// The place of the next envelope.
    pub(super) next_seq: u64,
    /// The place up to which everything is acknowledged.
    pub(super) acknowledged: u64,
    /// Envelopes that wait.
    pub(super) waiting: u64,
    /// Bytes of their ciphertexts; those of a segment until it is acknowledged to its end.
    pub(super) waiting_bytes: u64,
    /// What was accepted from it.
    pub(super) sent: Numbers,
}

impl Device {
    /// So many envelopes no longer wait.
    pub(super) fn release(&mut self, envelopes: u64, bytes: u64) {
        self.waiting = self.waiting.saturating_sub(envelopes);
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
    }
}

/// Devices and accounts that were looked at, and what is to be stored at the end of the transaction.
#[derive(Debug)]
pub(super) struct Devices {
    hub: Arc<Hub>,
    counters: HashMap<MailboxId, Option<Device>>,
    recipients: HashMap<AccountName, Recipient>,
    /// Devices whose counters moved in this transaction, in an order that does not depend on chance.
    moved: BTreeSet<MailboxId>,
    /// The envelopes of this transaction, in the order of each mailbox.
    accepted: BTreeMap<MailboxId, Vec<Envelope>>,
    /// What was made of them.
    stored: Vec<(MailboxId, Segment)>,
    /// SQLite's number for what other connections committed.
    others: i64,
}

impl Memory for Devices {
    fn begin(&mut self, database: &Connection) -> rusqlite::Result<()> {
        // Another process may have changed something.
        let others: i64 =
            database.prepare_cached("PRAGMA data_version")?.query_row((), |row| row.get(0))?;
        if others != self.others || self.counters.len() + self.recipients.len() > REMEMBERED {
            self.forget();
            self.others = others;
        }
        Ok(())
    }

    fn flush(&mut self, database: &Connection) -> rusqlite::Result<()> {
        self.store(database)?;
        let mut update = database.prepare_cached(
            "UPDATE counters SET next_seq = ?2, acknowledged = ?3, waiting = ?4, \
             waiting_bytes = ?5, sent_mark = ?6, sent_window = ?7 WHERE device = ?1",
        )?;
        for id in std::mem::take(&mut self.moved) {
            if let Some(Some(device)) = self.counters.get(&id) {
                update.execute(params![
                    id.0,
                    device.next_seq,
                    device.acknowledged,
                    device.waiting,
                    device.waiting_bytes,
                    device.sent.mark(),
                    device.sent.to_bytes(),
                ])?;
            }
        }
        Ok(())
    }

    fn committed(&mut self) {
        for (mailbox, segment) in self.stored.drain(..) {
            self.hub.deliver(mailbox, segment);
        }
    }

    fn forget(&mut self) {
        self.counters.clear();
        self.recipients.clear();
        self.moved.clear();
        self.accepted.clear();
        self.stored.clear();
    }
}

impl Devices {
    /// Remembers nothing yet; what is stored is handed to this hub.
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            counters: HashMap::new(),
            recipients: HashMap::new(),
            moved: BTreeSet::new(),
            accepted: BTreeMap::new(),
            stored: Vec::new(),
            others: 0,
        }
    }

    /// Puts an envelope into a mailbox; it is stored with all others of the transaction.
    pub(super) fn put(&mut self, mailbox: MailboxId, envelope: Envelope) {
        self.accepted.entry(mailbox).or_default().push(envelope);
    }

    /// One row for the envelopes that a mailbox gets in this transaction.
    fn store(&mut self, database: &Connection) -> rusqlite::Result<()> {
        let mut insert = database.prepare_cached(
            "INSERT INTO segments (device, first, last, bytes, received, deliver) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for (mailbox, envelopes) in std::mem::take(&mut self.accepted) {
            let received = envelopes.last().map_or(0, |envelope| envelope.received);
            for segment in Segment::cut(envelopes) {
                let Segment { first, last, bytes, ref deliver } = segment;
                insert.execute(params![
                    mailbox.0,
                    first,
                    last,
                    bytes,
                    received,
                    deliver.as_ref()
                ])?;
                self.stored.push((mailbox, segment));
            }
        }
        Ok(())
    }

    /// A device's counters; `None` where there is no such device.
    pub(super) fn device(
        &mut self,
        database: &Connection,
        id: MailboxId,
    ) -> rusqlite::Result<Option<&Device>> {
        self.load(database, id).map(|device| device.as_ref())
    }

    /// The same, to be changed.
    pub(super) fn device_mut(
        &mut self,
        database: &Connection,
        id: MailboxId,
    ) -> rusqlite::Result<Option<&mut Device>> {
        self.moved.insert(id);
        self.load(database, id).map(Option::as_mut)
    }

    fn load(
        &mut self,
        database: &Connection,
        id: MailboxId,
    ) -> rusqlite::Result<&mut Option<Device>> {
        Ok(match self.counters.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(read_device(database, id)?),
        })
    }

    /// An account and the devices to send to; `None` where there is none.
    pub(super) fn recipient(
        &mut self,
        database: &Connection,
        name: &AccountName,
    ) -> rusqlite::Result<Option<&Recipient>> {
        if !self.recipients.contains_key(name) {
            let Some(recipient) = read_recipient(database, name)? else { return Ok(None) };
            self.recipients.insert(name.clone(), recipient);
        }
        Ok(self.recipients.get(name))
    }

    /// The devices of an account, or which of them have keys, changed.
    pub(super) fn account_changed(&mut self, account: AccountId) {
        self.recipients.retain(|_, recipient| recipient.account != account);
    }

    /// A device is gone.
    pub(super) fn device_removed(&mut self, id: MailboxId) {
        self.counters.remove(&id);
        self.moved.remove(&id);
        self.accepted.remove(&id);
    }
}

fn read_device(database: &Connection, id: MailboxId) -> rusqlite::Result<Option<Device>> {
    database
        .prepare_cached(
            "SELECT next_seq, acknowledged, waiting, waiting_bytes, sent_mark, sent_window \
             FROM counters WHERE device = ?1",
        )?
        .query_row([id.0], |row| {
            Ok(Device {
                next_seq: row.get(0)?,
                acknowledged: row.get(1)?,
                waiting: row.get(2)?,
                waiting_bytes: row.get(3)?,
                sent: Numbers::from_bytes(row.get(4)?, row.get_ref(5)?.as_blob()?),
            })
        })
        .optional()
}

fn read_recipient(
    database: &Connection,
    name: &AccountName,
) -> rusqlite::Result<Option<Recipient>> {
    let account: Option<i64> = database
        .prepare_cached("SELECT id FROM accounts WHERE name = ?1")?
        .query_row([name.as_str()], |row| row.get(0))
        .optional()?;
    let Some(account) = account else { return Ok(None) };
    let devices = database
        .prepare_cached(
            "SELECT number, id FROM devices WHERE account = ?1 AND signed IS NOT NULL \
             AND last_resort IS NOT NULL ORDER BY number",
        )?
        .query_map([account], |row| Ok((device_id(row.get(0)?)?, MailboxId(row.get(1)?))))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(Recipient { account: AccountId(account), devices }))
}

/// A device's number, out of a table.
pub(super) fn device_id(number: u32) -> rusqlite::Result<DeviceId> {
    DeviceId::new(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, 0))
}
