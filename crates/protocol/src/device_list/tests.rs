//! Device lists: what is well formed, what is refused, what a directory cannot do.

use alloc::vec::Vec;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::*;
use crate::keys::IdentityKeyPair;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(3)
}

fn alice() -> AccountName {
    AccountName::new("alice").unwrap()
}

fn device(id: u32, rng: &mut ChaCha20Rng) -> Device {
    Device {
        id: DeviceId::new(id).unwrap(),
        identity_key: IdentityKeyPair::generate(rng).public(),
        created: Timestamp::from_seconds(u64::from(id)),
    }
}

fn devices(ids: impl IntoIterator<Item = u32>) -> Vec<Device> {
    let mut rng = rng();
    ids.into_iter().map(|id| device(id, &mut rng)).collect()
}

fn list(version: u64, ids: &[u32]) -> DeviceList {
    DeviceList::new(version, alice(), devices(ids.iter().copied())).unwrap()
}

// M-LIST-2
#[test]
fn a_list_has_1_to_8_devices_with_rising_ids_and_keys_of_their_own() {
    let new = |version, devices| DeviceList::new(version, alice(), devices);
    assert!(new(1, devices(1..=8)).is_ok());
    assert_eq!(new(1, devices(1..=9)), Err(InvalidList));
    assert_eq!(new(1, devices([])), Err(InvalidList));
    assert_eq!(new(0, devices([1])), Err(InvalidList));
    assert!(new(1, devices([2, 7])).is_ok());
    assert_eq!(new(1, devices([7, 2])), Err(InvalidList));
    assert_eq!(new(1, devices([2, 2])), Err(InvalidList));
    let mut twins = devices([1, 2]);
    twins[1].identity_key = twins[0].identity_key;
    assert_eq!(new(1, twins), Err(InvalidList));
    assert_eq!(DeviceId::new(0), None);
}

// M-LIST-1
#[test]
fn names_are_what_the_specification_says() {
    let longest = "a".repeat(64);
    for good in ["a", "0", "alice", "a.b_c-d", "9-", longest.as_str()] {
        assert!(AccountName::new(good).is_ok(), "{good}");
    }
    let too_long = "a".repeat(65);
    for bad in ["", "A", ".a", "-a", "_a", "a b", "ä", "a\0", "a/b", too_long.as_str()] {
        assert!(AccountName::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn lists_come_back_from_bytes_and_nothing_else_does() {
    let account = AccountKeyPair::generate(&mut rng());
    let signed = list(3, &[1, 4]).sign(&account);
    let mut bytes = signed.to_bytes();
    assert_eq!(SignedDeviceList::from_bytes(&bytes), Ok(signed));
    for len in 0..bytes.len() {
        assert_eq!(SignedDeviceList::from_bytes(&bytes[..len]), Err(MalformedList));
    }
    bytes.push(0);
    assert_eq!(SignedDeviceList::from_bytes(&bytes), Err(MalformedList));
}

// M-LIST-3, M-LIST-4
#[test]
fn a_directory_can_neither_add_a_device_nor_swap_a_key() {
    let mut rng = rng();
    let (account, mallory) =
        (AccountKeyPair::generate(&mut rng), AccountKeyPair::generate(&mut rng));
    let first = list(1, &[1]).sign(&account);
    let mut pinned = PinnedAccount::first_use(&alice(), account.public(), first.clone()).unwrap();
    let before = pinned.clone();

    // Every single-bit change of the signed list.
    let bytes = first.to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        if let Ok(altered) = SignedDeviceList::from_bytes(&altered) {
            assert!(pinned.update(&account.public(), altered).is_err(), "bit {bit}");
        }
    }
    // A device added, signed by somebody else, under the right key's name.
    let added = list(2, &[1, 2]).sign(&mallory);
    let refused = pinned.update(&account.public(), added.clone());
    assert_eq!(refused, Err(ListRefusal::BadSignature));
    // The account key swapped with it: a hard stop.
    let refused = pinned.update(&mallory.public(), added.clone());
    assert_eq!(refused, Err(ListRefusal::AccountKeyChanged));
    // Another account's list; the same at first use.
    let bob = AccountName::new("bob").unwrap();
    let of_bob = DeviceList::new(9, bob.clone(), devices([1])).unwrap().sign(&account);
    let refused = pinned.update(&account.public(), of_bob.clone());
    assert_eq!(refused, Err(ListRefusal::OtherAccount));
    let refused = PinnedAccount::first_use(&alice(), account.public(), of_bob);
    assert_eq!(refused, Err(ListRefusal::OtherAccount));
    let refused = PinnedAccount::first_use(&alice(), account.public(), added);
    assert_eq!(refused, Err(ListRefusal::BadSignature));
    assert_eq!(pinned, before);
}

// M-LIST-5
#[test]
fn versions_only_rise() {
    let account = AccountKeyPair::generate(&mut rng());
    let key = account.public();
    let signed = |version, ids: &[u32]| list(version, ids).sign(&account);
    let mut pinned = PinnedAccount::first_use(&alice(), key, signed(5, &[1, 2])).unwrap();
    assert_eq!(pinned.update(&key, signed(4, &[1, 2])), Err(ListRefusal::Older));
    assert_eq!(pinned.update(&key, signed(5, &[1])), Err(ListRefusal::Conflicting));
    assert_eq!(pinned.update(&key, signed(5, &[1, 2])), Ok(()));
    let second = pinned.device(DeviceId::new(2).unwrap()).unwrap();
    assert!(pinned.vouches_for(&second));
    assert_eq!(pinned.update(&key, signed(6, &[1])), Ok(()));
    assert!(pinned.device(DeviceId::new(2).unwrap()).is_none() && !pinned.vouches_for(&second));
    let first = pinned.device(DeviceId::FIRST).unwrap();
    assert!(pinned.vouches_for(&first));
    let swapped = DeviceIdentity { identity_key: second.identity_key, ..first };
    assert!(!pinned.vouches_for(&swapped));
    // The removed device does not come back with the old list.
    assert_eq!(pinned.update(&key, signed(5, &[1, 2])), Err(ListRefusal::Older));
    let one = pinned.device(DeviceId::FIRST).unwrap();
    assert_eq!((one.account_key, one.identity_key), (key, pinned.list().devices()[0].identity_key));
}
