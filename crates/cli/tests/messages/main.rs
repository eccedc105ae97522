//! The commands of a client, as processes, on a relay that is one too.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail anywhere")]
#![cfg(unix)]

mod chat;
mod crash;
mod devices;
mod identity;
mod readme;
mod secrecy;
mod talking;
mod trouble;
mod waiting;
mod world;
