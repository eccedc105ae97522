//! AES-256-GCM-SIV (RFC 8452) under keys that are used once, with a nonce of zeros.

use aes_gcm_siv::{AeadInOut, Aes256GcmSiv, KeyInit, Nonce, Tag};

use crate::kdf::KEY_LEN;

/// Bytes of the tag that follows a ciphertext.
pub(crate) const TAG_LEN: usize = 16;

/// Encrypts `buffer` in place and returns its tag.
#[expect(clippy::expect_used, reason = "AES-GCM-SIV refuses only inputs above 2^36 bytes")]
pub(crate) fn seal(key: &[u8; KEY_LEN], aad: &[u8], buffer: &mut [u8]) -> [u8; TAG_LEN] {
    Aes256GcmSiv::new(key.into())
        .encrypt_inout_detached(&Nonce::default(), aad, buffer.into())
        .expect("messages are far below 2^36 bytes")
        .into()
}

/// Decrypts `buffer` in place; `None`, and the ciphertext as it was, where the tag is wrong.
pub(crate) fn open(
    key: &[u8; KEY_LEN],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Option<()> {
    Aes256GcmSiv::new(key.into())
        .decrypt_inout_detached(&Nonce::default(), aad, buffer.into(), &Tag::from(*tag))
        .ok()
}

#[cfg(test)]
mod tests;
