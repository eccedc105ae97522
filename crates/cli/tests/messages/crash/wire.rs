//! What a client said on one connection, out of the bytes: HTTP/1.1 calls, and the frames of a WebSocket
//! (RFC 6455) where one of them was an upgrade.

use sprag_api::frame::{Message, ToRelay};

/// What was said on one connection.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// Methods and paths.
    pub(super) calls: Vec<String>,
    pub(super) frames: Vec<ToRelay>,
    /// Whether the connection ended in the middle of something.
    pub(super) torn: bool,
}

/// One frame of a WebSocket.
struct Part {
    last: bool,
    opcode: u8,
    payload: Vec<u8>,
}

/// Takes what was said apart.
pub(super) fn decode(mut bytes: &[u8]) -> Spoken {
    let mut spoken = Spoken::default();
    while !bytes.is_empty() {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            spoken.torn = true;
            return spoken;
        };
        let head = std::str::from_utf8(&bytes[..end]).expect("the head of a call");
        bytes = &bytes[end + 4..];
        let (call, upgrade, length) = parse(head);
        spoken.calls.push(call);
        if upgrade {
            let messages = messages(bytes, &mut spoken.torn);
            let frames = messages.iter().map(|message| ToRelay::decode(&message[..]));
            spoken.frames = frames.map(|frame| frame.expect("a frame")).collect();
            return spoken;
        }
        spoken.torn = length > bytes.len();
        bytes = bytes.get(length..).unwrap_or_default();
    }
    spoken
}

/// Method and path; whether a WebSocket follows; the length of the body.
fn parse(head: &str) -> (String, bool, usize) {
    let (first, rest) = head.split_once("\r\n").expect("a call has headers");
    let headers = rest.split("\r\n").filter_map(|line| line.split_once(':'));
    let value = |wanted: &str| {
        let found = headers.clone().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim())
    };
    assert_eq!(value("transfer-encoding"), None, "{first}");
    let length = value("content-length").map_or(0, |length| length.parse().unwrap());
    let upgrade = value("upgrade").is_some();
    let call = first.strip_suffix(" HTTP/1.1").expect("a call").to_owned();
    (call, upgrade, length)
}

/// The binary messages on a WebSocket, as a client sends them.
fn messages(mut bytes: &[u8], torn: &mut bool) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut begun = Vec::new();
    while !bytes.is_empty() {
        let Some(part) = part(&mut bytes) else {
            *torn = true;
            break;
        };
        match part.opcode {
            0 | 2 => {
                begun.extend(part.payload);
                if part.last {
                    messages.push(std::mem::take(&mut begun));
                }
            }
            // Goodbyes, pings and pongs.
            8..=10 => {}
            other => assert_eq!(other, 2, "a client sends no frames of another kind"),
        }
    }
    messages
}

/// The next frame; `None` where it is not all there.
fn part(bytes: &mut &[u8]) -> Option<Part> {
    let first = *take(bytes, 1)?.first()?;
    let second = *take(bytes, 1)?.first()?;
    assert!(first & 0x70 == 0, "no extension is spoken");
    assert!(second & 0x80 != 0, "a client masks");
    let length = match second & 0x7f {
        126 => number(take(bytes, 2)?),
        127 => number(take(bytes, 8)?),
        short => usize::from(short),
    };
    let mask = take(bytes, 4)?;
    let masked = take(bytes, length)?.iter().zip(mask.iter().cycle());
    let payload = masked.map(|(byte, mask)| byte ^ mask).collect();
    Some(Part { last: first & 0x80 != 0, opcode: first & 0x0f, payload })
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

#[cfg(test)]
#[path = "wire/tests.rs"]
mod tests;
