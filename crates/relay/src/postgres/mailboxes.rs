//! Mailboxes: which lane does what.

use sprag_api::limit;

use crate::storage::{
    Acknowledged, Answer, Batch, Fence, MailboxId, Mailboxes, Segment, SendRefusal, Stored,
};

use super::{Postgres, acknowledge, pending, unsigned};

impl Mailboxes for Postgres {
    fn accept(&self, batch: Batch) -> Answer<Vec<Result<Stored, SendRefusal>>> {
        self.accept.ask(batch)
    }

    fn mark(&self, device: MailboxId) -> Answer<u64> {
        self.run(move |client| async move {
            let statement = client.prepare_cached("SELECT mark FROM senders WHERE device = $1");
            let row = client.query_opt(&statement.await?, &[&device.0]).await?;
            Ok(row.map(|row| row.try_get(0)).transpose()?.map_or(0, unsigned))
        })
    }

    fn pending(&self, mailbox: MailboxId, after: u64, most: (u64, usize)) -> Answer<Vec<Segment>> {
        let after = after.min(limit::NUMBER_MAX);
        self.read.ask(pending::Question { mailbox, after, most })
    }

    fn take_over(&self, mailbox: MailboxId) -> Answer<Fence> {
        self.run(move |client| async move {
            let statement = client
                .prepare_cached(
                    "UPDATE receipts SET fence = fence + 1 WHERE device = $1 RETURNING fence",
                )
                .await?;
            let row = client.query_opt(&statement, &[&mailbox.0]).await?;
            let fence = row.map(|row| row.try_get(0)).transpose()?;
            Ok(Fence(fence.map_or(0, unsigned)))
        })
    }

    fn acknowledge(
        &self,
        mailbox: MailboxId,
        through: u64,
        fence: Option<Fence>,
    ) -> Answer<Acknowledged> {
        let through = through.min(limit::NUMBER_MAX);
        self.acknowledge.ask(acknowledge::Question { mailbox, through, fence })
    }
}
