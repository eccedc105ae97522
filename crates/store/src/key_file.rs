//! Key files: 32 random bytes in a file that only its owner reads.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use rand_core::CryptoRng;
use sprag_protocol::secret::Secret;

use crate::StoreError;
use crate::files;

/// Makes a key file, durable when this returns, in a folder that exists. A file that exists is left
/// alone.
///
/// # Errors
/// [`StoreError::Io`], with [`AlreadyExists`](std::io::ErrorKind::AlreadyExists) where there is one;
/// [`StoreError::Full`].
pub fn create_key_file(path: &Path, rng: &mut impl CryptoRng) -> Result<Secret<32>, StoreError> {
    let key = Secret::random(rng);
    let mut file = files::private().create_new(true).open(path)?;
    file.write_all(key.expose())?;
    file.sync_all()?;
    files::sync_folder(path)?;
    Ok(key)
}

/// Reads a key file.
///
/// # Errors
/// [`StoreError::Exposed`]: others may read it, or write it. [`StoreError::Damaged`]: it is not 32 bytes
/// long. [`StoreError::Io`].
pub fn read_key_file(path: &Path) -> Result<Secret<32>, StoreError> {
    let mut file = File::open(path)?;
    if files::exposed(&file)? {
        return Err(StoreError::Exposed);
    }
    if file.metadata()?.len() != 32 {
        return Err(StoreError::Damaged);
    }
    let mut outcome = Ok(());
    let key = Secret::build(|key| outcome = file.read_exact(key));
    outcome?;
    Ok(key)
}

#[cfg(test)]
mod tests;
