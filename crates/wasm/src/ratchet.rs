//! The protocol alone, for those who look after accounts, stores and networks themselves.

use sprag_protocol::{
    AccountKey, AccountKeyPair, AccountName, Address, DeviceId, DeviceIdentity, Env, IdentityKey,
    Left, LocalDevice, PreKeyBundle, SafetyNumber, Sessions, Timestamp,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::plain::{self, Plain, bytes, list, moment, name, octets};
use crate::randomness::{Randomness, randomness};

pub(crate) fn env(now: f64, rng: &mut Randomness) -> Env<'_, Randomness> {
    Env::new(Timestamp::from_seconds(moment(now) / 1000), rng)
}

fn no_card() -> Fault {
    Fault::of("malformed")
}

/// A device as others know it, out of `name length (1) || name || number (4) || account key (32) || identity key (32)`.
fn card(bytes: &JsValue) -> Result<DeviceIdentity, Fault> {
    let bytes = octets(bytes)?;
    let parse = || {
        let (&[length], rest) = bytes.split_first_chunk()?;
        let (account, rest) = rest.split_at_checked(length.into())?;
        let (number, rest) = rest.split_first_chunk()?;
        let (account_key, identity_key) = rest.split_first_chunk()?;
        let account = AccountName::new(std::str::from_utf8(account).ok()?).ok()?;
        let device = DeviceId::new(u32::from_be_bytes(*number))?;
        Some(DeviceIdentity {
            address: Address { account, device },
            account_key: AccountKey::from_bytes(account_key).ok()?,
            identity_key: IdentityKey::from_bytes(identity_key.try_into().ok()?).ok()?,
        })
    };
    parse().ok_or_else(no_card)
}

/// A device: identity and private prekeys.
#[wasm_bindgen]
pub struct Identity {
    pub(crate) device: LocalDevice,
    pub(crate) rng: Randomness,
}

#[wasm_bindgen]
impl Identity {
    /// Makes an account key and its first device. The methods are described in `types.d.ts`.
    ///
    /// # Errors
    /// A fault, here and below.
    pub fn generate(account: &JsValue, now: f64) -> Result<Self, Fault> {
        let address = Address { account: name(account)?, device: DeviceId::FIRST };
        let mut rng = randomness()?;
        let account = AccountKeyPair::generate(&mut rng);
        let device = LocalDevice::generate(address, account.public(), &mut env(now, &mut rng));
        Ok(Self { device, rng })
    }

    /// A state that was exported.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = import)]
    pub fn import_state(state: &JsValue) -> Result<Self, Fault> {
        let state = Zeroizing::new(octets(state)?);
        Ok(Self { device: LocalDevice::from_bytes(&state)?, rng: randomness()? })
    }

    /// Its state.
    #[wasm_bindgen(js_name = export)]
    #[must_use]
    pub fn export_state(&self) -> JsValue {
        bytes(self.device.to_bytes().expose())
    }

    /// Who it is to others.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn card(&self) -> Vec<u8> {
        self.device.public().to_bytes()
    }

    /// The account.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn account(&self) -> String {
        self.device.public().address.account.to_string()
    }

    /// A bundle without one-time prekeys.
    #[must_use]
    pub fn bundle(&self) -> Vec<u8> {
        self.device.last_resort_bundle().to_bytes()
    }

    /// Bundles for one session each.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = oneTimeBundles)]
    pub fn one_time_bundles(&mut self, now: f64) -> Result<JsValue, Fault> {
        let none = Left { one_time: 0, kem: 0 };
        let upload = self.device.replenish(none, &mut env(now, &mut self.rng))?;
        let pairs = upload.one_time.into_iter().zip(upload.kem);
        Ok(list(pairs.map(|(one_time, kem)| {
            let bundle = self.device.last_resort_bundle();
            bytes(&PreKeyBundle { kem, one_time: Some(one_time), ..bundle }.to_bytes())
        })))
    }

    /// New prekeys, where they are due.
    ///
    /// # Errors
    /// A fault.
    pub fn rotate(&mut self, now: f64) -> Result<bool, Fault> {
        Ok(self.device.rotate(&mut env(now, &mut self.rng))?)
    }
}

/// All sessions with one other device.
#[wasm_bindgen]
pub struct Session {
    sessions: Sessions,
    rng: Randomness,
}

#[wasm_bindgen]
impl Session {
    /// Begins one from a bundle.
    ///
    /// # Errors
    /// A fault.
    pub fn initiate(us: &Identity, bundle: &JsValue, now: f64) -> Result<Self, Fault> {
        let bad = || Fault::of("bad-bundle");
        let bundle = PreKeyBundle::from_bytes(&octets(bundle)?).map_err(|_| bad())?;
        let bundle = bundle.verify().map_err(|_| bad())?;
        let mut rng = randomness()?;
        let mut sessions = Sessions::with(bundle.get().owner.clone());
        let begun = sessions.initiate(&us.device, bundle, &mut env(now, &mut rng));
        begun.map_err(|_| bad())?;
        Ok(Self { sessions, rng })
    }

    /// For messages of the device with this card.
    ///
    /// # Errors
    /// A fault.
    pub fn accept(peer: &JsValue) -> Result<Self, Fault> {
        Ok(Self { sessions: Sessions::with(card(peer)?), rng: randomness()? })
    }

    /// A state that was exported.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = import)]
    pub fn import_state(state: &JsValue) -> Result<Self, Fault> {
        let state = Zeroizing::new(octets(state)?);
        Ok(Self { sessions: Sessions::from_bytes(&state)?, rng: randomness()? })
    }

    /// Its state.
    #[wasm_bindgen(js_name = export)]
    #[must_use]
    pub fn export_state(&self) -> JsValue {
        bytes(self.sessions.to_bytes().expose())
    }

    /// The card of the other device.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn peer(&self) -> Vec<u8> {
        self.sessions.peer().to_bytes()
    }

    /// Seals a message.
    ///
    /// # Errors
    /// A fault.
    pub fn encrypt(&mut self, plaintext: &JsValue, now: f64) -> Result<Vec<u8>, Fault> {
        let plaintext = Zeroizing::new(octets(plaintext)?);
        Ok(self.sessions.encrypt(&plaintext, &mut env(now, &mut self.rng))?)
    }

    /// Opens a message.
    ///
    /// # Errors
    /// A fault.
    pub fn decrypt(
        &mut self,
        us: &mut Identity,
        message: &JsValue,
        now: f64,
    ) -> Result<JsValue, Fault> {
        let env = &mut env(now, &mut self.rng);
        let received = self.sessions.decrypt(&mut us.device, &octets(message)?, env)?;
        let plaintext = Zeroizing::new(received.plaintext);
        Ok(Plain::new()
            .with("plaintext", bytes(&plaintext))
            .with("started", received.started.is_some())
            .into())
    }
}

/// What two people compare, of two cards.
///
/// # Errors
/// A fault.
#[wasm_bindgen(js_name = safetyNumberOf)]
pub fn safety_number_of(ours: &JsValue, theirs: &JsValue) -> Result<JsValue, Fault> {
    let (ours, theirs) = (card(ours)?, card(theirs)?);
    let number = SafetyNumber::new(
        (&ours.address.account, &ours.account_key),
        (&theirs.address.account, &theirs.account_key),
    );
    Ok(plain::safety_number(&number))
}

/// The version of the crates.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
