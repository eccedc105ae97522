//! Group commit: one thread that writes, and commits all that has gathered since its last commit in one
//! transaction.
//!
//! Batches grow with load by themselves: while one is being made durable, the next gathers. Everything
//! is answered after its commit. Where a batch fails, each of its jobs is tried again alone, so that
//! one that cannot be done takes no other with it.

use std::io;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::checkpoint::Checkpoints;
use crate::metrics;
use crate::storage::{Answer, Unavailable};

/// The most jobs of one transaction.
const BATCH: usize = 4_096;

/// What a writer remembers between transactions, so as not to read it again.
pub(super) trait Memory: Send + 'static {
    /// A transaction begins.
    fn begin(&mut self, database: &Connection) -> rusqlite::Result<()>;
    /// Writes what changed, at the end of a transaction.
    fn flush(&mut self, database: &Connection) -> rusqlite::Result<()>;
    /// The transaction is durable: what is to happen before its jobs are answered.
    fn committed(&mut self);
    /// The transaction is undone: what is remembered may be wrong.
    fn forget(&mut self);
}

/// Nothing to remember.
impl Memory for () {
    fn begin(&mut self, _: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn flush(&mut self, _: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn committed(&mut self) {}

    fn forget(&mut self) {}
}

/// Something to do in a transaction.
trait Job<M>: Send {
    /// May be called again after an undone transaction.
    fn run(&mut self, database: &Connection, memory: &mut M) -> rusqlite::Result<()>;
    /// The transaction is durable. A job that is dropped instead was not done.
    fn committed(self: Box<Self>);
}

struct Work<Run, T> {
    run: Run,
    outcome: Option<T>,
    reply: oneshot::Sender<T>,
}

impl<M, Run, T> Job<M> for Work<Run, T>
where
    Run: FnMut(&Connection, &mut M) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn run(&mut self, database: &Connection, memory: &mut M) -> rusqlite::Result<()> {
        self.outcome = Some((self.run)(database, memory)?);
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let Self { outcome, reply, .. } = *self;
        if let Some(outcome) = outcome {
            // Whoever asked may be gone; what was asked is done all the same.
            let _ = reply.send(outcome);
        }
    }
}

type Jobs<M> = Vec<Box<dyn Job<M>>>;

/// Hands jobs to the thread; it ends, after what it has, when this is dropped.
pub(super) struct Writer<M: Memory> {
    jobs: Option<Sender<Box<dyn Job<M>>>>,
    thread: Option<JoinHandle<()>>,
}

impl<M: Memory> Writer<M> {
    /// Starts the thread on a connection of its own.
    pub(super) fn start(
        name: &str,
        (database, checkpoints): (Connection, Checkpoints),
        memory: M,
    ) -> io::Result<Self> {
        let (jobs, queue) = channel();
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(move || Committer { checkpoints, database, memory }.work(&queue))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs this in the next transaction; answered once that is durable. Takes its place at once.
    pub(super) fn write<T: Send + 'static>(
        &self,
        run: impl FnMut(&Connection, &mut M) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(Work { run, outcome: None, reply });
        if let Some(jobs) = &self.jobs {
            // Where the thread is gone, the dropped reply says so.
            let _ = jobs.send(work);
        }
        Box::pin(async move { answer.await.map_err(|_| Unavailable) })
    }
}

impl<M: Memory> Drop for Writer<M> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has answered nobody; there is nothing left to do for it.
            let _ = thread.join();
        }
    }
}

struct Committer<M> {
    /// Closed before the database: the last connection to close tidies up.
    checkpoints: Checkpoints,
    database: Connection,
    memory: M,
}

impl<M: Memory> Committer<M> {
    fn work(mut self, queue: &Receiver<Box<dyn Job<M>>>) {
        let mut batch: Jobs<M> = Vec::new();
        while let Ok(first) = queue.recv() {
            batch.push(first);
            while batch.len() < BATCH {
                match queue.try_recv() {
                    Ok(job) => batch.push(job),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            self.commit(std::mem::take(&mut batch));
            self.checkpoints.committed(&self.database);
        }
    }

    fn commit(&mut self, mut jobs: Jobs<M>) {
        let began = Instant::now();
        let outcome = self.transaction(&mut jobs);
        metrics::committed(jobs.len(), began.elapsed());
        match outcome {
            Ok(()) => {
                self.memory.committed();
                jobs.into_iter().for_each(Job::committed);
            }
            Err(error) if jobs.len() == 1 => tracing::error!(%error, "a write failed"),
            Err(error) => {
                tracing::warn!(%error, jobs = jobs.len(), "a commit failed; trying one by one");
                for job in jobs {
                    self.commit(vec![job]);
                }
            }
        }
    }

    fn transaction(&mut self, batch: &mut Jobs<M>) -> rusqlite::Result<()> {
        let Self { database, memory, .. } = self;
        let outcome = (|| {
            let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            memory.begin(&transaction)?;
            for job in batch.iter_mut() {
                job.run(&transaction, memory)?;
            }
            memory.flush(&transaction)?;
            transaction.commit()
        })();
        if outcome.is_err() {
            memory.forget();
        }
        outcome
    }
}
