//! The relay: a key directory, and mailboxes that store and forward what they cannot read.
//!
//! It never holds a key that opens anything: this room does not link the ratchet.
//!
//! Reading order: [`config`]; `router` (the table of contents), one file for each resource beside it
//! (`accounts`, `keys`, `sessions`, `messages`, `socket`, `blobs`); `storage` (what is promised to be
//! kept), `sqlite` and `postgres` (how it is kept); `hub` (who is connected), `bus` (what nodes tell each
//! other); `server` (connections, TLS, the end).

pub mod admin;
pub mod clock;
pub mod config;
pub mod pages;

mod accounts;
mod app;
mod auth;
mod blobs;
mod bus;
mod error;
mod extract;
mod folder;
mod hub;
mod keys;
mod limits;
mod messages;
mod metrics;
mod moving;
mod openapi;
mod ops;
mod peer;
mod postgres;
mod router;
mod server;
mod sessions;
mod socket;
mod sqlite;
mod storage;
mod task;
mod tls;
mod upkeep;

pub use bus::nats::NatsError;
pub use folder::FolderError;
pub use postgres::{LinkError, PostgresError, SchemaError};
pub use server::{Relay, StartError};
pub use sqlite::{OpenError, RestoreError};
pub use tls::TlsError;
