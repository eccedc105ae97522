//! The stopwatch, and the time of day for logins: a benchmark is a driver.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The stopwatch.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a login carries the time of day")]
pub(crate) fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
