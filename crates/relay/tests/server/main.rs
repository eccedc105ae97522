//! Connections, TLS and the operations port of a running relay, from the outside.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may fail anywhere")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what the tests of the relay share"
)]

mod acme;
mod administration;
mod connections;
mod lifecycle;
mod moving;
mod operations;
mod tls;
mod world;

#[path = "../support/mod.rs"]
mod support;
