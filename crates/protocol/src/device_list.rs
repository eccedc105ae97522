//! The signed device list of an account, and what a client pins of it.
//!
//! The account key signs the list, so whoever serves it can neither add a device nor swap a key;
//! the version only ever rises, so they cannot bring a removed device back either.

use alloc::vec::Vec;

use crate::address::{AccountName, Address, DeviceId, DeviceIdentity};
use crate::codec::{Damaged, Reader, Writer};
use crate::keys::{AccountKey, AccountKeyPair, IdentityKey, Purpose, SIGNATURE_LEN, Signature};
use crate::time::Timestamp;

/// The most devices an account has.
pub const MAX_DEVICES: usize = 8;

/// One entry of a device list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number.
    pub id: DeviceId,
    /// Its identity key.
    pub identity_key: IdentityKey,
    /// When it was added.
    pub created: Timestamp,
}

/// The devices of an account, well formed: 1 to 8 of them, ids rising, no identity key twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceList {
    version: u64,
    account: AccountName,
    devices: Vec<Device>,
}

/// These devices are no device list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device list has a version from 1 and 1 to 8 devices, ids rising, no identity key twice")]
pub struct InvalidList;

impl DeviceList {
    /// Takes a version (from 1, one higher with each change) and the devices (M-LIST-2).
    ///
    /// # Errors
    /// [`InvalidList`] where version is 0, there are no devices or more than [`MAX_DEVICES`], their
    /// ids do not rise, or two share an identity key.
    pub fn new(
        version: u64,
        account: AccountName,
        devices: Vec<Device>,
    ) -> Result<Self, InvalidList> {
        let counted = version > 0 && (1..=MAX_DEVICES).contains(&devices.len());
        let rising = devices.is_sorted_by(|one, next| one.id < next.id);
        let distinct = devices.iter().enumerate().all(|(index, device)| {
            devices
                .iter()
                .skip(index.saturating_add(1))
                .all(|d| d.identity_key != device.identity_key)
        });
        if counted && rising && distinct {
            Ok(Self { version, account, devices })
        } else {
            Err(InvalidList)
        }
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whose devices these are.
    #[must_use]
    pub fn account(&self) -> &AccountName {
        &self.account
    }

    /// The devices, by rising id.
    #[must_use]
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The body that the account key signs:
    /// `version (8) || length of the name (1) || name || count (2) || (id (4) || IK (32) || created (8))…`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(512);
        self.write(&mut writer);
        writer.into_public()
    }

    /// Signs the list.
    #[must_use]
    pub fn sign(self, account: &AccountKeyPair) -> SignedDeviceList {
        let signature = account.sign(Purpose::DeviceList, &self.to_bytes());
        SignedDeviceList { list: self, signature }
    }

    fn write(&self, writer: &mut Writer) {
        writer.u64(self.version);
        self.account.write(writer);
        writer.list(self.devices.iter(), |writer, device| {
            writer.u32(device.id.get());
            writer.put(device.identity_key.as_bytes());
            writer.u64(device.created.seconds());
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let version = reader.u64()?;
        let account = AccountName::read(reader)?;
        let devices = reader.list(MAX_DEVICES, |reader| {
            Ok(Device {
                id: DeviceId::read(reader)?,
                identity_key: IdentityKey::read(reader)?,
                created: Timestamp::from_seconds(reader.u64()?),
            })
        })?;
        Self::new(version, account, devices).map_err(|InvalidList| Damaged)
    }
}

/// A device list with a signature that nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDeviceList {
    list: DeviceList,
    signature: Signature,
}

/// The bytes are no signed device list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed device list")]
pub struct MalformedList;

impl SignedDeviceList {
    /// `list || signature (64)`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(512);
        self.write(&mut writer);
        writer.into_public()
    }

