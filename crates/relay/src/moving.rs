//! Moving everything that a relay keeps from one storage to another: from SQLite to PostgreSQL, or back.
//!
//! Rows go from one side to the other in pages, as both sides mean them (`KINDS`), over a channel of a few
//! pages. Each side works in one transaction for each of its databases, in this order: everything is read
//! and written, the target commits, the source is marked as moved and commits. So what fails leaves the
//! target empty and the source as it was; and whatever was moved is never served by both.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::config::Store;
use crate::folder::{DataFolder, FolderError};
use crate::postgres::{self, PostgresError};
use crate::sqlite::{self, OpenError};

/// How many pages are on their way at most.
const AHEAD: usize = 4;
/// How many rows a page has at most.
const ROWS: usize = 500;
/// The same where each row may be as large as a piece of a blob.
const LARGE: usize = 32;

/// Rows that mean the same in every storage.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Its columns, in the order in which values are given.
    pub(crate) columns: &'static str,
    /// The columns that it is read by.
    pub(crate) order: &'static str,
    /// How many rows go together.
    pub(crate) page: usize,
}

/// What is moved, in an order in which every row comes after those that it refers to. What is left out is
/// worth nothing in another place: which connection is a device's latest, and what is owed to limits.
pub(crate) const KINDS: [Kind; 12] = [
    kind("accounts", "id, name, key, list_version, device_list, created", "id"),
    kind(
        "devices",
        "id, account, number, identity_key, signed, last_resort, one_time_mark, kem_mark",
        "id",
    ),
    kind(
        "counters",
        "device, next_seq, acknowledged, waiting, waiting_bytes, sent_mark, sent_window",
        "device",
    ),
    kind("prekeys", "device, kind, id, body", "device, kind, id"),
    kind("tokens", "hash, device, expires", "hash"),
    kind("nonces", "device, nonce, expires", "device, nonce"),
    kind("invitations", "hash, uses, expires", "hash"),
    large("segments", "device, first, last, bytes, received, deliver", "received, device, last"),
    kind("removed", "device", "device"),
    kind("blobs", "entry, id, owner, length, stored, expires", "entry"),
    large("pieces", "blob, start, body", "blob, start"),
    kind("removed_blobs", "blob", "blob"),
];

const fn kind(name: &'static str, columns: &'static str, order: &'static str) -> Kind {
    Kind { name, columns, order, page: ROWS }
}

const fn large(name: &'static str, columns: &'static str, order: &'static str) -> Kind {
    Kind { page: LARGE, ..kind(name, columns, order) }
}

/// Where ids are numbered, by table and column; none of them is ever used twice.
pub(crate) const NUMBERED: [(&str, &str); 3] =
    [("accounts", "id"), ("devices", "id"), ("blobs", "entry")];

/// The highest ids that were ever used, in the order of [`NUMBERED`].
pub(crate) type Used = [i64; NUMBERED.len()];

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// What goes from one storage to the other.
pub(crate) enum Parcel {
    Rows(&'static Kind, Vec<Vec<Value>>),
    /// That was everything.
    End(Used),
}

/// Told of every page: of what there are how many so far.
pub type Progress = Arc<dyn Fn(&'static str, u64) + Send + Sync>;

/// How many rows were moved, of each kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved(pub [(&'static str, u64); KINDS.len()]);

/// Why nothing was moved; or, with [`MoveError::Unmarked`], what is left to do.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// Source and target are one.
    #[error("that is where everything is kept already: name another place to move to")]
    Same,
    /// No relay has used this data folder.
    #[error("{} is no data folder of a relay: name the one to move away from", .0.display())]
    NoRelay(PathBuf),
    /// The data folder cannot be used, or a relay runs on it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A database in the folder cannot be used.
    #[error(transparent)]
    Storage(#[from] OpenError),
    /// The database on a server cannot be used, or relays run on it.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// There is something in the target.
    #[error(
        "the database to move to is not empty: a relay has used it, or it was moved to before; \
         name an empty schema or database"
    )]
    NotEmpty,
    /// There is something in the target's folder.
    #[error("{} exists already: name a data folder without one, or move it away first", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("{}: {error}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// SQLite fails.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL fails.
    #[error("PostgreSQL: {}", postgres::brief(.0))]
    Server(#[from] tokio_postgres::Error),
    /// What is in a table is not what belongs there.
    #[error("a table holds what no relay has put there")]
    Damaged,
    /// The other side has ended.
    #[error("the move was broken off")]
    BrokenOff,
    /// All was moved, but the source does not know.
    #[error(
        "everything was moved, but the old storage could not be marked as moved ({0}): never start a \
         relay on it again"
    )]
    Unmarked(Box<MoveError>),
}

