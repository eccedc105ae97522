//! Reading what waits, in groups: a wake-up from another node makes many devices look at once.

use bytes::Bytes;
use tokio_postgres::{Client, Statement};

use crate::storage::{MailboxId, Segment};

use super::lane::Work;
use super::{Trouble, signed, unsigned};

/// The most rows that are read of a mailbox at once.
const ROWS: i64 = 256;

/// The lane that reads mailboxes.
pub(super) struct Reading;

/// What waits in a mailbox after a place: at most so many envelopes, and no further segment once they
/// have so many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) mailbox: MailboxId,
    pub(super) after: u64,
    pub(super) most: (u64, usize),
}

impl Work for Reading {
    type Question = Question;
    type Answer = Vec<Segment>;
    type Statements = Statement;

    const COMMITS: bool = false;

    fn weight(question: &Question) -> usize {
        // A look at a mailbox in which nothing or one message waits is the usual case.
        question.most.1 / 16
    }

    async fn prepare(client: &Client) -> Result<Statement, tokio_postgres::Error> {
        client
            .prepare(
                "SELECT q.question, s.first, s.last, s.bytes, s.deliver, q.after \
                 FROM (SELECT u.question, u.device, u.envelopes, u.bytes, \
                     greatest(u.after, r.acknowledged) AS after \
                     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], \
                     $5::bigint[]) AS u(question, device, after, envelopes, bytes) \
                     JOIN receipts r ON r.device = u.device) q \
                 CROSS JOIN LATERAL ( \
                     SELECT page.*, \
                     sum(page.bytes) OVER upto - page.bytes AS bytes_before, \
                     sum(page.count) OVER upto - page.count AS count_before \
                     FROM (SELECT first, last, bytes, deliver, \
                         last - greatest(first - 1, q.after) AS count FROM segments \
                         WHERE device = q.device AND last > q.after \
                         ORDER BY last LIMIT least(q.envelopes, $6)) page \
                     WINDOW upto AS (ORDER BY page.last) \
                 ) s \
                 WHERE s.bytes_before < q.bytes AND s.count_before < q.envelopes \
                 ORDER BY q.question, s.last",
            )
            .await
    }

    async fn run(
        &mut self,
        (client, statement): (&Client, &Statement),
        questions: &[Question],
    ) -> Result<Vec<Vec<Segment>>, Trouble> {
        let column = |of: fn(&Question) -> u64| -> Vec<i64> {
            questions.iter().map(|question| signed(of(question))).collect()
        };
        let numbers: Vec<i64> = (0..).take(questions.len()).collect();
        let devices: Vec<i64> = questions.iter().map(|question| question.mailbox.0).collect();
        let after = column(|question| question.after);
        let envelopes = column(|question| question.most.0);
        let bytes = column(|question| question.most.1 as u64);
        let rows = client
            .query(statement, &[&numbers, &devices, &after, &envelopes, &bytes, &ROWS])
            .await?;
        let mut answers = vec![Vec::new(); questions.len()];
        let mut left: Vec<u64> = questions.iter().map(|question| question.most.0).collect();
        for row in &rows {
            let number = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(usize::MAX);
            let segment = Segment {
                first: unsigned(row.try_get(1)?),
                last: unsigned(row.try_get(2)?),
                bytes: unsigned(row.try_get(3)?),
                deliver: Bytes::copy_from_slice(row.try_get(4)?),
            };
            let after = unsigned(row.try_get(5)?);
            if let (Some(answer), Some(left)) = (answers.get_mut(number), left.get_mut(number))
                && let Some(part) = segment.part(after, *left)?
            {
                *left -= part.count();
                answer.push(part);
            }
        }
        Ok(answers)
    }
}
