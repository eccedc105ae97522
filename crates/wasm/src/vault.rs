//! The store's key, which JavaScript never gets to see.

use sprag_protocol::secret::Secret;
use sprag_store::{Cost, Lock, StoreKey, Unlock, Wrapping};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::fault::{Fault, bad_argument};
use crate::plain::octets;
use crate::randomness::randomness;
use crate::read::{get, text};

/// The open key of a store, and the header that it is kept in.
#[wasm_bindgen]
pub struct Vault {
    pub(crate) key: StoreKey,
    header: Vec<u8>,
}

/// What guards it.
enum Guard {
    Passphrase(Zeroizing<String>),
    Key(Secret<32>),
}

impl Guard {
    fn of(lock: &JsValue) -> Result<Self, Fault> {
        match text(lock, "lock")?.as_str() {
            "passphrase" => Ok(Self::Passphrase(text(lock, "passphrase")?.into())),
            "key" => {
                let key = Zeroizing::new(octets(&get(lock, "key"))?);
                let key: &[u8; 32] = key.as_slice().try_into().map_err(|_| bad_argument())?;
                Ok(Self::Key(Secret::copy_of(key)))
            }
            _ => Err(bad_argument()),
        }
    }

    fn lock(&self) -> Lock<'_> {
        match self {
            Self::Passphrase(passphrase) => Lock::Passphrase(passphrase, Cost::RECOMMENDED),
            Self::Key(key) => Lock::External(key),
        }
    }

    fn unlock(&self) -> Unlock<'_> {
        self.lock().unlock()
    }
}

#[wasm_bindgen]
impl Vault {
    /// A new key.
    ///
    /// # Errors
    /// As `types.d.ts` says, here and below.
    pub fn create(lock: &JsValue) -> Result<Self, Fault> {
        let guard = Guard::of(lock)?;
        let mut rng = randomness()?;
        let key = StoreKey::random(&mut rng);
        let header = key.wrap(&guard.lock(), &mut rng)?;
        Ok(Self { key, header })
    }

    /// The key that a header holds.
    ///
    /// # Errors
    /// A fault.
    pub fn open(header: &JsValue, lock: &JsValue) -> Result<Self, Fault> {
        let header = octets(header)?;
        let key = StoreKey::open(&header, &Guard::of(lock)?.unlock())?;
        Ok(Self { key, header })
    }

    /// How a header is locked.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = lockOf)]
    pub fn lock_of(header: &JsValue) -> Result<String, Fault> {
        let lock = match Wrapping::of(&octets(header)?)? {
            Wrapping::Passphrase => "passphrase",
            Wrapping::KeyFile => "key-file",
            Wrapping::External => "key",
        };
        Ok(lock.to_owned())
    }

    /// A new header around the same key.
    ///
    /// # Errors
    /// A fault.
    pub fn relock(&mut self, lock: &JsValue) -> Result<Vec<u8>, Fault> {
        let header = self.key.wrap(&Guard::of(lock)?.lock(), &mut randomness()?)?;
        self.header.clone_from(&header);
        Ok(header)
    }

    /// The header.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        self.header.clone()
    }
}
