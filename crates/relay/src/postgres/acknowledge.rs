//! Deleting what was acknowledged, in groups.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join;
use tokio_postgres::{Client, Row, Statement};

use crate::storage::{Acknowledged, Fence, MailboxId, Release, Span};

use super::lane::Work;
use super::{Trouble, signed, unsigned};

/// The lane that deletes what was acknowledged.
pub(super) struct Acknowledgement;

/// An acknowledgement of what is in a mailbox, up to a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) mailbox: MailboxId,
    pub(super) through: u64,
    pub(super) fence: Option<Fence>,
}

pub(super) struct Statements {
    lock: Statement,
    begun: Statement,
    delete: Statement,
    release: Statement,
}

impl Work for Acknowledgement {
    type Question = Question;
    type Answer = Acknowledged;
    type Statements = Statements;

    const COMMITS: bool = true;

    fn weight(_: &Question) -> usize {
        64
    }

    async fn prepare(client: &Client) -> Result<Statements, tokio_postgres::Error> {
        Ok(Statements {
            lock: client
                .prepare(
                    "SELECT device, acknowledged, fence FROM receipts \
                     WHERE device = ANY($1) ORDER BY device FOR NO KEY UPDATE",
                )
                .await?,
            begun: client
                .prepare(
                    "SELECT a.device, s.first, s.last, s.bytes \
                     FROM unnest($1::bigint[], $2::bigint[]) AS a(device, through) \
                     CROSS JOIN LATERAL (SELECT first, last, bytes FROM segments \
                     WHERE device = a.device AND last > a.through ORDER BY last LIMIT 1) s \
                     WHERE s.first <= a.through",
                )
                .await?,
            delete: client
                .prepare(
                    "DELETE FROM segments s USING unnest($1::bigint[], $2::bigint[]) \
                     AS a(device, through) WHERE s.device = a.device AND s.last <= a.through \
                     RETURNING s.device, s.first, s.last, s.bytes",
                )
                .await?,
            release: client
                .prepare(
                    "UPDATE receipts r SET acknowledged = a.acknowledged, \
                     released = r.released + a.envelopes, \
                     released_bytes = r.released_bytes + a.bytes \
                     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) \
                     AS a(device, acknowledged, envelopes, bytes) WHERE r.device = a.device",
                )
                .await?,
        })
    }

    async fn run(
        &mut self,
        (client, statements): (&Client, &Statements),
        questions: &[Question],
    ) -> Result<Vec<Acknowledged>, Trouble> {
        let ids: BTreeSet<i64> = questions.iter().map(|question| question.mailbox.0).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        // Sent together, done in this order.
        let ((), locked) =
            try_join(client.batch_execute("BEGIN"), client.query(&statements.lock, &[&ids]))
                .await?;
        let mut mailboxes = Mailbox::all(&locked, questions)?;
        let ids: Vec<i64> = mailboxes.keys().map(|id| id.0).collect();
        let through: Vec<i64> = mailboxes.values().map(|mailbox| signed(mailbox.through)).collect();
        let (begun, whole) = try_join(
            client.query(&statements.begun, &[&ids, &through]),
            client.query(&statements.delete, &[&ids, &through]),
        )
        .await?;
        for row in &begun {
            let (id, span) = span(row)?;
            mailboxes.entry(id).or_default().begun = Some(span);
        }
        for row in &whole {
            let (id, span) = span(row)?;
            mailboxes.entry(id).or_default().whole.push(span);
        }
        let releases =
            mailboxes.iter_mut().filter_map(|(id, mailbox)| Some((*id, mailbox.release()?)));
        let releases: BTreeMap<_, _> = releases.collect();
        let of = |column: fn(&Release) -> u64| -> Vec<i64> {
            releases.values().map(|release| signed(column(release))).collect()
        };
        let ids: Vec<i64> = releases.keys().map(|id| id.0).collect();
        let columns = [of(|r| r.through), of(|r| r.envelopes), of(|r| r.bytes)];
        let [ends, envelopes, bytes] = &columns;
        try_join(
            client.execute(&statements.release, &[&ids, ends, envelopes, bytes]),
            client.batch_execute("COMMIT"),
        )
        .await?;
        Ok(questions.iter().map(|question| answer(&mut mailboxes, &releases, question)).collect())
    }
}

/// A mailbox, how far it is acknowledged, and what was found in it.
#[derive(Debug, Default)]
struct Mailbox {
    acknowledged: u64,
    fence: Fence,
    /// How far this group acknowledges.
    through: u64,
    whole: Vec<Span>,
    begun: Option<Span>,
}

impl Mailbox {
    fn all(
        locked: &[Row],
        questions: &[Question],
    ) -> Result<BTreeMap<MailboxId, Self>, tokio_postgres::Error> {
        let mut mailboxes = BTreeMap::new();
        for row in locked {
            let acknowledged = unsigned(row.try_get(1)?);
            let fence = Fence(unsigned(row.try_get(2)?));
            let mailbox = Self { acknowledged, fence, ..Self::default() };
            mailboxes.insert(MailboxId(row.try_get(0)?), mailbox);
        }
        for question in questions {
            if let Some(mailbox) = mailboxes.get_mut(&question.mailbox)
                && !mailbox.is_taken_from(question)
            {
                mailbox.through = mailbox.through.max(question.through);
            }
        }
        Ok(mailboxes)
    }

    /// Whether a later connection receives than the one that acknowledges.
    fn is_taken_from(&self, question: &Question) -> bool {
        question.fence.is_some_and(|fence| fence < self.fence)
    }

    fn release(&mut self) -> Option<Release> {
        self.whole.sort_unstable_by_key(|span| span.last);
        Release::of(self.acknowledged, self.through, (&self.whole, self.begun))
    }
}

/// What came of one acknowledgement, after those before it in the group.
fn answer(
    mailboxes: &mut BTreeMap<MailboxId, Mailbox>,
    releases: &BTreeMap<MailboxId, Release>,
    question: &Question,
) -> Acknowledged {
    let Some(mailbox) = mailboxes.get_mut(&question.mailbox) else { return Acknowledged::Nothing };
    if mailbox.is_taken_from(question) {
        return Acknowledged::TakenOver;
    }
    let end = releases.get(&question.mailbox).map_or(0, |release| release.through);
    let end = end.min(question.through);
    if end <= mailbox.acknowledged {
        return Acknowledged::Nothing;
    }
    mailbox.acknowledged = end;
    Acknowledged::Deleted
}

fn span(row: &Row) -> Result<(MailboxId, Span), tokio_postgres::Error> {
    let span = Span {
        first: unsigned(row.try_get(1)?),
        last: unsigned(row.try_get(2)?),
        bytes: unsigned(row.try_get(3)?),
    };
    Ok((MailboxId(row.try_get(0)?), span))
}
