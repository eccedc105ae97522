//! The SDK: accounts, devices, sessions and messages over a relay that is not trusted.
//!
//! The [`Engine`] is pure and synchronous: [`Engine::handle`] takes an [`Input`], the time and
//! randomness, and gives [`Effects`]. Whoever drives it persists [`Effects::commit`] in one transaction
//! **before** anything else of them is done, so that state is durable before a ciphertext leaves, and a
//! received message is stored before it is acknowledged.
//!
//! Reading order: [`input`] and [`effects`] (the face) → [`view`] (what a person sees) → `engine` and
//! what lies below it (`send`, `receive`, `peers`, `repair`, `devices`) → `content` (what devices say
//! to each other) and `record` (what is kept).

/// The examples of the README are tests.
#[cfg(all(doctest, feature = "native"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

pub mod content;
pub mod driver;
pub mod effects;
pub mod engine;
pub mod error;
pub mod exchange;
pub mod history;
pub mod input;
#[cfg(feature = "native")]
pub mod native;
mod record;
mod retry;
pub mod sorted;
pub mod transfer;
pub mod view;

pub use content::{Attachment, Body, MessageId};
pub use effects::{Call, CallId, Effects, Notice, Refusal, Reply};
pub use engine::{Engine, LoadError};
pub use error::Error;
pub use input::{Answer, Command, Failure, Input, LinkOptions, Ticket};
#[cfg(feature = "native")]
pub use native::{
    Attached, Client, Config, Connection, Events, Existing, Happening, Link, Linking, Message,
    Protection, Sent, Status, Storage,
};
pub use transfer::Progress;
pub use view::{Conversation, Entry, Event, LinkCode, MessageState, OwnDevice, PeerView, Trust};
