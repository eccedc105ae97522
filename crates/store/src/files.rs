//! Files that only their owner reads, and the lock that makes a process the only one.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// How a file is opened that only its owner can read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes sure of a file that only its owner can read, in a folder that is there. A folder that has to be made is
/// its owner's alone too.
pub(crate) fn make(path: &Path) -> io::Result<File> {
    if let Some(folder) = folder(path) {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let file = private().create(true).truncate(false).open(path)?;
    #[cfg(unix)]
    if exposed(&file)? {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    }
    Ok(file)
}

/// Whether others than the owner may do something with a file.
#[cfg(unix)]
pub(crate) fn exposed(file: &File) -> io::Result<bool> {
    let permissions = file.metadata()?.permissions();
    Ok(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o077 != 0)
}

/// Where permissions are not modes, the folder's rules are the owner's business.
#[cfg(not(unix))]
pub(crate) fn exposed(_: &File) -> io::Result<bool> {
    Ok(false)
}

/// Makes the place of a file in its folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder(path).unwrap_or(Path::new(".")))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// A name with something added at the end.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn folder(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

/// The only process that uses what lies at a path, until this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Exclusive(File);

impl Exclusive {
    /// Locks `PATH.lock`, and leaves the number of this process there for whoever comes second.
    pub(crate) fn take(path: &Path) -> Result<Self, StoreError> {
        let mut file = make(&beside(path, ".lock"))?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.write_all(std::process::id().to_string().as_bytes())?;
                Ok(Self(file))
            }
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { pid: owner(&mut file) }),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        // So that nobody takes this for the number of the next owner. The file stays: were it removed,
        // two processes could hold locks on two files of one name.
        let _ = self.0.set_len(0);
    }
}

fn owner(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests;
