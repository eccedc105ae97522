//! The trace: an observer is told of every key of a session as it is derived, used, kept and erased,
//! and of the one-time prekeys that a session uses up. What goes without a message of its own
//! (archived sessions that make room, rotated prekeys, a handshake that is refused) is wiped in
//! silence.
//!
//! It exists for walkthroughs and for tests. The calls are generic over the observer, so with
//! [`Silent`] they compile to nothing.

use core::fmt;

use crate::x25519::PublicKey;

/// An input of the handshake's key derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agreement {
    /// DH(IK of the initiator, SPK of the responder).
    Dh1,
    /// DH(EK of the initiator, IK of the responder).
    Dh2,
    /// DH(EK of the initiator, SPK of the responder).
    Dh3,
    /// DH(EK of the initiator, OPK of the responder).
    Dh4,
    /// The ML-KEM-1024 shared secret.
    Kem,
}

/// Where a key stands in the key tree. Chains are named by the root step that began them: step 0 is
/// the handshake, step 1 begins the initiator's first chain, and both parties count alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// An input of the handshake.
    Agreement(Agreement),
    /// EK: the initiator's private key of the handshake.
    Ephemeral,
    /// The private half of OPK.
    OneTimePreKey {
        /// Its number.
        id: u32,
    },
    /// The private half of a one-time KEM prekey.
    OneTimeKemPreKey {
        /// Its number.
        id: u32,
    },
    /// Our private ratchet key. A responder's first one is its signed prekey; what is erased here is
    /// the ratchet's, not the device's.
    RatchetKey,
    /// What our ratchet key and theirs agreed on for this root step.
    SharedSecret {
        /// The root step.
        step: u64,
    },
    /// RK after this many root steps.
    Root {
        /// The root step.
        step: u64,
    },
    /// HK of the chain that this root step begins.
    Header {
        /// The root step.
        step: u64,
    },
    /// CK, before message `n` of the chain.
    Chain {
        /// The root step that began the chain.
        step: u64,
        /// The number of the message that comes next.
        n: u32,
    },
    /// MK of message `n` of the chain.
    Message {
        /// The root step that began the chain.
        step: u64,
        /// The message's number.
        n: u32,
    },
}

/// What happened to a key. Its `Debug` shows no key.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// A key came to be. The only event that shows its bytes.
    Derived {
        /// Which key.
        place: Place,
        /// Its bytes.
        key: &'a [u8; 32],
    },
    /// A key sealed or opened something.
    Used {
        /// Which key.
        place: Place,
    },
    /// A message key was put aside for a message that is still on its way.
    Kept {
        /// Which key.
        place: Place,
    },
    /// A key was wiped.
    Erased {
        /// Which key.
        place: Place,
    },
    /// The DH ratchet turned: our key and theirs led to this root step.
    DhStep {
        /// The root step.
        step: u64,
        /// Our ratchet key.
        ours: PublicKey,
        /// Theirs.
        theirs: PublicKey,
    },
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Derived { place, .. } => write!(formatter, "Derived({place:?})"),
            Self::Used { place } => write!(formatter, "Used({place:?})"),
            Self::Kept { place } => write!(formatter, "Kept({place:?})"),
            Self::Erased { place } => write!(formatter, "Erased({place:?})"),
            Self::DhStep { step, .. } => write!(formatter, "DhStep({step})"),
        }
    }
}

/// Is told of every event, in order.
pub trait Observer {
    /// Takes note of an event.
    fn observe(&mut self, event: Event<'_>);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    #[inline]
    fn observe(&mut self, _: Event<'_>) {}
}

impl<O: Observer> Observer for &mut O {
    #[inline]
    fn observe(&mut self, event: Event<'_>) {
        (**self).observe(event);
    }
}
