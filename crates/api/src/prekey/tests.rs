//! Prekeys: every length and every bit, and the bundles of the vectors.

use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::name::{AccountName, DeviceId};
use crate::vectors::{self, flipped};

type Take = fn(&[u8], &VerifyKey) -> Result<SignedPreKey, InvalidPreKey>;

const X25519: (&str, Take) = ("Sprag v1 signed prekey", SignedPreKey::x25519);
const KEM: (&str, Take) = ("Sprag v1 kem prekey", SignedPreKey::kem);

fn owner() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn owner_key() -> VerifyKey {
    VerifyKey::from_bytes(owner().verifying_key().as_bytes()).unwrap()
}

fn signed(label: &str, id: u32, key: &[u8]) -> Vec<u8> {
    let body = [&id.to_be_bytes(), 7_u64.to_be_bytes().as_slice(), key].concat();
    let signature = owner().sign(&[label.as_bytes(), &[0], &body].concat());
    [body.as_slice(), &signature.to_bytes()].concat()
}

/// A session's parts, with the bundle in it.
fn bundle_of(file: &str) -> (vectors::Block, vectors::Block) {
    let blocks = vectors::blocks(file);
    let mut found = blocks
        .into_iter()
        .filter(|block| block.find("bob.device").is_some() || block.find("bundle").is_some());
    (found.next().unwrap(), found.next().unwrap())
}

#[test]
fn the_bundles_of_the_vectors_come_apart_and_together_again() {
    for (file, has_one_time) in [
        ("session-one-time.txt", true),
        ("session-opk-only.txt", true),
        ("session-last-resort.txt", false),
    ] {
        let (bob, session) = bundle_of(file);
        let bundle = session.bytes("bundle");
        let (device, rest) = bundle.split_at(bob.bytes("bob.device").len());
        assert_eq!(device, bob.bytes("bob.device"));
        let (spk, rest) = rest.split_at(108);
        let (kem, rest) = rest.split_at(1644);
        let (account_key, identity_key) =
            (bob.array("bob.account_key"), bob.array("bob.identity_key"));
        let key = VerifyKey::from_bytes(&identity_key).unwrap();

        let taken = SignedPreKey::x25519(spk, &key).unwrap();
        assert_eq!(taken.id.to_string(), session.text("signed_prekey_id"));
        let taken_kem = SignedPreKey::kem(kem, &key).unwrap();
        assert_eq!(taken_kem.id.to_string(), session.text("kem_prekey_id"));
        let one_time = has_one_time.then(|| OneTimePreKey::from_bytes(&rest[1..]).unwrap());
        let id = one_time.as_ref().map_or("0".into(), |prekey| prekey.id.to_string());
        assert_eq!(id, session.text("one_time_prekey_id"));
        let address = Address {
            account: AccountName::new("bob").unwrap(),
            device: DeviceId::new(1).unwrap(),
        };
        let one_time = one_time.as_ref().map(|prekey| prekey.bytes.as_slice());
        let owner = (&address, &account_key, &identity_key);
        assert_eq!(super::bundle(owner, &taken.bytes, &taken_kem.bytes, one_time), bundle);
    }
}

// M-PRE-2
#[test]
fn every_length_and_every_bit_of_a_signed_prekey_counts() {
    for ((label, take), len) in [(X25519, 32), (KEM, 1568)] {
        let prekey = signed(label, 5, &vec![3; len]);
        assert_eq!(take(&prekey, &owner_key()).map(|taken| taken.id), Ok(5));
        for bit in 0..prekey.len() * 8 {
            assert!(take(&flipped(&prekey, bit), &owner_key()).is_err(), "{label}, bit {bit}");
        }
        for shorter in 0..prekey.len() {
            assert_eq!(take(&prekey[..shorter], &owner_key()), Err(InvalidPreKey::Malformed));
        }
        let longer = [prekey.as_slice(), &[0]].concat();
        assert_eq!(take(&longer, &owner_key()), Err(InvalidPreKey::Malformed));
        // Signed, but of another length.
        for len in [len - 1, len + 1] {
            let other = signed(label, 5, &vec![3; len]);
            assert_eq!(take(&other, &owner_key()), Err(InvalidPreKey::Malformed));
        }
    }
}

