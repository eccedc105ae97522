//! Prekeys: signatures, rotation, refills, what is erased when, and the replay memory.

use alloc::vec::Vec;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::*;
use crate::address::{AccountName, Address, DeviceId};
use crate::env::Env;
use crate::keys::{AccountKeyPair, IdentityKeyPair};
use crate::message::Handshake;
use crate::sessions::{DecryptError, Received, Started};
use crate::{KEM_CIPHERTEXT_LEN, KemCiphertext, LocalDevice, Sessions};

const START: u64 = 1_800_000_000;
const DAY: u64 = 24 * 60 * 60;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

fn device(name: &str, rng: &mut ChaCha20Rng) -> LocalDevice {
    let account = AccountKeyPair::generate(rng).public();
    let address = Address { account: AccountName::new(name).unwrap(), device: DeviceId::FIRST };
    LocalDevice::generate(address, account, &mut Env::new(at(0), rng))
}

fn both() -> (LocalDevice, LocalDevice, ChaCha20Rng) {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    (device("alice", &mut rng), device("bob", &mut rng), rng)
}

/// A first message of a new session from `from`, by this bundle.
fn start(from: &LocalDevice, bundle: PreKeyBundle, rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut sessions = Sessions::with(bundle.owner.clone());
    let mut env = Env::new(at(0), rng);
    sessions.initiate(from, bundle.verify().unwrap(), &mut env).unwrap();
    sessions.encrypt(b"text", &mut env).unwrap()
}

fn open(
    to: &mut LocalDevice,
    from: &LocalDevice,
    message: &[u8],
    rng: &mut ChaCha20Rng,
) -> Result<Started, DecryptError> {
    let mut sessions = Sessions::with(from.public().clone());
    let received = sessions.decrypt(to, message, &mut Env::new(at(0), rng));
    received.map(|Received { started, .. }| started.unwrap())
}

/// A full bundle out of a fresh refill.
fn bundles(of: &mut LocalDevice, rng: &mut ChaCha20Rng) -> Vec<PreKeyBundle> {
    let left = Left { one_time: 24, kem: 24 };
    let upload = of.replenish(left, &mut Env::new(at(0), rng)).unwrap();
    let both = upload.one_time.into_iter().zip(upload.kem);
    let plain = of.last_resort_bundle();
    both.map(|(opk, kem)| PreKeyBundle { one_time: Some(opk), kem, ..plain.clone() }).collect()
}

// M-PRE-2
#[test]
fn every_change_to_a_signed_part_of_a_bundle_is_refused() {
    let (_, mut bob, mut rng) = both();
    let bundle = bundles(&mut bob, &mut rng).remove(0);
    assert!(bundle.clone().verify().is_ok());
    let alter = |alter: fn(&mut PreKeyBundle)| {
        let mut altered = bundle.clone();
        alter(&mut altered);
        altered.verify().map(|_| ())
    };
    let refused = Err(BundleError::BadSignature);
    assert_eq!(alter(|bundle| bundle.signed.id ^= 1), refused);
    assert_eq!(alter(|bundle| bundle.signed.created = at(1)), refused);
    assert_eq!(
        alter(|bundle| bundle.signed.key = PublicKey::from_bytes(&[4; 32]).unwrap()),
        refused
    );
    assert_eq!(alter(|bundle| bundle.signed.signature.0[0] ^= 1), refused);
    assert_eq!(alter(|bundle| bundle.kem.id ^= 1), refused);
    assert_eq!(alter(|bundle| bundle.kem.created = at(1)), refused);
    assert_eq!(alter(|bundle| bundle.kem.signature.0[63] ^= 1), refused);
    assert_eq!(alter(|bundle| bundle.kem.signature = bundle.signed.signature), refused);
    let mallory = device("mallory", &mut rng);
    let mut swapped = bundle.clone();
    swapped.owner.identity_key = mallory.public().identity_key;
    assert_eq!(swapped.verify().map(|_| ()), refused);
    let swapped = PreKeyBundle { signed: mallory.signed_prekey(), ..bundle.clone() };
    assert_eq!(swapped.verify().map(|_| ()), refused);
    let swapped = PreKeyBundle { kem: mallory.last_resort(), ..bundle };
    assert_eq!(swapped.verify().map(|_| ()), refused);
}

