//! Our own device: its identity and its prekeys.

use rand_core::CryptoRng;

use crate::address::{Address, DeviceIdentity};
use crate::codec::{Damaged, Reader, Writer};
use crate::env::Env;
use crate::keys::{AccountKey, IdentityKeyPair};
use crate::prekeys::{
    IdsUsedUp, KemPreKey, Left, OneTimeUpload, PreKeyBundle, PreKeys, SignedPreKey,
};
use crate::time::Timestamp;

/// What a device holds besides its sessions. It changes, and must be durable, when prekeys are rotated
/// or replenished and when a received message started a session.
pub struct LocalDevice {
    public: DeviceIdentity,
    identity: IdentityKeyPair,
    prekeys: PreKeys,
}

impl LocalDevice {
    /// Makes a device: draws 32 bytes for IK, 32 for SPK, 64 for the last-resort KEM prekey. It has no
    /// one-time prekeys until [`LocalDevice::replenish`].
    pub fn generate<R: CryptoRng, O>(
        address: Address,
        account_key: AccountKey,
        env: &mut Env<'_, R, O>,
    ) -> Self {
        let identity = IdentityKeyPair::generate(env.rng);
        Self::with_identity(identity, address, account_key, env)
    }

    /// Makes a device of an identity key that it has already, as one does that is signed into an
    /// account before it knows its number: draws 32 bytes for SPK, 64 for the last-resort KEM prekey.
    pub fn with_identity<R: CryptoRng, O>(
        identity: IdentityKeyPair,
        address: Address,
        account_key: AccountKey,
        env: &mut Env<'_, R, O>,
    ) -> Self {
        let prekeys = PreKeys::generate(env.now, env.rng);
        let public = DeviceIdentity { address, account_key, identity_key: identity.public() };
        Self { public, identity, prekeys }
    }

    /// For a device whose state may be an older copy of itself: erases every private half, so that no
    /// first message is opened twice, and makes a new SPK, a new last-resort KEM prekey and so many
    /// one-time prekeys that the directory holds no others, with ids that a newer copy has not used.
    ///
    /// # Errors
    /// [`IdsUsedUp`]; then nothing changed.
    pub fn start_afresh<R: CryptoRng, O>(
        &mut self,
        env: &mut Env<'_, R, O>,
    ) -> Result<OneTimeUpload, IdsUsedUp> {
        self.prekeys.start_afresh(&self.identity, env.now, env.rng)
    }

    /// Who we are to others.
    #[must_use]
    pub fn public(&self) -> &DeviceIdentity {
        &self.public
    }

    /// IK.
    #[must_use]
    pub fn identity(&self) -> &IdentityKeyPair {
        &self.identity
    }

    /// The current signed prekey, to be published.
    #[must_use]
    pub fn signed_prekey(&self) -> SignedPreKey {
        self.prekeys.signed_prekey(&self.identity)
    }

    /// The current last-resort KEM prekey, to be published.
    #[must_use]
    pub fn last_resort(&self) -> KemPreKey {
        self.prekeys.last_resort(&self.identity)
    }

    /// A bundle without one-time prekeys.
    #[must_use]
    pub fn last_resort_bundle(&self) -> PreKeyBundle {
        PreKeyBundle {
            owner: self.public.clone(),
            signed: self.signed_prekey(),
            kem: self.last_resort(),
            one_time: None,
        }
    }

    /// When [`LocalDevice::rotate`] has something to do next; call it then, or once a day.
    #[must_use]
    pub fn rotation_due(&self) -> Timestamp {
        self.prekeys.rotation_due()
    }

    /// Rotates the signed prekey and the last-resort KEM prekey if they have served
    /// [`PREKEY_LIFETIME`](crate::PREKEY_LIFETIME), and erases what retired
    /// [`PREKEY_GRACE`](crate::PREKEY_GRACE) ago. True where there is something new to publish.
    ///
    /// # Errors
    /// [`IdsUsedUp`]; then nothing changed.
    pub fn rotate<R: CryptoRng, O>(&mut self, env: &mut Env<'_, R, O>) -> Result<bool, IdsUsedUp> {
        self.prekeys.rotate(env.now, env.rng)
    }

    /// Makes one-time prekeys if the directory has fewer than
    /// [`REFILL_BELOW`](crate::REFILL_BELOW) of a kind left: so many that it has
    /// [`REFILL_TO`](crate::REFILL_TO). Publish them once the device is durable.
    ///
    /// # Errors
    /// [`IdsUsedUp`]; then nothing changed.
    pub fn replenish<R: CryptoRng, O>(
        &mut self,
        left: Left,
        env: &mut Env<'_, R, O>,
    ) -> Result<OneTimeUpload, IdsUsedUp> {
        self.prekeys.replenish(left, &self.identity, env.now, env.rng)
    }

    /// The private halves of the prekeys.
    #[must_use]
    pub fn prekeys(&self) -> &PreKeys {
        &self.prekeys
    }

    pub(crate) fn prekeys_mut(&mut self) -> &mut PreKeys {
        &mut self.prekeys
    }

    /// About how many bytes [`write`](Self::write) writes, and not fewer.
    pub(crate) fn written_len(&self) -> usize {
        self.prekeys.written_len().saturating_add(256)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.public.write(writer);
        self.identity.write(writer);
        self.prekeys.write(writer);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let public = DeviceIdentity::read(reader)?;
        let identity = IdentityKeyPair::read(reader)?;
        let prekeys = PreKeys::read(reader)?;
        if identity.public() == public.identity_key {
            Ok(Self { public, identity, prekeys })
        } else {
            Err(Damaged)
        }
    }
}
