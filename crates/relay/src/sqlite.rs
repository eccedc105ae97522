//! The storage on SQLite: one file for accounts and mailboxes, one for blobs, so that a large upload
//! does not stand before a message.
//!
//! Each file has one writer that commits in groups (`group`), and a few connections that read
//! beside it. WAL and `synchronous=FULL`: what was committed survives a power cut.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::hub::Hub;
use crate::storage::{Answer, MailboxQuota, Unavailable};

use checkpoint::Checkpoints;
use group::{Memory, Writer};
use memory::Devices;

mod blobs;
mod checkpoint;
mod directory;
mod group;
mod mailboxes;
mod memory;
pub(crate) mod moving;
mod schema;
mod upkeep;

pub use schema::OpenError;
pub use upkeep::RestoreError;
pub(crate) use upkeep::restore;

/// How many connections read each file.
const READERS: usize = 4;

/// The storage on SQLite.
pub(crate) struct Sqlite {
    relay: Database<Devices>,
    blobs: Database<()>,
    quota: MailboxQuota,
}

impl Sqlite {
    /// Opens the databases of a data folder; makes or migrates them where need be.
    ///
    /// # Errors
    /// [`OpenError`]: no access, damaged, or written by a newer version.
    pub(crate) fn open(
        folder: &Path,
        quota: MailboxQuota,
        hub: Arc<Hub>,
    ) -> Result<Self, OpenError> {
        let relay =
            Database::open(&folder.join(schema::RELAY.file), &schema::RELAY, Devices::new(hub))?;
        let blobs = Database::open(&folder.join(schema::BLOBS.file), &schema::BLOBS, ())?;
        Ok(Self { relay, blobs, quota })
    }
}

/// Whether this folder has databases of a relay.
pub(crate) fn exists(folder: &Path) -> bool {
    folder.join(schema::RELAY.file).exists()
}

/// One file: a writer and readers.
struct Database<M: Memory> {
    /// Closed before the writer: the last connection to close tidies up, and must be able to write.
    readers: Readers,
    writer: Writer<M>,
}

impl<M: Memory> Database<M> {
    fn open(file: &Path, schema: &schema::Schema, memory: M) -> Result<Self, OpenError> {
        let mut writer = schema::open(file, schema)?;
        let checkpoints = Checkpoints::start(file, &mut writer)?;
        let readers = Readers::open(file)?;
        let writer = Writer::start(schema.file, (writer, checkpoints), memory)
            .map_err(|error| OpenError::File { file: file.into(), error })?;
        Ok(Self { readers, writer })
    }

    /// Reads what was committed, beside the writer.
    fn read<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        self.readers.run(run)
    }
}

/// Connections that only read, each used by one thread at a time.
#[derive(Clone)]
struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    fn open(file: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connections = (0..READERS)
            .map(|_| {
                let connection = Connection::open_with_flags(file, flags)?;
                schema::settle(&connection)?;
                Ok(connection)
            })
            .collect::<rusqlite::Result<Vec<_>>>()
            .map_err(|error| OpenError::Database { file: file.into(), error })?;
        let permits = Arc::new(Semaphore::new(connections.len()));
        Ok(Self { idle: Arc::new(Mutex::new(connections)), permits })
    }

    fn run<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let readers = self.clone();
        Box::pin(async move {
            let permit = readers.permits.acquire_owned().await.map_err(|_| Unavailable)?;
            let outcome = spawn_blocking(move || {
                let connection = lock(&readers.idle).pop().ok_or(rusqlite::Error::InvalidQuery)?;
                let outcome = run(&connection);
                lock(&readers.idle).push(connection);
                drop(permit);
                outcome
            });
            match outcome.await {
                Ok(Ok(found)) => Ok(found),
                Ok(Err(error)) => {
                    tracing::error!(%error, "a read failed");
                    Err(Unavailable)
                }
                Err(_) => Err(Unavailable),
            }
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value in a table that nothing here writes.
fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}

/// Makes what was written to a file, and its place in its folder, durable.
fn sync(file: &Path) -> io::Result<()> {
    fs::File::open(file)?.sync_all()?;
    match file.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// A copy of a file's name with something added at the end.
fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests;
