//! When to try again, and when not: after a connection broke, and after a part of a file did not get through.

use std::time::Duration;

use rand_core::Rng;
use sprag_api::directory::Account;
use sprag_api::problem::Code;
use sprag_protocol::{AccountKey, PinnedAccount, SignedDeviceList};

use crate::engine::Engine;
use crate::error::Error;

/// How long a call may take, with its answer; and how long a download may be silent.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// After so long without a word from the relay it is asked whether it is there.
pub(crate) const SILENCE: Duration = Duration::from_mins(1);
/// A connection that held so long did not fail.
pub(crate) const HELD: Duration = Duration::from_secs(30);
/// The longest pause between two attempts, in seconds, but for what the relay asks for.
const LONGEST: u64 = 60;
/// The longest time, in seconds, for which a relay can ask to be left alone.
const LONGEST_ASKED: u32 = 3600;
/// How often in a row a part of a file may fail before the whole is given up; it can be resumed.
const PATIENCE: u32 = 6;
/// The longest pause, in seconds, that a relay can ask for without the whole file being given up.
const LONGEST_ASKED_OF_FILES: u32 = 120;

/// Why there is no connection, or none any more.
pub(crate) struct Broken {
    pub(crate) why: Error,
    /// Seconds that the relay asks for.
    pub(crate) retry_after: u32,
}

impl From<Error> for Broken {
    fn from(why: Error) -> Self {
        Self { retry_after: why.retry_after().unwrap_or_default(), why }
    }
}

/// Why the relay closes the connection.
pub(crate) fn closed_by_relay(code: &str, retry_after: u32) -> Broken {
    let why = match Code::parse(code) {
        Some(Code::TakenOver) => Error::TakenOver,
        Some(code) => {
            Error::Relay { code, retry_after: Some(retry_after).filter(|after| *after > 0) }
        }
        None => Error::NotARelay,
    };
    Broken { why, retry_after }
}

/// Whether trying again by itself cannot help.
pub(crate) fn is_final(why: &Error) -> bool {
    matches!(
        why,
        Error::TakenOver
            | Error::Removed
            | Error::NameTaken
            | Error::AccountGone
            | Error::Closed
            | Error::Relay {
                code: Code::OtherOrigin
                    | Code::RegistrationClosed
                    | Code::InvitationInvalid
                    | Code::BadSignature,
                ..
            }
    )
}

/// The pause after so many failures in a row: none after the first; then up to 1 s, 2 s, 4 s ..., evenly spread, and
/// what the relay asks for before that.
pub(crate) fn pause(failures: u32, retry_after: u32, rng: &mut impl Rng) -> Duration {
    let longest = match failures {
        0 | 1 => 0,
        more => 1_u64.checked_shl(more - 2).unwrap_or(LONGEST).min(LONGEST),
    };
    let asked = retry_after.min(LONGEST_ASKED);
    // As much again, so that not everybody comes back at the same moment.
    let spread = u64::from(asked).max(longest) * 1000;
    let random = if spread == 0 { 0 } else { rng.next_u64() % spread };
    Duration::from_secs(asked.into()) + Duration::from_millis(random)
}

/// Whether the account's list at the relay has this device; `None` where it is another account.
pub(crate) fn is_listed(engine: &Engine, account: &Account) -> Option<bool> {
    let key = AccountKey::from_bytes(&account.account_key.array()?).ok()?;
    if engine.peer(engine.account()).is_some_and(|own| own.key != key) {
        return None;
    }
    let list = SignedDeviceList::from_bytes(&account.device_list.0).ok()?;
    let pinned = PinnedAccount::first_use(engine.account(), key, list).ok()?;
    Some(engine.device().is_some_and(|us| pinned.device(us).is_some()))
}

/// Counts failures of a file's parts in a row.
#[derive(Default)]
pub(crate) struct Patience(u32);

impl Patience {
    pub(crate) fn works(&mut self) {
        self.0 = 0;
    }

    /// How long to wait before the next attempt; a little longer after each.
    ///
    /// # Errors
    /// The same error, where trying again does not help.
    pub(crate) fn fails(&mut self, error: Error) -> Result<Duration, Error> {
        self.0 += 1;
        let helps = error.retryable() || matches!(error, Error::Relay { code: Code::Timeout, .. });
        let asked = error.retry_after().unwrap_or_default();
        if self.0 > PATIENCE || !helps || asked > LONGEST_ASKED_OF_FILES {
            return Err(error);
        }
        let own = if self.0 == 1 { 0 } else { 1 << (self.0 - 2) };
        Ok(Duration::from_secs(own.max(asked).into()))
    }
}
