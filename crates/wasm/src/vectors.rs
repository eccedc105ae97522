//! What the test vectors need beside the face of the module. Only with the feature `vectors`.

use sprag_protocol::ratchet::{HeaderEncrypted, NoHeaderKey, Plain as Visible, Ratchet, Suite};
use sprag_protocol::secret::Secret;
use sprag_protocol::trace::Silent;
use sprag_protocol::{
    AccountKey, AccountKeyPair, AccountName, Device, DeviceId, DeviceList, IdentityKey,
    IdentityKeyPair, KemPublicKey, KeyPair, Left, PublicKey, Purpose, Signature, SignedDeviceList,
    Timestamp, kdf::RootKey, padded_len,
};
use sprag_store::stream::{ChunkKey, Place};
use sprag_store::{Collection, CollectionId, RowId, Sealer, read_archive};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::fault::{Fault, bad_argument};
use crate::plain::{Plain, bytes, list, moment, octets};
use crate::randomness::{Randomness, randomness};
use crate::ratchet::{Identity, env};
use crate::read::{get, items};
use crate::vault::Vault;

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Fault> {
    bytes.try_into().map_err(|_| bad_argument())
}

fn secret(bytes: &[u8]) -> Result<Secret<32>, Fault> {
    Ok(Secret::copy_of(&array(bytes)?))
}

fn purpose(label: &str) -> Result<Purpose, Fault> {
    Ok(match label {
        "Sprag v1 device list" => Purpose::DeviceList,
        "Sprag v1 signed prekey" => Purpose::SignedPreKey,
        "Sprag v1 kem prekey" => Purpose::KemPreKey,
        "Sprag v1 login" => Purpose::Login,
        _ => return Err(bad_argument()),
    })
}

/// Makes one-time prekeys as the vectors' author did: the directory has `left` of each kind.
///
/// # Errors
/// A fault.
#[wasm_bindgen]
pub fn replenish(us: &mut Identity, left: usize, now: f64) -> Result<(), Fault> {
    let left = Left { one_time: left, kem: left };
    us.device.replenish(left, &mut env(now, &mut us.rng))?;
    Ok(())
}

/// `[identity key, its agreement form]`.
///
/// # Errors
/// A fault.
#[wasm_bindgen(js_name = identityOf)]
pub fn identity_of(seed: &[u8]) -> Result<JsValue, Fault> {
    let key = IdentityKeyPair::from_seed(secret(seed)?).public();
    Ok(list([bytes(key.as_bytes()), bytes(key.agreement_key().as_bytes())]))
}

/// A signature by the identity key of this seed.
///
/// # Errors
/// A fault.
#[wasm_bindgen]
pub fn sign(seed: &[u8], label: &str, body: &[u8]) -> Result<Vec<u8>, Fault> {
    let pair = IdentityKeyPair::from_seed(secret(seed)?);
    Ok(pair.sign(purpose(label)?, body).0.to_vec())
}

/// Whether a signature is taken.
///
/// # Errors
/// A fault.
#[wasm_bindgen]
pub fn verifies(key: &[u8], label: &str, body: &[u8], signature: &[u8]) -> Result<bool, Fault> {
    let key = IdentityKey::from_bytes(&array(key)?).map_err(|_| bad_argument())?;
    Ok(key.verify(purpose(label)?, body, &Signature(array(signature)?)).is_ok())
}

/// Whether a value is taken that is of a kind of `vectors/refused.txt`.
///
/// # Errors
/// A fault.
#[wasm_bindgen]
pub fn accepts(kind: &str, value: &[u8]) -> Result<bool, Fault> {
    Ok(match kind {
        "account_name" => {
            std::str::from_utf8(value).is_ok_and(|name| AccountName::new(name).is_ok())
        }
        "x25519_public_key" => PublicKey::from_bytes(&array(value)?).is_ok(),
        "x25519_agreement_with" => {
            let ours = KeyPair::from_secret(Secret::copy_of(&[0x42; 32]));
            PublicKey::from_bytes(&array(value)?).is_ok_and(|key| ours.agree(&key).is_ok())
        }
        "ed25519_public_key" => AccountKey::from_bytes(&array(value)?).is_ok(),
        "ml_kem_1024_public_key" => KemPublicKey::from_bytes(&array(value)?).is_ok(),
        "signed_list" => SignedDeviceList::from_bytes(value).is_ok(),
        _ => return Err(bad_argument()),
    })
}

/// `[account key, body, signed list]`, of devices `[identity key, created in seconds]`, numbered from 1.
///
/// # Errors
/// A fault.
#[wasm_bindgen(js_name = deviceList)]
pub fn device_list(
    seed: &[u8],
    account: &str,
    version: u32,
    devices: &JsValue,
) -> Result<JsValue, Fault> {
    let pair = AccountKeyPair::from_seed(secret(seed)?);
    let device = |(id, device): (u32, JsValue)| {
        let identity = array(&octets(&get(&device, "0"))?)?;
        let created = get(&device, "1").as_f64().ok_or_else(bad_argument)?;
        Ok(Device {
            id: DeviceId::new(id).ok_or_else(bad_argument)?,
            identity_key: IdentityKey::from_bytes(&identity).map_err(|_| bad_argument())?,
            created: Timestamp::from_seconds(moment(created)),
        })
    };
    let devices = (1..).zip(items(devices)?).map(device).collect::<Result<_, Fault>>()?;
    let list_of = DeviceList::new(
        version.into(),
        AccountName::new(account).map_err(|_| bad_argument())?,
        devices,
    );
    let list_of = list_of.map_err(|_| bad_argument())?;
    let body = list_of.to_bytes();
    let signed = list_of.sign(&pair).to_bytes();
    Ok(list([bytes(pair.public().as_bytes()), bytes(&body), bytes(&signed)]))
}

