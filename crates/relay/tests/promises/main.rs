//! What the relay promises (`docs/API.md`), each through HTTP and the socket, on both sides of each limit.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test waits for one kind of frame")]

mod blobs;
mod directory;
mod here;
mod limits;
mod mailboxes;
mod numbers;
mod prekeys;
mod sessions;

#[path = "../support/mod.rs"]
mod support;
