//! Randomness by script, so that test vectors can be computed again. Only with the feature `vectors`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, TryCryptoRng, TryRng};
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static SCRIPT: RefCell<VecDeque<u8>> = const { RefCell::new(VecDeque::new()) };
}

/// What is drawn next; behind its end, randomness goes on as usual.
#[wasm_bindgen]
pub fn script(bytes: &[u8]) {
    SCRIPT.with_borrow_mut(|script| {
        script.clear();
        script.extend(bytes);
    });
}

/// How many bytes of the script were not drawn.
#[wasm_bindgen(js_name = scriptLeft)]
#[must_use]
pub fn script_left() -> usize {
    SCRIPT.with_borrow(VecDeque::len)
}

/// A generator that follows the script.
pub(crate) struct Randomness(ChaCha20Rng);

impl Randomness {
    /// After the script comes this one.
    pub(crate) fn over(rng: ChaCha20Rng) -> Self {
        Self(rng)
    }
}

impl TryRng for Randomness {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        SCRIPT.with_borrow_mut(|script| {
            let drawn = script.len().min(into.len());
            let (by_script, rest) = into.split_at_mut(drawn);
            by_script.iter_mut().zip(script.drain(..drawn)).for_each(|(to, from)| *to = from);
            self.0.fill_bytes(rest);
        });
        Ok(())
    }
}

impl TryCryptoRng for Randomness {}
