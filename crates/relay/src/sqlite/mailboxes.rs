//! Mailboxes: accept, read, acknowledge.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, Row, params};
use sprag_api::limit;
use sprag_api::name::{AccountName, Address, DeviceId};

use crate::storage::{
    AccountId, Answer, Batch, Envelope, MailboxId, Mailboxes, SendRefusal, Stored, Submission,
};

use super::memory::{Devices, Standing, device_id};
use super::{MailboxQuota, Sqlite, damaged};

impl Mailboxes for Sqlite {
    fn accept(&self, batch: Batch) -> Answer<Vec<Result<Stored, SendRefusal>>> {
        let quota = self.quota;
        let hub = Arc::clone(&self.hub);
        let run = move |database: &Connection, memory: &mut Devices| {
            let stored = Vec::with_capacity(batch.sends.len());
            let mut accepting = Accepting { database, memory, quota, batch: &batch, stored };
            let outcomes = batch
                .sends
                .iter()
                .map(|send| accepting.accept(send))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok((outcomes, accepting.stored))
        };
        self.relay.writer.submit(run, move |(outcomes, stored)| {
            for (mailbox, envelope) in stored {
                hub.deliver(mailbox, envelope);
            }
            outcomes
        })
    }

    fn mark(&self, device: MailboxId) -> Answer<u64> {
        self.relay.writer.write(move |database, memory| {
            Ok(memory.device(database, device)?.map_or(0, |device| device.sent.mark()))
        })
    }

    fn pending(
        &self,
        mailbox: MailboxId,
        after: u64,
        most: (usize, usize),
    ) -> Answer<Vec<Arc<Envelope>>> {
        let after = after.min(limit::NUMBER_MAX);
        self.relay.read(move |database| pending(database, mailbox, after, most))
    }

    fn acknowledge(&self, mailbox: MailboxId, through: u64) -> Answer<bool> {
        let through = through.min(limit::NUMBER_MAX);
        self.relay
            .writer
            .write(move |database, memory| acknowledge(database, memory, mailbox, through))
    }
}

/// One batch of messages from one device.
struct Accepting<'a> {
    database: &'a Connection,
    memory: &'a mut Devices,
    quota: MailboxQuota,
    batch: &'a Batch,
    stored: Vec<(MailboxId, Arc<Envelope>)>,
}

impl Accepting<'_> {
    fn accept(&mut self, send: &Submission) -> rusqlite::Result<Result<Stored, SendRefusal>> {
        let Some(sender) = self.memory.device(self.database, self.batch.from)? else {
            return Ok(Err(SendRefusal::SenderGone));
        };
        match sender.sent.standing(send.number) {
            Standing::New => {}
            Standing::Accepted => {
                return Ok(Ok(Stored { duplicate: true, left_out: Vec::new() }));
            }
            Standing::TooOld => return Ok(Err(SendRefusal::NumberTooOld)),
        }
        let parts = match self.address(send)? {
            Ok(parts) => parts,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut left_out = Vec::new();
        for (device, mailbox, ciphertext) in &parts {
            if !self.store(send.number, *mailbox, ciphertext)? {
                left_out.push(*device);
            }
        }
        if left_out.len() == parts.len() {
            return Ok(Err(SendRefusal::MailboxFull));
        }
        if let Some(sender) = self.memory.device_mut(self.database, self.batch.from)? {
            sender.sent.accept(send.number);
        }
        Ok(Ok(Stored { duplicate: false, left_out }))
    }

    /// The mailboxes of the parts, where they are for just the devices that they must be for.
    #[expect(clippy::type_complexity, reason = "three things that go together for ten lines")]
    fn address<'s>(
        &mut self,
        send: &'s Submission,
    ) -> rusqlite::Result<Result<Vec<(DeviceId, MailboxId, &'s Bytes)>, SendRefusal>> {
        let Some(recipient) = self.memory.recipient(self.database, &send.to)? else {
            return Ok(Err(SendRefusal::UnknownAccount));
        };
        let expected =
            || recipient.devices.iter().filter(|(_, mailbox)| *mailbox != self.batch.from);
        let parts: Vec<_> = expected()
            .filter_map(|(device, mailbox)| {
                let part = send.parts.iter().find(|(named, _)| named == device)?;
                Some((*device, *mailbox, &part.1))
            })
            .collect();
        if parts.len() == expected().count() && parts.len() == send.parts.len() && !parts.is_empty()
        {
            return Ok(Ok(parts));
        }
        let devices = expected().map(|(device, _)| *device).collect();
        let device_list = device_list(self.database, recipient.account)?;
        Ok(Err(SendRefusal::DevicesDiffer { device_list, devices }))
    }

    /// Puts an envelope into a mailbox; `false` where that is full.
    fn store(
        &mut self,
        number: u64,
        mailbox: MailboxId,
        ciphertext: &Bytes,
    ) -> rusqlite::Result<bool> {
        let Some(device) = self.memory.device(self.database, mailbox)? else { return Ok(false) };
        let bytes = ciphertext.len() as u64;
        if device.waiting >= u64::from(self.quota.envelopes)
            || device.waiting_bytes.saturating_add(bytes) > self.quota.bytes
        {
            return Ok(false);
        }
        let Some(device) = self.memory.device_mut(self.database, mailbox)? else {
            return Ok(false);
        };
        let seq = device.next_seq;
        device.next_seq += 1;
        device.waiting += 1;
        device.waiting_bytes += bytes;
        self.database
            .prepare_cached(
                "INSERT INTO envelopes (device, seq, sender, sender_device, number, received, \
                 bytes, ciphertext) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                mailbox.0,
                seq,
                self.batch.sender.account.as_str(),
                self.batch.sender.device.get(),
                number,
                self.batch.now,
                bytes,
                ciphertext.as_ref(),
            ])?;
        let envelope = Envelope {
            seq,
            sender: Arc::clone(&self.batch.sender),
            number,
            received: self.batch.now,
            ciphertext: ciphertext.clone(),
        };
        self.stored.push((mailbox, Arc::new(envelope)));
        Ok(true)
    }
}

