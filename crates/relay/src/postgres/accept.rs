//! Storing messages, in groups.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;

use futures_util::future::try_join4;
use sprag_api::frame::Envelope;
use sprag_api::name::{AccountName, DeviceId};
use tokio_postgres::{Client, Row, Statement};

use crate::hub::Hub;
use crate::storage::{
    AccountId, Batch, Books, Damaged, MailboxId, MailboxQuota, Numbers, Recipient, Segment,
    SendRefusal, Standing, Stored, accept,
};

use super::lane::Work;
use super::{Trouble, signed, unsigned};

/// How many accounts are remembered.
const REMEMBERED: usize = 65_536;
/// How often a group is tried while accounts change under it.
const TRIES: usize = 8;

type Outcomes = Vec<Result<Stored, SendRefusal>>;

/// An account's devices, as of an epoch.
#[derive(Clone, Debug)]
struct Known {
    recipient: Recipient,
    epoch: i64,
}

/// The lane that stores messages.
pub(super) struct Acceptance {
    quota: MailboxQuota,
    hub: Arc<Hub>,
    known: HashMap<AccountName, Known>,
}

pub(super) struct Statements {
    recipients: Statement,
    mailboxes: Statement,
    senders: Statement,
    epochs: Statement,
    lists: Statement,
    insert: Statement,
    move_mailboxes: Statement,
    move_senders: Statement,
}

impl Work for Acceptance {
    type Question = Batch;
    type Answer = Outcomes;
    type Statements = Statements;

    const COMMITS: bool = true;

    fn weight(batch: &Batch) -> usize {
        batch.sends.iter().map(|send| send.bytes() + 64).sum()
    }

    async fn prepare(client: &Client) -> Result<Statements, tokio_postgres::Error> {
        Ok(Statements {
            recipients: client
                .prepare(
                    "SELECT a.name, a.id, a.epoch, d.number, d.id FROM accounts a \
                     LEFT JOIN devices d ON d.account = a.id AND d.signed IS NOT NULL \
                     AND d.last_resort IS NOT NULL \
                     WHERE a.name = ANY($1) ORDER BY a.id, d.number",
                )
                .await?,
            mailboxes: client
                .prepare(
                    "SELECT m.device, m.next_seq, m.stored - r.released, \
                     m.stored_bytes - r.released_bytes \
                     FROM mailboxes m JOIN receipts r ON r.device = m.device \
                     WHERE m.device = ANY($1) ORDER BY m.device FOR NO KEY UPDATE OF m",
                )
                .await?,
            senders: client
                .prepare(
                    "SELECT device, mark, ring FROM senders \
                     WHERE device = ANY($1) ORDER BY device FOR NO KEY UPDATE",
                )
                .await?,
            epochs: client.prepare("SELECT id, epoch FROM accounts WHERE id = ANY($1)").await?,
            lists: client
                .prepare("SELECT id, device_list FROM accounts WHERE id = ANY($1)")
                .await?,
            insert: client
                .prepare(
                    "INSERT INTO segments (device, first, last, bytes, received, deliver) \
                     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], \
                     $4::bigint[], $5::bigint[], $6::bytea[])",
                )
                .await?,
            move_mailboxes: client
                .prepare(
                    "UPDATE mailboxes m SET next_seq = n.next_seq, stored = m.stored + n.stored, \
                     stored_bytes = m.stored_bytes + n.stored_bytes \
                     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) \
                     AS n(device, next_seq, stored, stored_bytes) WHERE m.device = n.device",
                )
                .await?,
            move_senders: client
                .prepare(
                    "UPDATE senders s SET mark = n.mark, ring = n.ring \
                     FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) AS n(device, mark, ring) \
                     WHERE s.device = n.device",
                )
                .await?,
        })
    }

    async fn run(
        &mut self,
        on: (&Client, &Statements),
        batches: &[Batch],
    ) -> Result<Vec<Outcomes>, Trouble> {
        for _ in 0..TRIES {
            self.learn(on, batches).await?;
            let Some(mut page) = self.open(on, batches).await? else {
                on.0.batch_execute("ROLLBACK").await?;
                continue;
            };
            let outcomes = decide(on, &mut page, batches).await?;
            let stored = write(on, page).await?;
            for (mailbox, segment) in stored {
                self.hub.deliver(mailbox, segment);
            }
            return Ok(outcomes);
        }
        Err(Trouble::Restless)
    }
}

impl Acceptance {
    pub(super) fn new(quota: MailboxQuota, hub: Arc<Hub>) -> Self {
        Self { quota, hub, known: HashMap::new() }
    }