// M-PRE-5
#[test]
fn bundles_come_back_from_bytes_and_nothing_else_does() {
    let (_, mut bob, mut rng) = both();
    let whole = bundles(&mut bob, &mut rng).remove(1);
    let alterations: [fn(&mut PreKeyBundle); 2] =
        [|bundle| bundle.signed.id = 0, |bundle| bundle.kem.id = 0];
    for alter in alterations {
        let mut altered = whole.clone();
        alter(&mut altered);
        let refused = PreKeyBundle::from_bytes(&altered.to_bytes());
        assert_eq!(refused, Err(BundleError::Malformed));
    }
    let mut bytes = whole.to_bytes();
    let flag = bytes.len() - 37;
    assert_eq!(bytes[flag], 1);
    for (at, value) in [(flag, 2), (flag, 0), (flag, 255)] {
        let true_value = core::mem::replace(&mut bytes[at], value);
        assert_eq!(PreKeyBundle::from_bytes(&bytes), Err(BundleError::Malformed));
        bytes[at] = true_value;
    }
    bytes[flag + 1..flag + 5].fill(0);
    assert_eq!(PreKeyBundle::from_bytes(&bytes), Err(BundleError::Malformed), "OPK id 0");
    for bundle in [bundles(&mut bob, &mut rng).remove(0), bob.last_resort_bundle()] {
        let mut bytes = bundle.to_bytes();
        assert_eq!(PreKeyBundle::from_bytes(&bytes), Ok(bundle));
        for len in 0..bytes.len() {
            assert_eq!(PreKeyBundle::from_bytes(&bytes[..len]), Err(BundleError::Malformed));
        }
        bytes.push(0);
        assert_eq!(PreKeyBundle::from_bytes(&bytes), Err(BundleError::Malformed));
    }
}

#[test]
fn prekeys_are_published_as_they_stand_in_a_bundle() {
    let (_, mut bob, mut rng) = both();
    let bundle = bundles(&mut bob, &mut rng).remove(0);
    let (signed, kem) = (bundle.signed.to_bytes(), bundle.kem.to_bytes());
    let one_time = bundle.one_time.as_ref().unwrap().to_bytes();
    assert_eq!((signed.len(), kem.len(), one_time.len()), (108, 1644, 36));
    let owner = bundle.owner.to_bytes();
    assert_eq!(bundle.to_bytes(), [owner, signed, kem, [1].into(), one_time].concat());
}

// M-HS-2, M-HS-3
#[test]
fn one_time_prekeys_are_erased_once_the_first_message_opens_and_not_before() {
    let (alice, mut bob, mut rng) = both();
    let bundle = bundles(&mut bob, &mut rng).remove(0);
    let message = start(&alice, bundle.clone(), &mut rng);
    let mut forged = message.clone();
    *forged.last_mut().unwrap() ^= 1;
    let held = bob.prekeys().held();
    assert_eq!(open(&mut bob, &alice, &forged, &mut rng), Err(DecryptError::Unreadable));
    assert_eq!(bob.prekeys().held(), held);
    let used = Started { one_time: true, one_time_kem: true };
    assert_eq!(open(&mut bob, &alice, &message, &mut rng), Ok(used));
    assert_eq!(bob.prekeys().held(), Left { one_time: held.one_time - 1, kem: held.kem - 1 });
    // Replayed to a device that forgot the session, or used by somebody else: the keys are gone.
    let gone = Err(DecryptError::UnknownPreKey);
    assert_eq!(open(&mut bob, &alice, &message, &mut rng), gone);
    let again = start(&alice, bundle, &mut rng);
    assert_eq!(open(&mut bob, &alice, &again, &mut rng), gone);
}

