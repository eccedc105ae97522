//! The layout of messages, byte by byte.

use alloc::vec;

use super::*;
use crate::padding::padded_len;

#[test]
fn sizes_are_the_specifications() {
    assert_eq!((HEADER_LEN, ENCRYPTED_HEADER_LEN, MESSAGE_OVERHEAD), (40, 56, 74));
    assert_eq!(FIRST_MESSAGE_PREFIX_LEN, 1646);
}

#[test]
fn a_header_is_key_pn_n() {
    let ratchet_key = PublicKey::from_bytes(&[5; 32]).unwrap();
    let header = Header { ratchet_key, previous: 0x0102_0304, n: 0x0506_0708 };
    let bytes = header.to_bytes();
    assert_eq!(bytes[..32], [5; 32]);
    assert_eq!(bytes[32..], [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(Header::from_bytes(&bytes), Some(header));
    let last = Header { n: u32::MAX - 1, ..header };
    assert_eq!(Header::from_bytes(&last.to_bytes()), Some(last));
    assert_eq!(Header::from_bytes(&Header { n: u32::MAX, ..header }.to_bytes()), None);
    let mut bytes = bytes;
    bytes[31] = 0xFF;
    assert_eq!(Header::from_bytes(&bytes), None, "not a canonical key");
}

// M-WIRE-1
#[test]
fn only_padded_lengths_up_to_the_longest_are_messages() {
    let longest = padded_len(MAX_PLAINTEXT_LEN);
    for len in 0..longest + 4096 {
        let mut message = vec![0; MESSAGE_OVERHEAD + len];
        message[..2].copy_from_slice(&Kind::HeaderEncrypted.prefix());
        let is_message = Incoming::parse(&message).is_some();
        assert_eq!(is_message, is_padded_len(len) && len <= longest, "{len}");
        if len > 400 && len % 997 != 0 && !is_padded_len(len) && !is_padded_len(len + 1) {
            continue;
        }
        message[0] = 2;
        assert!(Incoming::parse(&message).is_none(), "another version");
    }
}

#[test]
fn a_handshake_comes_back_from_bytes() {
    let identity = crate::IdentityKeyPair::from_seed(crate::secret::Secret::copy_of(&[1; 32]));
    for one_time_prekey in [None, NonZeroU32::new(0x0A0B_0C0D)] {
        let handshake = Handshake {
            identity_key: identity.public(),
            ephemeral_key: PublicKey::from_bytes(&[5; 32]).unwrap(),
            signed_prekey: 0x0102_0304,
            kem_prekey: 0x0506_0708,
            one_time_prekey,
            kem_ciphertext: KemCiphertext::from_bytes(&[9; KEM_CIPHERTEXT_LEN]),
        };
        let bytes = handshake.to_bytes();
        assert_eq!(bytes[..2], [1, 1]);
        assert_eq!(bytes[66..74], [1, 2, 3, 4, 5, 6, 7, 8]);
        let prefix = bytes.as_slice().try_into().unwrap();
        assert_eq!(Handshake::parse(prefix, &identity.public()), Some(handshake));
        let other = crate::IdentityKeyPair::from_seed(crate::secret::Secret::copy_of(&[2; 32]));
        assert_eq!(Handshake::parse(prefix, &other.public()), None);
    }
}
