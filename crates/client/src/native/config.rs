//! Who a client is, where its relay is, and where it keeps what it must not lose.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sprag_api::name::Origin;
use sprag_protocol::AccountName;
use sprag_protocol::secret::Secret;
use sprag_store::{Cost, Store};
use zeroize::Zeroizing;

use super::Error;

/// What a client is told at its start.
#[derive(Debug)]
#[must_use]
pub struct Config {
    pub(super) who: Option<(String, String)>,
    pub(super) storage: Storage,
    pub(super) invitation: Option<String>,
    pub(super) read_receipts: Option<bool>,
    pub(super) offline: bool,
    pub(super) trusted: Vec<u8>,
}

impl Config {
    /// This account on this relay, such as `http://127.0.0.1:7474`. Without
    /// [`store`](Self::store) it is kept in memory and gone in the end.
    pub fn new(relay: impl Into<String>, account: impl Into<String>) -> Self {
        Self { who: Some((relay.into(), account.into())), ..Self::existing() }
    }

    /// The account and the relay of the profile that is in the store; there must be one.
    pub fn existing() -> Self {
        Self {
            who: None,
            storage: Storage::memory(),
            invitation: None,
            read_receipts: None,
            offline: false,
            trusted: Vec::new(),
        }
    }

    /// Where the profile is.
    pub fn store(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// The code that a relay wants of new accounts where not everybody can register.
    pub fn invitation(mut self, code: impl Into<String>) -> Self {
        self.invitation = Some(code.into());
        self
    }

    /// Whether others are told what was read. Kept in the profile; in a new one: no.
    pub fn read_receipts(mut self, tell: bool) -> Self {
        self.read_receipts = Some(tell);
        self
    }

    /// Never connects: what is written waits in the profile.
    pub fn offline(mut self) -> Self {
        self.offline = true;
        self
    }

    /// Trusts these certificate authorities too (PEM), beside those of the operating system.
    pub fn trust(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trusted = pem.into();
        self
    }

    pub(super) fn names(&self) -> Result<Option<(Origin, AccountName)>, Error> {
        let Some((relay, account)) = &self.who else { return Ok(None) };
        let relay = relay.strip_suffix('/').unwrap_or(relay);
        let origin = Origin::new(relay).map_err(|_| Error::Origin)?;
        let account = AccountName::new(account).map_err(|_| Error::Name)?;
        Ok(Some((origin, account)))
    }
}

/// Where a profile is kept, and what it is locked with.
#[must_use]
pub struct Storage {
    pub(super) place: Place,
    pub(super) protection: Protection,
    pub(super) patience: Duration,
}

/// Where the rows are.
pub(super) enum Place {
    File(PathBuf),
    Given(Box<dyn Store + Send>),
}

/// What opens a profile.
pub enum Protection {
    /// A passphrase. In a new profile, trying one costs as much as this says.
    Passphrase(Zeroizing<String>, Cost),
    /// A file with a key, which only its owner may read. With a new profile, it is made where there is
    /// none.
    KeyFile(PathBuf),
    /// A key that the caller keeps, such as in the keyring of the operating system.
    Key(Secret<32>),
}

impl Storage {
    /// An SQLite file, and beside it a key file of the same name and `.key`. Both are made where
    /// there are none.
    pub fn file(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_path_buf();
        let mut key = path.clone().into_os_string();
        key.push(".key");
        Self {
            place: Place::File(path),
            protection: Protection::KeyFile(key.into()),
            patience: Duration::ZERO,
        }
    }

    /// In memory: it leaves nothing behind.
    pub fn memory() -> Self {
        let key = Secret::copy_of(&[0; 32]);
        Self::of(sprag_store::Memory::new(), Protection::Key(key))
    }

    /// A store of any kind.
    pub fn of(store: impl Store + Send + 'static, protection: Protection) -> Self {
        Self { place: Place::Given(Box::new(store)), protection, patience: Duration::ZERO }
    }

    /// Locks it with this, or opens it with it.
    pub fn protect(mut self, protection: Protection) -> Self {
        self.protection = protection;
        self
    }

    /// Locks it with a passphrase, at the recommended cost, or opens it with it.
    pub fn passphrase(self, passphrase: impl Into<String>) -> Self {
        let passphrase = Zeroizing::new(passphrase.into());
        self.protect(Protection::Passphrase(passphrase, Cost::RECOMMENDED))
    }

    /// Waits so long for another process to let go of the file.
    pub fn wait(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// Paths and keys are nobody's business.
impl fmt::Debug for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Storage")
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Passphrase(..) => "Passphrase",
            Self::KeyFile(_) => "KeyFile",
            Self::Key(_) => "Key",
        })
    }
}
