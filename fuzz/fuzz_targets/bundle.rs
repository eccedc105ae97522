//! Any bytes: a prekey bundle that comes back as the same bytes, or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sprag_protocol::PreKeyBundle;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = PreKeyBundle::from_bytes(bytes) {
        assert_eq!(bundle.to_bytes(), bytes);
        // A signature over fuzzed bytes verifies for nobody, but checking it must not panic.
        let _ = bundle.verify();
    }
});
