//! What can go wrong, as decisions.

use sprag_protocol::ratchet::{OpenError, SealError};
use sprag_protocol::session::InitiateError;
use sprag_protocol::sessions::{DecryptError, EncryptError};
use sprag_protocol::{BundleError, IdsUsedUp, InvalidKey, InvalidName, StateError};

use crate::schedule::ScheduleError;

/// Why there is nothing to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The schedule is not one.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The theft would be after the last step.
    #[error("the theft lies after the last action")]
    TheftTooLate,
    /// The core refused something that cannot be refused in a walkthrough.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// What is shown would not be so: a key that must be there is not, or a text is another.
    #[error("the walkthrough contradicts itself")]
    Contradiction,
}

/// What the core refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A refill of prekeys.
    #[error(transparent)]
    Ids(#[from] IdsUsedUp),
    /// A bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A handshake.
    #[error(transparent)]
    Initiate(#[from] InitiateError),
    /// To seal.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    /// To open.
    #[error(transparent)]
    Decrypt(#[from] DecryptError),
    /// To seal, one floor below.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// To open, one floor below.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// A state.
    #[error(transparent)]
    State(#[from] StateError),
}

macro_rules! from {
    ($($error:ty),*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::Protocol(error.into())
            }
        }
    )*};
}
from!(InvalidName, IdsUsedUp, BundleError, InitiateError, EncryptError, DecryptError);
from!(SealError, OpenError, InvalidKey, StateError);

/// Shorter than the standard one.
pub(crate) type Result<T, E = Error> = core::result::Result<T, E>;