/// Moves everything from one storage to another that is empty. No relay may be running on either.
///
/// # Errors
/// [`MoveError`]; but for [`MoveError::Unmarked`] nothing was moved.
pub async fn migrate(
    data: &Path,
    (from, to): (&Store, &Store),
    progress: Progress,
) -> Result<Moved, MoveError> {
    if from == to {
        return Err(MoveError::Same);
    }
    if *from == Store::Folder && !sqlite::exists(data) {
        return Err(MoveError::NoRelay(data.into()));
    }
    let in_folder = [from, to].contains(&&Store::Folder);
    let _folder = in_folder.then(|| DataFolder::take(data)).transpose()?;
    let (pages, arriving) = channel(AHEAD);
    let (tell, told) = oneshot::channel();
    let arriving = Arriving { pages: arriving, progress, rows: KINDS.map(|kind| (kind.name, 0)) };
    let written = async {
        let moved = take(data, to, arriving).await?;
        // The source that has gone away meanwhile says why.
        let _ = tell.send(());
        Ok(moved)
    };
    match tokio::join!(give(data, from, Leaving { pages, told }), written) {
        (Ok(()), Ok(moved)) => Ok(moved),
        (Err(error), Ok(_)) => Err(MoveError::Unmarked(Box::new(error))),
        // The side that failed by itself.
        (Err(error), Err(MoveError::BrokenOff)) | (_, Err(error)) => Err(error),
    }
}

async fn give(data: &Path, from: &Store, leaving: Leaving) -> Result<(), MoveError> {
    match from {
        Store::Folder => in_thread(data, move |data| sqlite::moving::give(data, leaving)).await,
        Store::Postgres(address) => postgres::moving::give(&address.0, leaving).await,
    }
}

async fn take(data: &Path, to: &Store, arriving: Arriving) -> Result<Moved, MoveError> {
    match to {
        Store::Folder => in_thread(data, move |data| sqlite::moving::take(data, arriving)).await,
        Store::Postgres(address) => postgres::moving::take(&address.0, arriving).await,
    }
}

async fn in_thread<T: Send + 'static>(
    data: &Path,
    work: impl FnOnce(&Path) -> Result<T, MoveError> + Send + 'static,
) -> Result<T, MoveError> {
    let data = data.to_owned();
    spawn_blocking(move || work(&data)).await.unwrap_or(Err(MoveError::BrokenOff))
}

/// The source's end.
pub(crate) struct Leaving {
    pages: Sender<Parcel>,
    told: oneshot::Receiver<()>,
}

impl Leaving {
    pub(crate) async fn send(&self, parcel: Parcel) -> Result<(), MoveError> {
        self.pages.send(parcel).await.map_err(|_| MoveError::BrokenOff)
    }

    pub(crate) fn send_from_thread(&self, parcel: Parcel) -> Result<(), MoveError> {
        self.pages.blocking_send(parcel).map_err(|_| MoveError::BrokenOff)
    }

    /// Waits until the target has committed.
    pub(crate) async fn kept(self) -> Result<(), MoveError> {
        self.told.await.map_err(|_| MoveError::BrokenOff)
    }

    pub(crate) fn kept_from_thread(self) -> Result<(), MoveError> {
        self.told.blocking_recv().map_err(|_| MoveError::BrokenOff)
    }
}

/// The target's end.
pub(crate) struct Arriving {
    pages: Receiver<Parcel>,
    progress: Progress,
    rows: [(&'static str, u64); KINDS.len()],
}

impl Arriving {
    pub(crate) async fn next(&mut self) -> Result<Parcel, MoveError> {
        let parcel = self.pages.recv().await;
        self.count(parcel)
    }

    pub(crate) fn next_in_thread(&mut self) -> Result<Parcel, MoveError> {
        let parcel = self.pages.blocking_recv();
        self.count(parcel)
    }

    fn count(&mut self, parcel: Option<Parcel>) -> Result<Parcel, MoveError> {
        let parcel = parcel.ok_or(MoveError::BrokenOff)?;
        if let Parcel::Rows(kind, rows) = &parcel {
            for (_, count) in self.rows.iter_mut().filter(|(name, _)| *name == kind.name) {
                *count += rows.len() as u64;
                (self.progress)(kind.name, *count);
            }
        }
        Ok(parcel)
    }

    /// All that has arrived.
    pub(crate) fn moved(self) -> Moved {
        Moved(self.rows)
    }
}

#[cfg(test)]
mod tests;
