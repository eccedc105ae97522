//! ML-KEM-1024 (FIPS 203): the post-quantum half of the handshake.
//!
//! A private key is kept as the 64-byte seed that FIPS 203 derives it from (d, then z) and expanded
//! when it is used.

use alloc::boxed::Box;

use libcrux_ml_kem::mlkem1024::{
    self, MlKem1024Ciphertext, MlKem1024PrivateKey, MlKem1024PublicKey,
};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::codec::{Damaged, Reader, Writer};
use crate::secret::Secret;
use crate::x25519::InvalidKey;

/// Bytes of the seed that a key pair is derived from.
pub const KEM_SEED_LEN: usize = 64;
/// Bytes of a public key.
pub const KEM_PUBLIC_KEY_LEN: usize = 1568;
/// Bytes of a ciphertext.
pub const KEM_CIPHERTEXT_LEN: usize = 1568;

/// An ML-KEM-1024 public key that passed the check of FIPS 203, section 7.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KemPublicKey(Box<[u8; KEM_PUBLIC_KEY_LEN]>);

/// An ML-KEM-1024 ciphertext. Any bytes of the right length are one; a wrong one decapsulates to a
/// secret that nobody else has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KemCiphertext(Box<[u8; KEM_CIPHERTEXT_LEN]>);

/// What encapsulation and decapsulation share.
pub struct KemSharedSecret(Secret<32>);

/// A private key, as its seed.
pub struct KemKeyPair {
    seed: Secret<KEM_SEED_LEN>,
}

impl KemPublicKey {
    /// Takes the 1,568 bytes of an encapsulation key (M-KEY-6).
    ///
    /// # Errors
    /// [`InvalidKey`] where a coefficient is not reduced (FIPS 203, section 7.2).
    pub fn from_bytes(bytes: &[u8; KEM_PUBLIC_KEY_LEN]) -> Result<Self, InvalidKey> {
        if mlkem1024::validate_public_key(&MlKem1024PublicKey::from(bytes)) {
            Ok(Self(Box::new(*bytes)))
        } else {
            Err(InvalidKey)
        }
    }

    /// The 1,568 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEM_PUBLIC_KEY_LEN] {
        &self.0
    }

    /// `ML-KEM.Encaps`: draws 32 bytes of `rng`.
    pub fn encapsulate<R: CryptoRng>(&self, rng: &mut R) -> (KemCiphertext, KemSharedSecret) {
        let randomness = Secret::<32>::random(rng);
        let key = MlKem1024PublicKey::from(self.as_bytes());
        let (ciphertext, mut shared) = mlkem1024::encapsulate(&key, *randomness.expose());
        let secret = Secret::copy_of(&shared);
        shared.zeroize();
        (KemCiphertext(Box::new(*ciphertext.as_slice())), KemSharedSecret(secret))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Self::from_bytes(reader.array()?).map_err(|InvalidKey| Damaged)
    }
}

impl KemCiphertext {
    /// Takes the 1,568 bytes of a ciphertext.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEM_CIPHERTEXT_LEN]) -> Self {
        Self(Box::new(*bytes))
    }

    /// The 1,568 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEM_CIPHERTEXT_LEN] {
        &self.0
    }
}

impl KemSharedSecret {
    /// Reads the secret.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

impl KemKeyPair {
    /// Draws a key pair: 64 bytes of `rng`.
    pub fn generate<R: CryptoRng>(rng: &mut R) -> Self {
        Self::from_seed(Secret::random(rng))
    }

    /// Takes the seed: d, then z.
    #[must_use]
    pub fn from_seed(seed: Secret<KEM_SEED_LEN>) -> Self {
        Self { seed }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> KemPublicKey {
        self.expand().public()
    }

    /// `ML-KEM.Decaps`.
    #[must_use]
    pub fn decapsulate(&self, ciphertext: &KemCiphertext) -> KemSharedSecret {
        self.expand().decapsulate(ciphertext)
    }

    /// `ML-KEM.KeyGen_internal(d, z)`.
    pub(crate) fn expand(&self) -> ExpandedKemKeyPair {
        let pair = mlkem1024::generate_key_pair(*self.seed.expose());
        let (private, public) = pair.into_parts();
        let public = KemPublicKey(Box::new(*public.as_slice()));
        ExpandedKemKeyPair { private: Box::new(private), public }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.put(self.seed.expose());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self::from_seed(Secret::copy_of(reader.array()?)))
    }
}

/// A key pair in the form that the library computes with, wiped when dropped.
pub(crate) struct ExpandedKemKeyPair {
    private: Box<MlKem1024PrivateKey>,
    public: KemPublicKey,
}

impl ExpandedKemKeyPair {
    pub(crate) fn public(&self) -> KemPublicKey {
        self.public.clone()
    }

    pub(crate) fn decapsulate(&self, ciphertext: &KemCiphertext) -> KemSharedSecret {
        let ciphertext = MlKem1024Ciphertext::from(ciphertext.as_bytes());
        let shared = Zeroizing::new(mlkem1024::decapsulate(&self.private, &ciphertext));
        KemSharedSecret(Secret::copy_of(&shared))
    }
}

impl Drop for ExpandedKemKeyPair {
    fn drop(&mut self) {
        let len = MlKem1024PrivateKey::len();
        // The library does not wipe its keys.
        self.private[0..len].zeroize();
    }
}

#[cfg(test)]
mod tests;
