//! Profiles: one device of one account each, in a folder of its own.
//!
//! ```text
//! NAME/profile.db        the sealed records; beside it, while it is open, profile.db-wal
//! NAME/profile.db.lock   the process that has it open
//! NAME/profile.key       the key, where a key file protects it
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use sprag_client::{Client, Config, Error, Protection, Storage};
use sprag_protocol::secret::Secret;
use sprag_store::{Cost, Sqlite, Store, StoreError, Wrapping};
use zeroize::Zeroizing;

use crate::failure::usage;
use crate::keyring;
use crate::out::Out;
use crate::passphrase::Asked;
use crate::signals::Stop;

/// How long a command waits for another one that uses the same profile: as long as a short one takes.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest name of a profile, in characters.
const MAX_NAME: usize = 64;

/// Which profile, and how it opens.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Choice {
    /// Use this profile: one device of one account [default: default]
    #[arg(short, long, value_name = "NAME", global = true, help_heading = HEADING)]
    pub(crate) profile: Option<String>,

    /// Keep profiles in this folder [default: sprag/profiles in the XDG data folder]
    #[arg(long, env = "SPRAG_PROFILES", value_name = "FOLDER", global = true)]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    pub(crate) profiles: Option<PathBuf>,

    /// Read the profile's passphrase from the first line of this file; - is standard input
    #[arg(long, env = "SPRAG_PASSPHRASE_FILE", value_name = "FILE", global = true)]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    pub(crate) passphrase_file: Option<PathBuf>,
}

const HEADING: &str = "Profile";

/// What keeps a profile's keys from whoever has its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lock {
    /// A file beside it that only you can read
    KeyFile,
    /// A passphrase, asked for by every command
    Passphrase,
    /// A key in the keyring of the operating system
    Keyring,
}

impl Lock {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KeyFile => "key-file",
            Self::Passphrase => "passphrase",
            Self::Keyring => "keyring",
        }
    }

    /// The lock of a profile that opens in this way.
    pub(crate) fn of(wrapping: Wrapping) -> Self {
        match wrapping {
            Wrapping::KeyFile => Self::KeyFile,
            Wrapping::Passphrase => Self::Passphrase,
            Wrapping::External => Self::Keyring,
        }
    }
}

/// A place for a profile.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    name: String,
    folder: PathBuf,
    passphrase_file: Option<PathBuf>,
}

/// A profile that is being made, and what is to go where it fails.
pub(crate) struct Making<'a> {
    profile: &'a Profile,
    lock: Lock,
    /// What was there before.
    folder: bool,
    database: bool,
    key_file: bool,
    protection: Protected,
}

/// What opens a profile, as often as it is needed.
enum Protected {
    KeyFile(PathBuf),
    Passphrase(Zeroizing<String>),
    Key(Secret<32>),
}

impl Profile {
    /// The profile that was chosen.
    pub(crate) fn of(choice: &Choice) -> Result<Self> {
        let name = choice.profile.as_deref().unwrap_or("default");
        check(name).map_err(usage)?;
        let folder = match &choice.profiles {
            Some(folder) => folder.clone(),
            None => etcetera::choose_base_strategy()
                .context("there is no home folder to keep profiles in: name one with --profiles")
                .map_err(usage)
                .map(|folders| etcetera::BaseStrategy::data_dir(&folders).join("sprag/profiles"))?,
        };
        let passphrase_file = choice.passphrase_file.clone();
        Ok(Self { name: name.to_owned(), folder: folder.join(name), passphrase_file })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The sealed records.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("profile.db")
    }

