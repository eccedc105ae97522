//! Encrypted attachments: JSON bodies of the blob calls (`docs/API.md`).

use serde::{Deserialize, Serialize};

use crate::base64::Base64;

/// A blob to upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateBlob {
    /// Its whole length, in bytes: at most 105906176, else `too-large`.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub length: u64,
}

/// How far a blob has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Blob {
    /// Its name: 16 random bytes. Whoever knows it and has an account may fetch it.
    pub id: Base64,
    /// Its whole length, in bytes.
    pub length: u64,
    /// How many bytes are stored; the next part begins here.
    pub offset: u64,
    /// When it is deleted, in seconds since 1970.
    pub expires: u64,
}
