//! The mode for comparison: the Double Ratchet with visible headers (section 3).

use alloc::vec::Vec;

use super::header_encrypted::{open_body, seal_body};
use super::suite::{NoHeaderKey, RootStep, Suite};
use crate::kdf::{self, MessageKey, RootKey};
use crate::message::{Fields, HEADER_LEN, Header, Kind};
use crate::x25519::SharedSecret;

/// Headers are visible: everyone on the way reads ratchet keys and counters, and a forged header
/// costs the receiver a DH and up to [`MAX_SKIP`](super::MAX_SKIP) chain steps. No session uses it.
pub enum Plain {}

impl Suite for Plain {
    type HeaderKey = NoHeaderKey;
    /// AD of the conversation.
    type Context = [u8; 32];

    const OPEN_CHAINS: usize = 1;
    const CLOSED_AT_PREVIOUS: bool = true;

    fn root_step(root: &RootKey, shared: &SharedSecret) -> RootStep<Self> {
        let (root, chain, _) = kdf::root_step(root, shared);
        RootStep { root, chain, next_header: NoHeaderKey }
    }

    fn seal(
        _: &NoHeaderKey,
        message_key: &MessageKey,
        header: Header,
        plaintext: &[u8],
        context: &[u8; 32],
    ) -> Vec<u8> {
        seal_body(Kind::Plain, (message_key, context), &[&header.to_bytes()], plaintext)
    }

    fn open_header(_: &NoHeaderKey, message: &[u8]) -> Option<Header> {
        Header::from_bytes(Fields::<HEADER_LEN>::parse(Kind::Plain, message)?.header)
    }

    fn open(message_key: &MessageKey, message: &[u8], context: &[u8; 32]) -> Option<Vec<u8>> {
        open_body::<HEADER_LEN>(Kind::Plain, (message_key, context), message)
    }
}
