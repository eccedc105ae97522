//! A lane: one connection, and all that has gathered since its last transaction done in the next one.
//!
//! Groups grow with load by themselves, as with the storage on `SQLite`. Whatever goes wrong with a group,
//! its connection is dropped, which ends its transaction, and whoever asked is told to try again: where the
//! answer to a commit is lost, what was asked may have been done, and asking again finds that out.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;

use super::{Link, Trouble, WITHIN};
use crate::metrics;
use crate::storage::{Answer, Unavailable};

/// The most questions of one group.
const GROUP: usize = 4_096;
/// The most that they may weigh together, in bytes.
const WEIGHT: usize = 8 * 1024 * 1024;
/// While the database is out of reach, it is tried again so often at the most; who asks meanwhile is
/// answered at once.
const PAUSE: Duration = Duration::from_millis(200);

/// What a lane does.
pub(super) trait Work: Send + 'static {
    type Question: Send + Sync + 'static;
    type Answer: Send + 'static;
    /// What was prepared on a connection.
    type Statements: Send + Sync;

    /// Whether it writes.
    const COMMITS: bool;

    /// How many bytes a question brings, or its answer may take.
    fn weight(question: &Self::Question) -> usize;

    fn prepare(
        client: &Client,
    ) -> impl Future<Output = Result<Self::Statements, tokio_postgres::Error>> + Send;

    /// Does it; an answer for each question, once all are durable.
    fn run(
        &mut self,
        on: (&Client, &Self::Statements),
        questions: &[Self::Question],
    ) -> impl Future<Output = Result<Vec<Self::Answer>, Trouble>> + Send;
}

type Asked<W> = (<W as Work>::Question, oneshot::Sender<<W as Work>::Answer>);

/// Takes questions, in their order. The task ends once this is dropped.
pub(super) struct Lane<W: Work> {
    questions: mpsc::UnboundedSender<Asked<W>>,
}

impl<W: Work> Lane<W> {
    pub(super) fn start(link: Arc<Link>, work: W) -> Self {
        let (questions, queue) = mpsc::unbounded_channel();
        tokio::spawn(Worker { link, work, line: None, tried: None }.run(queue));
        Self { questions }
    }

    /// Takes its place at once.
    pub(super) fn ask(&self, question: W::Question) -> Answer<W::Answer> {
        let (reply, answer) = oneshot::channel();
        // Where the task is gone, the dropped reply says so.
        let _ = self.questions.send((question, reply));
        Box::pin(async move { answer.await.map_err(|_| Unavailable) })
    }
}

struct Worker<W: Work> {
    link: Arc<Link>,
    work: W,
    line: Option<(Client, W::Statements)>,
    /// When the last try to connect failed.
    tried: Option<Instant>,
}

impl<W: Work> Worker<W> {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Asked<W>>) {
        let mut left = None;
        loop {
            let first = match left.take() {
                Some(first) => Some(first),
                None => queue.recv().await,
            };
            let Some(first) = first else { return };
            let mut weight = W::weight(&first.0);
            let mut group = vec![first];
            while group.len() < GROUP
                && let Ok(next) = queue.try_recv()
            {
                weight += W::weight(&next.0);
                if weight > WEIGHT {
                    left = Some(next);
                    break;
                }
                group.push(next);
            }
            self.answer(group).await;
        }
    }

    async fn answer(&mut self, group: Vec<Asked<W>>) {
        let began = Instant::now();
        let (questions, replies): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let done = timeout(WITHIN, self.attempt(&questions)).await.unwrap_or(Err(Trouble::Late));
        if W::COMMITS {
            metrics::committed(questions.len(), began.elapsed());
        }
        match done {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // Whoever asked may be gone; what was asked is done all the same.
                    let _ = reply.send(answer);
                }
            }
            Err(error) => {
                self.line = None;
                tracing::error!(%error, questions = questions.len(), "a group failed");
            }
        }
    }

    async fn attempt(&mut self, questions: &[W::Question]) -> Result<Vec<W::Answer>, Trouble> {
        if self.line.as_ref().is_none_or(|(client, _)| client.is_closed()) {
            self.line = None;
            self.line = Some(self.connect().await?);
        }
        let Some((client, statements)) = &self.line else { return Err(Trouble::Late) };
        self.work.run((client, statements), questions).await
    }

    async fn connect(&mut self) -> Result<(Client, W::Statements), Trouble> {
        if self.tried.is_some_and(|tried| tried.elapsed() < PAUSE) {
            return Err(Trouble::Pool("not a moment ago".into()));
        }
        self.tried = Some(Instant::now());
        let client = self.link.connect().await.map_err(|error| Trouble::Pool(error.to_string()))?;
        let statements = W::prepare(&client).await?;
        self.tried = None;
        Ok((client, statements))
    }
}
