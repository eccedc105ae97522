//! Bytes on the wire: the message, and the first message that carries a handshake before it.
//!
//! ```text
//! message        0x01 version | 0x02 kind | encrypted header (56) | ciphertext, padded + tag (16)
//! first message  0x01 version | 0x01 kind | IK_A (32) | EK_A (32) | SPK id (4) | KEM id (4)
//!                | OPK id (4), 0 for none | KEM ciphertext (1568) | message
//! ```

use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::aead::TAG_LEN;
use crate::codec::{Damaged, Reader, Writer};
use crate::kem::{KEM_CIPHERTEXT_LEN, KemCiphertext};
use crate::keys::IdentityKey;
use crate::padding::is_padded_len;
use crate::x25519::PublicKey;

/// The version of everything on the wire. There is no negotiation.
pub const VERSION: u8 = 0x01;
/// The longest plaintext of one message, in bytes; anything larger is an attachment.
pub const MAX_PLAINTEXT_LEN: usize = 64 * 1024;
/// Bytes that a message adds to its padded plaintext: version, kind, encrypted header, tag.
pub const MESSAGE_OVERHEAD: usize = 2 + ENCRYPTED_HEADER_LEN + TAG_LEN;
/// Bytes that a first message puts before its message.
pub const FIRST_MESSAGE_PREFIX_LEN: usize = 2 + 32 + 32 + 3 * 4 + KEM_CIPHERTEXT_LEN;

/// Bytes of a header: ratchet key, PN, N.
pub(crate) const HEADER_LEN: usize = 32 + 4 + 4;
/// Bytes of a sealed header.
pub(crate) const ENCRYPTED_HEADER_LEN: usize = HEADER_LEN + TAG_LEN;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    First,
    HeaderEncrypted,
    /// The Double Ratchet with visible headers; no session sends it.
    Plain,
}

impl Kind {
    /// The two bytes that every message starts with.
    pub(crate) const fn prefix(self) -> [u8; 2] {
        match self {
            Self::First => [VERSION, 0x01],
            Self::HeaderEncrypted => [VERSION, 0x02],
            Self::Plain => [VERSION, 0x03],
        }
    }
}

/// The header of a message (Double Ratchet, section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sender's ratchet key.
    pub ratchet_key: PublicKey,
    /// PN: how many messages the sender's previous chain had.
    pub previous: u32,
    /// N: the message's number in its chain.
    pub n: u32,
}

impl Header {
    /// `ratchet key (32) || PN (4) || N (4)`.
    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let (key, counters) = bytes.split_at_mut(32);
        let (previous, n) = counters.split_at_mut(4);
        key.copy_from_slice(self.ratchet_key.as_bytes());
        previous.copy_from_slice(&self.previous.to_be_bytes());
        n.copy_from_slice(&self.n.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let header = Self {
            ratchet_key: PublicKey::read(&mut reader).ok()?,
            previous: reader.u32().ok()?,
            n: reader.u32().ok()?,
        };
        // N stays below 2^32 - 1, so that counting it up never overflows (M-RAT-9).
        (header.n != u32::MAX).then_some(header)
    }
}

/// A ratchet message, cut into its fields; `H` is the length of the header on the wire.
pub(crate) struct Fields<'a, const H: usize> {
    pub(crate) header: &'a [u8; H],
    pub(crate) body: &'a [u8],
    pub(crate) tag: &'a [u8; TAG_LEN],
}

impl<'a, const H: usize> Fields<'a, H> {
    /// `None` where the version, the kind or the length is not one that a sender makes (M-WIRE-1).
    pub(crate) fn parse(kind: Kind, message: &'a [u8]) -> Option<Self> {
        let rest = message.strip_prefix(&kind.prefix())?;
        let (header, sealed) = rest.split_first_chunk()?;
        let (body, tag) = sealed.split_last_chunk()?;
        let longest = crate::padding::padded_len(MAX_PLAINTEXT_LEN);
        (is_padded_len(body.len()) && body.len() <= longest).then_some(Self { header, body, tag })
    }
}

/// What a first message says before its message: which keys to agree with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    pub(crate) identity_key: IdentityKey,
    pub(crate) ephemeral_key: PublicKey,
    pub(crate) signed_prekey: u32,
    pub(crate) kem_prekey: u32,
    pub(crate) one_time_prekey: Option<NonZeroU32>,
    pub(crate) kem_ciphertext: KemCiphertext,
}

impl Handshake {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(FIRST_MESSAGE_PREFIX_LEN);
        writer.put(&Kind::First.prefix());
        writer.put(self.identity_key.as_bytes());
        writer.put(self.ephemeral_key.as_bytes());
        writer.u32(self.signed_prekey);
        writer.u32(self.kem_prekey);
        writer.u32(self.one_time_prekey.map_or(0, NonZeroU32::get));
        writer.put(self.kem_ciphertext.as_bytes());
        writer.into_public()
    }

    /// Takes the handshake of a first message; `None` where it is not the sender's (M-HS-1), whose key
    /// is compared and not parsed again, or a key in it is not acceptable.
    pub(crate) fn parse(
        prefix: &[u8; FIRST_MESSAGE_PREFIX_LEN],
        sender: &IdentityKey,
    ) -> Option<Self> {
        let mut reader = Reader::new(prefix);
        Self::read(&mut reader, sender).ok()
    }

    fn read(reader: &mut Reader<'_>, sender: &IdentityKey) -> Result<Self, Damaged> {
        let is_first = *reader.array()? == Kind::First.prefix();
        let is_theirs = reader.array()? == sender.as_bytes();
        if !(is_first && is_theirs) {
            return Err(Damaged);
        }
        Ok(Self {
            identity_key: *sender,
            ephemeral_key: PublicKey::read(reader)?,
            signed_prekey: reader.u32()?,
            kem_prekey: reader.u32()?,
            one_time_prekey: NonZeroU32::new(reader.u32()?),
            kem_ciphertext: KemCiphertext::from_bytes(reader.array()?),
        })
    }
}

/// An incoming message, its kind decided.
pub(crate) enum Incoming<'a> {
    First { prefix: &'a [u8; FIRST_MESSAGE_PREFIX_LEN], message: &'a [u8] },
    Ratchet(&'a [u8]),
}

impl<'a> Incoming<'a> {
    /// `None` where no sender of this version makes such bytes.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (message, prefix) = match bytes.split_first_chunk() {
            Some((prefix, message)) if prefix.starts_with(&Kind::First.prefix()) => {
                (message, Some(prefix))
            }
            _ => (bytes, None),
        };
        Fields::<ENCRYPTED_HEADER_LEN>::parse(Kind::HeaderEncrypted, message)?;
        Some(prefix.map_or(Self::Ratchet(message), |prefix| Self::First { prefix, message }))
    }
}

#[cfg(test)]
mod tests;
