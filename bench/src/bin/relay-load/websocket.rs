//! The client's half of a WebSocket (RFC 6455): the upgrade, and binary frames that are never split.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};

use crate::crowd::End;

/// The key of RFC 6455, section 1.3, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Nobody between us and the server has to be confused: one mask does for all frames.
const MASK: [u8; 8] = [0x37, 0xFA, 0x21, 0x3D, 0x37, 0xFA, 0x21, 0x3D];

const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Who speaks over a socket once it is open.
pub(crate) trait Talk {
    /// What all talkers of a crowd share.
    type Shared;

    /// Takes one message.
    fn hear(&mut self, message: &[u8], shared: &mut Self::Shared) -> Result<()>;

    /// Says what there is to say, once for all messages that came together.
    fn say(&mut self, out: &mut Vec<u8>, shared: &mut Self::Shared) -> Result<()>;

    /// Whether it is ready to go on.
    fn is_ready(&self) -> bool;
}

/// A socket with its talker.
pub(crate) struct Socket<T> {
    /// What asks for the upgrade, until it is sent.
    request: Option<String>,
    is_open: bool,
    talk: T,
}

impl<T> Socket<T> {
    /// A socket that will be asked for at this path, with these subprotocols.
    pub(crate) fn new(host: SocketAddr, path: &str, protocols: &str, talk: T) -> Self {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\
             Sec-WebSocket-Protocol: {protocols}\r\n\r\n"
        );
        Self { request: Some(request), is_open: false, talk }
    }
}

impl<T: Talk> End for Socket<T> {
    type Shared = T::Shared;

    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>, shared: &mut T::Shared) -> Result<usize> {
        let mut used = 0;
        if !self.is_open {
            let Some(len) = upgraded(bytes)? else { return Ok(0) };
            self.is_open = true;
            used = len;
        }
        while let Some(frame) = Frame::read(bytes.get(used..).unwrap_or_default())? {
            used += frame.whole;
            match frame.kind {
                BINARY => self.talk.hear(frame.payload, shared)?,
                PING => write(
                    out,
                    PONG,
                    |out| out.extend_from_slice(frame.payload),
                    frame.payload.len(),
                ),
                PONG => {}
                CLOSE => bail!("the server closed a socket: {}", closing(frame.payload)),
                kind => bail!("the server sent a frame of kind {kind}"),
            }
        }
        self.talk.say(out, shared)?;
        Ok(used)
    }

    fn speak(&mut self, out: &mut Vec<u8>, shared: &mut T::Shared) -> Result<()> {
        if let Some(request) = self.request.take() {
            out.extend_from_slice(request.as_bytes());
        }
        if self.is_open { self.talk.say(out, shared) } else { Ok(()) }
    }

    fn is_ready(&self) -> bool {
        self.is_open && self.talk.is_ready()
    }
}

/// Writes a binary frame whose payload is `len` bytes long.
pub(crate) fn binary(out: &mut Vec<u8>, len: usize, payload: impl FnOnce(&mut Vec<u8>)) {
    write(out, BINARY, payload, len);
}

fn write(out: &mut Vec<u8>, kind: u8, payload: impl FnOnce(&mut Vec<u8>), len: usize) {
    const MASKED: u8 = 0x80;
    out.push(0x80 | kind);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=125), _) => out.push(MASKED | len),
        (_, Ok(len)) => {
            out.push(MASKED | 0x7E);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(MASKED | 0x7F);
            out.extend_from_slice(&u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    let [mask @ .., _, _, _, _] = MASK;
    out.extend_from_slice(&mask);
    let begin = out.len();
    payload(out);
    debug_assert_eq!(out.len() - begin, len, "a frame is as long as it says");
    let (words, rest) = out.get_mut(begin..).unwrap_or_default().as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(MASK)).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(MASK) {
        *byte ^= mask;
    }
}

/// A whole frame of the server's.
#[derive(Debug, PartialEq)]
struct Frame<'a> {
    kind: u8,
    payload: &'a [u8],
    /// How long it is with its head.
    whole: usize,
}

impl<'a> Frame<'a> {
    /// The first one; `None` where it is not complete.
    fn read(bytes: &'a [u8]) -> Result<Option<Self>> {
        let Some(([first, second], rest)) = bytes.split_first_chunk() else { return Ok(None) };
        ensure!(first & 0xF0 == 0x80, "the server split a frame, or set a bit that has no meaning");
        ensure!(second & 0x80 == 0, "the server masked a frame");
        let (len, rest) = match second {
            126 => match rest.split_first_chunk() {
                Some((len, rest)) => (usize::from(u16::from_be_bytes(*len)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((len, rest)) => (usize::try_from(u64::from_be_bytes(*len))?, rest),
                None => return Ok(None),
            },
            len => (usize::from(*len), rest),
        };
        let head = bytes.len() - rest.len();
        let frame = |payload| Self { kind: first & 0x0F, payload, whole: head + len };
        Ok(rest.get(..len).map(frame))
    }
}

/// Where the answer to the upgrade ends; `None` where it is not complete.
fn upgraded(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = str::from_utf8(bytes.get(..end).unwrap_or_default())
        .context("the answer to an upgrade is no text")?;
    let switched = head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT);
    ensure!(switched, "no WebSocket was opened: {}", String::from_utf8_lossy(bytes));
    Ok(Some(end + 4))
}

fn closing(payload: &[u8]) -> String {
    let Some((code, reason)) = payload.split_first_chunk() else { return "no reason".to_owned() };
    format!("{} {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason))
}

#[cfg(test)]
mod tests;
