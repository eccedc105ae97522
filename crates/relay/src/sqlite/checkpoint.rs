//! What was committed is moved from the log (WAL) to the database beside the writer, so that no message
//! waits for it.
//!
//! A thread with a connection of its own moves most of it. What was committed meanwhile is little, and the
//! writer moves it itself: then the log is empty but for its length, and is written from its beginning
//! again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, MAIN_DB};

use super::schema::{self, OpenError};

/// How many pages the log has when they are moved.
const LONG: u32 = 500;
/// How many of them the writer moves itself.
const FEW: u32 = 64;
/// How many the log has when the writer moves whatever is left, so that the log has an end where messages
/// come faster than the thread moves them.
const MOST: u32 = 8_000;

/// The writer's side of it.
pub(super) struct Checkpoints {
    /// The pages of the log after the last commit.
    pages: Arc<AtomicU32>,
    /// As many as there were at the commit before.
    before: u32,
    /// At how many pages there is something to do.
    due: u32,
    thread: Option<Thread>,
    moving: bool,
}

struct Thread {
    begin: Sender<()>,
    /// How many pages of the log are moved; `None` where that could not be.
    moved: Receiver<Option<u32>>,
    handle: JoinHandle<()>,
}

impl Checkpoints {
    /// Begins, with the writer's connection to this file.
    pub(super) fn start(file: &Path, writer: &mut Connection) -> Result<Self, OpenError> {
        let (pages, database) = Self::prepare(file, writer)
            .map_err(|error| OpenError::Database { file: file.into(), error })?;
        let (begin, asked) = channel();
        let (tell, moved) = channel();
        let work =
            move || while asked.recv().is_ok() && tell.send(checkpoint(&database)).is_ok() {};
        let handle = thread::Builder::new()
            .name("checkpoint".into())
            .spawn(work)
            .map_err(|error| OpenError::File { file: file.into(), error })?;
        let thread = Some(Thread { begin, moved, handle });
        Ok(Self { pages, before: 0, due: LONG, thread, moving: false })
    }

    /// Counts the pages of the log, which takes the place of SQLite's own checkpoints within commits;
    /// gives that count and the thread's connection.
    fn prepare(
        file: &Path,
        writer: &mut Connection,
    ) -> rusqlite::Result<(Arc<AtomicU32>, Connection)> {
        let pages = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&pages);
        writer.wal_hook(Some(move |_: &mut Wal, pages| {
            counted.store(u32::try_from(pages).unwrap_or_default(), Ordering::Relaxed);
            Ok(())
        }))?;
        let database = Connection::open(file)?;
        schema::settle(&database)?;
        // Only a connection that has read the file knows that it has a log.
        database.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
        Ok((pages, database))
    }

    /// Sees to the log after a commit.
    pub(super) fn committed(&mut self, writer: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.before {
            // The log was written from its beginning.
            self.due = LONG;
        }
        self.before = pages;
        let Some(thread) = &self.thread else { return };
        if self.moving {
            let Ok(moved) = thread.moved.try_recv() else { return };
            self.moving = false;
            if moved.is_some_and(|moved| pages.saturating_sub(moved) <= FEW || pages >= MOST) {
                checkpoint(writer);
                return;
            }
        }
        if pages >= self.due {
            // Where a reader or a backup is in the way of all of it, so many further pages are waited for.
            self.due = pages.saturating_add(LONG);
            self.moving = thread.begin.send(()).is_ok();
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        if let Some(Thread { begin, moved, handle }) = self.thread.take() {
            drop((begin, moved));
            // One that panicked moves nothing any more; the writer's connection does when it is closed.
            let _ = handle.join();
        }
    }
}

/// Moves what can be moved without waiting for anybody; gives how many pages of the log are moved.
fn checkpoint(database: &Connection) -> Option<u32> {
    let outcome = database.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE);
    match outcome {
        Ok((_, moved)) => u32::try_from(moved).ok(),
        // Another process does it.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => None,
        Err(error) => {
            tracing::warn!(%error, "the log of the database cannot be moved into it");
            None
        }
    }
}

#[cfg(test)]
mod tests;
