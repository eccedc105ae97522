//! Bytes in JSON and in URLs: base64url without padding (RFC 4648, section 5). Written out, since a library for every
//! alphabet is 50 KB of a module that browsers load.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};

/// Bytes that JSON shows as base64url without padding.
#[derive(Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[A-Za-z0-9_-]*$"))]
pub struct Base64(pub Vec<u8>);

/// The text is not base64url without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding (RFC 4648, section 5)")]
pub struct NotBase64;

impl Base64 {
    /// Takes the text.
    ///
    /// # Errors
    /// [`NotBase64`]: another alphabet, padding, or bits left over.
    pub fn parse(text: &str) -> Result<Self, NotBase64> {
        decode(text.as_bytes()).map(Self).ok_or(NotBase64)
    }

    /// Exactly `N` bytes, or nothing.
    #[must_use]
    pub fn array<const N: usize>(&self) -> Option<[u8; N]> {
        self.0.as_slice().try_into().ok()
    }
}

impl<T: Into<Vec<u8>>> From<T> for Base64 {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Display for Base64 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&encode(&self.0))
    }
}

/// The length only: what is in it may be a token.
impl fmt::Debug for Base64 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Base64({} bytes)", self.0.len())
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut three = [0; 4];
        three.iter_mut().skip(1).zip(chunk).for_each(|(to, from)| *to = *from);
        let bits = u32::from_be_bytes(three);
        // A byte more than the chunk has: 6 bits for each letter.
        for shift in [18, 12, 6, 0].into_iter().take(chunk.len() + 1) {
            let [.., index] = (bits >> shift & 0x3F).to_be_bytes();
            text.push(ALPHABET.get(usize::from(index)).copied().unwrap_or_default().into());
        }
    }
    text
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.chunks(4) {
        let mut bits = 0;
        for letter in chunk {
            bits = bits << 6 | u32::from(value(*letter)?);
        }
        // So many letters are missing, and so many bits are left over.
        let (missing, over) = match chunk.len() {
            4 => (0, 0),
            3 => (1, 2),
            2 => (2, 4),
            _ => return None,
        };
        let whole = bits << (6 * missing);
        if bits & ((1 << over) - 1) != 0 {
            return None;
        }
        let [_, three @ ..] = whole.to_be_bytes();
        bytes.extend(three.into_iter().take(3 - missing));
    }
    Some(bytes)
}

fn value(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
