//! Mailboxes: accept, read, acknowledge.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sprag_api::frame::Envelope;
use sprag_api::limit;
use sprag_api::name::DeviceId;

use crate::storage::{
    AccountId, Answer, Batch, MailboxId, Mailboxes, Segment, SendRefusal, Stored, Submission,
};

use super::memory::{Devices, Span, Standing};
use super::{MailboxQuota, Sqlite, damaged};

impl Mailboxes for Sqlite {
    fn accept(&self, batch: Batch) -> Answer<Vec<Result<Stored, SendRefusal>>> {
        let quota = self.quota;
        self.relay.writer.write(move |database, memory| {
            let mut accepting = Accepting { database, memory, quota, batch: &batch };
            batch.sends.iter().map(|send| accepting.accept(send)).collect()
        })
    }

    fn mark(&self, device: MailboxId) -> Answer<u64> {
        self.relay.writer.write(move |database, memory| {
            Ok(memory.device(database, device)?.map_or(0, |device| device.sent.mark()))
        })
    }

    fn pending(&self, mailbox: MailboxId, after: u64, most: (u64, usize)) -> Answer<Vec<Segment>> {
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
        let envelope = Envelope {
            seq,
            sender: self.batch.sender.account.as_str().into(),
            sender_device: self.batch.sender.device.get(),
            number,
            received: self.batch.now,
            ciphertext: ciphertext.clone(),
        };
        self.memory.put(mailbox, envelope);
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
    (mut most, most_bytes): (u64, usize),
) -> rusqlite::Result<Vec<Segment>> {
    let acknowledged: Option<u64> = database
        .prepare_cached("SELECT acknowledged FROM counters WHERE device = ?1")?
        .query_row([mailbox.0], |row| row.get(0))
        .optional()?;
    let Some(acknowledged) = acknowledged else { return Ok(Vec::new()) };
    let after = after.max(acknowledged);
    let mut statement = database.prepare_cached(
        "SELECT first, last, bytes, deliver FROM segments WHERE device = ?1 AND last > ?2 \
         ORDER BY last",
    )?;
    let mut rows = statement.query(params![mailbox.0, after])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while most > 0
        && bytes < most_bytes
        && let Some(row) = rows.next()?
    {
        if let Some(segment) = segment(row)?.part(after, most).map_err(damaged)? {
            most -= segment.count();
            bytes += segment.deliver.len();
            found.push(segment);
        }
    }
    Ok(found)
}

fn segment(row: &Row<'_>) -> rusqlite::Result<Segment> {
    Ok(Segment {
        first: row.get(0)?,
        last: row.get(1)?,
        bytes: row.get(2)?,
        deliver: row.get::<_, Vec<u8>>(3)?.into(),
    })
}

fn acknowledge(
    database: &Connection,
    memory: &mut Devices,
    mailbox: MailboxId,
    through: u64,
) -> rusqlite::Result<bool> {
    let whole: Vec<Span> = database
        .prepare_cached(
            "SELECT first, last, bytes FROM segments WHERE device = ?1 AND last <= ?2 ORDER BY last",
        )?
        .query_map(params![mailbox.0, through], span)?
        .collect::<rusqlite::Result<_>>()?;
    let begun: Option<Span> = database
        .prepare_cached(
            "SELECT first, last, bytes FROM segments WHERE device = ?1 AND last > ?2 \
             ORDER BY last LIMIT 1",
        )?
        .query_row(params![mailbox.0, through], span)
        .optional()?;
    let begun = begun.filter(|span| span.first <= through);
    // No further than what is there: places beyond it are of envelopes to come.
    let through = if begun.is_some() { through } else { whole.last().map_or(0, |span| span.last) };
    let Some(device) = memory.device_mut(database, mailbox)? else { return Ok(false) };
    if through <= device.acknowledged {
        return Ok(false);
    }
    for span in whole {
        device.release(span);
    }
    if let Some(span) = begun {
        device.release(Span { last: through, bytes: 0, ..span });
    }
    device.acknowledged = through;
    database
        .prepare_cached("DELETE FROM segments WHERE device = ?1 AND last <= ?2")?
        .execute(params![mailbox.0, through])?;
    Ok(true)
}

fn span(row: &Row<'_>) -> rusqlite::Result<Span> {
    Ok(Span { first: row.get(0)?, last: row.get(1)?, bytes: row.get(2)? })
}