// M-HS-4
#[test]
fn a_first_message_without_one_time_prekeys_opens_once() {
    let (alice, mut bob, mut rng) = both();
    let message = start(&alice, bob.last_resort_bundle(), &mut rng);
    let mut forged = message.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(open(&mut bob, &alice, &forged, &mut rng), Err(DecryptError::Unreadable));
    let used = Started { one_time: false, one_time_kem: false };
    assert_eq!(open(&mut bob, &alice, &message, &mut rng), Ok(used));
    assert_eq!(open(&mut bob, &alice, &message, &mut rng), Err(DecryptError::Duplicate));
    // The memory survives being saved and loaded, and a rotation.
    let mut bob = LocalDevice::from_bytes(bob.to_bytes().expose()).unwrap();
    assert!(bob.rotate(&mut Env::new(at(7 * DAY), &mut rng)).unwrap());
    assert_eq!(open(&mut bob, &alice, &message, &mut rng), Err(DecryptError::Duplicate));
    // One of either kind is enough to need no memory.
    let full = bundles(&mut bob, &mut rng);
    let plain = bob.last_resort_bundle();
    let mixed = [
        PreKeyBundle { one_time: full[0].one_time.clone(), ..plain.clone() },
        PreKeyBundle { kem: full[1].kem.clone(), ..plain },
    ];
    for bundle in mixed {
        let message = start(&alice, bundle, &mut rng);
        assert!(open(&mut bob, &alice, &message, &mut rng).is_ok());
        let gone = Err(DecryptError::UnknownPreKey);
        assert_eq!(open(&mut bob, &alice, &message, &mut rng), gone);
    }
}

// M-HS-4
#[test]
fn the_replay_memory_is_bounded_and_ends_with_its_prekey() {
    let (alice, mut bob, mut rng) = both();
    // 64 first messages each of 64 devices.
    let devices: Vec<_> = (0..=64).map(|_| IdentityKeyPair::generate(&mut rng).public()).collect();
    let handshake = |n: u32| Handshake {
        identity_key: devices[usize::try_from((n - 1) / 64).unwrap()],
        ephemeral_key: {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&n.to_be_bytes());
            PublicKey::from_bytes(&key).unwrap()
        },
        signed_prekey: 1,
        kem_prekey: 2,
        one_time_prekey: None,
        kem_ciphertext: KemCiphertext::from_bytes(&[0; KEM_CIPHERTEXT_LEN]),
    };
    let prekeys = bob.prekeys_mut();
    for n in 1..=u32::try_from(MAX_REPLAY_MEMORY).unwrap() {
        assert!(prekeys.choose(&handshake(n)).is_ok(), "{n}");
        prekeys.consume(&handshake(n), &mut crate::trace::Silent);
    }
    assert!(matches!(prekeys.choose(&handshake(1)), Err(Unavailable::Replayed)));
    // Another device, its first: there is no room for anybody.
    assert!(matches!(prekeys.choose(&handshake(64 * 64 + 1)), Err(Unavailable::MemoryFull)));
    let message = start(&alice, bob.last_resort_bundle(), &mut rng);
    let full = Err(DecryptError::TooManyLastResort);
    assert_eq!(open(&mut bob, &alice, &message, &mut rng), full);
    // It fits into a state, and a rotation brings a new memory.
    let mut bob = LocalDevice::from_bytes(bob.to_bytes().expose()).unwrap();
    bob.rotate(&mut Env::new(at(7 * DAY), &mut rng)).unwrap();
    let message = start(&alice, bob.last_resort_bundle(), &mut rng);
    assert!(open(&mut bob, &alice, &message, &mut rng).is_ok());
}

// M-PRE-3
#[test]
fn prekeys_rotate_after_7_days_and_are_kept_30_days_more() {
    let (alice, mut bob, mut rng) = both();
    let old = bob.last_resort_bundle();
    assert!(!bob.rotate(&mut Env::new(at(7 * DAY - 1), &mut rng)).unwrap());
    let back = Timestamp::from_seconds(START - 7 * DAY);
    assert!(!bob.rotate(&mut Env::new(back, &mut rng)).unwrap());
    assert_eq!(bob.last_resort_bundle(), old);
    assert!(bob.rotate(&mut Env::new(at(7 * DAY), &mut rng)).unwrap());
    let new = bob.last_resort_bundle();
    assert!(new.signed.id > old.kem.id && new.kem.id > new.signed.id && new.verify().is_ok());
    let late = start(&alice, old.clone(), &mut rng);
    // The rotation of day 14 and so on must not end the time of grace early.
    bob.rotate(&mut Env::new(at(37 * DAY - 1), &mut rng)).unwrap();
    let mut kept = LocalDevice::from_bytes(bob.to_bytes().expose()).unwrap();
    assert!(open(&mut kept, &alice, &late, &mut rng).is_ok());
    bob.rotate(&mut Env::new(at(37 * DAY), &mut rng)).unwrap();
    let gone = Err(DecryptError::UnknownPreKey);
    assert_eq!(open(&mut bob, &alice, &late, &mut rng), gone);
}

