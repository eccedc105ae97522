//! What everybody on the way sees of a message.

use sprag_protocol::{FIRST_MESSAGE_PREFIX_LEN, VERSION};

use crate::story::steps::Field;

/// Bytes of version and kind.
const START: usize = 2;
/// Bytes of a sealed header, and of a visible one.
const SEALED_HEADER: usize = 56;
const VISIBLE_HEADER: usize = 40;

const FIRST: [u8; START] = [VERSION, 0x01];
const PLAIN: [u8; START] = [VERSION, 0x03];

/// Whether a handshake goes before the message.
pub(crate) fn is_first(bytes: &[u8]) -> bool {
    bytes.starts_with(&FIRST)
}

/// A message, cut into what one can tell apart. It is number `n` of its chain.
pub(crate) fn fields(bytes: &[u8], chain: u64, n: u32) -> Vec<Field> {
    let mut fields = Vec::new();
    if is_first(bytes) {
        fields.extend([
            field("version, kind", "visible: a first message", START),
            field("IK_A", "visible: who starts", 32),
            field("EK_A", "visible: fresh, used once", 32),
            field("prekey ids", "visible: SPK, KEM, OPK", 12),
            field("ML-KEM ciphertext", "visible, opens for Bob only", 1568),
        ]);
    }
    let prefix = if is_first(bytes) { FIRST_MESSAGE_PREFIX_LEN } else { 0 };
    fields.push(field("version, kind", "visible: a message", START));
    let (key, header) = if bytes.starts_with(&PLAIN) {
        fields.push(field("header", "visible: ratchet key, PN, N", VISIBLE_HEADER));
        let key = if chain == 0 { "root key 0".into() } else { format!("message key {chain}/{n}") };
        (key, VISIBLE_HEADER)
    } else {
        fields.push(field("header", &format!("sealed with header key {chain}"), SEALED_HEADER));
        (format!("message key {chain}/{n}"), SEALED_HEADER)
    };
    let rest = bytes.len().saturating_sub(prefix + START + header);
    fields.push(field("text, padded", &format!("sealed with {key}"), rest));
    fields
}

fn field(name: &'static str, meaning: &str, length: usize) -> Field {
    Field { name, meaning: meaning.to_owned(), length }
}
