//! Any bytes: a signed device list that comes back as the same bytes, or an error; and any bytes as a
//! scanned safety number.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use sprag_protocol::secret::Secret;
use sprag_protocol::{AccountKeyPair, AccountName, PinnedAccount, SafetyNumber, SignedDeviceList};

fuzz_target!(|bytes: &[u8]| {
    let key = AccountKeyPair::from_seed(Secret::copy_of(&[1; 32])).public();
    let Ok(name) = AccountName::new("alice") else { return };
    if let Ok(list) = SignedDeviceList::from_bytes(bytes) {
        assert_eq!(list.to_bytes(), bytes);
        assert!(PinnedAccount::first_use(&name, key, list).is_err());
    }
    static NUMBER: OnceLock<SafetyNumber> = OnceLock::new();
    let number = NUMBER.get_or_init(|| SafetyNumber::new((&name, &key), (&name, &key)));
    let _ = number.compare(bytes);
});
