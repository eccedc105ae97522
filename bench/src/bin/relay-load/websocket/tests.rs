//! Frames of every length, whole and in pieces.

use super::*;

/// What a server does with a frame of ours: it takes off the mask.
fn unmasked(frame: &[u8]) -> (u8, Vec<u8>) {
    let [first, second, rest @ ..] = frame else { panic!("a frame has a head") };
    assert_eq!(second & 0x80, 0x80, "a client masks");
    let (len, rest) = match second & 0x7F {
        126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
        127 => (u64::from_be_bytes(*rest.first_chunk().unwrap()).try_into().unwrap(), &rest[8..]),
        len => (usize::from(len), rest),
    };
    let (mask, payload) = rest.split_at(4);
    assert_eq!(payload.len(), len);
    let bytes = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    (*first, bytes.collect())
}

/// A frame of a server.
fn served(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | kind];
    match payload.len() {
        len @ ..=125 => frame.push(len.try_into().unwrap()),
        len => {
            frame.push(126);
            frame.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

#[test]
fn what_is_written_is_what_a_server_reads() {
    for len in [0, 1, 7, 8, 125, 126, 1024, 65_535, 65_536, 70_001] {
        let payload: Vec<u8> = (0..=255).cycle().take(len).collect();
        let mut out = Vec::new();
        binary(&mut out, len, |out| out.extend_from_slice(&payload));
        assert!(unmasked(&out) == (0x80 | BINARY, payload), "{len} bytes");
    }
}

#[test]
fn a_frame_is_read_once_it_is_whole() {
    for len in [0, 125, 126, 1000] {
        let payload = vec![0x5A; len];
        let bytes = served(BINARY, &payload);
        for cut in 0..bytes.len() {
            assert_eq!(Frame::read(&bytes[..cut]).unwrap(), None, "{cut} of {len}");
        }
        let whole = bytes.len();
        let frame = Frame { kind: BINARY, payload: &payload, whole };
        assert_eq!(Frame::read(&[&bytes[..], b"more"].concat()).unwrap(), Some(frame));
    }
}

#[test]
fn what_no_server_may_send_is_an_error() {
    assert!(Frame::read(&[BINARY, 0]).is_err(), "split");
    assert!(Frame::read(&[0xC0 | BINARY, 0]).is_err(), "compressed");
    assert!(Frame::read(&[0x80 | BINARY, 0x80, 0, 0, 0, 0]).is_err(), "masked");
}

/// Hears, and says how much it has heard.
#[derive(Default)]
struct Counter;

impl Talk for Counter {
    type Shared = Vec<Vec<u8>>;

    fn hear(&mut self, message: &[u8], heard: &mut Vec<Vec<u8>>) -> Result<()> {
        heard.push(message.to_vec());
        Ok(())
    }

    fn say(&mut self, out: &mut Vec<u8>, heard: &mut Vec<Vec<u8>>) -> Result<()> {
        let count = [u8::try_from(heard.len())?];
        binary(out, 1, |out| out.extend_from_slice(&count));
        Ok(())
    }

    fn is_ready(&self) -> bool {
        true
    }
}

fn socket() -> Socket<Counter> {
    Socket::new(([127, 0, 0, 1], 80).into(), "/v1/socket", "sprag.v1", Counter)
}

fn answer() -> Vec<u8> {
    format!("HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: {ACCEPT}\r\n\r\n").into()
}

#[test]
fn a_socket_asks_opens_and_speaks_once_for_all_that_came() {
    let (mut socket, mut out, mut heard) = (socket(), Vec::new(), Vec::new());
    socket.speak(&mut out, &mut heard).unwrap();
    assert!(out.starts_with(b"GET /v1/socket HTTP/1.1\r\n"));
    out.clear();
    let bytes = [answer(), served(BINARY, b"one"), served(BINARY, b"two"), vec![0x82]].concat();
    assert_eq!(socket.take(&bytes[..20], &mut out, &mut heard).unwrap(), 0);
    assert!(!socket.is_ready());
    assert_eq!(socket.take(&bytes, &mut out, &mut heard).unwrap(), bytes.len() - 1);
    assert!(socket.is_ready());
    assert_eq!(heard, [b"one", b"two"]);
    assert_eq!(unmasked(&out), (0x80 | BINARY, vec![2]));
}

#[test]
fn a_ping_is_answered_and_a_close_is_an_error() {
    let (mut socket, mut out, mut heard) = (socket(), Vec::new(), Vec::new());
    socket.take(&answer(), &mut out, &mut heard).unwrap();
    out.clear();
    socket.take(&served(PING, b"there?"), &mut out, &mut heard).unwrap();
    let (kind, payload) = unmasked(&out[..12]);
    assert_eq!((kind, payload.as_slice()), (0x80 | PONG, b"there?".as_slice()));
    let close = served(CLOSE, &[&1001_u16.to_be_bytes()[..], b"gone"].concat());
    let error = socket.take(&close, &mut out, &mut heard).unwrap_err();
    assert!(error.to_string().contains("1001 gone"), "{error}");
}

#[test]
fn a_refused_upgrade_is_shown() {
    let (mut socket, mut out, mut heard) = (socket(), Vec::new(), Vec::new());
    let refusal = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
    let error = socket.take(refusal, &mut out, &mut heard).unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
}
