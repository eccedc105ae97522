//! PQXDH and the Double Ratchet with header encryption: bytes in, bytes and the next state out.
//!
//! This crate does no input or output, asks no clock and no source of randomness, and keeps nothing:
//! time and randomness are arguments ([`Env`]), and every state is a value with bytes to keep.
//! `docs/PROTOCOL.md` specifies all of it for other languages.
//!
//! Reading order: [`secret`] (what holds secret bytes) → [`kdf`] (the key tree) → [`ratchet`] (the
//! Double Ratchet) → `x3dh` and `pqxdh` (the handshake) → [`session`] and [`sessions`] → `message`
//! (bytes on the wire) and `state` (bytes at rest) → [`fingerprint`].
//!
//! ```
//! use chacha20::{ChaCha20Rng, rand_core::SeedableRng};
//! use sprag_protocol::{
//!     AccountKeyPair, AccountName, Address, DeviceId, Env, LocalDevice, Sessions, Timestamp,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In an application the randomness comes from the operating system.
//! let mut rng = ChaCha20Rng::from_seed([1; 32]);
//! let mut env = Env::new(Timestamp::from_seconds(1_800_000_000), &mut rng);
//!
//! let device = |name, env: &mut Env<'_, _>| -> Result<_, Box<dyn std::error::Error>> {
//!     let account = AccountKeyPair::generate(env.rng);
//!     let address = Address { account: AccountName::new(name)?, device: DeviceId::FIRST };
//!     Ok(LocalDevice::generate(address, account.public(), env))
//! };
//! let mut alice = device("alice", &mut env)?;
//! let mut bob = device("bob", &mut env)?;
//!
//! // Alice starts from the bundle that Bob left in the directory.
//! let mut with_bob = Sessions::with(bob.public().clone());
//! with_bob.initiate(&alice, bob.last_resort_bundle().verify()?, &mut env)?;
//! let message = with_bob.encrypt(b"Hello, Bob!", &mut env)?;
//!
//! let mut with_alice = Sessions::with(alice.public().clone());
//! let received = with_alice.decrypt(&mut bob, &message, &mut env)?;
//! assert_eq!(received.plaintext, b"Hello, Bob!");
//!
//! let answer = with_alice.encrypt(b"Hello, Alice!", &mut env)?;
//! assert_eq!(with_bob.decrypt(&mut alice, &answer, &mut env)?.plaintext, b"Hello, Alice!");
//! # Ok(())
//! # }
//! ```

#![no_std]
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)
)]

extern crate alloc;

#[cfg(test)]
extern crate std;

mod address;
mod aead;
mod codec;
mod device;
mod device_list;
mod env;
pub mod fingerprint;
pub mod kdf;
mod kem;
mod keys;
mod message;
mod padding;
mod pqxdh;
mod prekeys;
pub mod ratchet;
pub mod secret;
pub mod session;
pub mod sessions;
mod state;
mod time;
pub mod trace;
mod x25519;
mod x3dh;

pub use address::{AccountName, Address, DeviceId, DeviceIdentity, InvalidName, MAX_NAME_LEN};
pub use device::LocalDevice;
pub use device_list::{
    Device, DeviceList, InvalidList, ListRefusal, MAX_DEVICES, MalformedList, PinnedAccount,
    SignedDeviceList,
};
pub use env::Env;
pub use fingerprint::SafetyNumber;
pub use kem::{
    KEM_CIPHERTEXT_LEN, KEM_PUBLIC_KEY_LEN, KEM_SEED_LEN, KemCiphertext, KemKeyPair, KemPublicKey,
    KemSharedSecret,
};
pub use keys::{
    AccountKey, AccountKeyPair, BadSignature, IdentityKey, IdentityKeyPair, Purpose, SIGNATURE_LEN,
    Signature,
};
pub use message::{FIRST_MESSAGE_PREFIX_LEN, Header, MAX_PLAINTEXT_LEN, MESSAGE_OVERHEAD, VERSION};
pub use padding::{MIN_PADDED_LEN, padded_len};
pub use prekeys::{
    BundleError, IdsUsedUp, KemPreKey, Left, MAX_ONE_TIME_HELD, MAX_REPLAY_MEMORY,
    MAX_REPLAY_MEMORY_PER_DEVICE, OneTimePreKey, OneTimeUpload, PREKEY_GRACE, PREKEY_LIFETIME,
    PreKeyBundle, PreKeys, REFILL_BELOW, REFILL_TO, Signed, SignedPreKey, VerifiedBundle,
};
pub use session::Session;
pub use sessions::Sessions;
pub use state::{STATE_VERSION, StateError};
pub use time::Timestamp;
pub use x25519::{InvalidKey, KeyPair, PUBLIC_KEY_LEN, PublicKey, SharedSecret};
