//! Who a device is: the account's name, the device's number, and the keys that speak for them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::codec::{Damaged, Reader, Writer};
use crate::keys::{AccountKey, IdentityKey};

/// The longest account name, in bytes.
pub const MAX_NAME_LEN: usize = 64;

/// An account's name: `[a-z0-9][a-z0-9._-]{0,63}`, unique on one relay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

/// The text is no account name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an account name is 1 to 64 of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit"
)]
pub struct InvalidName;

impl AccountName {
    /// Takes a name (M-LIST-1).
    ///
    /// # Errors
    /// [`InvalidName`] where it does not match `[a-z0-9][a-z0-9._-]{0,63}`.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let starts = name.bytes().next().is_some_and(letter);
        let goes_on = name.bytes().all(|byte| letter(byte) || matches!(byte, b'.' | b'_' | b'-'));
        if starts && goes_on && name.len() <= MAX_NAME_LEN {
            Ok(Self(name.into()))
        } else {
            Err(InvalidName)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One byte of length, then the name.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u8(u8::try_from(self.0.len()).unwrap_or(u8::MAX));
        writer.put(self.0.as_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let len = usize::from(reader.u8()?);
        let name = core::str::from_utf8(reader.slice(len)?).map_err(|_| Damaged)?;
        Self::new(name).map_err(|InvalidName| Damaged)
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A device's number within its account, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(u32);

impl DeviceId {
    /// Every account's first device.
    pub const FIRST: Self = Self(1);

    /// Takes a number; `None` where it is 0.
    #[must_use]
    pub fn new(id: u32) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Self::new(reader.u32()?).ok_or(Damaged)
    }
}

/// Where messages for a device go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The account.
    pub account: AccountName,
    /// The device.
    pub device: DeviceId,
}

impl Address {
    /// `length of the name (1) || name || device id (4)`: no address is the beginning of another.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(MAX_NAME_LEN.saturating_add(5));
        self.write(&mut writer);
        writer.into_public()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.account.write(writer);
        writer.u32(self.device.get());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self { account: AccountName::read(reader)?, device: DeviceId::read(reader)? })
    }
}

/// A device as others know it: its address, its account's key, its own identity key.
///
/// Whoever builds one vouches for it: take it from a verified [`DeviceList`](crate::DeviceList).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceIdentity {
    /// Where it is.
    pub address: Address,
    /// The account it belongs to.
    pub account_key: AccountKey,
    /// IK: who it is.
    pub identity_key: IdentityKey,
}

impl DeviceIdentity {
    /// `address || account key (32) || IK (32)`, as the handshake hashes it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(MAX_NAME_LEN.saturating_add(69));
        self.write(&mut writer);
        writer.into_public()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.address.write(writer);
        writer.put(self.account_key.as_bytes());
        writer.put(self.identity_key.as_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            address: Address::read(reader)?,
            account_key: AccountKey::read(reader)?,
            identity_key: IdentityKey::read(reader)?,
        })
    }
}
