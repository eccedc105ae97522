//! X25519 by x25519-dalek.

use x25519_dalek::{PublicKey, StaticSecret};

use crate::secret::Secret;

pub(super) struct PrivateKey(StaticSecret);

impl PrivateKey {
    /// The private key and its public key.
    pub(super) fn new(secret: &[u8; 32]) -> (Self, [u8; 32]) {
        let private = StaticSecret::from(*secret);
        let public = PublicKey::from(&private).to_bytes();
        (Self(private), public)
    }

    /// `None` where the result is all zero.
    pub(super) fn agree(&self, theirs: &[u8; 32]) -> Option<Secret<32>> {
        let shared = self.0.diffie_hellman(&PublicKey::from(*theirs));
        shared.was_contributory().then(|| Secret::copy_of(shared.as_bytes()))
    }
}
