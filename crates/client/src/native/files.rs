//! Attachments: a file is encrypted, chunk by chunk, with a key of its own, and lies on the relay; the
//! key goes into a message.
//!
//! How it lies there says [`crate::transfer`]. Uploads and downloads go on where they were cut off: an upload's key
//! is kept in the profile until its message is written; of a download, the chunks that were
//! authenticated lie in a file beside the one that it becomes.

mod download;
mod upload;

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tokio::time::sleep;

use super::Error;
use crate::retry::Patience;

pub use crate::transfer::Progress;

/// What goes along with a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// What is written beside it.
    pub caption: String,
    /// What it is called, where that is not the name it has.
    pub name: Option<String>,
    /// Its media type, such as `image/png`, or nothing.
    pub media_type: String,
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is kept, and nothing is done.
    #[default]
    Keep,
    /// It is replaced, once the new one is complete.
    Replace,
}

/// Waits, where trying again may help.
async fn wait(patience: &mut Patience, error: Error) -> Result<(), Error> {
    sleep(patience.fails(error)?).await;
    Ok(())
}

/// What the system says of a file.
pub(super) fn of_file(error: &std::io::Error) -> Error {
    if error.kind() == ErrorKind::AlreadyExists {
        Error::FileExists
    } else {
        Error::File(error.kind())
    }
}

/// A name with something added at the end.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Gives a complete file its name.
pub(super) fn put_in_place(part: &Path, path: &Path, existing: Existing) -> Result<(), Error> {
    let placed = match existing {
        Existing::Replace => fs::rename(part, path),
        // A second name is never given in place of a file; renaming would replace one.
        Existing::Keep => match fs::hard_link(part, path) {
            Ok(()) => fs::remove_file(part),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            // Not every file system has second names.
            Err(_) if path.exists() => return Err(Error::FileExists),
            Err(_) => fs::rename(part, path),
        },
    };
    placed.map_err(|error| of_file(&error))
}

#[cfg(test)]
mod tests;
