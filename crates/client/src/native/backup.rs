//! Backups: everything that the profile holds, in one file, under a passphrase of its own.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sprag_store::Cost;
use zeroize::Zeroizing;

use super::desk::Desk;
use super::files::{Existing, beside, of_file, put_in_place};
use super::{Client, Error};

impl Client {
    /// Writes a backup of the account, its keys, contacts and conversations, under a passphrase of its own.
    /// The file is complete and durable when this returns; nothing is overwritten. Meanwhile nothing
    /// else goes on. [`Client::restore_backup`] makes a profile of it.
    ///
    /// # Errors
    /// [`Error::FileExists`], [`Error::File`], [`Error::Store`], [`Error::Closed`].
    pub async fn backup(
        &self,
        path: impl AsRef<Path>,
        passphrase: impl Into<String>,
    ) -> Result<(), Error> {
        let (path, passphrase) = (path.as_ref().to_path_buf(), Zeroizing::new(passphrase.into()));
        self.inner.ask(move |desk| write(desk, &path, &passphrase)).await?
    }
}

fn write(desk: &mut Desk, path: &Path, passphrase: &str) -> Result<(), Error> {
    if path.exists() {
        return Err(Error::FileExists);
    }
    let part = beside(path, ".part");
    let written = write_part(desk, &part, passphrase)
        .and_then(|()| put_in_place(&part, path, Existing::Keep));
    if written.is_err() && written != Err(Error::FileExists) {
        // Half a backup is none.
        let _ = fs::remove_file(&part);
    }
    written
}

fn write_part(desk: &mut Desk, part: &PathBuf, passphrase: &str) -> Result<(), Error> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(part).map_err(|error| of_file(&error))?;
    let mut file = BufWriter::new(file);
    let (profile, rng) = desk.profile();
    profile.export(passphrase, Cost::RECOMMENDED, &mut file, rng)?;
    file.flush().map_err(|error| of_file(&error))?;
    let file = file.into_inner().map_err(|error| of_file(error.error()))?;
    file.sync_all().map_err(|error| of_file(&error))
}
