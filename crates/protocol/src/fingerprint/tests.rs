//! Safety numbers: what both sides see, and what changes it.

use std::format;
use std::string::ToString;

use super::*;
use crate::keys::AccountKeyPair;
use crate::secret::Secret;

fn account(name: &str, seed: u8) -> (AccountName, AccountKey) {
    let pair = AccountKeyPair::from_seed(Secret::copy_of(&[seed; 32]));
    (AccountName::new(name).unwrap(), pair.public())
}

type Account = (AccountName, AccountKey);

fn number(ours: &Account, theirs: &Account) -> SafetyNumber {
    SafetyNumber::new((&ours.0, &ours.1), (&theirs.0, &theirs.1))
}

/// Signal's numeric fingerprint as it is specified, in plain loops.
fn by_hand((name, key): &Account) -> ([u8; 32], [u32; 6]) {
    let mut hash = [0_u8, 1].to_vec();
    hash.extend_from_slice(key.as_bytes());
    hash.extend_from_slice(name.as_str().as_bytes());
    for _ in 0..5200 {
        hash.extend_from_slice(key.as_bytes());
        hash = Sha512::digest(&hash).to_vec();
    }
    let mut groups = [0; 6];
    for (group, to) in groups.iter_mut().enumerate() {
        let mut value = 0_u64;
        for byte in &hash[group * 5..][..5] {
            value = value * 256 + u64::from(*byte);
        }
        *to = u32::try_from(value % 100_000).unwrap();
    }
    (hash[..32].try_into().unwrap(), groups)
}

#[test]
fn both_sides_see_the_same_sixty_digits() {
    let [alice, bob] = [account("alice", 1), account("bob", 2)];
    let [ours, theirs] = [number(&alice, &bob), number(&bob, &alice)];
    assert_eq!(ours.groups(), theirs.groups());
    assert_eq!(ours.to_string(), theirs.to_string());
    assert!(ours.groups().iter().all(|group| *group < 100_000));
    let halves = [by_hand(&alice).1, by_hand(&bob).1].concat();
    let swapped = [by_hand(&bob).1, by_hand(&alice).1].concat();
    assert!(ours.groups() == *halves || ours.groups() == *swapped);

    // A note to oneself has two equal halves.
    let own = number(&alice, &alice).groups();
    assert_eq!(own[..6], own[6..]);
}

// M-FPR-1
#[test]
fn shown_as_twelve_groups_of_five_digits() {
    // Some group of these begins with a zero that must be shown.
    let mut zeros = 0;
    for seed in 1..=8 {
        let number = number(&account("alice", seed), &account("bob", seed));
        let text = number.to_string();
        assert_eq!(text.len(), 12 * 5 + 11);
        let groups: Vec<&str> = text.split(' ').collect();
        assert_eq!(groups.len(), 12);
        for (text, group) in groups.into_iter().zip(number.groups()) {
            assert!(text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(text.parse(), Ok(group));
            zeros += usize::from(text.starts_with('0'));
        }
        assert_eq!(format!("{number:?}"), format!("SafetyNumber({text})"));
    }
    assert!(zeros > 0);
}

#[test]
fn the_same_as_computed_by_hand() {
    let [alice, bob] = [account("alice", 1), account("bob", 2)];
    let [(alice_hash, alice_groups), (bob_hash, bob_groups)] = [by_hand(&alice), by_hand(&bob)];
    let number = number(&alice, &bob);
    assert_eq!((number.ours.0, number.theirs.0), (alice_hash, bob_hash));
    let expected = if alice_hash < bob_hash {
        [alice_groups, bob_groups].concat()
    } else {
        [bob_groups, alice_groups].concat()
    };
    assert_eq!(number.groups(), *expected);
    // Frozen: computed with another implementation of SHA-512 and Ed25519.
    assert_eq!(
        number.to_string(),
        "25263 49864 24362 31570 72639 82420 11564 27466 23540 11876 42298 29734"
    );
}

#[test]
fn a_changed_key_or_name_changes_it() {
    let [alice, bob] = [account("alice", 1), account("bob", 2)];
    let known = number(&alice, &bob);
    for (ours, theirs) in [
        (account("alice", 3), bob.clone()),
        (account("alicf", 1), bob.clone()),
        (account("alice-", 1), bob.clone()),
        (alice.clone(), account("bob", 3)),
        (alice.clone(), account("boc", 2)),
        (account("alice", 2), account("bob", 1)),
        (account("bob", 1), account("alice", 2)),
    ] {
        let other = number(&ours, &theirs);
        assert_ne!(other.to_string(), known.to_string());
        assert_ne!(other, known);
    }
}

// M-FPR-2
#[test]
fn scanning_the_other_sides_code() {
    let [alice, bob, mallory] = [account("alice", 1), account("bob", 2), account("mallory", 3)];
    let [alice_replaced, bob_replaced] = [account("alice", 4), account("bob", 5)];
    let ours = number(&alice, &bob);
    for (shown, expected) in [
        (number(&bob, &alice), Comparison::Match),
        (number(&bob, &alice_replaced), Comparison::OursDiffers),
        (number(&bob_replaced, &alice), Comparison::TheirsDiffers),
        (number(&bob_replaced, &alice_replaced), Comparison::BothDiffer),
        // The code of another conversation, and our own code.
        (number(&mallory, &bob), Comparison::BothDiffer),
        (number(&alice, &bob), Comparison::BothDiffer),
    ] {
        assert_eq!(ours.compare(&shown.qr()), Ok(expected));
    }
}

#[test]
fn the_layout_of_the_code() {
    let [alice, bob] = [account("alice", 1), account("bob", 2)];
    let qr = number(&alice, &bob).qr();
    let expected = [&[0, 1], by_hand(&alice).0.as_slice(), &by_hand(&bob).0].concat();
    assert_eq!(qr.as_slice(), expected);
}

#[test]
fn every_changed_bit_of_a_code_is_noticed() {
    let [alice, bob] = [account("alice", 1), account("bob", 2)];
    let (ours, shown) = (number(&alice, &bob), number(&bob, &alice).qr());
    for bit in 0..QR_LEN * 8 {
        let mut changed = shown;
        changed[bit / 8] ^= 1 << (bit % 8);
        let expected = match bit / 8 {
            0..2 => Err(QrError::OtherVersion),
            2..34 => Ok(Comparison::TheirsDiffers),
            _ => Ok(Comparison::OursDiffers),
        };
        assert_eq!(ours.compare(&changed), expected, "bit {bit}");
    }
}

#[test]
fn what_is_no_code_is_refused() {
    let [alice, bob] = [account("alice", 1), account("bob", 2)];
    let (ours, shown) = (number(&alice, &bob), number(&bob, &alice).qr());
    for len in 0..QR_LEN {
        assert_eq!(ours.compare(&shown[..len]), Err(QrError::Malformed), "{len} bytes");
    }
    assert_eq!(ours.compare(&[shown.as_slice(), &[0]].concat()), Err(QrError::Malformed));
    for version in [0_u16, 2, 0x0100, u16::MAX] {
        let other = [&version.to_be_bytes(), &shown[2..]].concat();
        assert_eq!(ours.compare(&other), Err(QrError::OtherVersion), "version {version}");
    }
}
