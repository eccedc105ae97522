//! What differs between the modes of the ratchet, and between it and foreign wire formats.

use alloc::vec::Vec;

use crate::codec::{Damaged, Reader};
use crate::kdf::{self, ChainKey, HeaderKey, KEY_LEN, MessageKey, RootKey};
use crate::message::Header;
use crate::trace::{Event, Observer, Place};
use crate::x25519::SharedSecret;

/// How keys are derived, how headers and bodies are sealed, how many receiving chains stay open.
pub trait Suite {
    /// What seals the headers of a chain: [`HeaderKey`], or [`NoHeaderKey`] where they are visible.
    type HeaderKey: HeaderSecret;
    /// What a message is bound to besides its own bytes.
    type Context: ?Sized;

    /// How many receiving chains stay open, besides those that are kept for skipped messages.
    const OPEN_CHAINS: usize;
    /// Whether a header's PN closes the chain before it.
    const CLOSED_AT_PREVIOUS: bool;

    /// `KDF_RK`, `KDF_RK_HE`.
    fn root_step(root: &RootKey, shared: &SharedSecret) -> RootStep<Self>;

    /// `KDF_CK`.
    #[must_use]
    fn chain_step(chain: &ChainKey) -> (ChainKey, MessageKey) {
        kdf::chain_step(chain)
    }

    /// `HENCRYPT` and `ENCRYPT` together: the whole message.
    fn seal(
        header_key: &Self::HeaderKey,
        message_key: &MessageKey,
        header: Header,
        plaintext: &[u8],
        context: &Self::Context,
    ) -> Vec<u8>;

    /// `HDECRYPT`: the header, if `header_key` opens it. A visible header opens always; the engine
    /// then tells chains apart by their ratchet keys.
    fn open_header(header_key: &Self::HeaderKey, message: &[u8]) -> Option<Header>;

    /// `DECRYPT`: the plaintext, if `message_key` opens it.
    fn open(message_key: &MessageKey, message: &[u8], context: &Self::Context) -> Option<Vec<u8>>;
}

/// What a root step yields.
pub struct RootStep<S: Suite + ?Sized> {
    /// The next RK.
    pub root: RootKey,
    /// CK of the chain that the step begins.
    pub chain: ChainKey,
    /// NHK: seals headers one chain later in the same direction.
    pub next_header: S::HeaderKey,
}

/// A header key at rest.
pub trait HeaderSecret: Sized {
    /// Whether there is a key at all.
    const IS_KEY: bool;

    /// The key's bytes, if there are any.
    fn expose(&self) -> Option<&[u8; KEY_LEN]>;
    /// Takes what `take` reads, if this kind of header key has bytes.
    ///
    /// # Errors
    /// What `take` answers.
    fn restore<'a, E>(take: impl FnOnce() -> Result<&'a [u8; KEY_LEN], E>) -> Result<Self, E>;
}

impl HeaderSecret for HeaderKey {
    const IS_KEY: bool = true;

    fn expose(&self) -> Option<&[u8; KEY_LEN]> {
        Some(self.0.expose())
    }

    fn restore<'a, E>(take: impl FnOnce() -> Result<&'a [u8; KEY_LEN], E>) -> Result<Self, E> {
        take().map(Self::copy_of)
    }
}

/// Headers are visible: there is no key.
#[derive(Clone, Copy, Debug)]
pub struct NoHeaderKey;

impl HeaderSecret for NoHeaderKey {
    const IS_KEY: bool = false;

    fn expose(&self) -> Option<&[u8; KEY_LEN]> {
        None
    }

    fn restore<'a, E>(_: impl FnOnce() -> Result<&'a [u8; KEY_LEN], E>) -> Result<Self, E> {
        Ok(Self)
    }
}

/// The header key of a chain sealed or opened a header.
pub(super) fn header_used<S: Suite, O: Observer>(step: u64, observer: &mut O) {
    if S::HeaderKey::IS_KEY {
        observer.observe(Event::Used { place: Place::Header { step } });
    }
}

/// The header key of a chain was wiped.
pub(super) fn header_erased<S: Suite, O: Observer>(step: u64, observer: &mut O) {
    if S::HeaderKey::IS_KEY {
        observer.observe(Event::Erased { place: Place::Header { step } });
    }
}

pub(super) fn read<H: HeaderSecret>(reader: &mut Reader<'_>) -> Result<H, Damaged> {
    H::restore(|| reader.array())
}
