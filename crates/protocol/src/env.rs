//! What a caller lends to an operation: the time, randomness, and an observer if someone watches.

use crate::time::Timestamp;
use crate::trace::Silent;

/// Time, randomness and an observer.
pub struct Env<'a, R, O = Silent> {
    /// What the caller's clock says.
    pub now: Timestamp,
    /// Where new keys come from; must be fit for cryptography.
    pub rng: &'a mut R,
    /// Is told of every key.
    pub observer: O,
}

impl<'a, R> Env<'a, R> {
    /// Nobody watches.
    pub fn new(now: Timestamp, rng: &'a mut R) -> Self {
        Self { now, rng, observer: Silent }
    }
}

impl<'a, R, O> Env<'a, R, O> {
    /// `observer` watches.
    pub fn observed(now: Timestamp, rng: &'a mut R, observer: O) -> Self {
        Self { now, rng, observer }
    }
}
