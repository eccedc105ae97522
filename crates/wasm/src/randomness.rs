//! Where randomness enters: the browser's, or Node's, by `WebCrypto`.

use chacha20::ChaCha20Rng;
use rand_core::SeedableRng;
use zeroize::Zeroizing;

use crate::fault::Fault;

#[cfg(feature = "vectors")]
pub(crate) use crate::script::Randomness;
#[cfg(not(feature = "vectors"))]
pub(crate) type Randomness = ChaCha20Rng;

/// A generator of its own.
#[expect(clippy::disallowed_methods, reason = "this is where randomness enters")]
pub(crate) fn seeded() -> Result<ChaCha20Rng, Fault> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|_| Fault::of("system"))?;
    Ok(ChaCha20Rng::from_seed(*seed))
}

/// What new keys come from.
#[cfg(not(feature = "vectors"))]
pub(crate) fn randomness() -> Result<Randomness, Fault> {
    seeded()
}

/// What new keys come from: a script, as long as there is one.
#[cfg(feature = "vectors")]
pub(crate) fn randomness() -> Result<Randomness, Fault> {
    Ok(Randomness::over(seeded()?))
}
