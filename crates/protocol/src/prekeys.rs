//! Prekeys: what a device leaves in the directory so that others can start a session while it is
//! away, and the private halves that it keeps.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::address::DeviceIdentity;
use crate::codec::{Damaged, Reader, Writer};
use crate::kem::KemPublicKey;
use crate::keys::{BadSignature, IdentityKey, IdentityKeyPair, Purpose, SIGNATURE_LEN, Signature};
use crate::time::Timestamp;
use crate::x25519::PublicKey;

mod by_id;
mod private;

pub(crate) use private::{Chosen, Unavailable};

pub use private::{
    IdsUsedUp, Left, MAX_ONE_TIME_HELD, MAX_REPLAY_MEMORY, MAX_REPLAY_MEMORY_PER_DEVICE,
    OneTimeUpload, PREKEY_GRACE, PREKEY_LIFETIME, PreKeys, REFILL_BELOW, REFILL_TO,
};

/// A prekey signed by IK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<K> {
    /// Its number, never used twice.
    pub id: u32,
    /// When it was made.
    pub created: Timestamp,
    /// The key.
    pub key: K,
    /// By IK, over `id (4) || created (8) || key`.
    pub signature: Signature,
}

/// SPK: an X25519 prekey, used by everyone until it is rotated.
pub type SignedPreKey = Signed<PublicKey>;

/// An ML-KEM-1024 prekey: one-time, or the last resort.
pub type KemPreKey = Signed<KemPublicKey>;

/// OPK: an X25519 prekey that serves one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimePreKey {
    /// Its number, never used twice.
    pub id: NonZeroU32,
    /// The key.
    pub key: PublicKey,
}

/// A kind of key that IK signs.
trait Signable: Sized {
    const PURPOSE: Purpose;
    fn bytes(&self) -> &[u8];
    fn take(reader: &mut Reader<'_>) -> Result<Self, Damaged>;
}

impl Signable for PublicKey {
    const PURPOSE: Purpose = Purpose::SignedPreKey;

    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Self::read(reader)
    }
}

impl Signable for KemPublicKey {
    const PURPOSE: Purpose = Purpose::KemPreKey;

    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Self::read(reader)
    }
}

/// `id || created || key`, the body of a prekey's signature.
fn body(id: u32, created: Timestamp, key: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes(), created.seconds().to_be_bytes().as_slice(), key].concat()
}

fn sign<K: Signable>(identity: &IdentityKeyPair, id: u32, created: Timestamp, key: K) -> Signed<K> {
    let signature = identity.sign(K::PURPOSE, &body(id, created, key.bytes()));
    Signed { id, created, key, signature }
}

fn verify<K: Signable>(prekey: &Signed<K>, owner: &IdentityKey) -> Result<(), BadSignature> {
    let body = body(prekey.id, prekey.created, prekey.key.bytes());
    owner.verify(K::PURPOSE, &body, &prekey.signature)
}

fn write<K: Signable>(prekey: &Signed<K>, writer: &mut Writer) {
    writer.u32(prekey.id);
    writer.u64(prekey.created.seconds());
    writer.put(prekey.key.bytes());
    writer.put(&prekey.signature.0);
}

fn read<K: Signable>(reader: &mut Reader<'_>) -> Result<Signed<K>, Damaged> {
    Ok(Signed {
        id: reader.u32()?,
        created: Timestamp::from_seconds(reader.u64()?),
        key: K::take(reader)?,
        signature: Signature(*reader.array::<SIGNATURE_LEN>()?),
    })
}

#[expect(private_bounds, reason = "IK signs two kinds of key, and nobody adds a third")]
impl<K: Signable> Signed<K> {
    /// `id (4) || created (8) || key || signature (64)`, as it is published.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.key.bytes().len().saturating_add(76));
        write(self, &mut writer);
        writer.into_public()
    }
}

impl OneTimePreKey {
    /// `id (4) || key (32)`, as it is published.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(36);
        self.write(&mut writer);
        writer.into_public()
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.id.get());
        writer.put(self.key.as_bytes());
    }
}

/// What starts a session with a device: who it is, and one prekey of each kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreKeyBundle {
    /// Whose prekeys these are: from a verified device list, never from the directory alone.
    pub owner: DeviceIdentity,
    /// SPK.
    pub signed: SignedPreKey,
    /// A one-time KEM prekey, or the last resort.
    pub kem: KemPreKey,
    /// OPK, while there are any left.
    pub one_time: Option<OneTimePreKey>,
}

/// A bundle whose signatures hold. Only this starts a session, and only one.
#[derive(Debug)]
pub struct VerifiedBundle(PreKeyBundle);

/// Why a bundle starts no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes are no bundle.
    #[error("not a prekey bundle")]
    Malformed,
    /// A prekey is not signed by its owner's identity key.
    #[error("a prekey is not signed by its owner")]
    BadSignature,
}

impl PreKeyBundle {
    /// Checks both signatures (M-PRE-2).
    ///
    /// # Errors
    /// [`BundleError::BadSignature`].
    pub fn verify(self) -> Result<VerifiedBundle, BundleError> {
        let owner = &self.owner.identity_key;
        let both = verify(&self.signed, owner).and_then(|()| verify(&self.kem, owner));
        match both {
            Ok(()) => Ok(VerifiedBundle(self)),
            Err(BadSignature) => Err(BundleError::BadSignature),
        }
    }

    /// `owner || id, created, key, signature of SPK || the same of the KEM prekey || 0, or 1 and
    /// id, key of OPK`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(2048);
        self.owner.write(&mut writer);
        write(&self.signed, &mut writer);
        write(&self.kem, &mut writer);
        writer.option(self.one_time.as_ref(), |writer, prekey| prekey.write(writer));
        writer.into_public()
    }

    /// Takes the bytes of [`PreKeyBundle::to_bytes`].
    ///
    /// # Errors
    /// [`BundleError::Malformed`] where they are anything else, or something follows them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let mut reader = Reader::new(bytes);
        Self::read(&mut reader)
            .and_then(|bundle| reader.end().map(|()| bundle))
            .map_err(|Damaged| BundleError::Malformed)
    }

    /// M-PRE-5
    fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let bundle = Self {
            owner: DeviceIdentity::read(reader)?,
            signed: read(reader)?,
            kem: read(reader)?,
            one_time: reader.option(|reader| {
                Ok(OneTimePreKey {
                    id: NonZeroU32::new(reader.u32()?).ok_or(Damaged)?,
                    key: PublicKey::read(reader)?,
                })
            })?,
        };
        if bundle.signed.id == 0 || bundle.kem.id == 0 { Err(Damaged) } else { Ok(bundle) }
    }
}

impl VerifiedBundle {
    pub(crate) fn into_inner(self) -> PreKeyBundle {
        self.0
    }

    /// The bundle.
    #[must_use]
    pub fn get(&self) -> &PreKeyBundle {
        &self.0
    }
}

#[cfg(test)]
mod tests;
