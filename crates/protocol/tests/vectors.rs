//! The vectors are what this code computes, and states that older versions wrote still load.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_protocol::sessions::DecryptError;
use sprag_protocol::{AccountKeyPair, Env, Left, LocalDevice, PinnedAccount, Sessions, Timestamp};

#[path = "../examples/vectors/cases.rs"]
mod cases;
#[path = "../examples/vectors/refused.rs"]
mod refused;
#[path = "../examples/vectors/text.rs"]
mod text;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

#[test]
fn vectors_are_what_this_code_computes() {
    for (name, text) in cases::all() {
        let stored = fs::read_to_string(vectors().join(name)).unwrap();
        assert!(stored == text, "{name} differs; see `cargo xtask vectors --check`");
    }
}

fn load(name: &str) -> BTreeMap<String, Vec<u8>> {
    let text = fs::read_to_string(vectors().join(name)).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    let unhex = |hex: &str| {
        let bytes = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16));
        bytes.collect::<Result<Vec<u8>, _>>().unwrap()
    };
    lines.map(|(name, value)| (name.into(), unhex(value))).collect()
}

/// M-STA-1: what version 1 wrote does what it did.
#[test]
fn states_of_version_1_load_and_work() {
    let stored = load("storage/v1/states.txt");
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let mut env = Env::new(Timestamp::from_seconds(1_800_000_000), &mut rng);

    let mut bob = LocalDevice::from_bytes(&stored["bob.device_before"]).unwrap();
    let held = bob.prekeys().held();
    assert_eq!(held, Left { one_time: 76, kem: 76 });
    let peer = Sessions::from_bytes(&stored["bob.sessions"]).unwrap().peer().clone();
    let mut sessions = Sessions::with(peer);
    for n in [3, 0, 1, 2] {
        let message = &stored[&format!("message.{n}")];
        let received = sessions.decrypt(&mut bob, message, &mut env).unwrap();
        assert_eq!(received.plaintext, format!("message {n}").into_bytes());
    }

    let mut bob = LocalDevice::from_bytes(&stored["bob.device_after"]).unwrap();
    assert_eq!(bob.prekeys().held(), Left { one_time: 75, kem: 75 });
    let mut sessions = Sessions::from_bytes(&stored["bob.sessions"]).unwrap();
    for (n, outcome) in [(2, Some(DecryptError::Duplicate)), (0, None), (1, None), (3, None)] {
        let received = sessions.decrypt(&mut bob, &stored[&format!("message.{n}")], &mut env);
        assert_eq!(received.err(), outcome, "message {n}");
    }
    assert!(sessions.encrypt(b"answer", &mut env).is_ok());

    let mut alice = Sessions::from_bytes(&stored["alice.unanswered_sessions"]).unwrap();
    assert_eq!(alice.encrypt(b"text", &mut env).unwrap()[1], 1);
    let account = AccountKeyPair::from_bytes(&stored["account"]).unwrap();
    let pinned = PinnedAccount::from_bytes(&stored["pinned"]).unwrap();
    assert_eq!(*pinned.key(), account.public());
}
