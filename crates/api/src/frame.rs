//! The socket's frames (`proto/frames.proto`): each binary message is one [`ToRelay`] or [`FromRelay`].

pub use prost::{DecodeError, Message};

pub use generated::*;

mod generated {
    #![expect(missing_docs, reason = "prost writes this module")]

    include!(concat!(env!("OUT_DIR"), "/sprag.v1.rs"));
}

#[cfg(test)]
mod tests;
