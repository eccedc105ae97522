//! No key of a conversation is left anywhere in the memory of the process once it is erased: not on the
//! heap, not in the libraries' key schedules, not on the stack.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::thread;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_protocol::secret::Secret;
use sprag_protocol::trace::{Event, Observer, Place};
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, DeviceId, Env, LocalDevice, Sessions, Timestamp,
};

/// What is looked for is kept under this mask, so that the search does not find itself.
const MASK: u64 = 0x5A5A_A5A5_C33C_3CC3;

/// Eight bytes out of the middle of each key that was derived.
#[derive(Default)]
struct Masked(Vec<(Place, u64)>);

fn masked(key: &[u8; 32]) -> u64 {
    let (_, rest) = key.split_first_chunk::<12>().unwrap();
    u64::from_ne_bytes(*rest.first_chunk().unwrap()) ^ MASK
}

impl Observer for Masked {
    fn observe(&mut self, event: Event<'_>) {
        if let Event::Derived { place, key } = event {
            self.0.push((place, masked(key)));
        }
    }
}

/// Those of `wanted` that stand somewhere in the writable memory of this process.
fn found(wanted: &BTreeSet<u64>) -> BTreeSet<u64> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut found = BTreeSet::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split_whitespace().next().unwrap().split_once('-').unwrap();
        let parse = |hex| u64::from_str_radix(hex, 16).unwrap();
        let (start, end) = (parse(start), parse(end));
        let mut page = vec![0; 4096 + 8];
        for at in (start..end).step_by(4096) {
            let Ok(read) = memory.read_at(&mut page, at) else { continue };
            for window in page[..read].windows(8) {
                let value = u64::from_ne_bytes(window.try_into().unwrap()) ^ MASK;
                if wanted.contains(&value) {
                    found.insert(value);
                }
            }
        }
        page.fill(0);
    }
    found
}

/// A handshake and a few messages each way; everything is dropped at the end.
fn conversation() -> Vec<(Place, u64)> {
    let mut keys = Masked::default();
    let mut rng = ChaCha20Rng::seed_from_u64(12);
    let mut env = Env::observed(Timestamp::from_seconds(1_800_000_000), &mut rng, &mut keys);
    let mut device = |name| {
        let account = AccountKeyPair::generate(env.rng).public();
        let address = Address { account: AccountName::new(name).unwrap(), device: DeviceId::FIRST };
        LocalDevice::generate(address, account, &mut env)
    };
    let (mut alice, mut bob) = (device("alice"), device("bob"));
    let mut with_bob = Sessions::with(bob.public().clone());
    let mut with_alice = Sessions::with(alice.public().clone());
    let bundle = bob.last_resort_bundle().verify().unwrap();
    with_bob.initiate(&alice, bundle, &mut env).unwrap();
    for _ in 0..4 {
        let message = with_bob.encrypt(b"text", &mut env).unwrap();
        with_alice.decrypt(&mut bob, &message, &mut env).unwrap();
        let answer = with_alice.encrypt(b"text", &mut env).unwrap();
        with_bob.decrypt(&mut alice, &answer, &mut env).unwrap();
    }
    keys.0
}

#[test]
fn no_key_is_left_in_memory() {
    // The control: a key that is still held is found.
    let held = Secret::<32>::build(|key| key.iter_mut().zip(1..).for_each(|(to, n)| *to = n * 7));
    let control = masked(held.expose());
    assert_eq!(found(&BTreeSet::from([control])), BTreeSet::from([control]));

    let keys = thread::spawn(conversation).join().unwrap();
    let wanted: BTreeSet<u64> = keys.iter().map(|(_, key)| *key).collect();
    assert!(wanted.len() > 40);
    let left = found(&wanted);
    let places: Vec<_> = keys.iter().filter(|(_, key)| left.contains(key)).map(|k| k.0).collect();
    assert!(left.is_empty(), "left in memory: {places:?}");
}
