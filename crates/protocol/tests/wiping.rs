//! Secrets are gone from memory once they are dropped: read back through `/proc/self/mem`.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot read its own memory fails")]

use std::fs::File;
use std::os::unix::fs::FileExt;

use chacha20::{ChaCha20Rng, rand_core::SeedableRng};
use rand_core::Rng;
use sprag_protocol::secret::Secret;
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, DeviceId, Env, IdentityKeyPair, LocalDevice, Timestamp,
};

/// What must not remain. An allocator writes into the first bytes of a block that it gets back, so
/// one run of this length anywhere is enough to show that nobody wiped.
const RUN: usize = 16;

/// Where some bytes lie, and room to read them again without allocating.
struct Place {
    memory: File,
    address: u64,
    expected: Vec<u8>,
    read: Vec<u8>,
}

impl Place {
    /// Notes the place of `bytes` and checks that they can be read there.
    fn of(bytes: &[u8]) -> Self {
        let memory = File::open("/proc/self/mem").unwrap();
        let address = bytes.as_ptr().addr().try_into().unwrap();
        let read = vec![0; bytes.len()];
        let mut place = Self { memory, address, expected: bytes.to_vec(), read };
        place.read();
        assert_eq!(place.read, place.expected);
        assert!(place.remains());
        place
    }

    fn read(&mut self) {
        self.memory.read_exact_at(&mut self.read, self.address).unwrap();
    }

    /// Whether a run of the bytes is where it was.
    fn remains(&mut self) -> bool {
        self.read();
        self.read.windows(RUN).zip(self.expected.windows(RUN)).any(|(now, then)| now == then)
    }
}

/// Bytes of which no run repeats.
fn pattern<const N: usize>(seed: u8) -> [u8; N] {
    let mut bytes = [0; N];
    ChaCha20Rng::from_seed([seed; 32]).fill_bytes(&mut bytes);
    bytes
}

/// The measurement itself: what nobody wipes is still there.
#[test]
#[cfg(target_env = "gnu")]
fn bytes_that_are_not_wiped_remain() {
    let bytes = Box::new(pattern::<4096>(1));
    let mut place = Place::of(bytes.as_slice());
    drop(bytes);
    assert!(place.remains());
}

#[test]
fn a_dropped_secret_is_gone() {
    let secret = Secret::copy_of(&pattern::<4096>(2));
    let mut place = Place::of(secret.expose());
    drop(secret);
    assert!(!place.remains());
}

#[test]
fn a_secret_stays_in_one_place_until_it_is_gone() {
    let secret = Secret::<4096>::random(&mut ChaCha20Rng::from_seed([3; 32]));
    let mut place = Place::of(secret.expose());
    let moved = Some(Box::new(secret));
    assert!(place.remains());
    assert_eq!(
        moved.as_ref().unwrap().expose().as_ptr().addr(),
        usize::try_from(place.address).unwrap()
    );
    drop(moved);
    assert!(!place.remains());
}

#[test]
fn a_secret_that_is_replaced_is_gone() {
    let mut secret = Secret::copy_of(&pattern::<4096>(4));
    let mut place = Place::of(secret.expose());
    secret = Secret::copy_of(&pattern(5));
    assert!(!place.remains());
    assert_eq!(secret.expose(), &pattern(5));
}

#[test]
fn the_seed_of_a_dropped_key_is_gone() {
    let pair = AccountKeyPair::from_seed(Secret::copy_of(&pattern(6)));
    let mut place = Place::of(pair.seed().expose());
    drop(pair);
    assert!(!place.remains());
}

/// The bytes of a state, and in them the seed of the identity.
#[test]
fn a_dropped_state_is_gone() {
    let [mut rng, mut same] = [[7; 32]; 2].map(ChaCha20Rng::from_seed);
    let account = AccountKeyPair::generate(&mut rng).public();
    // The account's seed, then the identity's.
    let mut drawn = [[0; 32]; 2];
    same.fill_bytes(drawn.as_flattened_mut());
    let seed = drawn[1];
    let address = Address { account: AccountName::new("alice").unwrap(), device: DeviceId::FIRST };
    let mut env = Env::new(Timestamp::from_seconds(1_800_000_000), &mut rng);
    let device = LocalDevice::generate(address, account, &mut env);
    let identity = IdentityKeyPair::from_seed(Secret::copy_of(&seed)).public();
    assert_eq!(device.public().identity_key, identity);

    let state = device.to_bytes();
    let at = state.expose().windows(32).position(|bytes| bytes == seed).unwrap();
    assert!(at >= RUN);
    let mut whole = Place::of(state.expose());
    let mut place = Place::of(&state.expose()[at..at + 32]);
    drop(state);
    assert!(!place.remains());
    assert!(!whole.remains());
}

/// Whoever takes the bytes over has them to wipe; nothing is wiped under them.
#[test]
fn a_state_that_is_handed_over_stays() {
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let account = AccountKeyPair::generate(&mut rng).public();
    let address = Address { account: AccountName::new("bob").unwrap(), device: DeviceId::FIRST };
    let mut env = Env::new(Timestamp::from_seconds(1_800_000_000), &mut rng);
    let state = LocalDevice::generate(address, account, &mut env).to_bytes();
    let mut place = Place::of(state.expose());
    let bytes = state.into_vec();
    assert!(place.remains());
    assert_eq!(bytes, place.expected);
}
