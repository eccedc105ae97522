//! A backup that becomes a profile.

use sprag_client::driver;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::plain::{octets, string};
use crate::randomness::{Randomness, randomness};
use crate::step;
use crate::vault::Vault;

/// A backup that is being restored.
#[wasm_bindgen]
pub struct Restore {
    restore: driver::Restore,
    rng: Randomness,
}

#[wasm_bindgen]
impl Restore {
    /// Looks through all of it.
    ///
    /// # Errors
    /// A fault.
    pub fn begin(vault: &Vault, backup: &JsValue, passphrase: &JsValue) -> Result<Self, Fault> {
        let passphrase = Zeroizing::new(string(passphrase)?);
        let restore = driver::Restore::begin(&vault.key, octets(backup)?, &passphrase)?;
        Ok(Self { restore, rng: randomness()? })
    }

    /// The next changes; `undefined` once all were given.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = next)]
    pub fn next_batch(&mut self) -> Result<JsValue, Fault> {
        let batch = self.restore.next_batch(&mut self.rng)?;
        Ok(batch.map_or(JsValue::UNDEFINED, |batch| step::changes(&batch)))
    }
}