    /// Looks up the accounts that are not known.
    async fn learn(
        &mut self,
        (client, statements): (&Client, &Statements),
        batches: &[Batch],
    ) -> Result<(), Trouble> {
        if self.known.len() > REMEMBERED {
            self.known.clear();
        }
        let sends = batches.iter().flat_map(|batch| &batch.sends);
        let unknown: BTreeSet<&str> = sends
            .filter(|send| !self.known.contains_key(&send.to))
            .map(|send| send.to.as_str())
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let unknown: Vec<_> = unknown.into_iter().collect();
        for row in client.query(&statements.recipients, &[&unknown]).await? {
            let name = AccountName::new(row.try_get::<_, String>(0)?).map_err(|_| Damaged)?;
            let known = self.known.entry(name).or_insert(Known {
                recipient: Recipient { account: AccountId(row.try_get(1)?), devices: Vec::new() },
                epoch: row.try_get(2)?,
            });
            if let Some(mailbox) = row.try_get(4)? {
                known.recipient.devices.push((device_id(row.try_get(3)?)?, MailboxId(mailbox)));
            }
        }
        Ok(())
    }

    /// Begins a transaction, and locks what it is about; `None` where an account was not as it is known.
    async fn open(
        &mut self,
        (client, statements): (&Client, &Statements),
        batches: &[Batch],
    ) -> Result<Option<Page>, Trouble> {
        let sends = batches.iter().flat_map(|batch| &batch.sends);
        let names: HashSet<&AccountName> = sends.map(|send| &send.to).collect();
        let known: HashMap<_, _> = names
            .into_iter()
            .filter_map(|name| Some((name.clone(), self.known.get(name)?.clone())))
            .collect();
        let accounts: Vec<i64> = known.values().map(|known| known.recipient.account.0).collect();
        let devices = known.values().flat_map(|known| &known.recipient.devices);
        let mailboxes: BTreeSet<i64> = devices.map(|(_, mailbox)| mailbox.0).collect();
        let mailboxes: Vec<i64> = mailboxes.into_iter().collect();
        let senders: BTreeSet<i64> = batches.iter().map(|batch| batch.from.0).collect();
        let senders: Vec<i64> = senders.into_iter().collect();
        // Sent together, done in this order.
        let ((), mailboxes, senders, epochs) = try_join4(
            client.batch_execute("BEGIN"),
            client.query(&statements.mailboxes, &[&mailboxes]),
            client.query(&statements.senders, &[&senders]),
            client.query(&statements.epochs, &[&accounts]),
        )
        .await?;
        let epochs = epochs.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let epochs: HashMap<i64, i64> = epochs.collect::<Result<_, tokio_postgres::Error>>()?;
        let changed = known
            .iter()
            .filter(|(_, known)| epochs.get(&known.recipient.account.0) != Some(&known.epoch));
        let changed: Vec<_> = changed.map(|(name, _)| name).collect();
        for name in &changed {
            self.known.remove(*name);
        }
        if !changed.is_empty() {
            return Ok(None);
        }
        Page::read(self.quota, known, (&mailboxes, &senders)).map(Some)
    }
}

/// Decides on every message; an account's list is looked up only where it is to be told.
async fn decide(
    (client, statements): (&Client, &Statements),
    page: &mut Page,
    batches: &[Batch],
) -> Result<Vec<Outcomes>, Trouble> {
    let outcomes = batches.iter().map(|batch| accept(page, batch));
    let outcomes: Result<Vec<_>, Infallible> = outcomes.collect();
    let Ok(mut outcomes) = outcomes;
    if page.differing.is_empty() {
        return Ok(outcomes);
    }
    let differing: Vec<i64> = page.differing.iter().copied().collect();
    let mut lists: HashMap<AccountId, Vec<u8>> = HashMap::new();
    for row in client.query(&statements.lists, &[&differing]).await? {
        lists.insert(AccountId(row.try_get(0)?), row.try_get(1)?);
    }
    let sends = batches.iter().flat_map(|batch| &batch.sends);
    for (send, outcome) in sends.zip(outcomes.iter_mut().flatten()) {
        if let Err(SendRefusal::DevicesDiffer { device_list, .. }) = outcome
            && let Some(recipient) = page.recipients.get(&send.to)
            && let Some(list) = lists.get(&recipient.account)
        {
            device_list.clone_from(list);
        }
    }
    Ok(outcomes)
}