// M-KEY-5, M-PRE-1, M-PRE-2
#[test]
fn a_prekey_is_of_one_kind_and_one_owner_and_has_an_id() {
    let other = SigningKey::from_bytes(&[2; 32]);
    let other = VerifyKey::from_bytes(other.verifying_key().as_bytes()).unwrap();
    for (own, foreign, len) in [(X25519, KEM, 32), (KEM, X25519, 1568)] {
        let prekey = signed(own.0, 1, &vec![3; len]);
        assert_eq!(own.1(&prekey, &other), Err(InvalidPreKey::BadSignature));
        assert_eq!(foreign.1(&prekey, &owner_key()), Err(InvalidPreKey::Malformed));
        let mislabelled = signed(foreign.0, 1, &vec![3; len]);
        assert_eq!(own.1(&mislabelled, &owner_key()), Err(InvalidPreKey::BadSignature));
        let without_id = signed(own.0, 0, &vec![3; len]);
        assert_eq!(own.1(&without_id, &owner_key()), Err(InvalidPreKey::Malformed));
    }
}

// M-KEY-1, M-KEY-6: all of these are signed.
#[test]
fn keys_that_no_sender_would_take_are_refused() {
    for block in vectors::refused("x25519_public_key") {
        let key = block.bytes("x25519_public_key");
        let taken = SignedPreKey::x25519(&signed(X25519.0, 1, &key), &owner_key());
        assert_eq!(taken, Err(InvalidPreKey::Malformed), "{}", block.comment);
        let one_time = OneTimePreKey::from_bytes(&[1_u32.to_be_bytes().as_slice(), &key].concat());
        assert_eq!(one_time, Err(InvalidPreKey::Malformed), "{}", block.comment);
    }
    for block in vectors::refused("ml_kem_1024_public_key") {
        let key = block.bytes("ml_kem_1024_public_key");
        let taken = SignedPreKey::kem(&signed(KEM.0, 1, &key), &owner_key());
        assert_eq!(taken, Err(InvalidPreKey::Malformed), "{}", block.comment);
    }
    // The highest of each that is taken: 2^255 - 20, and 3,328 in both places of three bytes.
    let mut highest = [0xFF; 32];
    (highest[0], highest[31]) = (0xEC, 0x7F);
    assert!(SignedPreKey::x25519(&signed(X25519.0, 1, &highest), &owner_key()).is_ok());
    let mut key = [0; 1568];
    for at in [0, 1533] {
        for (bytes, holds) in
            [([0x00, 0x0D, 0xD0], true), ([0x01, 0x0D, 0x00], false), ([0x00, 0x10, 0xD0], false)]
        {
            key[at..at + 3].copy_from_slice(&bytes);
            let taken = SignedPreKey::kem(&signed(KEM.0, 1, &key), &owner_key());
            assert_eq!(taken.is_ok(), holds, "{bytes:?} at {at}");
        }
        key[at..at + 3].fill(0);
    }
    // What follows the coefficients is a seed: any bytes.
    key[1536..].fill(0xFF);
    assert!(SignedPreKey::kem(&signed(KEM.0, 1, &key), &owner_key()).is_ok());
}

// M-PRE-1
#[test]
fn a_one_time_prekey_is_36_bytes_with_an_id() {
    let mut bytes = [3; 36];
    assert_eq!(OneTimePreKey::from_bytes(&bytes).map(|prekey| prekey.id), Ok(0x0303_0303));
    for len in 0..36 {
        assert_eq!(OneTimePreKey::from_bytes(&bytes[..len]), Err(InvalidPreKey::Malformed));
    }
    assert_eq!(OneTimePreKey::from_bytes(&[3; 37]), Err(InvalidPreKey::Malformed));
    bytes[..4].fill(0);
    assert_eq!(OneTimePreKey::from_bytes(&bytes), Err(InvalidPreKey::Malformed));
}
