//! Who and where: account names, devices, addresses, the relay's origin.

use std::fmt;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use crate::layout::{Damaged, Reader};
use crate::limit;

/// An account's name: `[a-z0-9][a-z0-9._-]{0,63}`, unique on one relay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(value_type = String, pattern = "^[a-z0-9][a-z0-9._-]{0,63}$", example = "alice")
)]
#[serde(try_from = "String", into = "String")]
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
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let starts = name.bytes().next().is_some_and(letter);
        let goes_on = name.bytes().all(|byte| letter(byte) || matches!(byte, b'.' | b'_' | b'-'));
        if starts && goes_on && name.len() <= limit::NAME_LEN {
            Ok(Self(name))
        } else {
            Err(InvalidName)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `u8(length) || name`.
    pub(crate) fn write(&self, body: &mut Vec<u8>) {
        body.push(u8::try_from(self.0.len()).unwrap_or(u8::MAX));
        body.extend_from_slice(self.0.as_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let len = usize::from(reader.u8()?);
        let name = std::str::from_utf8(reader.slice(len)?).map_err(|_| Damaged)?;
        Self::new(name).map_err(|InvalidName| Damaged)
    }
}

impl TryFrom<String> for AccountName {
    type Error = InvalidName;

    fn try_from(name: String) -> Result<Self, InvalidName> {
        Self::new(name)
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A device's number within its account, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = u32, minimum = 1, example = 1))]
#[serde(try_from = "u32", into = "u32")]
pub struct DeviceId(u32);

/// 0 is no device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device id is a number from 1")]
pub struct InvalidDevice;

impl DeviceId {
    /// Takes a number; `None` where it is 0 (M-LIST-1).
    #[must_use]
    pub fn new(id: u32) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for DeviceId {
    type Error = InvalidDevice;

    fn try_from(id: u32) -> Result<Self, InvalidDevice> {
        Self::new(id).ok_or(InvalidDevice)
    }
}

impl From<DeviceId> for u32 {
    fn from(device: DeviceId) -> Self {
        device.0
    }
}

/// A device of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The account.
    pub account: AccountName,
    /// The device.
    pub device: DeviceId,
}

/// Where a relay is, as a login names it: `http` or `https`, a host, and a port where it is not the
/// scheme's own; in lower case, without a path (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, example = "https://chat.example.org"))]
pub struct Origin(String);

/// The text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is http:// or https://, a host in lower case, and a port where it is not 80 or 443; \
     no path, no '/' at the end"
)]
pub struct InvalidOrigin;

impl Origin {
    /// Takes an origin.
    ///
    /// # Errors
    /// [`InvalidOrigin`] where it is not in the one form that both sides sign.
    pub fn new(origin: impl Into<String>) -> Result<Self, InvalidOrigin> {
        let origin = origin.into();
        if Self::holds(&origin) { Ok(Self(origin)) } else { Err(InvalidOrigin) }
    }

    fn holds(origin: &str) -> bool {
        let known = origin
            .strip_prefix("https://")
            .map(|rest| (rest, "443"))
            .or_else(|| origin.strip_prefix("http://").map(|rest| (rest, "80")));
        let Some((rest, default_port)) = known else { return false };
        let (host, port) = match rest.rsplit_once(':') {
            // The colons of an IPv6 address are inside brackets.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let host_holds = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(ip) => ip.parse::<Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == ip),
            None => (1..=253).contains(&host.len()) && host.bytes().all(is_of_a_host),
        };
        let port_holds = port.is_none_or(|port| {
            let number = port.parse::<u16>();
            number.is_ok_and(|n| n.to_string() == port && n != 0) && port != default_port
        });
        host_holds && port_holds
    }

    /// The origin.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_of_a_host(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;

    fn try_from(origin: String) -> Result<Self, InvalidOrigin> {
        Self::new(origin)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
