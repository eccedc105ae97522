//! Attachments: a file is encrypted, chunk by chunk, with a key of its own, and lies on the relay; the
//! key goes into a message.
//!
//! The content is padded with zeros to its Padmé length and sealed as STREAM over AES-256-GCM-SIV in chunks
//! of 64 KiB ([`sprag_store::stream`]). Uploads and downloads go on where they were cut off: an upload's key
//! is kept in the profile until its message is written; of a download, the chunks that were
//! authenticated lie in a file beside the one that it becomes.

mod download;
mod upload;

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sprag_api::problem::Code;
use sprag_protocol::padded_len;
use sprag_store::stream::{CHUNK_LEN, CHUNK_OVERHEAD};
use tokio::time::sleep;

use super::Error;
use super::error::of_file;
use crate::content::MAX_FILE_LEN;

/// How often in a row a part may fail before the whole is given up; it can be resumed.
const PATIENCE: u32 = 6;
/// The longest pause, in seconds, that a relay can ask for without the whole being given up.
const LONGEST_ASKED: u32 = 120;

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that are done.
    pub done: u64,
    /// Its length.
    pub total: u64,
}

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

/// Where the chunks of a file lie, by its length.
#[derive(Clone, Copy)]
struct Layout {
    length: u64,
    padded: u64,
}

impl Layout {
    /// `None` where no attachment is so long.
    fn of(length: u64) -> Option<Self> {
        if !(1..=MAX_FILE_LEN).contains(&length) {
            return None;
        }
        let padded = padded_len(usize::try_from(length).ok()?);
        // The greatest length is one of Padmé's; the byte that marks the end of a message's padding has
        // no place here.
        let padded = u64::try_from(padded).ok()?.min(MAX_FILE_LEN);
        Some(Self { length, padded })
    }

    fn chunks(self) -> u32 {
        u32::try_from(self.padded.div_ceil(CHUNK_LEN as u64)).unwrap_or(u32::MAX)
    }

    /// Bytes of it all on the relay.
    fn sealed(self) -> u64 {
        self.padded + u64::from(self.chunks()) * CHUNK_OVERHEAD as u64
    }

    /// Where a chunk begins on the relay.
    fn begin(index: u32) -> u64 {
        u64::from(index) * (CHUNK_LEN + CHUNK_OVERHEAD) as u64
    }

    /// Which chunk a byte on the relay is in, and how far into it.
    fn chunk_at(offset: u64) -> (u32, usize) {
        let sealed = (CHUNK_LEN + CHUNK_OVERHEAD) as u64;
        let index = u32::try_from(offset / sealed).unwrap_or(u32::MAX);
        (index, usize::try_from(offset % sealed).unwrap_or_default())
    }

    /// How much of the file is done once this chunk is next.
    fn progress(self, next: u32) -> Progress {
        let done = (u64::from(next) * CHUNK_LEN as u64).min(self.length);
        Progress { done, total: self.length }
    }
}

/// Counts failures in a row, and waits a little longer after each.
#[derive(Default)]
struct Patience(u32);

impl Patience {
    fn works(&mut self) {
        self.0 = 0;
    }

    /// Waits, where trying again may help.
    async fn fails(&mut self, error: Error) -> Result<(), Error> {
        self.0 += 1;
        let helps = error.retryable() || matches!(error, Error::Relay { code: Code::Timeout, .. });
        if self.0 > PATIENCE || !helps {
            return Err(error);
        }
        let asked = error.retry_after();
        if asked > LONGEST_ASKED {
            return Err(error);
        }
        let own = if self.0 == 1 { 0 } else { 1 << (self.0 - 2) };
        sleep(Duration::from_secs(own.max(asked).into())).await;
        Ok(())
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
