//! States come back as they were; everything else is refused by name.

use alloc::vec::Vec;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::*;
use crate::{
    AccountName, Address, Device, DeviceId, DeviceList, Env, Left, LocalDevice, Sessions, Timestamp,
};

type Open = fn(&[u8]) -> Result<Vec<u8>, StateError>;

macro_rules! open {
    ($type:ty) => {
        |bytes| <$type>::from_bytes(bytes).map(|state| state.to_bytes().into_vec())
    };
}

/// One state of each kind, and what opens it.
fn states() -> Vec<(Vec<u8>, Open)> {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let mut env = Env::new(Timestamp::from_seconds(1_800_000_000), &mut rng);
    let account = AccountKeyPair::generate(env.rng);
    let name = AccountName::new("alice").unwrap();
    let address = Address { account: name.clone(), device: DeviceId::FIRST };
    let mut device = LocalDevice::generate(address, account.public(), &mut env);
    device.replenish(Left { one_time: 24, kem: 98 }, &mut env).unwrap();
    let entry = Device {
        id: DeviceId::FIRST,
        identity_key: device.public().identity_key,
        created: Timestamp::from_seconds(0),
    };
    let list = DeviceList::new(1, name.clone(), Vec::from([entry])).unwrap().sign(&account);
    let pinned = PinnedAccount::first_use(&name, account.public(), list).unwrap();
    let mut sessions = Sessions::with(device.public().clone());
    sessions.initiate(&device, device.last_resort_bundle().verify().unwrap(), &mut env).unwrap();
    let ratchet = sessions.active().unwrap().ratchet().to_bytes();
    let plain = Ratchet::<Plain>::responder(
        crate::kdf::RootKey::copy_of(&[1; 32]),
        (crate::ratchet::NoHeaderKey, crate::ratchet::NoHeaderKey),
        crate::KeyPair::generate(&mut rng),
    );
    Vec::from([
        (device.to_bytes().into_vec(), open!(LocalDevice) as Open),
        (sessions.to_bytes().into_vec(), open!(Sessions)),
        (pinned.to_bytes().into_vec(), open!(PinnedAccount)),
        (account.to_bytes().into_vec(), open!(AccountKeyPair)),
        (ratchet.into_vec(), open!(Ratchet<HeaderEncrypted>)),
        (plain.to_bytes().into_vec(), open!(Ratchet<Plain>)),
    ])
}

#[test]
fn states_come_back_as_they_were() {
    for (bytes, open) in states() {
        assert_eq!(open(&bytes), Ok(bytes));
    }
}

// M-STA-1
#[test]
fn a_state_of_another_kind_or_version_is_named() {
    let states = states();
    for (index, (bytes, _)) in states.iter().enumerate() {
        for (other, (_, open)) in states.iter().enumerate() {
            assert_eq!(open(bytes).err(), (index != other).then_some(StateError::WrongKind));
        }
        for version in [2, 255] {
            let mut newer = bytes.clone();
            newer[0] = version;
            assert_eq!(states[index].1(&newer), Err(StateError::UnknownVersion(version)));
        }
        let mut none = bytes.clone();
        none[0] = 0;
        assert_eq!(states[index].1(&none), Err(StateError::Damaged));
    }
}

#[test]
fn every_damage_is_found() {
    for (bytes, open) in states() {
        for bit in 8..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&damaged), Err(StateError::Damaged), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert_eq!(open(&bytes[..len]), Err(StateError::Damaged), "{len} bytes");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(open(&longer), Err(StateError::Damaged));
    }
}

/// Whoever gets past the checksum still meets the layout: nothing panics, and what is taken is
/// written back as it was.
#[test]
fn altered_content_under_a_right_checksum_is_refused_or_comes_back() {
    let mut refused = 0;
    for (bytes, open) in states() {
        let (content, _) = bytes.split_last_chunk::<CHECKSUM_LEN>().unwrap();
        for at in 2..content.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut altered = content.to_vec();
                altered[at] = value;
                altered.extend(checksum(&altered));
                match open(&altered) {
                    Ok(again) => assert_eq!(again, altered),
                    Err(error) => {
                        assert_eq!(error, StateError::Damaged);
                        refused += 1;
                    }
                }
            }
        }
        let mut longer = content.to_vec();
        longer.push(0);
        longer.extend(checksum(&longer));
        assert_eq!(open(&longer), Err(StateError::Damaged));
    }
    assert!(refused > 100);
}
