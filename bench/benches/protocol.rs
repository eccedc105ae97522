//! The protocol against the floor and against a peer, in one run.
//!
//! Groups are named by the work. In each group `sprag` is the protocol room, `peer` is an Olm session
//! of `vodozemac` doing the nearest equivalent, and `floor` is nothing but the primitives that the
//! work cannot do without, called as the room calls them. Messages carry 256 bytes, padded to 272.
//!
//! ```text
//! nice cargo bench -p sprag-bench --bench protocol
//! ```

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run its work stops")]

use std::time::Duration;

use criterion::{BatchSize, BenchmarkGroup, Criterion, measurement::WallTime};

#[path = "protocol/floor.rs"]
mod floor;
#[path = "protocol/forged.rs"]
mod forged;
#[path = "protocol/messages.rs"]
mod messages;
#[path = "protocol/peer.rs"]
mod peer;
#[path = "protocol/setup.rs"]
mod setup;
#[path = "protocol/sizes.rs"]
mod sizes;
#[path = "protocol/sprag.rs"]
mod sprag;
#[path = "protocol/state.rs"]
mod state;

/// What every message says.
const PLAINTEXT: [u8; 256] = [0x5A; 256];
/// How many messages are missing where some are.
const SKIPPED: usize = 1000;
/// Few enough that a batch stays in the cache, so many that reading the clock costs nothing.
const BATCH: BatchSize = BatchSize::NumIterations(64);

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn main() {
    sizes::print();
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .nresamples(10_000)
        .configure_from_args();
    setup::all(&mut criterion);
    messages::all(&mut criterion);
    state::all(&mut criterion);
    forged::all(&mut criterion);
    criterion.final_summary();
}
