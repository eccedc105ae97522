//! Errors as JavaScript gets them: `{ code, retryable, message, retryAfter }`, with codes of one closed set.

use sprag_client::Error;
use sprag_protocol::sessions::{DecryptError, EncryptError};
use sprag_protocol::{IdsUsedUp, StateError};
use sprag_store::StoreError;
use wasm_bindgen::JsValue;

use crate::plain::Plain;

/// What a call throws.
#[derive(Debug)]
pub struct Fault(Kind);

#[derive(Debug)]
enum Kind {
    Client(Error),
    Other { code: &'static str, message: &'static str },
}

impl Fault {
    /// One that only this module knows.
    pub(crate) fn of(code: &'static str, message: &'static str) -> Self {
        Self(Kind::Other { code, message })
    }
}

/// An argument that TypeScript would not let pass, or a number that means nothing.
pub(crate) fn bad_argument() -> Fault {
    Fault::of("bad-argument", "an argument is not of the kind that is asked for")
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(Kind::Client(error))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self(Kind::Client(Error::Store(error)))
    }
}

impl From<Fault> for JsValue {
    fn from(fault: Fault) -> Self {
        match fault.0 {
            Kind::Client(error) => shown(&error),
            Kind::Other { code, message } => {
                Plain::of("code", code).with("retryable", false).with("message", message).into()
            }
        }
    }
}

/// The object that stands for an error.
pub(crate) fn shown(error: &Error) -> JsValue {
    Plain::of("code", error.code())
        .with("retryable", error.retryable())
        .with("message", error.to_string())
        .maybe("retryAfter", error.retry_after())
        .into()
}

impl From<StateError> for Fault {
    fn from(error: StateError) -> Self {
        match error {
            StateError::UnknownVersion(_) => {
                Self::of("state-newer", "a newer version wrote this state; update first")
            }
            StateError::WrongKind | StateError::Damaged => {
                Self::of("state-damaged", "this is no such state, or a damaged one")
            }
        }
    }
}

impl From<IdsUsedUp> for Fault {
    fn from(_: IdsUsedUp) -> Self {
        Self::of("ids-used-up", "this device has no further numbers for prekeys; make a new one")
    }
}

impl From<EncryptError> for Fault {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::NoSession => {
                Self::of("no-session", "there is no session yet; begin one from a bundle")
            }
            EncryptError::Unanswered => Self::of(
                "unanswered",
                "the session has not been answered for 30 days; begin one from a new bundle",
            ),
            EncryptError::TooLong => Self::of("too-large", "the plaintext is longer than 64 KiB"),
            EncryptError::SessionEnded => {
                Self::of("session-ended", "the session has ended; begin one from a new bundle")
            }
        }
    }
}

impl From<DecryptError> for Fault {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::Malformed => Self::of("malformed", "not a message of this version"),
            DecryptError::Unreadable => Self::of("unreadable", "no key that is held opens this"),
            DecryptError::Duplicate => {
                Self::of("duplicate", "read before, or its key was kept for too long")
            }
            DecryptError::TooFarAhead => {
                Self::of("too-far-ahead", "too many messages are missing before it")
            }
            DecryptError::UnknownPreKey => {
                Self::of("unknown-prekey", "it uses a prekey that is gone")
            }
            DecryptError::TooManyLastResort => Self::of(
                "too-many-last-resort",
                "too many sessions were started without a one-time prekey",
            ),
        }
    }
}