/// Writes what was decided, and commits; gives what was stored, in the order of each mailbox.
async fn write(
    (client, statements): (&Client, &Statements),
    page: Page,
) -> Result<Vec<(MailboxId, Segment)>, Trouble> {
    let mut stored = Vec::new();
    let mut columns: [Vec<i64>; 5] = Default::default();
    for (mailbox, envelopes) in page.accepted {
        let received = envelopes.last().map_or(0, |envelope| envelope.received);
        for segment in Segment::cut(envelopes) {
            let numbers = [segment.first, segment.last, segment.bytes, received].map(signed);
            let row = [mailbox.0].into_iter().chain(numbers);
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
            stored.push((mailbox, segment));
        }
    }
    let delivers: Vec<&[u8]> = stored.iter().map(|(_, segment)| segment.deliver.as_ref()).collect();
    let moved: Vec<_> = page.mailboxes.iter().filter(|(_, mailbox)| mailbox.stored > 0).collect();
    let of = |column: fn(&Mailbox) -> u64| -> Vec<i64> {
        moved.iter().map(|(_, mailbox)| signed(column(mailbox))).collect()
    };
    let ids: Vec<i64> = moved.iter().map(|(id, _)| id.0).collect();
    let places = [of(|m| m.next_seq), of(|m| m.stored), of(|m| m.stored_bytes)];
    let noted: Vec<_> =
        page.noted.iter().filter_map(|id| Some((id.0, page.sent.get(id)?))).collect();
    let devices: Vec<i64> = noted.iter().map(|(id, _)| *id).collect();
    let marks: Vec<i64> = noted.iter().map(|(_, sent)| signed(sent.mark())).collect();
    let rings: Vec<Vec<u8>> = noted.iter().map(|(_, sent)| sent.to_bytes()).collect();
    if stored.is_empty() {
        client.batch_execute("ROLLBACK").await?;
        return Ok(stored);
    }
    let [device, first, last, bytes, received] = &columns;
    let [next_seq, count, count_bytes] = &places;
    // Sent together, done in this order; where one fails, the commit undoes everything.
    try_join4(
        client.execute(&statements.insert, &[device, first, last, bytes, received, &delivers]),
        client.execute(&statements.move_mailboxes, &[&ids, next_seq, count, count_bytes]),
        client.execute(&statements.move_senders, &[&devices, &marks, &rings]),
        client.batch_execute("COMMIT"),
    )
    .await?;
    Ok(stored)
}

/// What a transaction has locked, and what becomes of it.
#[derive(Debug)]
struct Page {
    quota: MailboxQuota,
    recipients: HashMap<AccountName, Recipient>,
    mailboxes: BTreeMap<MailboxId, Mailbox>,
    sent: HashMap<MailboxId, Numbers>,
    /// Devices whose numbers moved.
    noted: BTreeSet<MailboxId>,
    accepted: BTreeMap<MailboxId, Vec<Envelope>>,
    /// Accounts whose lists are to be told.
    differing: BTreeSet<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Mailbox {
    next_seq: u64,
    waiting: u64,
    waiting_bytes: u64,
    /// What this transaction adds.
    stored: u64,
    stored_bytes: u64,
}

impl Page {
    fn read(
        quota: MailboxQuota,
        known: HashMap<AccountName, Known>,
        (mailboxes, senders): (&[Row], &[Row]),
    ) -> Result<Self, Trouble> {
        let mailbox = |row: &Row| {
            let mailbox = Mailbox {
                next_seq: unsigned(row.try_get(1)?),
                waiting: unsigned(row.try_get(2)?),
                waiting_bytes: unsigned(row.try_get(3)?),
                stored: 0,
                stored_bytes: 0,
            };
            Ok((MailboxId(row.try_get(0)?), mailbox))
        };
        let sender = |row: &Row| {
            let numbers = Numbers::from_bytes(unsigned(row.try_get(1)?), row.try_get(2)?);
            Ok((MailboxId(row.try_get(0)?), numbers))
        };
        Ok(Self {
            quota,
            recipients: known.into_iter().map(|(name, known)| (name, known.recipient)).collect(),
            mailboxes: mailboxes.iter().map(mailbox).collect::<Result<_, Trouble>>()?,
            sent: senders.iter().map(sender).collect::<Result<_, Trouble>>()?,
            noted: BTreeSet::new(),
            accepted: BTreeMap::new(),
            differing: BTreeSet::new(),
        })
    }
}

impl Books for Page {
    type Error = Infallible;

    fn standing(&mut self, device: MailboxId, number: u64) -> Result<Option<Standing>, Infallible> {
        Ok(self.sent.get(&device).map(|sent| sent.standing(number)))
    }

    fn note(&mut self, device: MailboxId, number: u64) -> Result<(), Infallible> {
        if let Some(sent) = self.sent.get_mut(&device) {
            sent.accept(number);
            self.noted.insert(device);
        }
        Ok(())
    }

    fn recipient(&mut self, name: &AccountName) -> Result<Option<&Recipient>, Infallible> {
        Ok(self.recipients.get(name))
    }

    /// It is filled in for all at once.
    fn device_list(&mut self, account: AccountId) -> Result<Vec<u8>, Infallible> {
        self.differing.insert(account.0);
        Ok(Vec::new())
    }

    fn place(&mut self, mailbox: MailboxId, bytes: u64) -> Result<Option<u64>, Infallible> {
        let quota = self.quota;
        let mailbox = self.mailboxes.get_mut(&mailbox);
        let room = mailbox.filter(|to| quota.has_room(to.waiting, to.waiting_bytes, bytes));
        Ok(room.map(|mailbox| {
            let seq = mailbox.next_seq;
            mailbox.next_seq += 1;
            mailbox.waiting += 1;
            mailbox.waiting_bytes += bytes;
            mailbox.stored += 1;
            mailbox.stored_bytes += bytes;
            seq
        }))
    }

    fn put(&mut self, mailbox: MailboxId, envelope: Envelope) {
        self.accepted.entry(mailbox).or_default().push(envelope);
    }
}

/// A device's number, out of a table.
pub(super) fn device_id(number: i64) -> Result<DeviceId, Damaged> {
    u32::try_from(number).ok().and_then(DeviceId::new).ok_or(Damaged)
}
