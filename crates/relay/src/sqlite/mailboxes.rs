//! Mailboxes: accept, read, acknowledge.

use std::future::ready;

use rusqlite::{Connection, OptionalExtension, Row, params};
use sprag_api::frame::Envelope;
use sprag_api::limit;
use sprag_api::name::AccountName;

use crate::storage::{
    AccountId, Acknowledged, Answer, Batch, Books, Fence, MailboxId, MailboxQuota, Mailboxes,
    Recipient, Release, Segment, SendRefusal, Span, Standing, Stored, accept,
};

use super::memory::Devices;
use super::{Sqlite, damaged};

impl Mailboxes for Sqlite {
    fn accept(&self, batch: Batch) -> Answer<Vec<Result<Stored, SendRefusal>>> {
        let quota = self.quota;
        self.relay
            .writer
            .write(move |database, memory| accept(&mut Open { database, memory, quota }, &batch))
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

    /// The hub of the one relay that runs on the file knows which connection is the newest.
    fn take_over(&self, _: MailboxId) -> Answer<Fence> {
        Box::pin(ready(Ok(Fence::default())))
    }

    fn acknowledge(
        &self,
        mailbox: MailboxId,
        through: u64,
        _: Option<Fence>,
    ) -> Answer<Acknowledged> {
        let through = through.min(limit::NUMBER_MAX);
        self.relay
            .writer
            .write(move |database, memory| acknowledge(database, memory, mailbox, through))
    }
}

/// The books of a transaction: what the writer remembers, and behind it the database.
struct Open<'a> {
    database: &'a Connection,
    memory: &'a mut Devices,
    quota: MailboxQuota,
}

impl Books for Open<'_> {
    type Error = rusqlite::Error;

    fn standing(
        &mut self,
        device: MailboxId,
        number: u64,
    ) -> Result<Option<Standing>, Self::Error> {
        let device = self.memory.device(self.database, device)?;
        Ok(device.map(|device| device.sent.standing(number)))
    }

    fn note(&mut self, device: MailboxId, number: u64) -> Result<(), Self::Error> {
        if let Some(device) = self.memory.device_mut(self.database, device)? {
            device.sent.accept(number);
        }
        Ok(())
    }

    fn recipient(&mut self, name: &AccountName) -> Result<Option<&Recipient>, Self::Error> {
        self.memory.recipient(self.database, name)
    }

    fn device_list(&mut self, account: AccountId) -> Result<Vec<u8>, Self::Error> {
        device_list(self.database, account)
    }

    fn place(&mut self, mailbox: MailboxId, bytes: u64) -> Result<Option<u64>, Self::Error> {
        let Some(device) = self.memory.device(self.database, mailbox)? else { return Ok(None) };
        if !self.quota.has_room(device.waiting, device.waiting_bytes, bytes) {
            return Ok(None);
        }
        let Some(device) = self.memory.device_mut(self.database, mailbox)? else {
            return Ok(None);
        };
        let seq = device.next_seq;
        device.next_seq += 1;
        device.waiting += 1;
        device.waiting_bytes += bytes;
        Ok(Some(seq))
    }

    fn put(&mut self, mailbox: MailboxId, envelope: Envelope) {
        self.memory.put(mailbox, envelope);
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
) -> rusqlite::Result<Acknowledged> {
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
    let Some(device) = memory.device_mut(database, mailbox)? else {
        return Ok(Acknowledged::Nothing);
    };
    let Some(release) = Release::of(device.acknowledged, through, (&whole, begun)) else {
        return Ok(Acknowledged::Nothing);
    };
    device.release(release.envelopes, release.bytes);
    device.acknowledged = release.through;
    database
        .prepare_cached("DELETE FROM segments WHERE device = ?1 AND last <= ?2")?
        .execute(params![mailbox.0, release.through])?;
    Ok(Acknowledged::Deleted)
}

fn span(row: &Row<'_>) -> rusqlite::Result<Span> {
    Ok(Span { first: row.get(0)?, last: row.get(1)?, bytes: row.get(2)? })
}