#[test]
fn one_device_fills_only_its_own_part_of_the_replay_memory() {
    let (alice, mut bob, mut rng) = both();
    for _ in 0..MAX_REPLAY_MEMORY_PER_DEVICE {
        let message = start(&alice, bob.last_resort_bundle(), &mut rng);
        assert!(open(&mut bob, &alice, &message, &mut rng).is_ok());
    }
    let message = start(&alice, bob.last_resort_bundle(), &mut rng);
    let full = Err(DecryptError::TooManyLastResort);
    assert_eq!(open(&mut bob, &alice, &message, &mut rng), full);
    let carol = device("carol", &mut rng);
    let message = start(&carol, bob.last_resort_bundle(), &mut rng);
    assert!(open(&mut bob, &carol, &message, &mut rng).is_ok());
    // One-time prekeys need no memory.
    let bundle = bundles(&mut bob, &mut rng).remove(0);
    let message = start(&alice, bundle, &mut rng);
    assert!(open(&mut bob, &alice, &message, &mut rng).is_ok());
}

#[test]
fn a_clock_that_was_ahead_stops_no_rotation() {
    let (alice, mut bob, mut rng) = both();
    let late = start(&alice, bob.last_resort_bundle(), &mut rng);
    // Twenty years ahead, once; then the clock is right again.
    assert!(bob.rotate(&mut Env::new(at(7300 * DAY), &mut rng)).unwrap());
    assert!(bob.rotate(&mut Env::new(at(DAY), &mut rng)).unwrap());
    assert_eq!(bob.rotation_due(), at(8 * DAY));
    // A little back changes nothing.
    assert!(!bob.rotate(&mut Env::new(at(0), &mut rng)).unwrap());
    assert!(bob.rotate(&mut Env::new(at(8 * DAY), &mut rng)).unwrap());
    let mut kept = LocalDevice::from_bytes(bob.to_bytes().expose()).unwrap();
    assert!(open(&mut kept, &alice, &late, &mut rng).is_ok());
    assert!(!bob.rotate(&mut Env::new(at(15 * DAY - 1), &mut rng)).unwrap());
    bob.rotate(&mut Env::new(at(31 * DAY), &mut rng)).unwrap();
    let gone = Err(DecryptError::UnknownPreKey);
    assert_eq!(open(&mut bob, &alice, &late, &mut rng), gone);
    // A clock that goes to and fro retires many at once; the state still loads.
    for _ in 0..9 {
        bob.rotate(&mut Env::new(at(100 * DAY), &mut rng)).unwrap();
        bob.rotate(&mut Env::new(at(31 * DAY), &mut rng)).unwrap();
        assert!(LocalDevice::from_bytes(bob.to_bytes().expose()).is_ok());
    }
}

#[test]
fn the_next_rotation_is_announced() {
    let (_, mut bob, mut rng) = both();
    assert_eq!(bob.rotation_due(), at(7 * DAY));
    bob.rotate(&mut Env::new(at(30 * DAY), &mut rng)).unwrap();
    assert_eq!(bob.rotation_due(), at(37 * DAY));
    bob.rotate(&mut Env::new(at(59 * DAY), &mut rng)).unwrap();
    assert_eq!(bob.rotation_due(), at(60 * DAY), "what retired on day 30");
}

#[test]
fn retired_prekeys_do_not_pile_up() {
    let (_, mut bob, mut rng) = both();
    for week in 1..60 {
        bob.rotate(&mut Env::new(at(7 * DAY * week), &mut rng)).unwrap();
        // A clock that goes back rotates nothing.
        bob.rotate(&mut Env::new(at(0), &mut rng)).unwrap();
        assert!(LocalDevice::from_bytes(bob.to_bytes().expose()).is_ok());
    }
    assert!(bob.to_bytes().expose().len() < 1200);
}

