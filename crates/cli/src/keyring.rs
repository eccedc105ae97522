//! Keys of profiles in the keyring of the operating system: the Secret Service (GNOME, KDE) on Linux, the
//! Keychain on macOS, the Credential Manager on Windows.

use std::path::Path;
use std::thread;

use anyhow::{Context, Result, anyhow};
use data_encoding::BASE64;
use keyring::{Entry, Error};
use sprag_protocol::secret::Secret;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// What the keys are kept under, beside the path of their profile.
const SERVICE: &str = "sprag";

/// Draws a key and puts it into the keyring.
pub(crate) async fn make(profile: &Path) -> Result<Secret<32>> {
    with_entry(profile, |entry| {
        let key = random()?;
        // As text, since some keyrings keep nothing else.
        let text = Zeroizing::new(BASE64.encode(key.expose()));
        entry.set_password(&text).map_err(|error| explain(&error))?;
        Ok(key)
    })
    .await
}

/// Takes the key out of the keyring.
pub(crate) async fn load(profile: &Path) -> Result<Secret<32>> {
    with_entry(profile, |entry| {
        let text = Zeroizing::new(entry.get_password().map_err(|error| explain(&error))?);
        let bytes = BASE64.decode(text.as_bytes()).ok().map(Zeroizing::new);
        let key = bytes.as_ref().and_then(|bytes| bytes.as_slice().try_into().ok());
        let key = key.context("what the keyring has for this profile is no key")?;
        Ok(Secret::copy_of(key))
    })
    .await
}

/// Takes it away.
pub(crate) async fn forget(profile: &Path) {
    // One that stays opens nothing any more.
    let _ = with_entry(profile, |entry| entry.delete_credential().map_err(|error| explain(&error))).await;
}

/// On a thread of its own: the keyring's library waits in ways of its own.
async fn with_entry<T: Send + 'static>(
    profile: &Path,
    act: impl FnOnce(&Entry) -> Result<T> + Send + 'static,
) -> Result<T> {
    let path = std::path::absolute(profile).context("the profile's path cannot be told")?;
    let (to, outcome) = oneshot::channel();
    let work = move || {
        let entry = Entry::new(SERVICE, &path.to_string_lossy()).map_err(|error| explain(&error));
        // Where nobody waits for it any more, nobody wants to know.
        let _ = to.send(entry.and_then(|entry| act(&entry)));
    };
    thread::Builder::new().spawn(work).context("the system gives no threads")?;
    outcome.await.context("the keyring does not answer")?
}

/// What a keyring says is for those who made it.
fn explain(error: &Error) -> anyhow::Error {
    match error {
        Error::NoEntry => anyhow!(
            "the keyring of this system has no key for this profile; it opens only where it was made, \
             or from a backup"
        ),
        _ => anyhow!(
            "there is no keyring here that answers; choose --lock key-file or --lock passphrase"
        ),
    }
}

#[expect(clippy::disallowed_methods, reason = "a driver asks the operating system for randomness")]
fn random() -> Result<Secret<32>> {
    let mut outcome = Ok(());
    let key = Secret::build(|key| outcome = getrandom::fill(key));
    outcome.context("the operating system has no randomness")?;
    Ok(key)
}
