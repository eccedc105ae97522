//! Logins: both sides of every check.

use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::name::{AccountName, DeviceId};
use crate::vectors::flipped;

const NOW: u64 = 1_800_000_000;

fn origin(text: &str) -> Origin {
    Origin::new(text).unwrap()
}

fn here() -> Origin {
    origin("https://chat.example.org")
}

fn address(name: &str, device: u32) -> Address {
    Address { account: AccountName::new(name).unwrap(), device: DeviceId::new(device).unwrap() }
}

fn alice() -> Address {
    address("alice", 1)
}

fn pair() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn key_of(pair: &SigningKey) -> VerifyKey {
    VerifyKey::from_bytes(pair.verifying_key().as_bytes()).unwrap()
}

/// A login of `alice`'s device 1 for this origin and time.
fn login(origin: Origin, time: u64) -> Login {
    let nonce = [7; 16];
    let body = Login::body(&alice(), &origin, time, &nonce);
    let signature = pair().sign(&[b"Sprag v1 login\0", body.as_slice()].concat());
    Login { origin, time, nonce: nonce.into(), signature: signature.to_bytes().into() }
}

fn verify(login: &Login, now: u64) -> Result<[u8; 16], LoginRefusal> {
    login.verify(&alice(), &key_of(&pair()), &here(), now)
}

#[test]
fn the_body_is_what_api_md_says() {
    let body = Login::body(&address("bob", 2), &origin("http://a"), 3, &[4; 16]);
    let expected = [
        b"\x03bob".as_slice(),
        &[0, 0, 0, 2],
        b"\0\x08http://a",
        &[0, 0, 0, 0, 0, 0, 0, 3],
        &[4; 16],
    ];
    assert_eq!(body, expected.concat());
}

#[test]
fn a_clock_may_be_300_seconds_off() {
    let login = login(here(), NOW);
    for now in [NOW - 300, NOW, NOW + 300] {
        assert_eq!(verify(&login, now), Ok([7; 16]));
    }
    for now in [0, NOW - 301, NOW + 301, u64::MAX] {
        assert_eq!(verify(&login, now), Err(LoginRefusal::ClockSkew));
    }
}

#[test]
fn a_login_is_for_one_relay() {
    for other in
        ["http://chat.example.org", "https://chat.example.org:8443", "https://chat.example.com"]
    {
        assert_eq!(verify(&login(origin(other), NOW), NOW), Err(LoginRefusal::OtherOrigin));
        // The same with the right origin written over it.
        let renamed = Login { origin: here(), ..login(origin(other), NOW) };
        assert_eq!(verify(&renamed, NOW), Err(LoginRefusal::BadSignature));
    }
}

#[test]
fn every_signed_field_counts() {
    let login = login(here(), NOW);
    let refused = Err(LoginRefusal::BadSignature);
    assert_eq!(verify(&Login { time: NOW + 1, ..login.clone() }, NOW), refused);
    for bit in 0..16 * 8 {
        let nonce = flipped(&login.nonce.0, bit).into();
        assert_eq!(verify(&Login { nonce, ..login.clone() }, NOW), refused, "nonce, bit {bit}");
    }
    for bit in 0..64 * 8 {
        let signature = flipped(&login.signature.0, bit).into();
        assert_eq!(verify(&Login { signature, ..login.clone() }, NOW), refused, "bit {bit}");
    }
    let key = key_of(&pair());
    for other in [address("alice", 2), address("alic", 1), address("bob", 1)] {
        assert_eq!(login.verify(&other, &key, &here(), NOW), refused);
    }
    let other = key_of(&SigningKey::from_bytes(&[2; 32]));
    assert_eq!(login.verify(&alice(), &other, &here(), NOW), refused);
}

#[test]
fn the_lengths_are_exact() {
    let login = login(here(), NOW);
    for nonce in [0, 15, 17] {
        let nonce = vec![7; nonce].into();
        assert_eq!(verify(&Login { nonce, ..login.clone() }, NOW), Err(LoginRefusal::Malformed));
    }
    for signature in [0, 63, 65] {
        let signature = vec![7; signature].into();
        let altered = Login { signature, ..login.clone() };
        assert_eq!(verify(&altered, NOW), Err(LoginRefusal::Malformed));
    }
}

#[test]
fn json_has_these_fields_and_no_others() {
    let login = login(here(), NOW);
    let json = serde_json::to_value(&login).unwrap();
    assert_eq!(json["origin"], "https://chat.example.org");
    assert_eq!(json["time"], NOW);
    assert_eq!(json["nonce"], "BwcHBwcHBwcHBwcHBwcHBw");
    assert_eq!(serde_json::from_value::<Login>(json.clone()).unwrap(), login);
    let mut more = json.clone();
    more["name"] = "alice".into();
    assert!(serde_json::from_value::<Login>(more).is_err());
    let mut less = json;
    less.as_object_mut().unwrap().remove("time");
    assert!(serde_json::from_value::<Login>(less).is_err());
}

#[test]
fn the_worked_example_of_api_md_verifies() {
    let document = include_str!("../../../../docs/API.md");
    let (_, after) = document.split_once("so the login is\n\n```json\n").unwrap();
    let (json, _) = after.split_once("```").unwrap();
    let login: Login = serde_json::from_str(json).unwrap();
    let here = origin("http://127.0.0.1:7474");
    assert!(login.verify(&alice(), &key_of(&pair()), &here, login.time).is_ok());
    let seed = "whose identity key has the seed `01` * 32";
    assert!(document.contains(seed), "the key of these tests");
}
