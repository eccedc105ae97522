//! The relay as a process of its own: killed, stopped, copied, abused, searched for what it must not hold.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test tells what it measured")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test waits for one kind of frame")]

mod abuse;
mod backup;
mod crash;
mod document;
mod ledger;
mod process;
mod secrecy;
mod stopping;

#[path = "../../../relay/tests/support/mod.rs"]
mod support;
