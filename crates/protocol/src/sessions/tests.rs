//! What the states of sessions may hold, and handshakes that only a malicious peer makes.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::*;
use crate::address::{AccountName, Address, DeviceId};
use crate::kem::{KEM_CIPHERTEXT_LEN, KemCiphertext};
use crate::keys::AccountKeyPair;
use crate::message::Handshake;
use crate::time::Timestamp;
use crate::x25519::PublicKey;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn device(name: &str, rng: &mut ChaCha20Rng) -> LocalDevice {
    let account = AccountKeyPair::generate(rng).public();
    let address = Address { account: AccountName::new(name).unwrap(), device: DeviceId::FIRST };
    LocalDevice::generate(address, account, &mut Env::new(NOW, rng))
}

/// A peer who sends EK = 0 would know DH2, DH3 and DH4, as they would all be zero.
#[test]
fn a_handshake_with_a_point_of_low_order_agrees_on_nothing() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (alice, bob) = (device("alice", &mut rng), device("bob", &mut rng));
    let mut one = [0; 32];
    one[0] = 1;
    let good = *bob.public().identity_key.agreement_key().as_bytes();
    for (key, accepted) in [(good, true), ([0; 32], false), (one, false)] {
        let handshake = Handshake {
            identity_key: alice.public().identity_key,
            ephemeral_key: PublicKey::from_bytes(&key).unwrap(),
            signed_prekey: bob.signed_prekey().id,
            kem_prekey: bob.last_resort().id,
            one_time_prekey: None::<NonZeroU32>,
            kem_ciphertext: KemCiphertext::from_bytes(&[7; KEM_CIPHERTEXT_LEN]),
        };
        let named = (SessionId([0; 32]), &handshake);
        let mut env = Env::new(NOW, &mut rng);
        let session = Session::respond(&bob, alice.public(), named, &mut env);
        assert_eq!(session.err(), (!accepted).then_some(Unavailable::Unreadable));
    }
}

#[test]
fn a_state_holds_at_most_six_sessions_each_once_and_under_its_name() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (alice, bob) = (device("alice", &mut rng), device("bob", &mut rng));
    let mut sessions = Sessions::with(bob.public().clone());
    let mut spare = Vec::new();
    for round in 0..8 {
        let bundle = bob.last_resort_bundle().verify().unwrap();
        let mut env = Env::new(NOW, &mut rng);
        sessions.initiate(&alice, bundle, &mut env).unwrap();
        if round == 0 {
            spare = sessions.to_bytes().into_vec();
        }
    }
    let loads = |sessions: &Sessions| Sessions::from_bytes(sessions.to_bytes().expose()).is_ok();
    let spare = || Sessions::from_bytes(&spare).unwrap().sessions.remove(0);
    assert_eq!(sessions.sessions.len(), MAX_ARCHIVED + 1);
    assert!(loads(&sessions));
    sessions.sessions.push(spare());
    assert!(!loads(&sessions), "seven");
    sessions.sessions.truncate(1);
    sessions.sessions.extend([spare(), spare()]);
    assert!(!loads(&sessions), "one of them twice");
    sessions.sessions.truncate(2);
    assert!(loads(&sessions));
    let renamed = sessions.to_bytes().into_vec();
    let id = sessions.sessions[0].id().0;
    let at = renamed.windows(32).position(|window| window == id).unwrap();
    let mut content = renamed[..renamed.len() - 8].to_vec();
    content[at] ^= 1;
    let checksum = crate::kdf::sha256(&[&content]);
    content.extend_from_slice(&checksum[..8]);
    assert!(Sessions::from_bytes(&content).is_err(), "a name that its handshake does not have");
}