/// An account's signed device list.
pub(super) fn device_list(database: &Connection, account: AccountId) -> rusqlite::Result<Vec<u8>> {
    database
        .prepare_cached("SELECT device_list FROM accounts WHERE id = ?1")?
        .query_row([account.0], |row| row.get(0))
}

fn pending(
    database: &Connection,
    mailbox: MailboxId,
    after: u64,
    (most, most_bytes): (usize, usize),
) -> rusqlite::Result<Vec<Arc<Envelope>>> {
    let mut statement = database.prepare_cached(
        "SELECT seq, sender, sender_device, number, received, ciphertext FROM envelopes \
         WHERE device = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let mut rows = statement.query(params![mailbox.0, after, most])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while bytes < most_bytes
        && let Some(row) = rows.next()?
    {
        let envelope = envelope(row)?;
        bytes += envelope.ciphertext.len();
        found.push(Arc::new(envelope));
    }
    Ok(found)
}

fn envelope(row: &Row<'_>) -> rusqlite::Result<Envelope> {
    let account = AccountName::new(row.get::<_, String>(1)?).map_err(damaged)?;
    Ok(Envelope {
        seq: row.get(0)?,
        sender: Arc::new(Address { account, device: device_id(row.get(2)?)? }),
        number: row.get(3)?,
        received: row.get(4)?,
        ciphertext: row.get::<_, Vec<u8>>(5)?.into(),
    })
}

fn acknowledge(
    database: &Connection,
    memory: &mut Devices,
    mailbox: MailboxId,
    through: u64,
) -> rusqlite::Result<bool> {
    let (count, bytes): (u64, u64) = database
        .prepare_cached(
            "SELECT count(*), ifnull(sum(bytes), 0) FROM envelopes WHERE device = ?1 AND seq <= ?2",
        )?
        .query_row(params![mailbox.0, through], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if count == 0 {
        return Ok(false);
    }
    database
        .prepare_cached("DELETE FROM envelopes WHERE device = ?1 AND seq <= ?2")?
        .execute(params![mailbox.0, through])?;
    release(database, memory, mailbox, (count, bytes))?;
    Ok(true)
}

/// Envelopes left a mailbox.
pub(super) fn release(
    database: &Connection,
    memory: &mut Devices,
    mailbox: MailboxId,
    (count, bytes): (u64, u64),
) -> rusqlite::Result<()> {
    if let Some(device) = memory.device_mut(database, mailbox)? {
        device.waiting = device.waiting.saturating_sub(count);
        device.waiting_bytes = device.waiting_bytes.saturating_sub(bytes);
    }
    Ok(())
}
