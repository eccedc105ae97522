//! Any bytes as a frame of the socket, from either side: a frame that comes back from its own bytes, or
//! an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sprag_api::frame::{FromRelay, Message, ToRelay};

fn comes_back<T: Message + Default + PartialEq>(bytes: &[u8]) {
    if let Ok(frame) = T::decode(bytes) {
        // Not always the same bytes: unknown fields are passed over, and numbers have longer forms.
        let written = frame.encode_to_vec();
        assert!(T::decode(written.as_slice()).is_ok_and(|again| again == frame));
    }
}

fuzz_target!(|bytes: &[u8]| {
    comes_back::<ToRelay>(bytes);
    comes_back::<FromRelay>(bytes);
});
