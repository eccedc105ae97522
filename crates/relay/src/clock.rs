//! The time, as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// What tells the relay the time of day. Tests turn its hands.
pub trait Clock: Send + Sync + 'static {
    /// Seconds since 1970-01-01 00:00 UTC.
    fn now(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time enters the relay")]
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}
