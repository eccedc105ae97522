//! What client and relay agree on: names, requests, responses, socket frames, error codes.
//!
//! A ciphertext is an opaque blob here. The only cryptography is the checking of signatures, which the
//! relay needs: it does not link the ratchet, so what `docs/PROTOCOL.md` says of names, device lists
//! and prekeys (sections 2 to 4) is checked here again, from the bytes, against the same vectors.
//!
//! Reading order: [`name`], [`signature`], [`device_list`], [`prekey`], [`login`] (what is signed);
//! [`directory`], [`mailbox`], [`blob`] (JSON over HTTP); [`frame`] (protobuf over the socket);
//! [`problem`] (errors); [`limit`].

pub mod base64;
pub mod blob;
pub mod device_list;
pub mod directory;
pub mod frame;
pub mod limit;
pub mod login;
pub mod mailbox;
pub mod name;
pub mod prekey;
pub mod problem;
pub mod signature;

mod layout;
#[cfg(test)]
mod vectors;
