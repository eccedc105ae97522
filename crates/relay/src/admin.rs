//! What whoever runs a relay does with its data folder or its database, also while the relay runs on it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use sprag_api::name::AccountName;

use crate::auth;
use crate::clock::Clock;
use crate::config::{Limits, Store};
use crate::folder::{self, DataFolder, FolderError};
use crate::postgres::{Postgres, PostgresError};
use crate::sqlite::{self, OpenError, RestoreError, Sqlite};
use crate::storage::{MailboxQuota, Storage, Unavailable};

pub use crate::moving::{MoveError, Moved, Progress, migrate};
pub use crate::storage::Statistics;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No relay has used this data folder.
    #[error("{} is no data folder of a relay: name the one that the relay runs on", .0.display())]
    NoRelay(PathBuf),
    /// The databases cannot be used.
    #[error(transparent)]
    Storage(#[from] OpenError),
    /// The database on a server cannot be used.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// That is done with PostgreSQL's own tools.
    #[error("PostgreSQL backs up and restores its databases itself: see docs/OPERATIONS.md")]
    NotHere,
    /// That is for databases on a server.
    #[error("a data folder is restored with `sprag admin restore`; this is for PostgreSQL")]
    NotThere,
    /// The databases failed; their error is in the log.
    #[error("the storage failed; nothing was done")]
    Unavailable,
    /// The folder for the backup has something in it.
    #[error("{} is not empty: name a new folder for the backup", .0.display())]
    NotEmpty(PathBuf),
    /// The folder for the backup cannot be made.
    #[error("cannot make the folder {}", .folder.display())]
    Backup {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The backup cannot be restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

impl From<Unavailable> for AdminError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// An invitation. The relay keeps no more of its code than a hash.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Invitation {
    /// What registering takes.
    pub code: String,
    /// How many accounts it registers.
    pub uses: u32,
    /// Until when, in seconds since 1970.
    pub expires: u64,
}

/// The data folder or the database of a relay, which may be running.
pub struct Admin {
    storage: Arc<dyn Storage>,
    /// The same, where it is in a folder.
    folder: Option<Arc<Sqlite>>,
}

impl Admin {
    /// Opens a data folder, or the database where everything is kept instead.
    ///
    /// # Errors
    /// [`AdminError::NoRelay`], [`AdminError::Storage`], [`AdminError::Postgres`].
    pub async fn open(data: &Path, store: &Store) -> Result<Self, AdminError> {
        let limits = Limits::default();
        let quota =
            MailboxQuota { envelopes: limits.mailbox_envelopes, bytes: limits.mailbox_bytes };
        match store {
            Store::Folder if !sqlite::exists(data) => Err(AdminError::NoRelay(data.into())),
            Store::Folder => {
                let storage = Arc::new(Sqlite::open(data, quota, Arc::default())?);
                Ok(Self { storage: Arc::<Sqlite>::clone(&storage), folder: Some(storage) })
            }
            Store::Postgres(address) => {
                let storage = Arc::new(Postgres::open(&address.0, quota, Arc::default()).await?);
                Ok(Self { storage, folder: None })
            }
        }
    }

    /// Makes an invitation.
    ///
    /// # Errors
    /// [`AdminError::Unavailable`], [`AdminError::Random`].
    pub async fn invite(
        &self,
        uses: u32,
        lifetime: Duration,
        clock: &dyn Clock,
    ) -> Result<Invitation, AdminError> {
        let secret: [u8; 15] = auth::random().map_err(|_| AdminError::Random)?;
        let letters = BASE32_NOPAD.encode(&secret).to_ascii_lowercase();
        let groups: Vec<_> = letters.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
        let code = groups.join("-");
        let expires = clock.now().saturating_add(lifetime.as_secs());
        self.storage.invite(auth::hash(code.as_bytes()), uses, expires).await?;
        Ok(Invitation { code, uses, expires })
    }

    /// How much there is.
    ///
    /// # Errors
    /// [`AdminError::Unavailable`].
    pub async fn statistics(&self, clock: &dyn Clock) -> Result<Statistics, AdminError> {
        Ok(self.storage.statistics(clock.now()).await?)
    }

    /// Writes a consistent copy into a new folder. A relay that runs goes on meanwhile.
    ///
    /// # Errors
    /// [`AdminError::NotEmpty`], [`AdminError::Backup`], [`AdminError::NotHere`],
    /// [`AdminError::Unavailable`].
    pub async fn back_up(&self, to: &Path) -> Result<(), AdminError> {
        let Some(storage) = &self.folder else { return Err(AdminError::NotHere) };
        let failed = |source| AdminError::Backup { folder: to.into(), source };
        folder::make(to).map_err(failed)?;
        if fs::read_dir(to).map_err(failed)?.next().is_some() {
            return Err(AdminError::NotEmpty(to.into()));
        }
        Ok(storage.back_up(to).await?)
    }

    /// Removes an account with everything of it; `false` where there is none of this name. A relay that
    /// runs closes the sockets of its devices within seconds.
    ///
    /// # Errors
    /// [`AdminError::Unavailable`].
    pub async fn remove_account(&self, name: AccountName) -> Result<bool, AdminError> {
        let Some(account) = self.storage.account(name).await? else { return Ok(false) };
        self.storage.remove_account(account.id).await?;
        Ok(true)
    }
}

/// Makes a database that PostgreSQL's tools have restored from a backup one that repeats nothing, as
/// [`restore`] does with a folder. No relay may be running on it.
///
/// # Errors
/// [`AdminError::NotThere`], [`AdminError::Postgres`].
pub async fn after_restore(store: &Store) -> Result<(), AdminError> {
    let Store::Postgres(address) = store else { return Err(AdminError::NotThere) };
    Ok(Postgres::after_restore(&address.0).await?)
}

/// Makes a backup the databases of an empty data folder, which no relay may be running on.
///
/// # Errors
/// [`AdminError::Folder`], [`AdminError::Restore`].
pub fn restore(backup: &Path, data: &Path) -> Result<(), AdminError> {
    let folder = DataFolder::take(data)?;
    Ok(sqlite::restore(backup, folder.path())?)
}
