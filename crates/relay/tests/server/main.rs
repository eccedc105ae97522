//! Connections, TLS and the operations port of a running relay, from the outside.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may fail anywhere")]

mod acme;
mod connections;
mod lifecycle;
mod operations;
mod tls;
mod world;
