//! Values that every implementation refuses, and the requirement that says so.

use sprag_protocol::secret::Secret;
use sprag_protocol::{
    AccountKey, AccountKeyPair, AccountName, Device, DeviceId, DeviceList, IdentityKeyPair,
    KEM_PUBLIC_KEY_LEN, KemKeyPair, KemPublicKey, KeyPair, PublicKey, Purpose, Signature,
    SignedDeviceList, Timestamp,
};

use super::text::Text;

fn number(low: u8, high: u8, middle: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = low;
    bytes[31] = high;
    bytes
}

/// Names, keys, agreements, signatures and lists.
pub(crate) fn values() -> String {
    let mut text =
        Text::new("PROTOCOL.md sections 2 and 3: what is refused, and by which requirement.");
    for name in ["", "Alice", ".alice", "-a", "al ice", "a/b", &"a".repeat(65)] {
        assert!(AccountName::new(name).is_err());
        refuse(&mut text, "M-LIST-1", "account_name", name.as_bytes());
    }
    agreement_keys(&mut text);
    signing_keys(&mut text);
    kem_keys(&mut text);
    signatures(&mut text);
    lists(&mut text);
    text.finish()
}

fn refuse(text: &mut Text, requirement: &str, what: &str, bytes: &[u8]) {
    text.block(requirement);
    text.hex(what, bytes);
}

fn agreement_keys(text: &mut Text) {
    // p, p + 1, 2^255 - 1, and the base point with its top bit set.
    let above = [number(0xED, 0x7F, 0xFF), number(0xEE, 0x7F, 0xFF), number(0xFF, 0x7F, 0xFF)];
    for key in above.into_iter().chain([number(9, 0x80, 0)]) {
        assert!(PublicKey::from_bytes(&key).is_err());
        refuse(text, "M-KEY-1", "x25519_public_key", &key);
    }
    // 0, 1 and p - 1 are of low order: no private key agrees with them.
    let ours = KeyPair::from_secret(Secret::copy_of(&[0x42; 32]));
    for key in [[0; 32], number(1, 0, 0), number(0xEC, 0x7F, 0xFF)] {
        assert!(PublicKey::from_bytes(&key).is_ok_and(|theirs| ours.agree(&theirs).is_err()));
        refuse(text, "M-KEY-2", "x25519_agreement_with", &key);
    }
}

fn signing_keys(text: &mut Text) {
    // The points of order 1, 2 and 4, y = p, y = 3 + p, x = 0 with its sign set, no point at all.
    let keys = [
        number(1, 0, 0),
        number(0xEC, 0x7F, 0xFF),
        [0; 32],
        number(0xED, 0x7F, 0xFF),
        number(0xF0, 0x7F, 0xFF),
        number(1, 0x80, 0),
        number(2, 0, 0),
    ];
    for key in keys {
        assert!(AccountKey::from_bytes(&key).is_err());
        refuse(text, "M-KEY-3", "ed25519_public_key", &key);
    }
}

fn kem_keys(text: &mut Text) {
    // The first coefficient becomes 3,329, which is q.
    let pair = KemKeyPair::from_seed(Secret::copy_of(&[0x43; 64]));
    let mut key: [u8; KEM_PUBLIC_KEY_LEN] = *pair.public().as_bytes();
    key[0] = 0x01;
    key[1] = (key[1] & 0xF0) | 0x0D;
    assert!(KemPublicKey::from_bytes(&key).is_err());
    refuse(text, "M-KEY-6", "ml_kem_1024_public_key", &key);
}

fn signatures(text: &mut Text) {
    let pair = IdentityKeyPair::from_seed(Secret::copy_of(&[0x44; 32]));
    let valid = pair.sign(Purpose::SignedPreKey, b"body").0;
    let mut malleable = valid;
    // S + L, which a lax verifier takes for S.
    let order = [
        0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10_u16,
    ];
    let mut carry = 0;
    for (byte, add) in malleable[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + add + carry;
        *byte = sum.to_be_bytes()[1];
        carry = sum >> 8;
    }
    let mut other = valid;
    other[0] ^= 1;
    let purpose = pair.sign(Purpose::KemPreKey, b"body").0;
    for (requirement, signature) in
        [("M-KEY-4", malleable), ("M-KEY-4", other), ("M-KEY-5", purpose)]
    {
        let refused = pair.public().verify(Purpose::SignedPreKey, b"body", &Signature(signature));
        assert!(refused.is_err());
        text.block(requirement);
        text.hex("identity_key", pair.public().as_bytes());
        text.value("label", "Sprag v1 signed prekey");
        text.hex("body", b"body");
        text.hex("signature", signature);
    }
}

fn lists(text: &mut Text) {
    let account = AccountKeyPair::from_seed(Secret::copy_of(&[0x45; 32]));
    let device = |id: u32, seed: u8| {
        let identity_key = IdentityKeyPair::from_seed(Secret::copy_of(&[seed; 32])).public();
        let created = Timestamp::from_seconds(1_800_000_000);
        DeviceId::new(id).map(|id| Device { id, identity_key, created })
    };
    let devices = [device(1, 1), device(2, 2)].into_iter().flatten().collect();
    let list =
        AccountName::new("alice").ok().and_then(|name| DeviceList::new(1, name, devices).ok());
    let Some(list) = list else { return };
    let bytes = list.sign(&account).to_bytes();
    // Version, device 1's id and device 2's id; then both devices with one key; then a byte too many.
    let (first, second) = (8 + 6 + 2, 8 + 6 + 2 + 44);
    let altered = |at: usize, with: &[u8]| {
        let mut altered = bytes.clone();
        altered[at..at + with.len()].copy_from_slice(with);
        altered
    };
    let refused = [
        altered(0, &[0; 8]),
        altered(first, &[0; 4]),
        altered(second, &1_u32.to_be_bytes()),
        altered(second + 4, &bytes[first + 4..first + 36]),
        altered(14, &0_u16.to_be_bytes()),
        [bytes.as_slice(), &[0]].concat(),
    ];
    for list in refused {
        assert!(SignedDeviceList::from_bytes(&list).is_err());
        refuse(text, "M-LIST-2", "signed_list", &list);
    }
}
