//! Any bytes as the content of a state, under a right checksum: a state that comes back as the same
//! bytes, or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use sprag_protocol::ratchet::{HeaderEncrypted, Plain, Ratchet};
use sprag_protocol::{AccountKeyPair, LocalDevice, PinnedAccount, STATE_VERSION, Sessions};

macro_rules! comes_back {
    ($bytes:expr, $($kind:ty),*) => {$(
        if let Ok(state) = <$kind>::from_bytes($bytes) {
            assert!(state.to_bytes().expose() == $bytes);
        }
    )*};
}

fuzz_target!(|bytes: &[u8]| {
    let mut state = [&[STATE_VERSION], bytes].concat();
    let sum = Sha256::digest(&state);
    state.extend_from_slice(&sum[..8]);
    comes_back!(&state, LocalDevice, Sessions, PinnedAccount, AccountKeyPair);
    comes_back!(&state, Ratchet<HeaderEncrypted>, Ratchet<Plain>);
    comes_back!(bytes, LocalDevice, Sessions);
});
