//! X25519 by aws-lc-rs.

use aws_lc_rs::agreement::{self, UnparsedPublicKey, X25519};

use crate::secret::Secret;

pub(super) struct PrivateKey(agreement::PrivateKey);

impl PrivateKey {
    /// The private key and its public key.
    #[expect(clippy::expect_used, reason = "any 32 bytes are a private key; only allocation fails")]
    pub(super) fn new(secret: &[u8; 32]) -> (Self, [u8; 32]) {
        let private = agreement::PrivateKey::from_private_key(&X25519, secret)
            .expect("any 32 bytes are a private key");
        let public = private
            .compute_public_key()
            .ok()
            .and_then(|key| key.as_ref().try_into().ok())
            .expect("every private key has a public key of 32 bytes");
        (Self(private), public)
    }

    /// `None` where the result is all zero.
    pub(super) fn agree(&self, theirs: &[u8; 32]) -> Option<Secret<32>> {
        agreement::agree(&self.0, UnparsedPublicKey::new(&X25519, theirs), (), |shared| {
            shared.try_into().map(Secret::copy_of).map_err(|_| ())
        })
        .ok()
    }
}
