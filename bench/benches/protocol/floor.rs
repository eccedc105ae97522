//! The floor: the primitives, called as the core calls them. A header is 40 bytes, its tag 16; a body
//! is 272 bytes, its tag 16, bound to 90 bytes.

use std::hint::black_box;

use aes_gcm_siv::{AeadInOut, Aes256GcmSiv, Nonce, Tag};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::PLAINTEXT;

pub(crate) type Key = [u8; 32];

const HEADER_AAD: &[u8] = b"Sprag v1 header";
/// Version, kind, sealed header.
const BODY_AT: usize = 2 + 56;
const PADDED: usize = 272;
const TAG: usize = 16;
/// Bytes of a message.
pub(crate) const MESSAGE: usize = BODY_AT + PADDED + TAG;

pub(crate) fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([3; 32])
}

pub(crate) fn random<const N: usize>(rng: &mut ChaCha20Rng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// An X25519 key pair.
pub(crate) struct Pair {
    private: PrivateKey,
    pub(crate) public: Key,
}

impl Pair {
    pub(crate) fn from_secret(secret: &Key) -> Self {
        let private = PrivateKey::from_private_key(&X25519, secret).unwrap();
        let public = private.compute_public_key().unwrap().as_ref().try_into().unwrap();
        Self { private, public }
    }

    pub(crate) fn generate(rng: &mut ChaCha20Rng) -> Self {
        Self::from_secret(&random(rng))
    }

    pub(crate) fn agree(&self, theirs: &Key) -> Key {
        let theirs = UnparsedPublicKey::new(&X25519, theirs);
        agreement::agree(&self.private, theirs, (), |shared| shared.try_into().map_err(|_| ()))
            .unwrap()
    }
}

/// HKDF-SHA-256 to three keys.
pub(crate) fn three_keys(salt: &Key, ikm: &[u8]) -> [Key; 3] {
    let mut okm = [[0; 32]; 3];
    Hkdf::<Sha256>::new(Some(salt), ikm).expand(b"Sprag v1 root", okm.as_flattened_mut()).unwrap();
    okm
}

/// HMAC-SHA-256 twice under one key: the next chain key, the message key.
pub(crate) fn chain_step(chain: &Key) -> (Key, Key) {
    let mac = Hmac::<Sha256>::new_from_slice(chain).unwrap();
    let message = mac.clone().chain_update([0x01]).finalize().into_bytes().into();
    let next = mac.chain_update([0x02]).finalize().into_bytes().into();
    (next, message)
}

pub(crate) fn sha256(bytes: &[u8]) -> Key {
    Sha256::digest(bytes).into()
}

fn seal(key: &Key, aad: &[u8], buffer: &mut [u8]) -> [u8; TAG] {
    Aes256GcmSiv::new(key.into())
        .encrypt_inout_detached(&Nonce::default(), aad, buffer.into())
        .unwrap()
        .into()
}

fn open(key: &Key, aad: &[u8], buffer: &mut [u8], tag: [u8; TAG]) -> bool {
    Aes256GcmSiv::new(key.into())
        .decrypt_inout_detached(&Nonce::default(), aad, buffer.into(), &Tag::from(tag))
        .is_ok()
}

/// A sealed header and a sealed body, in a fresh buffer.
pub(crate) fn seal_message(header_key: &Key, message_key: &Key) -> Vec<u8> {
    let mut header = black_box([7; 40]);
    let tag = seal(header_key, HEADER_AAD, &mut header);
    let mut message = Vec::with_capacity(MESSAGE);
    message.extend_from_slice(&[1, 2]);
    message.extend_from_slice(&header);
    message.extend_from_slice(&tag);
    let mut aad = [9; 32 + BODY_AT];
    aad[32..].copy_from_slice(&message);
    message.extend_from_slice(black_box(&PLAINTEXT));
    message.resize(BODY_AT + PADDED, 0);
    let tag = seal(message_key, &aad, &mut message[BODY_AT..]);
    message.extend_from_slice(&tag);
    message
}

/// Whether the key opens the header.
pub(crate) fn open_header(header_key: &Key, message: &[u8]) -> bool {
    let mut header: [u8; 40] = message[2..42].try_into().unwrap();
    let opened = open(header_key, HEADER_AAD, &mut header, message[42..58].try_into().unwrap());
    black_box(header);
    opened
}

/// The padded body, in a fresh buffer.
pub(crate) fn open_body(message_key: &Key, message: &[u8]) -> Vec<u8> {
    let mut aad = [9; 32 + BODY_AT];
    aad[32..].copy_from_slice(&message[..BODY_AT]);
    let (body, tag) = message[BODY_AT..].split_last_chunk().unwrap();
    let mut body = body.to_vec();
    assert!(open(message_key, &aad, &mut body, *tag), "it was sealed with this key");
    body
}

pub(crate) fn open_message(header_key: &Key, message_key: &Key, message: &[u8]) -> Vec<u8> {
    assert!(open_header(header_key, message), "it was sealed with this key");
    open_body(message_key, message)
}

/// A conversation that turns at every message: both ends in one, since they hold the same keys.
pub(crate) struct Conversation {
    rng: ChaCha20Rng,
    root: Key,
    header: Key,
    pair: Pair,
}

impl Conversation {
    pub(crate) fn new() -> Self {
        let mut rng = rng();
        let pair = Pair::generate(&mut rng);
        Self { root: random(&mut rng), header: random(&mut rng), pair, rng }
    }

    /// One message: a key pair, and on each side an agreement, an HKDF and a chain step.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let next = Pair::generate(&mut self.rng);
        let [_, chain, _] = three_keys(&self.root, &next.agree(&self.pair.public));
        let (_, message_key) = chain_step(&chain);
        let message = seal_message(&self.header, &message_key);
        let [root, chain, header] = three_keys(&self.root, &self.pair.agree(&next.public));
        let (_, message_key) = chain_step(&chain);
        let opened = open_message(&self.header, &message_key, &message);
        (self.root, self.header, self.pair) = (root, header, next);
        opened
    }
}
