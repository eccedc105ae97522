//! Long-term keys: the account key that signs, and the identity key that signs and agrees.
//!
//! Both are Ed25519 (RFC 8032). An identity key also agrees through its X25519 form (the birational
//! map of RFC 7748, section 4.1), so one 32-byte key names a device in both roles. Every signature
//! is over `label || 0x00 || body`, with a label of its own per purpose.

use alloc::vec::Vec;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::codec::{Damaged, Reader, Writer};
use crate::secret::Secret;
use crate::x25519::{InvalidKey, KeyPair, PublicKey, SharedSecret};

/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

/// What a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The account key vouches for the account's devices.
    DeviceList,
    /// A device vouches for its signed prekey.
    SignedPreKey,
    /// A device vouches for a KEM prekey.
    KemPreKey,
    /// A device asks a relay for a bearer token; `docs/API.md` says over what.
    Login,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::DeviceList => b"Sprag v1 device list",
            Self::SignedPreKey => b"Sprag v1 signed prekey",
            Self::KemPreKey => b"Sprag v1 kem prekey",
            Self::Login => b"Sprag v1 login",
        }
    }

    /// `label || 0x00 || body` (M-KEY-5).
    fn message(self, body: &[u8]) -> Vec<u8> {
        [self.label(), &[0], body].concat()
    }
}

/// An Ed25519 signature; nothing is known of it until it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; SIGNATURE_LEN]);

/// The signature is not by this key over these bytes for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// Takes 32 bytes that are the canonical encoding of a point which is not of low order (M-KEY-3).
fn point(bytes: &[u8; 32]) -> Result<VerifyingKey, InvalidKey> {
    let mut y = *bytes;
    let [.., top] = &mut y;
    *top &= 0x7F;
    // y below p leaves one encoding of each point, but for x = 0 with its sign set: both such points
    // are of low order.
    PublicKey::from_bytes(&y)?;
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| InvalidKey)?;
    if key.is_weak() { Err(InvalidKey) } else { Ok(key) }
}

/// RFC 8032, section 5.1.7, strict: canonical encodings only, no points of low order (M-KEY-4).
fn verify(
    key: &VerifyingKey,
    purpose: Purpose,
    body: &[u8],
    signature: &Signature,
) -> Result<(), BadSignature> {
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    key.verify_strict(&purpose.message(body), &signature).map_err(|_| BadSignature)
}

macro_rules! public_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(VerifyingKey);

        impl $name {
            /// Takes the 32 bytes of an Ed25519 public key.
            ///
            /// # Errors
            /// [`InvalidKey`] where they are no canonical encoding of a point, or the point is of
            /// low order.
            pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKey> {
                point(bytes).map(Self)
            }

            /// The 32 bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 32] {
                self.0.as_bytes()
            }

            /// Checks a signature by this key.
            ///
            /// # Errors
            /// [`BadSignature`] where it does not verify.
            pub fn verify(
                &self,
                purpose: Purpose,
                body: &[u8],
                signature: &Signature,
            ) -> Result<(), BadSignature> {
                verify(&self.0, purpose, body, signature)
            }

            pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
                Self::from_bytes(reader.array()?).map_err(|InvalidKey| Damaged)
            }
        }
    };
}

public_key! {
    /// An account: signs its device list and is what a safety number shows.
    AccountKey
}
public_key! {
    /// IK: a device; signs its prekeys and takes part in handshakes.
    IdentityKey
}

impl IdentityKey {
    /// The X25519 form (RFC 7748, section 4.1).
    #[must_use]
    pub fn agreement_key(&self) -> PublicKey {
        PublicKey::of_edwards(&self.0)
    }
}

/// The private half of an [`AccountKey`].
pub struct AccountKeyPair(Secret<32>);

impl AccountKeyPair {
    /// Draws an account key: 32 bytes of `rng`.
    pub fn generate<R: CryptoRng>(rng: &mut R) -> Self {
        Self(Secret::random(rng))
    }

    /// Takes the 32-byte seed of RFC 8032.
    #[must_use]
    pub fn from_seed(seed: Secret<32>) -> Self {
        Self(seed)
    }

    /// The seed, for a backup or a recovery phrase.
    #[must_use]
    pub fn seed(&self) -> &Secret<32> {
        &self.0
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> AccountKey {
        AccountKey(SigningKey::from_bytes(self.0.expose()).verifying_key())
    }

    /// Signs `body` for `purpose`.
    #[must_use]
    pub fn sign(&self, purpose: Purpose, body: &[u8]) -> Signature {
        sign(&self.0, purpose, body)
    }

    pub(crate) fn written_len(&self) -> usize {
        self.0.expose().len()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.put(self.0.expose());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self::from_seed(Secret::copy_of(reader.array()?)))
    }
}

fn sign(seed: &Secret<32>, purpose: Purpose, body: &[u8]) -> Signature {
    let key = SigningKey::from_bytes(seed.expose());
    Signature(key.sign(&purpose.message(body)).to_bytes())
}

/// The private half of an [`IdentityKey`].
pub struct IdentityKeyPair {
    seed: Secret<32>,
    public: IdentityKey,
    agreement: KeyPair,
}

impl IdentityKeyPair {
    /// Draws an identity key: 32 bytes of `rng`.
    pub fn generate<R: CryptoRng>(rng: &mut R) -> Self {
        Self::from_seed(Secret::random(rng))
    }

    /// Takes the 32-byte seed of RFC 8032.
    #[must_use]
    pub fn from_seed(seed: Secret<32>) -> Self {
        let key = SigningKey::from_bytes(seed.expose());
        // The scalar that RFC 8032 derives from the seed is the X25519 private key.
        let scalar = Zeroizing::new(key.to_scalar_bytes());
        let agreement = KeyPair::from_secret(Secret::copy_of(&scalar));
        Self { seed, public: IdentityKey(key.verifying_key()), agreement }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> IdentityKey {
        self.public
    }

    /// Signs `body` for `purpose`.
    #[must_use]
    pub fn sign(&self, purpose: Purpose, body: &[u8]) -> Signature {
        sign(&self.seed, purpose, body)
    }

    /// DH(IK, theirs), through the X25519 form.
    pub(crate) fn agree(&self, theirs: &PublicKey) -> Result<SharedSecret, InvalidKey> {
        self.agreement.agree(theirs)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.put(self.seed.expose());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self::from_seed(Secret::copy_of(reader.array()?)))
    }
}

#[cfg(test)]
mod tests;
