//! Messages over plain HTTP: JSON bodies of the mailbox calls (`docs/API.md`).

use serde::{Deserialize, Serialize};

use crate::base64::Base64;
use crate::name::{AccountName, DeviceId};

/// One message for every device of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// What this device calls it: from 1, higher than those before, the same whenever it is sent again.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 9_223_372_036_854_775_807_u64))]
    pub number: u64,
    /// One part for each of the account's devices, but the sender's own.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 8))]
    pub parts: Vec<MessagePart>,
}

/// A message as one device will receive it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MessagePart {
    /// The device.
    pub device: DeviceId,
    /// At most 98304 bytes, opaque.
    pub ciphertext: Base64,
}

/// The message is stored durably.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// Its number.
    pub number: u64,
    /// Whether it had been accepted before; then nothing was stored now.
    pub duplicate: bool,
    /// Devices whose mailboxes are full: they do not get it.
    pub left_out: Vec<DeviceId>,
}

/// What waits in the own mailbox, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Waiting {
    /// The envelopes.
    pub envelopes: Vec<Envelope>,
    /// Whether there are more after these.
    pub more: bool,
}

/// What a mailbox holds of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Envelope {
    /// Its place in this mailbox.
    pub seq: u64,
    /// The sender's account.
    pub sender: AccountName,
    /// The sender's device.
    pub sender_device: DeviceId,
    /// What the sender's device calls it.
    pub number: u64,
    /// When the relay stored it, in seconds since 1970.
    pub received: u64,
    /// What the sender encrypted for this device.
    pub ciphertext: Base64,
}
