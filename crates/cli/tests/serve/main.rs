//! `sprag serve` and `sprag admin`, as processes of their own.

#![cfg(unix)]
#![expect(clippy::expect_used, clippy::panic, reason = "a test may fail anywhere")]

mod admin;
mod running;
mod settings;
mod signals;
mod world;