    /// The key, where a key file protects the profile.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.join("profile.key")
    }

    /// Whether there is one.
    pub(crate) fn exists(&self) -> bool {
        self.database().exists()
    }

    /// What locks it.
    pub(crate) fn lock(&self) -> Result<Option<Lock>, StoreError> {
        let header = Sqlite::open_waiting(&self.database(), PATIENCE)?.header()?;
        header.map(|header| Wrapping::of(&header).map(Lock::of)).transpose()
    }

    /// How the command is begun that uses this profile, as one would type it.
    pub(crate) fn command(&self) -> String {
        if self.name == "default" { "sprag".into() } else { format!("sprag -p {}", self.name) }
    }

    /// Opens it, by its lock.
    pub(crate) async fn open(
        &self,
        out: Out,
        stop: &Stop,
        config: impl Fn() -> Config,
    ) -> Result<Client> {
        if !self.exists() {
            return Err(Error::NoProfile).with_context(|| format!("the profile {}", self.name));
        }
        let by_key_file = Protected::KeyFile(self.key_file());
        match Client::open(config().store(self.storage(&by_key_file))).await {
            Err(Error::Store(StoreError::OtherLock(lock))) => {
                let protection = self.unlock(Lock::of(lock), out, stop).await?;
                Ok(Client::open(config().store(self.storage(&protection))).await?)
            }
            opened => opened.map_err(|error| self.explain(error)),
        }
    }

    fn storage(&self, protection: &Protected) -> Storage {
        Storage::file(self.database()).protect(protection.for_storage()).wait(PATIENCE)
    }

    async fn unlock(&self, lock: Lock, out: Out, stop: &Stop) -> Result<Protected> {
        Ok(match lock {
            Lock::KeyFile => Protected::KeyFile(self.key_file()),
            Lock::Passphrase => Protected::Passphrase(self.asked(out, stop).known().await?),
            Lock::Keyring => Protected::Key(keyring::load(self.folder()).await.map_err(usage)?),
        })
    }

    fn asked<'a>(&'a self, out: Out, stop: &'a Stop) -> Asked<'a> {
        let file = self.passphrase_file.as_deref();
        Asked { of: "the passphrase of this profile", flag: "--passphrase-file", file, out, stop }
    }

    /// What is missing is most likely the key file, since the profile is there.
    fn explain(&self, error: Error) -> anyhow::Error {
        let missing = error == Error::Store(StoreError::Io(io::ErrorKind::NotFound));
        let error = anyhow::Error::new(error);
        if missing && !self.key_file().exists() {
            let key = self.key_file();
            return error.context(format!("the key file {} is gone; put it back", key.display()));
        }
        error
    }

    /// Begins to make it, where there is none, or goes on where that was cut off.
    pub(crate) async fn make(
        &self,
        lock: Option<Lock>,
        out: Out,
        stop: &Stop,
    ) -> Result<Making<'_>> {
        let (folder, key_file) = (self.folder.exists(), self.key_file().exists());
        let database = self.exists();
        let known = if database { self.lock()? } else { None };
        let (lock, protection) = if let Some(lock) = known {
            (lock, self.unlock(lock, out, stop).await?)
        } else {
            let lock = lock.unwrap_or(Lock::KeyFile);
            (lock, self.protect(lock, out, stop).await?)
        };
        Ok(Making { profile: self, lock, folder, database, key_file, protection })
    }

    async fn protect(&self, lock: Lock, out: Out, stop: &Stop) -> Result<Protected> {
        Ok(match lock {
            Lock::KeyFile => Protected::KeyFile(self.key_file()),
            Lock::Passphrase => Protected::Passphrase(self.asked(out, stop).fresh().await?),
            Lock::Keyring => Protected::Key(keyring::make(self.folder()).await.map_err(usage)?),
        })
    }
}

impl Protected {
    fn for_storage(&self) -> Protection {
        match self {
            Self::KeyFile(path) => Protection::KeyFile(path.clone()),
            Self::Passphrase(passphrase) => {
                Protection::Passphrase(passphrase.clone(), Cost::RECOMMENDED)
            }
            Self::Key(key) => Protection::Key(Secret::copy_of(key.expose())),
        }
    }
}

impl Making<'_> {
    /// Where it is made, and what locks it.
    pub(crate) fn storage(&self) -> Storage {
        self.profile.storage(&self.protection)
    }

    /// What locks it.
    pub(crate) fn lock(&self) -> Lock {
        self.lock
    }

    /// What protects the keys, in a sentence.
    pub(crate) fn protection(&self) -> String {
        match self.lock {
            Lock::KeyFile => format!(
                "The keys are protected by the key file {}: whoever can read your files can read your \
                 messages.",
                self.profile.key_file().display()
            ),
            Lock::Passphrase => "The keys are protected by your passphrase.".into(),
            Lock::Keyring => "The keys are protected by the keyring of this system.".into(),
        }
    }

    /// Where nothing was kept after all, nothing stays of what was made for it.
    pub(crate) async fn undo(self) {
        let path = self.profile.database();
        if self.database || is_used(&path) {
            return;
        }
        // What cannot be removed does no harm: there is no profile that it belongs to.
        if self.lock == Lock::Keyring {
            keyring::forget(self.profile.folder()).await;
        }
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let mut file = path.clone().into_os_string();
            file.push(suffix);
            let _ = fs::remove_file(file);
        }
        if self.lock == Lock::KeyFile && !self.key_file {
            let _ = fs::remove_file(self.profile.key_file());
        }
        if !self.folder {
            let _ = fs::remove_dir(self.profile.folder());
        }
    }
}

/// Whether there is something in this store, or it cannot be told.
fn is_used(path: &Path) -> bool {
    let rows = || Sqlite::open(path)?.walk(None, 1);
    path.exists() && rows().map_or(true, |rows| !rows.is_empty())
}

/// A name that is one folder's name everywhere.
fn check(name: &str) -> Result<()> {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if fits {
        return Ok(());
    }
    Err(anyhow!(
        "a profile's name is 1 to {MAX_NAME} letters, digits, '.', '_' and '-', and starts with a letter \
         or digit"
    ))
}
