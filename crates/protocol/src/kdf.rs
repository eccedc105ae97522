//! The key tree: every symmetric key of the protocol and how one leads to the next.
//!
//! ```text
//!  PQXDH ──HKDF──► root key 0, first header keys
//!                      │
//!  DH ratchet step ──HKDF──► root key 1 ──HKDF──► root key 2 ──► …
//!                              │                    │
//!                              ├─► next header key  ├─► next header key
//!                              └─► chain key 0      └─► chain key 0
//!                                    │ HMAC 0x02          │
//!                                    ├──────► chain key 1 ├──────► chain key 1 ──► …
//!                                    │ HMAC 0x01          │
//!                                    └─► message key 0    └─► message key 0
//! ```
//!
//! A root step happens when a new ratchet key arrives or leaves; a chain step happens once a
//! message. Nothing in the tree leads upwards. Each kind of key is a type of its own.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;
use crate::x25519::SharedSecret;

/// Bytes in every symmetric key.
pub const KEY_LEN: usize = 32;

/// The info of a root step.
const LABEL_ROOT: &[u8] = b"Sprag v1 root";
/// What a chain key authenticates to become a message key.
const MESSAGE_KEY: u8 = 0x01;
/// What a chain key authenticates to become its successor.
const NEXT_CHAIN_KEY: u8 = 0x02;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(pub(crate) Secret<KEY_LEN>);

        impl $name {
            /// Reads the key.
            #[must_use]
            pub fn expose(&self) -> &[u8; KEY_LEN] {
                self.0.expose()
            }

            /// Copies 32 bytes; wiping the original stays with their owner.
            #[must_use]
            pub fn copy_of(bytes: &[u8; KEY_LEN]) -> Self {
                Self(Secret::copy_of(bytes))
            }
        }
    };
}

key! {
    /// RK: salts the next DH ratchet step.
    RootKey
}
key! {
    /// CK: yields one message key and its own successor.
    ChainKey
}
key! {
    /// MK: seals exactly one message.
    MessageKey
}
key! {
    /// HK: seals the headers of one chain.
    HeaderKey
}

/// Three keys that come out of one HKDF-SHA-256 call (RFC 5869), in the order of its output.
#[expect(
    clippy::expect_used,
    reason = "HKDF fails only beyond 255 hashes of output; this is three"
)]
pub(crate) fn three_keys(salt: &[u8; 32], ikm: &[u8], info: &[&[u8]]) -> [Secret<KEY_LEN>; 3] {
    let mut okm = Zeroizing::new([[0; KEY_LEN]; 3]);
    Hkdf::<Sha256>::new(Some(salt), ikm)
        .expand_multi_info(info, okm.as_flattened_mut())
        .expect("three hashes of output");
    okm.each_ref().map(Secret::copy_of)
}

/// `KDF_RK` and `KDF_RK_HE`: a root step yields the next root key, the chain key of the chain that
/// it begins, and the header key of the chain after that one in the same direction. The plain mode
/// drops the last.
pub(crate) fn root_step(root: &RootKey, dh: &SharedSecret) -> (RootKey, ChainKey, HeaderKey) {
    let [root, chain, header] = three_keys(root.expose(), dh.expose(), &[LABEL_ROOT]);
    (RootKey(root), ChainKey(chain), HeaderKey(header))
}

/// `KDF_CK`: a chain step yields the next chain key and one message key.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
pub(crate) fn chain_step(chain: &ChainKey) -> (ChainKey, MessageKey) {
    let mac = Hmac::<Sha256>::new_from_slice(chain.expose()).expect("any key length");
    let message = Secret::build(|key| mac_byte(mac.clone(), MESSAGE_KEY, key));
    let next = Secret::build(|key| mac_byte(mac, NEXT_CHAIN_KEY, key));
    (ChainKey(next), MessageKey(message))
}

fn mac_byte(mac: Hmac<Sha256>, input: u8, into: &mut [u8; KEY_LEN]) {
    let mut output = mac.chain_update([input]).finalize().into_bytes();
    into.copy_from_slice(&output);
    output.zeroize();
}

/// SHA-256 (FIPS 180-4) over the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), Digest::chain_update).finalize().into()
}

#[cfg(test)]
mod tests;
