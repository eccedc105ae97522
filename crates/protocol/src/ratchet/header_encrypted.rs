//! The mode that sessions use: the Double Ratchet with header encryption (section 4).

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::suite::{RootStep, Suite};
use crate::aead::{self, TAG_LEN};
use crate::kdf::{self, HeaderKey, MessageKey, RootKey};
use crate::message::{ENCRYPTED_HEADER_LEN, Fields, HEADER_LEN, Header, Kind, MAX_PLAINTEXT_LEN};
use crate::padding;
use crate::x25519::SharedSecret;

/// What a sealed header is bound to.
const HEADER_AAD: &[u8] = b"Sprag v1 header";

/// Headers are sealed: who does not have the header key cannot tell one message from another, and
/// costs the receiver nothing but header trials.
pub enum HeaderEncrypted {}

impl Suite for HeaderEncrypted {
    type HeaderKey = HeaderKey;
    /// AD of the session.
    type Context = [u8; 32];

    const OPEN_CHAINS: usize = 1;
    const CLOSED_AT_PREVIOUS: bool = true;

    fn root_step(root: &RootKey, shared: &SharedSecret) -> RootStep<Self> {
        let (root, chain, next_header) = kdf::root_step(root, shared);
        RootStep { root, chain, next_header }
    }

    fn seal(
        header_key: &HeaderKey,
        message_key: &MessageKey,
        header: Header,
        plaintext: &[u8],
        context: &[u8; 32],
    ) -> Vec<u8> {
        let mut header = header.to_bytes();
        let tag = aead::seal(header_key.expose(), HEADER_AAD, &mut header);
        seal_body(Kind::HeaderEncrypted, (message_key, context), &[&header, &tag], plaintext)
    }

    fn open_header(header_key: &HeaderKey, message: &[u8]) -> Option<Header> {
        let fields = Fields::<ENCRYPTED_HEADER_LEN>::parse(Kind::HeaderEncrypted, message)?;
        let (header, tag) = fields.header.split_first_chunk::<HEADER_LEN>()?;
        let mut header = *header;
        aead::open(header_key.expose(), HEADER_AAD, &mut header, tag.try_into().ok()?)?;
        Header::from_bytes(&header)
    }

    fn open(message_key: &MessageKey, message: &[u8], context: &[u8; 32]) -> Option<Vec<u8>> {
        open_body::<ENCRYPTED_HEADER_LEN>(Kind::HeaderEncrypted, (message_key, context), message)
    }
}

/// `ENCRYPT`: `version || kind || header || AES-256-GCM-SIV(MK, 0, padded, AD || version || kind || header)`.
pub(super) fn seal_body(
    kind: Kind,
    (key, context): (&MessageKey, &[u8; 32]),
    header: &[&[u8]],
    plaintext: &[u8],
) -> Vec<u8> {
    let start = header.iter().map(|part| part.len()).sum::<usize>().saturating_add(2);
    let sealed = padding::padded_len(plaintext.len()).saturating_add(TAG_LEN);
    let mut message = Vec::with_capacity(start.saturating_add(sealed));
    message.extend_from_slice(&kind.prefix());
    for part in header {
        message.extend_from_slice(part);
    }
    let aad = [context.as_slice(), &message].concat();
    padding::pad(&mut message, plaintext);
    let (_, body) = message.split_at_mut(start);
    let tag = aead::seal(key.expose(), &aad, body);
    message.extend_from_slice(&tag);
    message
}

/// `DECRYPT`, for a header of `H` bytes.
pub(super) fn open_body<const H: usize>(
    kind: Kind,
    (key, context): (&MessageKey, &[u8; 32]),
    message: &[u8],
) -> Option<Vec<u8>> {
    let fields = Fields::<H>::parse(kind, message)?;
    let aad = [context.as_slice(), &kind.prefix(), fields.header].concat();
    let mut plaintext = Zeroizing::new(fields.body.to_vec());
    aead::open(key.expose(), &aad, &mut plaintext, fields.tag)?;
    // M-WIRE-3
    let len = padding::unpadded_len(&plaintext).filter(|&len| len <= MAX_PLAINTEXT_LEN)?;
    plaintext.truncate(len);
    Some(core::mem::take(&mut plaintext))
}
