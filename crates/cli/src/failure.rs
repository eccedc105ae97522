//! How the command fails: an exit code, a code for programs, and one sentence that says what to do.

use std::io;

use serde_json::json;
use sprag_api::problem::Code;
use sprag_client::view::Failed;
use sprag_client::{Error, Refusal};
use sprag_store::StoreError;

/// What was asked for was done.
pub(crate) const DONE: u8 = 0;
/// The command line, or what it names, is not as it must be.
pub(crate) const USAGE: u8 = 1;
/// Anything else that went wrong.
pub(crate) const UNEXPECTED: u8 = 2;
/// The relay does not answer, or not as it should.
pub(crate) const UNREACHABLE: u8 = 3;
/// Somebody may not be who it was.
pub(crate) const UNTRUSTED: u8 = 4;
/// Too much in too short a time.
pub(crate) const LIMITED: u8 = 5;

/// What was asked for makes no sense.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Usage(anyhow::Error);

/// The same error, as one of usage.
pub(crate) fn usage(error: anyhow::Error) -> anyhow::Error {
    Usage(error).into()
}

/// The relay does not answer, or not as it should.
#[derive(Debug, thiserror::Error)]
#[error("is it running?")]
pub(crate) struct Unreachable;

/// Two people do not see the same keys.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Untrusted(pub(crate) &'static str);

/// Everything that there is to tell was told; this is how it ends.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{code}")]
pub(crate) struct Told {
    /// What the process ends with.
    pub(crate) exit: u8,
    /// The same for programs.
    pub(crate) code: &'static str,
}

/// A signal came.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// What an error means to whoever, or whatever, ran the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// What the process ends with.
    pub(crate) exit: u8,
    /// One of a closed set.
    pub(crate) code: &'static str,
    /// Whether the same may work later.
    pub(crate) retryable: bool,
}

impl Verdict {
    const fn of(exit: u8, code: &'static str) -> Self {
        Self { exit, code, retryable: false }
    }
}

/// Judges by the first cause that says something.
pub(crate) fn verdict(error: &anyhow::Error) -> Verdict {
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<Error>() {
            return of_client(error);
        }
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return of_client(&Error::Store(*error));
        }
        if let Some(Told { exit, code }) = cause.downcast_ref() {
            return Verdict::of(*exit, code);
        }
    }
    if let Some(Usage(cause)) = error.downcast_ref() {
        let verdict = verdict(cause);
        if verdict.exit == UNEXPECTED { Verdict::of(USAGE, "usage") } else { verdict }
    } else if error.is::<Unreachable>() {
        Verdict { retryable: true, ..Verdict::of(UNREACHABLE, "unreachable") }
    } else if error.is::<Untrusted>() {
        Verdict::of(UNTRUSTED, "untrusted")
    } else if error.is::<Interrupted>() {
        Verdict { retryable: true, ..Verdict::of(UNEXPECTED, "interrupted") }
    } else {
        Verdict::of(UNEXPECTED, "unexpected")
    }
}

fn of_client(error: &Error) -> Verdict {
    Verdict { exit: exit(error), code: error.code(), retryable: error.retryable() }
}

fn exit(error: &Error) -> u8 {
    match error {
        Error::Store(error) => of_store(*error),
        Error::Refused(refusal) => of_refusal(*refusal),
        Error::Relay { code, .. } => of_relay(*code),
        Error::OtherAccount
        | Error::OtherRelay
        | Error::Registered
        | Error::NoProfile
        | Error::Name
        | Error::NameTaken
        | Error::Origin
        | Error::Certificate
        | Error::NotSent(Failed::NoSuchAccount)
        | Error::NotACode
        | Error::NoSuchMessage
        | Error::FileExists
        | Error::FileLength => USAGE,
        Error::NotSent(Failed::Refused)
        | Error::Unreachable
        | Error::Insecure
        | Error::NotARelay
        | Error::ClockSkew { .. }
        | Error::AccountGone
        | Error::Offline
        | Error::Timeout => UNREACHABLE,
        Error::Profile
        | Error::NewerProfile
        | Error::Removed
        | Error::TakenOver
        | Error::Closed
        | Error::File(_)
        | Error::FileChanged
        | Error::FileGone
        | Error::FileDamaged
        | Error::System => UNEXPECTED,
    }
}

fn of_store(error: StoreError) -> u8 {
    match error {
        StoreError::WrongKey
        | StoreError::OtherLock(_)
        | StoreError::Missing
        | StoreError::Exists
        | StoreError::Foreign => USAGE,
        StoreError::InUse { .. }
        | StoreError::Full
        | StoreError::Io(_)
        | StoreError::Damaged
        | StoreError::Newer { .. }
        | StoreError::TooLarge
        | StoreError::TooCostly
        | StoreError::Exposed => UNEXPECTED,
    }
}

fn of_refusal(refusal: Refusal) -> u8 {
    match refusal {
        Refusal::KeyChanged | Refusal::RelayLies => UNTRUSTED,
        Refusal::Unreachable => UNREACHABLE,
        Refusal::Refused(code) => of_relay(code),
        Refusal::NotReady => UNEXPECTED,
        Refusal::TooLong
        | Refusal::OwnAccount
        | Refusal::UnknownAccount
        | Refusal::NoSuchAccount
        | Refusal::NothingOffered
        | Refusal::NoAccountKey
        | Refusal::TooManyDevices
        | Refusal::AlreadyLinked
        | Refusal::NoSuchDevice => USAGE,
    }
}

fn of_relay(code: Code) -> u8 {
    if code.status() == 429 { LIMITED } else { UNREACHABLE }
}

/// Whether the one who reads has seen enough (`sprag learn | head`), which is no failure.
pub(crate) fn is_enough(error: &anyhow::Error) -> bool {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().map(io::Error::kind) == Some(io::ErrorKind::BrokenPipe)
    };
    error.chain().any(closed)
}

/// The line that tells of an error: for programs, or for people.
pub(crate) fn told(error: &anyhow::Error, verdict: Verdict, json: bool) -> String {
    let message = format!("{error:#}");
    if json {
        let Verdict { code, retryable, .. } = verdict;
        let error = json!({ "code": code, "message": message, "retryable": retryable });
        return crate::display::json(&json!({ "error": error }));
    }
    format!("sprag: {}", crate::display::plain(&message))
}

#[cfg(test)]
mod tests;