// M-PRE-1, M-PRE-4
#[test]
fn a_refill_is_due_below_25_and_goes_to_100() {
    let (_, mut bob, mut rng) = both();
    let mut env = Env::new(at(0), &mut rng);
    let full = bob.replenish(Left { one_time: 25, kem: 25 }, &mut env).unwrap();
    assert_eq!((full.one_time.len(), full.kem.len()), (0, 0));
    let upload = bob.replenish(Left { one_time: 24, kem: 0 }, &mut env).unwrap();
    assert_eq!((upload.one_time.len(), upload.kem.len()), (76, 100));
    let again = bob.replenish(Left { one_time: 0, kem: 99 }, &mut env).unwrap();
    let mut ids: Vec<u32> =
        upload.one_time.iter().chain(&again.one_time).map(|p| p.id.get()).collect();
    ids.extend(upload.kem.iter().map(|prekey| prekey.id));
    ids.extend([bob.signed_prekey().id, bob.last_resort().id]);
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "no id is used twice");
}

// M-PRE-4
#[test]
fn at_most_1000_one_time_private_halves_are_held() {
    let (alice, mut bob, mut rng) = both();
    let bundles: Vec<_> =
        (0..13).flat_map(|_| bundles(&mut bob, &mut rng).into_iter().take(76)).collect();
    assert_eq!(bundles.len(), 988);
    let mut first = LocalDevice::from_bytes(bob.to_bytes().expose()).unwrap();
    let message = start(&alice, bundles[0].clone(), &mut rng);
    assert!(open(&mut first, &alice, &message, &mut rng).is_ok());
    let left = Left { one_time: 24, kem: 24 };
    bob.replenish(left, &mut Env::new(at(0), &mut rng)).unwrap();
    assert_eq!(bob.prekeys().held(), Left { one_time: MAX_ONE_TIME_HELD, kem: MAX_ONE_TIME_HELD });
    let gone = Err(DecryptError::UnknownPreKey);
    assert_eq!(open(&mut bob, &alice, &message, &mut rng), gone);
    let last = start(&alice, bundles[987].clone(), &mut rng);
    assert!(open(&mut bob, &alice, &last, &mut rng).is_ok());
}

// M-PRE-1
#[test]
fn ids_are_used_up_once_and_for_all() {
    let (_, mut bob, mut rng) = both();
    bob.prekeys_mut().set_next_id(u32::MAX - 1);
    let held = bob.prekeys().held();
    let mut env = Env::new(at(7 * DAY), &mut rng);
    assert_eq!(bob.replenish(Left { one_time: 0, kem: 0 }, &mut env), Err(IdsUsedUp));
    assert_eq!(bob.rotate(&mut env), Err(IdsUsedUp));
    assert_eq!(bob.prekeys().held(), held);
    bob.prekeys_mut().set_next_id(u32::MAX - 2);
    assert_eq!(bob.rotate(&mut env), Ok(true));
    assert_eq!((bob.signed_prekey().id, bob.last_resort().id), (u32::MAX - 2, u32::MAX - 1));
}

// M-PRE-6
#[test]
fn a_device_that_starts_afresh_opens_nothing_that_an_older_copy_could() {
    let (alice, mut bob, mut rng) = both();
    let with_one_time = start(&alice, bundles(&mut bob, &mut rng)[0].clone(), &mut rng);
    let without = start(&alice, bob.last_resort_bundle(), &mut rng);
    let before = (bob.signed_prekey().id, bob.last_resort().id);
    let mut newer = LocalDevice::from_bytes(bob.to_bytes().expose()).unwrap();
    let used_since = bundles(&mut newer, &mut rng).pop().unwrap().kem.id;

    let upload = bob.start_afresh(&mut Env::new(at(0), &mut rng)).unwrap();

    for message in [with_one_time, without] {
        let gone = Err(DecryptError::UnknownPreKey);
        assert_eq!(open(&mut bob, &alice, &message, &mut rng), gone);
    }
    assert_eq!((upload.one_time.len(), upload.kem.len()), (MAX_ONE_TIME_HELD, MAX_ONE_TIME_HELD));
    let lowest = bob.signed_prekey().id;
    assert!(lowest > before.0 && lowest > before.1 && lowest > used_since + (1 << 23));
    assert!(upload.one_time.iter().all(|key| key.id.get() > lowest));
    assert!(upload.kem.iter().all(|key| key.id > lowest));
    let kem = upload.kem[999].clone();
    let one_time = Some(upload.one_time[999].clone());
    let bundle = PreKeyBundle { kem, one_time, ..bob.last_resort_bundle() };
    let message = start(&alice, bundle, &mut rng);
    assert!(open(&mut bob, &alice, &message, &mut rng).is_ok());
}

