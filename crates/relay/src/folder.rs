//! The data folder: only its owner reads it, and only one relay runs on it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The file that a running relay holds locked.
const LOCK: &str = "lock";

/// Why a relay cannot have a data folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made, or nothing can be written in it.
    #[error("cannot write in the data folder {}; make it writable for this user, or name another", .folder.display())]
    Access {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another relay runs on it.
    #[error("another relay runs on the data folder {}; stop it, or name another folder", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
}

/// A data folder that no other relay uses, until this is dropped.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Unlocked when it is closed, also by the end of the process.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder where it is missing, and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, FolderError> {
        let access = |source| FolderError::Access { folder: path.into(), source };
        make(path).map_err(access)?;
        let lock = private_file().open(path.join(LOCK)).map_err(access)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse { folder: path.into() }),
            Err(TryLockError::Error(error)) => Err(access(error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a folder that only its owner can enter; one that exists stays as it is.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Puts a file that only its owner can read in place of the one of that name, whole or not at all.
pub(crate) fn write(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let beside = folder.join(format!("{name}.new"));
    let mut file = private_file().truncate(true).open(&beside)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()?;
    fs::rename(&beside, folder.join(name))
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
