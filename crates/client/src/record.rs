//! What the engine keeps (`proto/record.proto`).

#![expect(
    unnameable_types,
    unreachable_pub,
    clippy::pedantic,
    reason = "prost writes what this includes"
)]

include!(concat!(env!("OUT_DIR"), "/sprag.record.v1.rs"));
