//! Keys that are refused, and what a signature is for.

use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::vectors::{self, flipped};

const PURPOSES: [Purpose; 4] =
    [Purpose::DeviceList, Purpose::SignedPreKey, Purpose::KemPreKey, Purpose::Login];

fn purpose(label: &str) -> Purpose {
    PURPOSES.into_iter().find(|purpose| purpose.label() == label).unwrap()
}

// M-KEY-5
#[test]
fn the_vectors_verify_for_their_purpose_and_no_other() {
    let mut met = 0;
    for block in vectors::blocks("keys.txt").iter().filter(|block| block.find("seed").is_some()) {
        let key = VerifyKey::from_bytes(&block.array("identity_key")).unwrap();
        let (body, signature) = (block.bytes("body"), block.array("signature"));
        for other in PURPOSES {
            let expected =
                if other == purpose(block.text("label")) { Ok(()) } else { Err(BadSignature) };
            assert_eq!(key.verify(other, &body, &signature), expected, "{other:?}");
        }
        met += 1;
    }
    assert_eq!(met, PURPOSES.len());
}

// M-KEY-3
#[test]
fn keys_that_are_not_canonical_or_of_low_order_are_refused() {
    for block in vectors::refused("ed25519_public_key") {
        let key = VerifyKey::from_bytes(&block.array("ed25519_public_key"));
        assert_eq!(key, Err(InvalidKey), "{block:?}");
    }
    // The same in a layout; and a key that is short.
    let low_order = [0; 32];
    assert_eq!(VerifyKey::read(&mut Reader::new(&low_order)), Err(Damaged));
    assert_eq!(VerifyKey::read(&mut Reader::new(&[1; 31])), Err(Damaged));
}

// M-KEY-4, M-KEY-5
#[test]
fn signatures_that_are_refused() {
    for block in vectors::refused("signature") {
        let key = VerifyKey::from_bytes(&block.array("identity_key")).unwrap();
        let verified = key.verify(
            purpose(block.text("label")),
            &block.bytes("body"),
            &block.array("signature"),
        );
        assert_eq!(verified, Err(BadSignature), "{}", block.comment);
    }
}

// M-KEY-4
#[test]
fn every_changed_bit_is_refused() {
    let pair = SigningKey::from_bytes(&[5; 32]);
    let key = VerifyKey::from_bytes(pair.verifying_key().as_bytes()).unwrap();
    let signature = pair.sign(b"Sprag v1 login\0body").to_bytes();
    assert_eq!(key.verify(Purpose::Login, b"body", &signature), Ok(()));
    for bit in 0..SIGNATURE_LEN * 8 {
        let changed = flipped(&signature, bit).try_into().unwrap();
        assert_eq!(key.verify(Purpose::Login, b"body", &changed), Err(BadSignature), "bit {bit}");
    }
    for bit in 0..4 * 8 {
        let changed = flipped(b"body", bit);
        assert_eq!(key.verify(Purpose::Login, &changed, &signature), Err(BadSignature));
    }
    for body in [b"".as_slice(), b"bod", b"body\0", b"\0body"] {
        assert_eq!(key.verify(Purpose::Login, body, &signature), Err(BadSignature));
    }
    let other = SigningKey::from_bytes(&[6; 32]).verifying_key();
    let other = VerifyKey::from_bytes(other.as_bytes()).unwrap();
    assert_eq!(other.verify(Purpose::Login, b"body", &signature), Err(BadSignature));
}

// M-KEY-4: A = R = the point of order 1 verifies everything where that is not looked for.
#[test]
fn a_signature_with_r_of_low_order_is_refused() {
    let key = VerifyKey::from_bytes(SigningKey::from_bytes(&[7; 32]).verifying_key().as_bytes());
    let mut signature = [0; SIGNATURE_LEN];
    signature[0] = 1;
    assert_eq!(key.unwrap().verify(Purpose::Login, b"body", &signature), Err(BadSignature));
}
