//! Where time and randomness enter the client.

use std::time::{SystemTime, UNIX_EPOCH};

use chacha20::ChaCha20Rng;
use rand_core::SeedableRng;
use sprag_protocol::Timestamp;
use zeroize::Zeroizing;

use super::Error;

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is where time enters the client")]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_seconds(since.map_or(0, |since| since.as_secs()))
}

/// A generator of its own, seeded by the operating system.
#[expect(clippy::disallowed_methods, reason = "this is where randomness enters the client")]
pub(super) fn randomness() -> Result<ChaCha20Rng, Error> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|_| Error::System)?;
    Ok(ChaCha20Rng::from_seed(*seed))
}
