//! The SDK against a real relay on loopback.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test waits for one of many happenings")]

mod files;
mod people;
mod profiles;
mod talking;
mod trouble;
mod world;