/// `[agreement, next root, chain, next header, message, next chain]` of a root step and a chain step.
///
/// # Errors
/// A fault.
#[wasm_bindgen(js_name = rootAndChain)]
pub fn root_and_chain(ours: &[u8], theirs: &[u8], root: &[u8]) -> Result<JsValue, Fault> {
    let theirs = PublicKey::from_bytes(&array(theirs)?).map_err(|_| bad_argument())?;
    let shared = KeyPair::from_secret(secret(ours)?).agree(&theirs).map_err(|_| bad_argument())?;
    let step = HeaderEncrypted::root_step(&RootKey::copy_of(&array(root)?), &shared);
    let (next, message) = HeaderEncrypted::chain_step(&step.chain);
    let keys = [
        shared.expose(),
        step.root.expose(),
        step.chain.expose(),
        step.next_header.expose(),
        message.expose(),
        next.expose(),
    ];
    Ok(list(keys.map(|key| bytes(key))))
}

/// The length of a plaintext once it is padded.
#[wasm_bindgen(js_name = paddedLength)]
#[must_use]
pub fn padded_length(length: usize) -> usize {
    padded_len(length)
}

/// The ratchet with visible headers.
#[wasm_bindgen]
pub struct PlainRatchet {
    ratchet: Ratchet<Visible>,
    context: [u8; 32],
    rng: Randomness,
}

#[wasm_bindgen]
impl PlainRatchet {
    /// Of whoever writes first.
    ///
    /// # Errors
    /// A fault.
    pub fn initiator(root: &[u8], theirs: &[u8], context: &[u8]) -> Result<Self, Fault> {
        // Of the vectors: the responder's private key is known.
        let theirs = KeyPair::from_secret(secret(theirs)?).public();
        let (root, context) = (RootKey::copy_of(&array(root)?), array(context)?);
        let mut rng = randomness()?;
        let none = (NoHeaderKey, NoHeaderKey);
        let ratchet = Ratchet::initiator(root, none, theirs, &mut rng, &mut Silent);
        Ok(Self { ratchet: ratchet.map_err(|_| bad_argument())?, context, rng })
    }

    /// Of the other one.
    ///
    /// # Errors
    /// A fault.
    pub fn responder(root: &[u8], ours: &[u8], context: &[u8]) -> Result<Self, Fault> {
        let ours = KeyPair::from_secret(secret(ours)?);
        let (root, context) = (RootKey::copy_of(&array(root)?), array(context)?);
        let ratchet = Ratchet::responder(root, (NoHeaderKey, NoHeaderKey), ours);
        Ok(Self { ratchet, context, rng: randomness()? })
    }

    /// Seals a message.
    ///
    /// # Errors
    /// A fault.
    pub fn encrypt(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, Fault> {
        let sealed = self.ratchet.encrypt(plaintext, &self.context, &mut self.rng, &mut Silent);
        sealed.map_err(|_| bad_argument())
    }

    /// Opens a message.
    ///
    /// # Errors
    /// A fault.
    pub fn decrypt(&mut self, message: &[u8], now: f64) -> Result<Vec<u8>, Fault> {
        let now = Timestamp::from_seconds(moment(now) / 1000);
        let opened = self.ratchet.decrypt(message, &self.context, now, &mut Silent);
        opened.map_err(|_| bad_argument())
    }
}

fn record(collection: &Collection, position: u64, value: &[u8]) -> Plain {
    Plain::new()
        .with("collection", String::from_utf8_lossy(collection.name()).into_owned())
        .with("position", position)
        .with("value", bytes(value))
}

/// `{ collection, position, value }` out of a row.
///
/// # Errors
/// A fault.
#[wasm_bindgen(js_name = openRow)]
pub fn open_row(
    vault: &Vault,
    collection: &[u8],
    position: u64,
    sealed: &[u8],
) -> Result<JsValue, Fault> {
    let row = RowId { collection: CollectionId(array(collection)?), position };
    let (key, value) = Sealer::new(&vault.key).open_row(&row, sealed)?;
    Ok(record(&key.collection, key.position, &value).into())
}

/// The records of a backup.
///
/// # Errors
/// A fault.
#[wasm_bindgen(js_name = openBackup)]
pub fn open_backup(backup: &[u8], passphrase: &str) -> Result<JsValue, Fault> {
    let mut found = Vec::new();
    for opened in read_archive(backup, passphrase)? {
        let (key, value) = opened?;
        found.push(record(&key.collection, key.position, &value));
    }
    Ok(list(found))
}

/// The content of a stream's last chunk.
///
/// # Errors
/// A fault.
#[wasm_bindgen(js_name = openLastChunk)]
pub fn open_last_chunk(
    key: &[u8],
    bound: &[u8],
    index: u32,
    sealed: &[u8],
) -> Result<Vec<u8>, Fault> {
    let key = ChunkKey::new(&secret(key)?, bound);
    let opened = key.open(Place { index, last: true }, sealed).map_err(|_| bad_argument())?;
    Ok(opened.to_vec())
}
