//! Time as an argument: what a caller's clock said.

use core::time::Duration;

/// A moment, in whole seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Takes seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// `age` later.
    pub(crate) fn after(self, age: Duration) -> Self {
        Self(self.0.saturating_add(age.as_secs()))
    }

    /// Whether at least `age` has passed since this moment; false where the clock went back.
    pub(crate) fn is_older_than(self, age: Duration, now: Self) -> bool {
        now.0.checked_sub(self.0).is_some_and(|passed| passed >= age.as_secs())
    }
}

/// Days, as a duration.
pub(crate) const fn days(days: u64) -> Duration {
    Duration::from_secs(days.saturating_mul(24 * 60 * 60))
}
