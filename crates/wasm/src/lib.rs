//! The client for JavaScript: conversions, no logic. What is done, and when, is `sprag_client::driver`'s business; how a page,
//! a worker or Node stores, calls and waits is the npm package's (`web/sdk`). `types.d.ts` is this module's face, with
//! everything that there is to say of it.
//!
//! Plain objects are built property by property, and arguments read the same way: serde's converters would be a
//! fifth of the module. An argument of the wrong kind is a fault, not a panic, also where TypeScript would not let it pass.
//!
//! Reading order: `plain` (objects), `fault` (errors), `vault`, `client`, `step` and `view` (what it gives), `restore`,
//! `ratchet` (the protocol alone), `randomness`.

mod client;
mod fault;
mod plain;
mod randomness;
mod ratchet;
mod restore;
#[cfg(feature = "vectors")]
mod script;
mod step;
mod vault;
#[cfg(feature = "vectors")]
mod vectors;
mod view;

pub use client::{Client, check_link_code, check_name, check_origin, version};
pub use fault::Fault;
pub use ratchet::{Identity, Session, safety_number_of};
pub use restore::Restore;
#[cfg(feature = "vectors")]
pub use script::{script, script_left};
pub use vault::Vault;
#[cfg(feature = "vectors")]
pub use vectors::*;
