//! Any bytes as a schedule of two parties on a hostile network, held against the reference model.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the property tests use all of it")]
#[path = "../../crates/protocol/tests/world/mod.rs"]
mod world;

use world::{Beginning, Step, World};

thread_local! {
    static BEGINNING: Beginning = Beginning::new(1);
}

fuzz_target!(|bytes: &[u8]| {
    let (steps, _) = bytes.as_chunks::<3>();
    let steps = steps.iter().take(300).copied().map(Step::from_bytes);
    BEGINNING.with(|beginning| World::run(beginning, steps));
});
