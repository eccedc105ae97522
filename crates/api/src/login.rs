//! How a device shows a relay that it is itself: a signed, dated, single-use request for a token.

use serde::{Deserialize, Serialize};

use crate::base64::Base64;
use crate::limit;
use crate::name::{Address, Origin};
use crate::signature::{BadSignature, Purpose, VerifyKey};

/// A login, signed by the device's identity key (label `Sprag v1 login`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The relay that it is for. Another one refuses it.
    pub origin: Origin,
    /// The device's time, in seconds since 1970; at most 300 from the relay's.
    pub time: u64,
    /// 16 random bytes; a relay takes them once.
    pub nonce: Base64,
    /// 64 bytes, over the body below.
    pub signature: Base64,
}

/// Why a login opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefusal {
    /// The nonce is not 16 bytes or the signature not 64.
    #[error("a login has a nonce of 16 bytes and a signature of 64")]
    Malformed,
    /// It is for another relay.
    #[error("the login is for another relay")]
    OtherOrigin,
    /// Its time is more than 300 seconds from now.
    #[error("the login's time is more than 300 seconds from the relay's: set the clock")]
    ClockSkew,
    /// The signature is not the device's.
    #[error("the login is not signed by the device's identity key")]
    BadSignature,
}

impl Login {
    /// What is signed: `name || u32(device) || u16(length of the origin) || origin || u64(time) || nonce (16)`.
    #[must_use]
    pub fn body(address: &Address, origin: &Origin, time: u64, nonce: &[u8; 16]) -> Vec<u8> {
        let mut body = Vec::with_capacity(128);
        address.account.write(&mut body);
        body.extend_from_slice(&address.device.get().to_be_bytes());
        let origin = origin.as_str().as_bytes();
        body.extend_from_slice(&u16::try_from(origin.len()).unwrap_or(u16::MAX).to_be_bytes());
        body.extend_from_slice(origin);
        body.extend_from_slice(&time.to_be_bytes());
        body.extend_from_slice(nonce);
        body
    }

    /// Checks the login of a device at this relay, now; gives the nonce, for the relay to take it once.
    ///
    /// # Errors
    /// Every [`LoginRefusal`].
    pub fn verify(
        &self,
        address: &Address,
        key: &VerifyKey,
        here: &Origin,
        now: u64,
    ) -> Result<[u8; 16], LoginRefusal> {
        let nonce = self.nonce.array().ok_or(LoginRefusal::Malformed)?;
        let signature = self.signature.array().ok_or(LoginRefusal::Malformed)?;
        if self.origin != *here {
            return Err(LoginRefusal::OtherOrigin);
        }
        if self.time.abs_diff(now) > limit::LOGIN_CLOCK_SKEW {
            return Err(LoginRefusal::ClockSkew);
        }
        let body = Self::body(address, here, self.time, &nonce);
        key.verify(Purpose::Login, &body, &signature)
            .map_err(|BadSignature| LoginRefusal::BadSignature)?;
        Ok(nonce)
    }
}

#[cfg(test)]
mod tests;
