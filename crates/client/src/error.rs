//! Why something could not be done, and what to do then: one closed set for every driver.

use std::io::ErrorKind;

use sprag_api::problem::Code;
use sprag_store::StoreError;

use crate::content::MAX_FILE_LEN;
use crate::effects::Refusal;
use crate::view::Failed;

/// Why something could not be done. Nothing in it comes from anybody else: it can be shown and logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The store cannot do what it is asked for.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The profile has records that make no sense together.
    #[error("the profile is damaged; restore a backup into a new one")]
    Profile,
    /// A newer version wrote the profile.
    #[error("a newer version wrote this profile; update first")]
    NewerProfile,
    /// The profile is of another account than the one that was asked for.
    #[error("this profile belongs to another account; choose another profile")]
    OtherAccount,
    /// The profile is of another relay than the one that was asked for.
    #[error("this profile belongs to another relay; choose another profile")]
    OtherRelay,
    /// There is a profile, and its account is registered.
    #[error("this profile has an account already; choose another profile")]
    Registered,
    /// No account and relay were named, and there is no profile to take them from.
    #[error("there is no profile here yet; register first")]
    NoProfile,
    /// Not an account's name.
    #[error(
        "an account name is 1 to 64 of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit"
    )]
    Name,
    /// Not a relay's address.
    #[error(
        "a relay's address is http:// or https://, its name, and a port where it is not 80 or 443, \
         such as https://chat.example.org"
    )]
    Origin,
    /// A certificate to trust is none.
    #[error("this is no PEM file of certificates")]
    Certificate,
    /// The command was refused; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The message was given up.
    #[error("the message was not sent: {}", failed(*.0))]
    NotSent(Failed),
    /// The bytes are no QR code of a safety number.
    #[error("this is no safety number of Sprag")]
    NotACode,
    /// There is no such message in this conversation, or none that can be sent again.
    #[error("there is no such message in this conversation")]
    NoSuchMessage,
    /// The relay cannot be reached.
    #[error("the relay cannot be reached; check its address and the network")]
    Unreachable,
    /// The relay's certificate is not trusted, or the connection cannot be encrypted.
    #[error("the connection to the relay cannot be secured: its certificate is not trusted here")]
    Insecure,
    /// What answers there is no relay of this version.
    #[error("what answers there is no Sprag relay of this version")]
    NotARelay,
    /// The relay refuses.
    #[error("{}", refuses(*code, *retry_after))]
    Relay {
        /// Why.
        code: Code,
        /// Seconds after which to try again, where that helps.
        retry_after: Option<u32>,
    },
    /// The name is somebody else's.
    #[error("this name is taken on this relay; choose another one")]
    NameTaken,
    /// The clock of this device, or of the relay, is wrong.
    #[error("the clock of this device is {}; set it", clock(*.seconds))]
    ClockSkew {
        /// By how much this device is ahead of the relay; below 0 where it is behind.
        seconds: i64,
    },
    /// The relay has no such account any more, or another one of this name.
    #[error("the relay does not know this account (any more)")]
    AccountGone,
    /// The account has removed this device.
    #[error("this device was removed from its account; link it again with a new profile")]
    Removed,
    /// Another copy of this profile is connected.
    #[error(
        "another copy of this profile took over; end that one, or go on here by connecting again"
    )]
    TakenOver,
    /// It was told not to connect.
    #[error("not connected, as was asked for")]
    Offline,
    /// It took longer than it was given.
    #[error("this took too long; what was begun goes on by itself")]
    Timeout,
    /// The client is closed.
    #[error("this client was closed")]
    Closed,
    /// A file cannot be read or written.
    #[error("the file cannot be read or written: {0}")]
    File(ErrorKind),
    /// There is a file of this name.
    #[error("there is a file of this name already")]
    FileExists,
    /// An empty file, one that is too long, or no file at all.
    #[error("a file to send has 1 to {} MiB", MAX_FILE_LEN / 1024 / 1024)]
    FileLength,
    /// The file was changed while it was sent.
    #[error("the file was changed while it was sent; send it again")]
    FileChanged,
    /// The relay does not have the attachment any more.
    #[error("the relay does not have this file any more; ask for it again")]
    FileGone,
    /// The attachment was altered on the relay.
    #[error("this file was altered on its way; ask for it again")]
    FileDamaged,
    /// The system gives no thread or no randomness.
    #[error("the operating system gives no thread or no randomness")]
    System,
}

