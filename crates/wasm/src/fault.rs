//! Errors as JavaScript gets them: `{ code, retryable, retryAfter, ahead }`, with codes of one closed set. What they mean in
//! words is written in TypeScript, and nothing is loaded twice.

#[cfg(feature = "client")]
use sprag_client::Error;
use sprag_protocol::sessions::{DecryptError, EncryptError};
use sprag_protocol::{IdsUsedUp, StateError};
#[cfg(feature = "client")]
use sprag_store::StoreError;
use wasm_bindgen::JsValue;

use crate::plain::Plain;
#[cfg(feature = "client")]
use crate::read::number;

/// What a call throws.
#[derive(Debug)]
pub struct Fault(Kind);

#[derive(Debug)]
enum Kind {
    #[cfg(feature = "client")]
    Client(Error),
    Other(&'static str),
}

impl Fault {
    /// One that only this module knows.
    pub(crate) fn of(code: &'static str) -> Self {
        Self(Kind::Other(code))
    }
}

/// An argument that TypeScript would not let pass, or a number that means nothing.
pub(crate) fn bad_argument() -> Fault {
    Fault::of("bad-argument")
}

#[cfg(feature = "client")]
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(Kind::Client(error))
    }
}

#[cfg(feature = "client")]
impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self(Kind::Client(Error::Store(error)))
    }
}

impl From<Fault> for JsValue {
    fn from(fault: Fault) -> Self {
        match fault.0 {
            #[cfg(feature = "client")]
            Kind::Client(error) => shown(&error),
            Kind::Other(code) => Plain::of("code", code).with("retryable", false).into(),
        }
    }
}

/// The object that stands for an error.
#[cfg(feature = "client")]
pub(crate) fn shown(error: &Error) -> JsValue {
    let ahead = if let Error::ClockSkew { seconds } = *error {
        let by = number(seconds.unsigned_abs());
        Some(if seconds < 0 { -by } else { by })
    } else {
        None
    };
    Plain::of("code", error.code())
        .with("retryable", error.retryable())
        .maybe("retryAfter", error.retry_after())
        .maybe("ahead", ahead)
        .into()
}

impl From<StateError> for Fault {
    fn from(error: StateError) -> Self {
        Self::of(match error {
            StateError::UnknownVersion(_) => "state-newer",
            StateError::WrongKind | StateError::Damaged => "state-damaged",
        })
    }
}

impl From<IdsUsedUp> for Fault {
    fn from(_: IdsUsedUp) -> Self {
        Self::of("ids-used-up")
    }
}

impl From<EncryptError> for Fault {
    fn from(error: EncryptError) -> Self {
        Self::of(match error {
            EncryptError::NoSession => "no-session",
            EncryptError::Unanswered => "unanswered",
            EncryptError::TooLong => "too-large",
            EncryptError::SessionEnded => "session-ended",
        })
    }
}

impl From<DecryptError> for Fault {
    fn from(error: DecryptError) -> Self {
        Self::of(match error {
            DecryptError::Malformed => "malformed",
            DecryptError::Unreadable => "unreadable",
            DecryptError::Duplicate => "duplicate",
            DecryptError::TooFarAhead => "too-far-ahead",
            DecryptError::UnknownPreKey => "unknown-prekey",
            DecryptError::TooManyLastResort => "too-many-last-resort",
        })
    }
}
