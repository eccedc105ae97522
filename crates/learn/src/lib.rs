//! The walkthrough of Sprag: Alice and Bob talk on the real core, and its trace shows every key.
//!
//! There are two ways through it, on one engine (`conversation.rs`):
//!
//! - [`mod@play`]: the learner decides. A [`Schedule`] says who sends and what arrives, is held up or is
//!   lost; `(seed, schedule)` gives a [`Play`](play::Play): for each step what the trace reported
//!   and which keys each of the two holds. [`Theft`](theft) says what a thief of a phone reads.
//!   [`guide`] is nine chapters through one such play.
//! - [`story`]: a script that also shows header encryption and expiry, for a terminal.
//!
//! Nothing here is a secret of anybody: every byte follows from a seed, and everything is shown.
//! [`model`] has the two comparisons (one static key, a single ratchet). They are for teaching, say
//! so, and are made of the core's own key derivation and encryption.
//!
//! Reading order: [`record`] → `conversation` → [`schedule`] → [`mod@play`] → [`holdings`] → [`theft`] →
//! [`model`] → [`guide`], [`document`] → [`story`].

mod conversation;
pub mod document;
mod error;
pub mod explain;
pub mod guide;
pub mod holdings;
pub mod model;
pub mod play;
pub mod record;
pub mod schedule;
pub mod story;
pub mod theft;
pub mod view;
mod wire;

pub use error::{Error, ProtocolError};
pub use model::Design;
pub use play::play;
pub use record::Party;
pub use schedule::Schedule;
