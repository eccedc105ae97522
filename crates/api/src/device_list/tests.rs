//! Device lists: the vector, every bit of it, both sides of what M-LIST-2 says.

use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::vectors::{self, flipped};

fn account() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn key_of(pair: &SigningKey) -> VerifyKey {
    VerifyKey::from_bytes(pair.verifying_key().as_bytes()).unwrap()
}

/// A signed list of devices with these ids and the identity keys of these seeds.
fn list(version: u64, name: &str, devices: &[(u32, u8)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.push(name.len().try_into().unwrap());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(&u16::try_from(devices.len()).unwrap().to_be_bytes());
    for (id, seed) in devices {
        body.extend_from_slice(&id.to_be_bytes());
        body.extend_from_slice(SigningKey::from_bytes(&[*seed; 32]).verifying_key().as_bytes());
        body.extend_from_slice(&7_u64.to_be_bytes());
    }
    sign(body)
}

fn sign(mut body: Vec<u8>) -> Vec<u8> {
    let signature = account().sign(&[b"Sprag v1 device list\0", body.as_slice()].concat());
    body.extend_from_slice(&signature.to_bytes());
    body
}

fn verify(signed: &[u8]) -> Result<DeviceList, InvalidList> {
    DeviceList::verify(signed, &key_of(&account()))
}

#[test]
fn the_vector_is_what_it_says() {
    let [block] = vectors::blocks("device-list.txt").try_into().unwrap();
    let key = VerifyKey::from_bytes(&block.array("account_key")).unwrap();
    let signed = block.bytes("signed_list");
    let list = DeviceList::verify(&signed, &key).unwrap();
    assert_eq!(list.version.to_string(), block.text("version"));
    assert_eq!(list.account.as_str(), block.text("account"));
    assert_eq!(list.devices.len(), 2);
    for (number, device) in (1..).zip(&list.devices) {
        assert_eq!(device.id.get(), number);
        let identity_key = block.array(&format!("device.{number}.identity_key"));
        assert_eq!(*device.identity_key.as_bytes(), identity_key);
        assert_eq!(device.created.to_string(), block.text(&format!("device.{number}.created")));
    }
    assert_eq!(list.signed, signed);
}

// M-LIST-2, M-LIST-3
#[test]
fn every_bit_of_a_signed_list_counts() {
    let signed = list(1, "alice", &[(1, 2), (2, 3)]);
    assert!(verify(&signed).is_ok());
    for bit in 0..signed.len() * 8 {
        assert!(verify(&flipped(&signed, bit)).is_err(), "bit {bit}");
    }
    for len in 0..signed.len() {
        assert!(verify(&signed[..len]).is_err(), "{len} bytes");
    }
    let longer = [signed.as_slice(), &[0]].concat();
    assert_eq!(verify(&longer), Err(InvalidList::Malformed));
    let other = key_of(&SigningKey::from_bytes(&[9; 32]));
    assert_eq!(DeviceList::verify(&signed, &other), Err(InvalidList::BadSignature));
}

// M-LIST-2
#[test]
fn the_refused_vectors_are_malformed_before_anybody_asks_who_signed() {
    for block in vectors::refused("signed_list") {
        let refused = verify(&block.bytes("signed_list"));
        assert_eq!(refused, Err(InvalidList::Malformed), "{}", block.comment);
    }
}

// M-LIST-1, M-LIST-2: all of these are signed.
#[test]
fn a_list_has_1_to_8_devices_with_rising_ids_and_keys_of_their_own() {
    let numbered = |count: u8| (1..=count).map(|n| (u32::from(n), n)).collect::<Vec<_>>();
    let malformed = Err(InvalidList::Malformed);
    for (version, name, devices) in [
        (1, "alice", numbered(1)),
        (u64::MAX, "a", numbered(8)),
        (1, "alice", vec![(2, 1), (7, 2), (u32::MAX, 3)]),
    ] {
        let verified = verify(&list(version, name, &devices)).unwrap();
        assert_eq!((verified.version, verified.devices.len()), (version, devices.len()));
    }
    for (version, name, devices) in [
        (0, "alice", numbered(1)),
        (1, "Alice", numbered(1)),
        (1, "", numbered(1)),
        (1, "alice", numbered(0)),
        (1, "alice", numbered(9)),
        (1, "alice", vec![(0, 1)]),
        (1, "alice", vec![(2, 1), (2, 2)]),
        (1, "alice", vec![(2, 1), (1, 2)]),
        (1, "alice", vec![(1, 1), (2, 2), (3, 1)]),
    ] {
        assert_eq!(
            verify(&list(version, name, &devices)),
            malformed,
            "{version} {name} {devices:?}"
        );
    }
    // A count that promises more than there is, bytes after the devices, an identity key that is none.
    let signed = list(1, "alice", &[(1, 2)]);
    let body = &signed[..signed.len() - SIGNATURE_LEN];
    let altered = |at: usize, value: u8| {
        let mut body = body.to_vec();
        body[at] = value;
        sign(body)
    };
    assert_eq!(verify(&altered(15, 2)), malformed);
    assert_eq!(verify(&sign([body, &[0]].concat())), malformed);
    let mut low_order = body.to_vec();
    low_order[20..52].fill(0);
    assert_eq!(verify(&sign(low_order)), malformed);
}
