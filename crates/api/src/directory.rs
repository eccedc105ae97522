//! Accounts, keys and tokens: JSON bodies of the directory's calls (`docs/API.md`).

use serde::{Deserialize, Serialize};

use crate::base64::Base64;
use crate::login::Login;
use crate::name::{AccountName, DeviceId};

/// Prekeys to publish. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct PublishKeys {
    /// SPK, in the layout `prekey` of PROTOCOL.md, section 4: 108 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<Base64>,
    /// The last-resort KEM prekey, in the same layout: 1644 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_resort: Option<Base64>,
    /// OPKs, each `u32(id) || key`: 36 bytes. Those whose ids are not above all published before are
    /// passed over: a prekey is never handed out twice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub one_time: Vec<Base64>,
    /// One-time KEM prekeys, each in the layout `prekey`: 1644 bytes. Ids as with OPKs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub one_time_kem: Vec<Base64>,
}

/// How many one-time prekeys of a device are left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyCounts {
    /// X25519 ones.
    pub one_time: u32,
    /// ML-KEM ones.
    pub one_time_kem: u32,
}

/// A new account, with its first device logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Its name.
    pub name: AccountName,
    /// Its account key: 32 bytes.
    pub account_key: Base64,
    /// Its signed device list, version 1, with one device.
    pub device_list: Base64,
    /// The device's prekeys; `signed` and `last_resort` must be there.
    pub keys: PublishKeys,
    /// The device's login: nobody registers with a list and keys copied from elsewhere.
    pub login: Login,
    /// The invitation's code, where the relay asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
}

/// A login of a device of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// The account.
    pub name: AccountName,
    /// The device.
    pub device: DeviceId,
    /// Its signed login.
    pub login: Login,
}

/// A token, and what the relay remembers of the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// For `Authorization: Bearer` and for the socket. The relay keeps only its hash.
    pub token: Base64,
    /// Until when, in seconds since 1970.
    pub expires: u64,
    /// The highest number of a send that the relay has accepted from this device. A device that has
    /// only used lower ones runs on an older copy of its state.
    pub mark: u64,
}

/// An account, as everyone may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// Its account key: 32 bytes.
    pub account_key: Base64,
    /// Its current signed device list.
    pub device_list: Base64,
}

/// A new device list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutDevices {
    /// Signed, and one version above the current one.
    pub device_list: Base64,
}

/// Bundles of an account's devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Claimed {
    /// Its account key: 32 bytes.
    pub account_key: Base64,
    /// Its current signed device list.
    pub device_list: Base64,
    /// One bundle for each device that has published keys; the own device is left out.
    pub bundles: Vec<ClaimedBundle>,
}

/// A device's bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimedBundle {
    /// The device.
    pub device: DeviceId,
    /// In the layout `bundle` of PROTOCOL.md, section 4.
    pub bundle: Base64,
    /// Whether there is a one-time X25519 prekey in it. Without one the first message can be replayed
    /// until the signed prekey is rotated, but for the receiver's memory of it.
    pub one_time: bool,
    /// Whether its KEM prekey is a one-time one and not the last resort.
    pub one_time_kem: bool,
}
