//! The relay: a key directory, and mailboxes that store and forward what they cannot read.
//!
//! It never holds a key that opens anything: this room does not link the ratchet.
//!
//! Reading order: [`config`]; `router` (the table of contents), one file for each resource beside it
//! (`accounts`, `keys`, `sessions`, `messages`, `socket`, `blobs`); `storage` (what is promised to be
//! kept), `sqlite` (how it is kept); `hub` (who is connected); `server` (connections, TLS, the end).

pub mod admin;
pub mod clock;
pub mod config;
pub mod pages;

mod accounts;
mod app;
mod auth;
mod blobs;
mod error;
mod extract;
mod folder;
mod hub;
mod keys;
mod limits;
mod messages;
mod metrics;
mod openapi;
mod ops;
mod peer;
mod router;
mod server;
mod sessions;
mod socket;
mod sqlite;
mod storage;
mod task;
mod tls;
mod upkeep;

pub use folder::FolderError;
pub use server::{Relay, StartError};
pub use sqlite::{OpenError, RestoreError};
pub use tls::TlsError;
