//! Errors: a closed set of codes, and the problem details (RFC 9457) that carry them.

use serde::{Deserialize, Serialize};

use crate::base64::Base64;
use crate::name::DeviceId;

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal, $title:literal; )+) => {
        /// What went wrong, for programs. A client meets a code it does not know as the HTTP status says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Code {
            $( $(#[doc = $doc])+ #[serde(rename = $code)] $name, )+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$( Self::$name, )+];

            /// The code, as it is written.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$name => $code, )+ }
            }

            /// The HTTP status that it comes with.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $( Self::$name => $status, )+ }
            }

            /// The same in words, without particulars.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $( Self::$name => $title, )+ }
            }
        }
    };
}

codes! {
    /// The request is not what the API says.
    Malformed = "malformed", 400, "The request is malformed";
    /// The token is missing, unknown or expired, or the device is no longer listed.
    Unauthenticated = "unauthenticated", 401, "Log in first";
    /// Signed by somebody else, or over something else.
    BadSignature = "bad-signature", 403, "A signature does not verify";
    /// The login names another relay.
    OtherOrigin = "other-origin", 403, "The login is for another relay";
    /// The login's time is too far from the relay's.
    ClockSkew = "clock-skew", 403, "The device's clock is wrong";
    /// The login's nonce was used before.
    LoginReplayed = "login-replayed", 403, "The login was used before";
    /// Nobody can register here.
    RegistrationClosed = "registration-closed", 403, "Registration is closed";
    /// Registration asks for an invitation, and this is none, or it is used up or expired.
    InvitationInvalid = "invitation-invalid", 403, "The invitation is not valid";
    /// It is somebody else's.
    Forbidden = "forbidden", 403, "This belongs to another account";
    /// There is no such thing.
    NotFound = "not-found", 404, "There is no such thing";
    /// The path has no such method.
    MethodNotAllowed = "method-not-allowed", 405, "This path has no such method";
    /// The request did not arrive in time.
    Timeout = "timeout", 408, "The request took too long";
    /// The account's name is taken.
    NameTaken = "name-taken", 409, "The name is taken";
    /// The device list is not one version above the current one.
    VersionConflict = "version-conflict", 409, "The device list has changed";
    /// The message does not name the devices that it must; nothing was stored.
    DevicesDiffer = "devices-differ", 409, "The recipient's devices have changed";
    /// The send's number lies too far below the highest accepted one.
    NumberTooOld = "number-too-old", 409, "The number is too old";
    /// The part does not begin where the blob ends.
    OffsetConflict = "offset-conflict", 409, "The part does not continue the blob";
    /// A newer connection of the same device receives now.
    TakenOver = "taken-over", 409, "A newer connection of this device took over";
    /// The request is longer than allowed.
    TooLarge = "too-large", 413, "The request is too large";
    /// The body is not of the type that the call takes.
    UnsupportedMediaType = "unsupported-media-type", 415, "The body is of another type";
    /// There is nothing in this range.
    RangeNotSatisfiable = "range-not-satisfiable", 416, "There is nothing in this range";
    /// Every mailbox of the recipient is full.
    MailboxFull = "mailbox-full", 429, "The recipient's mailbox is full";
    /// The account has as many blobs as it may.
    QuotaExceeded = "quota-exceeded", 429, "The quota is used up";
    /// Too much too fast.
    RateLimited = "rate-limited", 429, "Too many requests";
    /// Too many connections.
    TooManyConnections = "too-many-connections", 429, "Too many connections";
    /// A failure inside the relay.
    Internal = "internal", 500, "The relay failed";
    /// Nothing was done; try again later.
    Unavailable = "unavailable", 503, "The relay is not available";
    /// The relay is being stopped; connect again.
    ShuttingDown = "shutting-down", 503, "The relay is shutting down";
}

impl Code {
    /// Takes a code as it is written; `None` where this version does not know it.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == code)
    }
}

/// Written out, since the derived schema does not see the names that a macro gives.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Code {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .description(Some("What went wrong, for programs"))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Code {}

/// The body of every error, `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:sprag:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, and what to do.
    pub detail: String,
    /// The code.
    pub code: Code,
    /// Seconds after which to try again, where that helps; also in `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// With `devices-differ` and `version-conflict`: the current signed device list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_list: Option<Base64>,
    /// With `devices-differ`: the devices that messages must name now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Vec<DeviceId>>,
    /// With `offset-conflict`: where the next part begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// With `clock-skew`: the relay's time, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
}

impl Problem {
    /// A problem with this code, and what is wrong here in words.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:sprag:problem:{}", code.as_str()),
            title: code.title().into(),
            status: code.status(),
            detail: detail.into(),
            code,
            retry_after: None,
            device_list: None,
            devices: None,
            offset: None,
            time: None,
        }
    }

    /// The same, with a time after which to try again, in seconds.
    #[must_use]
    pub fn after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

#[cfg(test)]
mod tests;