impl Error {
    /// What went wrong, for programs: one of a closed set. Where the relay says so, its code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => store_code(*error),
            Self::Profile => "profile-damaged",
            Self::NewerProfile => "store-newer",
            Self::OtherAccount => "other-account",
            Self::OtherRelay => "other-relay",
            Self::Registered => "registered",
            Self::NoProfile => "no-profile",
            Self::Name => "bad-name",
            Self::Origin => "bad-origin",
            Self::Certificate => "bad-certificate",
            Self::Refused(refusal) => refusal_code(*refusal),
            Self::NotSent(Failed::NoSuchAccount) => "no-such-account",
            Self::NotSent(Failed::Refused) => "not-sent",
            Self::NotACode => "not-a-code",
            Self::NoSuchMessage => "no-such-message",
            Self::Unreachable => "unreachable",
            Self::Insecure => "insecure",
            Self::NotARelay => "not-a-relay",
            Self::Relay { code, .. } => code.as_str(),
            Self::NameTaken => Code::NameTaken.as_str(),
            Self::ClockSkew { .. } => Code::ClockSkew.as_str(),
            Self::AccountGone => "account-gone",
            Self::Removed => "removed",
            Self::TakenOver => Code::TakenOver.as_str(),
            Self::Offline => "offline",
            Self::Timeout => Code::Timeout.as_str(),
            Self::Closed => "closed",
            Self::File(_) => "file",
            Self::FileExists => "file-exists",
            Self::FileLength => "file-length",
            Self::FileChanged => "file-changed",
            Self::FileGone => "file-gone",
            Self::FileDamaged => "file-damaged",
            Self::System => "system",
        }
    }

    /// Whether the same may work later, without anything being changed.
    #[must_use]
    pub fn retryable(&self) -> bool {
        if let Self::Relay { code, retry_after } = self {
            return retry_after.is_some() || code.status() >= 500;
        }
        if let Self::Refused(Refusal::Refused(code)) = self {
            return code.status() >= 500 || code.status() == 429;
        }
        matches!(
            self,
            Self::Unreachable
                | Self::Timeout
                | Self::Refused(Refusal::Unreachable)
                | Self::Store(StoreError::InUse { .. } | StoreError::Full)
        )
    }

    /// Seconds that the relay asks to be left alone for.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        if let Self::Relay { retry_after, .. } = self { *retry_after } else { None }
    }
}

fn store_code(error: StoreError) -> &'static str {
    match error {
        StoreError::InUse { .. } => "in-use",
        StoreError::Full => "disk-full",
        StoreError::Io(_) => "store-io",
        StoreError::Damaged => "store-damaged",
        StoreError::Foreign => "store-foreign",
        StoreError::Newer { .. } => "store-newer",
        StoreError::WrongKey => "wrong-key",
        StoreError::OtherLock(_) => "other-lock",
        StoreError::Missing => "no-profile",
        StoreError::Exists => "profile-exists",
        StoreError::TooLarge => "too-large",
        StoreError::TooCostly => "too-costly",
        StoreError::Exposed => "key-exposed",
    }
}

fn refusal_code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Refused(code) => code.as_str(),
        Refusal::TooLong => "text-length",
        Refusal::OwnAccount => "own-account",
        Refusal::UnknownAccount => "unknown-account",
        Refusal::NoSuchAccount => "no-such-account",
        Refusal::KeyChanged => "key-changed",
        Refusal::NothingOffered => "nothing-offered",
        Refusal::NoAccountKey => "no-account-key",
        Refusal::TooManyDevices => "too-many-devices",
        Refusal::AlreadyLinked => "already-linked",
        Refusal::NoSuchDevice => "no-such-device",
        Refusal::NotReady => "not-ready",
        Refusal::Unreachable => "unreachable",
        Refusal::RelayLies => "relay-lies",
    }
}

fn failed(why: Failed) -> &'static str {
    match why {
        Failed::NoSuchAccount => "the relay has no account of this name",
        Failed::Refused => "the relay does not take it",
    }
}

fn refuses(code: Code, retry_after: Option<u32>) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest has its title")]
    let what = match code {
        Code::RegistrationClosed => "this relay takes no new accounts; choose another one",
        Code::InvitationInvalid => {
            "this relay takes new accounts by invitation; ask who runs it for a code"
        }
        Code::OtherOrigin => {
            "the relay is known by another address; use the one that it is run with"
        }
        Code::QuotaExceeded => "your files on the relay take as much room as they may",
        Code::TooManyConnections => "your account has as many connections as it may; close one",
        Code::RateLimited => "too much in too short a time",
        Code::Unavailable | Code::ShuttingDown => "the relay is not available now",
        Code::Internal => "the relay failed; tell whoever runs it",
        _ => return format!("the relay refuses: {}", code.title()),
    };
    match retry_after {
        Some(seconds) => format!("{what}; try again in {seconds} s"),
        None => what.to_owned(),
    }
}

fn clock(seconds: i64) -> String {
    let by = seconds.unsigned_abs();
    if seconds < 0 { format!("{by} s slow") } else { format!("{by} s fast") }
}
