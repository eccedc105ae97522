//! Locks open with what closed them; everything else is refused by its name.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::*;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(2)
}

fn cheap() -> Cost {
    Cost::new(8, 1, 1).unwrap()
}

fn key() -> StoreKey {
    StoreKey(Secret::copy_of(&[0x5A; 32]))
}

fn opened(header: &[u8], unlock: Unlock<'_>) -> Result<[u8; 32], StoreError> {
    StoreKey::open(header, &unlock).map(|key| *key.0.expose())
}

/// The checksum that fits these bytes.
fn repaired(mut header: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&header[..LOCK_LEN - CHECK_LEN]);
    header[LOCK_LEN - CHECK_LEN..LOCK_LEN].copy_from_slice(&sum);
    header
}

#[test]
fn each_lock_opens_with_its_own_secret_only() {
    let (one, other) = (Secret::copy_of(&[1; 32]), Secret::copy_of(&[2; 32]));
    for (lock, wrapping, wrong) in [
        (Lock::Passphrase("correct", cheap()), Wrapping::Passphrase, Unlock::Passphrase("Correct")),
        (Lock::Passphrase("", cheap()), Wrapping::Passphrase, Unlock::Passphrase(" ")),
        (Lock::KeyFile(&one), Wrapping::KeyFile, Unlock::KeyFile(&other)),
        (Lock::External(&one), Wrapping::External, Unlock::External(&other)),
    ] {
        let header = key().wrap(&lock, &mut rng()).unwrap();
        assert_eq!(header.len(), LOCK_LEN + 48);
        assert_eq!(Wrapping::of(&header), Ok(wrapping));
        assert_eq!(opened(&header, lock.unlock()), Ok([0x5A; 32]));
        assert_eq!(opened(&header, wrong), Err(StoreError::WrongKey));
        for otherwise in [Unlock::Passphrase(""), Unlock::KeyFile(&one), Unlock::External(&one)] {
            if otherwise.wrapping() != wrapping {
                let refused = Err(StoreError::OtherLock(wrapping));
                assert_eq!(opened(&header, otherwise), refused);
            }
        }
    }
}

#[test]
fn a_damaged_header_is_told_from_a_wrong_passphrase() {
    let lock = Lock::Passphrase("correct", cheap());
    let header = key().wrap(&lock, &mut rng()).unwrap();
    for bit in 0..header.len() * 8 {
        let mut damaged = header.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = opened(&damaged, lock.unlock()).unwrap_err();
        let expected = match (bit / 8, damaged[12]) {
            (..12, _) => StoreError::Foreign,
            (12, found @ 2..) => StoreError::Newer { found: found.into(), known: 1 },
            _ => StoreError::Damaged,
        };
        assert_eq!(error, expected, "bit {bit}");
    }
    for len in 0..header.len() {
        let error = opened(&header[..len], lock.unlock()).unwrap_err();
        assert_eq!(error, if len < 12 { StoreError::Foreign } else { StoreError::Damaged });
    }
    let longer = [&header[..], &[0]].concat();
    assert_eq!(opened(&longer, lock.unlock()), Err(StoreError::Damaged));
}

/// Whoever repairs the checksum still opens nothing: the key is bound to every byte before it.
#[test]
fn an_altered_header_with_a_right_checksum_does_not_open() {
    let one = Secret::copy_of(&[1; 32]);
    for lock in [Lock::Passphrase("correct", cheap()), Lock::KeyFile(&one)] {
        let header = key().wrap(&lock, &mut rng()).unwrap();
        for at in 13..LOCK_LEN - CHECK_LEN {
            let mut altered = header.clone();
            altered[at] ^= 1;
            assert!(opened(&repaired(altered), lock.unlock()).is_err(), "{at}");
        }
    }
}

#[test]
fn a_header_that_asks_for_too_much_is_refused_before_anything_is_computed() {
    let lock = Lock::Passphrase("correct", cheap());
    let header = key().wrap(&lock, &mut rng()).unwrap();
    let with = |memory: u32, passes: u32, lanes: u32| {
        let mut header = header.clone();
        let cost = [memory, passes, lanes].map(u32::to_be_bytes);
        header[14..26].copy_from_slice(&cost.concat());
        opened(&repaired(header), lock.unlock())
    };
    for (memory, passes, lanes) in
        [(Cost::MAX_MEMORY + 1, 1, 1), (8, 65, 1), (1024, 1, 65), (u32::MAX, u32::MAX, u32::MAX)]
    {
        assert_eq!(with(memory, passes, lanes), Err(StoreError::TooCostly));
        assert_eq!(Cost::new(memory, passes, lanes), Err(StoreError::TooCostly));
    }
    for (memory, passes, lanes) in [(0, 1, 1), (8, 0, 1), (8, 1, 0), (7, 1, 1), (15, 1, 2)] {
        assert_eq!(with(memory, passes, lanes), Err(StoreError::Damaged));
        assert_eq!(Cost::new(memory, passes, lanes), Err(StoreError::Damaged));
    }
    // Within the limits it is computed, and found not to be what the key was locked with.
    assert_eq!(with(9, 64, 1), Err(StoreError::WrongKey));
    assert_eq!(with(512, 1, 64), Err(StoreError::WrongKey));
    assert!(Cost::new(Cost::MAX_MEMORY, 64, 64).is_ok());
}

#[test]
fn a_lock_is_another_each_time() {
    let one = Secret::copy_of(&[1; 32]);
    let mut rng = rng();
    let first = key().wrap(&Lock::KeyFile(&one), &mut rng).unwrap();
    let second = key().wrap(&Lock::KeyFile(&one), &mut rng).unwrap();
    assert_ne!(first[26..], second[26..]);
}

/// Argon2id as RFC 9106 has it, with the parameters of its second recommendation; the answer is the
/// reference implementation's (`argon2 saltsaltsaltsalt -id -v 13 -t 3 -k 65536 -p 4`).
#[test]
fn the_recommended_cost_is_that_of_rfc_9106() {
    let key = Cost::RECOMMENDED.stretch("password", b"saltsaltsaltsalt").unwrap();
    let expected = "ac15942c3e63386a50cb7dab2ef19c9af40c56a2153409ab0ad7a45af500f1bc";
    assert_eq!(data_encoding::HEXLOWER.encode(key.expose()), expected);
}
