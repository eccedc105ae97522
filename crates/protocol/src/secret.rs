//! The one type that holds secret bytes (M-SEC-1).
//!
//! A [`Secret`] lives in one place on the heap from the moment it is derived until it is wiped, so
//! moving the struct that owns it leaves no copy behind. It has no `Debug`, `Clone`, `Copy`,
//! `PartialEq` or serialization: whoever needs the bytes says [`Secret::expose`].

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroize;

/// `N` secret bytes, wiped when dropped.
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Builds the secret in the place where it will live: `fill` writes all `N` bytes.
    pub fn build(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut secret = Self(Box::new([0; N]));
        fill(&mut secret.0);
        secret
    }

    /// Draws `N` bytes from `rng`.
    pub fn random<R: CryptoRng>(rng: &mut R) -> Self {
        Self::build(|bytes| rng.fill_bytes(bytes))
    }

    /// Copies `N` bytes that somebody else owns; wiping the original stays with them.
    #[must_use]
    pub fn copy_of(bytes: &[u8; N]) -> Self {
        Self::build(|own| own.copy_from_slice(bytes))
    }

    /// Reads the secret.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Zeroize for Secret<N> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

/// Secret bytes of any length: a state on its way to the disk. Wiped when dropped.
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes over `bytes`; they must not have been reallocated while they grew.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Reads the secret.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Hands the bytes over; wiping them is then up to the caller.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<u8> {
        core::mem::take(&mut self.0)
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use static_assertions::assert_not_impl_any;

    use super::*;
    use crate::kdf::{ChainKey, HeaderKey, MessageKey, RootKey};
    use crate::ratchet::{HeaderEncrypted, Plain, Ratchet};
    use crate::sessions::Received;
    use crate::{
        AccountKeyPair, IdentityKeyPair, KemKeyPair, KemSharedSecret, KeyPair, LocalDevice,
        PreKeys, Session, Sessions, SharedSecret,
    };

    // M-SEC-1: whatever holds a secret can be neither printed, copied nor compared.
    macro_rules! is_secret {
        ($($name:ty),*) => {$(
            assert_not_impl_any!($name: core::fmt::Debug, core::fmt::Display, Copy, Clone, PartialEq);
        )*};
    }
    is_secret!(Secret<32>, SecretBytes, RootKey, ChainKey, MessageKey, HeaderKey);
    is_secret!(IdentityKeyPair, AccountKeyPair, KemKeyPair, KeyPair, SharedSecret, KemSharedSecret);
    is_secret!(LocalDevice, PreKeys, Session, Sessions, Ratchet<HeaderEncrypted>, Ratchet<Plain>);

    #[test]
    fn what_can_be_printed_shows_no_secret() {
        let text = b"a text that nobody else may see";
        let session = crate::session::SessionId([1; 32]);
        let received = Received { plaintext: text.to_vec(), session, started: None };
        let shown = std::format!("{received:?}");
        assert!(shown.contains("31 bytes") && !shown.contains("97, 32") && !shown.contains("text"));
        let place = crate::trace::Place::RatchetKey;
        let event = crate::trace::Event::Derived { place, key: &[0xA5; 32] };
        assert_eq!(std::format!("{event:?}"), "Derived(RatchetKey)");
    }

    #[test]
    fn zeroize_wipes_every_byte() {
        let mut secret = Secret::copy_of(&[0xA5; 64]);
        assert_eq!(secret.expose(), &[0xA5; 64]);
        secret.zeroize();
        assert_eq!(secret.expose(), &[0; 64]);
    }
}
