//! Signed device lists, as a relay checks them (`docs/PROTOCOL.md`, section 3).

use crate::layout::{Damaged, Reader};
use crate::limit;
use crate::name::{AccountName, DeviceId};
use crate::signature::{BadSignature, Purpose, SIGNATURE_LEN, VerifyKey};

/// One entry of a device list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number.
    pub id: DeviceId,
    /// Its identity key.
    pub identity_key: VerifyKey,
    /// When it was added, in seconds since 1970.
    pub created: u64,
}

/// A well-formed device list (M-LIST-2) whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceList {
    /// From 1, one higher with each change.
    pub version: u64,
    /// Whose devices these are.
    pub account: AccountName,
    /// The devices, by rising id.
    pub devices: Vec<Device>,
    /// The list with its signature, as it came.
    pub signed: Vec<u8>,
}

/// Why bytes are no device list of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidList {
    /// They are not laid out as one, or break M-LIST-1 or M-LIST-2.
    #[error("not a signed device list (PROTOCOL.md, section 3)")]
    Malformed,
    /// The signature is not the account key's.
    #[error("the device list is not signed by the account key")]
    BadSignature,
}

impl DeviceList {
    /// Takes `list || signature (64)` and checks it against the account key.
    ///
    /// # Errors
    /// Every [`InvalidList`].
    pub fn verify(signed: &[u8], account_key: &VerifyKey) -> Result<Self, InvalidList> {
        let (body, signature) =
            signed.split_last_chunk::<SIGNATURE_LEN>().ok_or(InvalidList::Malformed)?;
        let list = Self::read(body, signed).map_err(|Damaged| InvalidList::Malformed)?;
        account_key
            .verify(Purpose::DeviceList, body, signature)
            .map_err(|BadSignature| InvalidList::BadSignature)?;
        Ok(list)
    }

    fn read(body: &[u8], signed: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(body);
        let version = reader.u64()?;
        let account = AccountName::read(&mut reader)?;
        let count = usize::from(reader.u16()?);
        if version == 0 || !(1..=limit::DEVICES).contains(&count) {
            return Err(Damaged);
        }
        let mut devices: Vec<Device> = Vec::with_capacity(count);
        for _ in 0..count {
            let id = DeviceId::new(reader.u32()?).ok_or(Damaged)?;
            let identity_key = VerifyKey::read(&mut reader)?;
            let created = reader.u64()?;
            let rises = devices.last().is_none_or(|before| before.id < id);
            let twice = devices.iter().any(|before| before.identity_key == identity_key);
            if !rises || twice {
                return Err(Damaged);
            }
            devices.push(Device { id, identity_key, created });
        }
        reader.end()?;
        Ok(Self { version, account, devices, signed: signed.to_vec() })
    }
}

#[cfg(test)]
mod tests;
