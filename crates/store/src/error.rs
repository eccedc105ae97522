//! Why a store cannot do what it is asked for.

use std::io::ErrorKind;

use crate::lock::Wrapping;

/// Why a store cannot do what it is asked for. None of them names what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("another process{} uses this store; end that one first", shown(*.pid))]
    InUse {
        /// That process, where it is known.
        pid: Option<u32>,
    },
    /// The disk is full. Nothing was changed.
    #[error("the disk is full; nothing was changed")]
    Full,
    /// The operating system refuses.
    #[error("the store cannot be reached: {0}")]
    Io(ErrorKind),
    /// What is there was altered or cut off.
    #[error("the store or backup is damaged")]
    Damaged,
    /// There is something else in this place.
    #[error("this is no store or backup of Sprag")]
    Foreign,
    /// A newer version wrote it.
    #[error("written by a newer version (format {found}, this one knows {known}); update first")]
    Newer {
        /// Its format.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// The passphrase or key is not the one it was locked with.
    #[error("wrong passphrase or key")]
    WrongKey,
    /// It was locked in another way.
    #[error("this store opens with {0}")]
    OtherLock(Wrapping),
    /// There is no profile in this store.
    #[error("there is no profile in this store; make one first")]
    Missing,
    /// There is a profile in this store.
    #[error("there is a profile in this store already")]
    Exists,
    /// A name, or a value, is too long.
    #[error("too long to be stored")]
    TooLarge,
    /// Turning the passphrase into a key would take more than 1 GiB, 64 passes or 64 lanes.
    #[error("opening this would take more memory or time than is allowed")]
    TooCostly,
    /// Others may read the key file.
    #[error("others may read this key file; let only its owner do so (chmod 600)")]
    Exposed,
}

fn shown(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" ({pid})")).unwrap_or_default()
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        let kind = error.kind();
        if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            Self::Full
        } else if matches!(kind, ErrorKind::InvalidData | ErrorKind::UnexpectedEof) {
            Self::Damaged
        } else {
            Self::Io(kind)
        }
    }
}
