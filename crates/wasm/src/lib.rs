//! The client for JavaScript: conversions, no logic. What is done, and when, is `sprag_client::driver`'s business; how a page,
//! a worker or Node stores, calls and waits is the npm package's (`web/sdk`). `types.d.ts` is this module's face, with
//! everything that there is to say of it.
//!
//! Plain objects are built property by property, and arguments read the same way: serde's converters would be a
//! fifth of the module. An argument of the wrong kind is a fault, not a panic, also where TypeScript would not let it pass.
//!
//! The features `client` and `core` are two modules: nobody loads what they do not call.
//!
//! Reading order: `plain` and `read` (objects), `fault` (errors), `vault`, `client`, `step` and `view` (what it gives),
//! `restore`, `ratchet` (the protocol alone), `randomness`.

#[cfg(feature = "client")]
mod client;
mod fault;
mod plain;
mod randomness;
#[cfg(feature = "core")]
mod ratchet;
#[cfg(feature = "client")]
mod read;
#[cfg(feature = "client")]
mod restore;
#[cfg(feature = "vectors")]
mod script;
#[cfg(feature = "client")]
mod step;
#[cfg(feature = "client")]
mod vault;
#[cfg(feature = "vectors")]
mod vectors;
#[cfg(feature = "client")]
mod view;

#[cfg(feature = "client")]
pub use client::{Client, check_link_code, check_name, check_origin};
pub use fault::Fault;
#[cfg(feature = "core")]
pub use ratchet::{Identity, Session, safety_number_of, version};
#[cfg(feature = "client")]
pub use restore::Restore;
#[cfg(feature = "vectors")]
pub use script::{script, script_left};
#[cfg(feature = "client")]
pub use vault::Vault;
#[cfg(feature = "vectors")]
pub use vectors::*;
