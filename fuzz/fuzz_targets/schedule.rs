//! Any bytes as a schedule of two parties on a hostile network, held against the reference model.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the property tests use all of it")]
#[path = "../../crates/protocol/tests/world/mod.rs"]
mod world;

use world::{Step, World};

fuzz_target!(|bytes: &[u8]| {
    let (steps, _) = bytes.as_chunks::<3>();
    World::run(1, steps.iter().take(300).copied().map(Step::from_bytes));
});