    /// Takes the bytes of [`SignedDeviceList::to_bytes`].
    ///
    /// # Errors
    /// [`MalformedList`] where they are anything else, or something follows them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedList> {
        let mut reader = Reader::new(bytes);
        Self::read(&mut reader)
            .and_then(|list| reader.end().map(|()| list))
            .map_err(|Damaged| MalformedList)
    }

    /// The list, once the signature holds (M-LIST-3).
    fn verify(self, account: &AccountName, key: &AccountKey) -> Result<DeviceList, ListRefusal> {
        if self.list.account != *account {
            return Err(ListRefusal::OtherAccount);
        }
        key.verify(Purpose::DeviceList, &self.list.to_bytes(), &self.signature)
            .map_err(|_| ListRefusal::BadSignature)?;
        Ok(self.list)
    }

    fn write(&self, writer: &mut Writer) {
        self.list.write(writer);
        writer.put(&self.signature.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let list = DeviceList::read(reader)?;
        let signature = Signature(*reader.array::<SIGNATURE_LEN>()?);
        Ok(Self { list, signature })
    }
}

/// Why a device list was not taken; what is pinned stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListRefusal {
    /// It is the list of another account than the one asked for.
    #[error("the device list belongs to another account")]
    OtherAccount,
    /// The directory offers another account key than the pinned one. A hard stop: only a person can
    /// accept that, by pinning anew.
    #[error("the account key has changed; compare safety numbers before you accept the new one")]
    AccountKeyChanged,
    /// The signature is not the account key's.
    #[error("the device list is not signed by the account key")]
    BadSignature,
    /// Its version is lower than one seen before.
    #[error("the device list is older than one seen before")]
    Older,
    /// Its version is the one seen before, its content is not.
    #[error("two different device lists have the same version")]
    Conflicting,
}

/// What a client remembers of an account from its first use on: the account key and the newest
/// device list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedAccount {
    key: AccountKey,
    list: DeviceList,
}

impl PinnedAccount {
    /// Trust on first use: pins the key that the directory offers with a list that it signed.
    ///
    /// # Errors
    /// [`ListRefusal::OtherAccount`], [`ListRefusal::BadSignature`].
    pub fn first_use(
        account: &AccountName,
        key: AccountKey,
        list: SignedDeviceList,
    ) -> Result<Self, ListRefusal> {
        list.verify(account, &key).map(|list| Self { key, list })
    }

    /// Takes what the directory offers later (M-LIST-4, M-LIST-5).
    ///
    /// # Errors
    /// Every [`ListRefusal`]; then nothing changed.
    pub fn update(&mut self, key: &AccountKey, list: SignedDeviceList) -> Result<(), ListRefusal> {
        if *key != self.key {
            return Err(ListRefusal::AccountKeyChanged);
        }
        let list = list.verify(self.list.account(), &self.key)?;
        if list.version < self.list.version {
            return Err(ListRefusal::Older);
        }
        if list.version == self.list.version && list != self.list {
            return Err(ListRefusal::Conflicting);
        }
        self.list = list;
        Ok(())
    }

    /// The pinned account key.
    #[must_use]
    pub fn key(&self) -> &AccountKey {
        &self.key
    }

    /// The newest list.
    #[must_use]
    pub fn list(&self) -> &DeviceList {
        &self.list
    }

    /// A listed device, ready for a session; `None` where the list has no such device.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<DeviceIdentity> {
        self.list.devices.iter().find(|device| device.id == id).map(|device| DeviceIdentity {
            address: Address { account: self.list.account.clone(), device: id },
            account_key: self.key,
            identity_key: device.identity_key,
        })
    }

    /// About how many bytes [`write`](Self::write) writes, and not fewer.
    pub(crate) fn written_len(&self) -> usize {
        self.list.devices.len().saturating_mul(44).saturating_add(128)
    }

    /// Whether this device is listed now, with these keys. Where not, its sessions are over.
    #[must_use]
    pub fn vouches_for(&self, device: &DeviceIdentity) -> bool {
        self.device(device.address.device).as_ref() == Some(device)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.put(self.key.as_bytes());
        self.list.write(writer);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self { key: AccountKey::read(reader)?, list: DeviceList::read(reader)? })
    }
}

#[cfg(test)]
mod tests;