// M-PRE-6
#[test]
fn a_device_starts_afresh_only_while_there_are_ids() {
    let (_, mut bob, mut rng) = both();
    bob.prekeys_mut().set_next_id(u32::MAX - (1 << 24));
    let state = bob.to_bytes().into_vec();
    assert_eq!(bob.start_afresh(&mut Env::new(at(0), &mut rng)), Err(IdsUsedUp));
    assert_eq!(bob.to_bytes().expose(), state);
}

#[test]
fn a_device_of_an_identity_that_exists_is_that_identity() {
    let (alice, _, mut rng) = both();
    let identity = IdentityKeyPair::generate(&mut rng);
    let public = identity.public();
    let address = Address { device: DeviceId::new(2).unwrap(), ..alice.public().address.clone() };
    let account = alice.public().account_key;
    let mut env = Env::new(at(0), &mut rng);
    let mut second = LocalDevice::with_identity(identity, address, account, &mut env);
    assert_eq!(second.public().identity_key, public);
    let message = start(&alice, second.last_resort_bundle(), &mut rng);
    assert!(open(&mut second, &alice, &message, &mut rng).is_ok());
}

#[test]
fn a_state_with_an_id_twice_or_beyond_the_next_one_is_refused() {
    let (_, mut bob, mut rng) = both();
    bundles(&mut bob, &mut rng);
    let state = bob.to_bytes().into_vec();
    let find =
        |pattern: &[u8]| state.windows(pattern.len()).position(|window| window == pattern).unwrap();
    // 76 OPKs from id 3 on, 36 bytes each; 76 KEM prekeys from id 79 on, 68 bytes each; the next id.
    let one_time = find(&[0, 76, 0, 0, 0, 3]) + 2;
    let kem = find(&[0, 76, 0, 0, 0, 79]) + 2;
    let next_id = find(&[0, 0, 0, 155]);
    let loads = |at: usize, id: u8| {
        let mut content = state[..state.len() - 8].to_vec();
        assert_eq!(content[at..at + 3], [0; 3]);
        content[at + 3] = id;
        let checksum = crate::kdf::sha256(&[&content]);
        content.extend_from_slice(&checksum[..8]);
        LocalDevice::from_bytes(&content).is_ok()
    };
    assert!(loads(one_time + 36, 4) && loads(kem + 68, 80) && loads(next_id, 155));
    assert!(!loads(one_time + 36, 3), "an OPK id twice");
    assert!(!loads(kem + 68, 79), "a KEM prekey id twice");
    assert!(loads(next_id, 156) && !loads(next_id, 154), "the last id is 154");
}

#[test]
fn a_replay_memory_with_an_entry_twice_is_refused() {
    let (alice, mut bob, mut rng) = both();
    for _ in 0..2 {
        let message = start(&alice, bob.last_resort_bundle(), &mut rng);
        assert!(open(&mut bob, &alice, &message, &mut rng).is_ok());
    }
    let state = bob.to_bytes().into_vec();
    let pattern = [&[0, 2], alice.public().identity_key.as_bytes().as_slice()].concat();
    let first = state.windows(34).position(|window| window == pattern).unwrap() + 2;
    let second = first + 32 + 4 + 32;
    let mut content = state[..state.len() - 8].to_vec();
    content.copy_within(first..second, second);
    let checksum = crate::kdf::sha256(&[&content]);
    content.extend_from_slice(&checksum[..8]);
    assert!(LocalDevice::from_bytes(&content).is_err());
}
