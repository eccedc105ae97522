//! A decoder that misses what was said would find nothing wrong with it.

use sprag_api::frame::{Acknowledge, Hello, to_relay::Frame};

use super::*;

const CALLS: &[u8] = b"POST /v1/sessions HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\r\n\
    GET /v1/socket HTTP/1.1\r\nhost: x\r\nUpgrade: websocket\r\n\r\n";

/// One frame, masked with the mask of the examples of RFC 6455, section 5.7.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 0x7e);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn frame(frame: Frame) -> Vec<u8> {
    ToRelay { frame: Some(frame) }.encode_to_vec()
}

#[test]
fn the_example_of_the_specification_is_read() {
    let hello = [0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(masked(0x82, b"Hello"), hello);
    let mut torn = false;
    assert_eq!(messages(&hello, &mut torn), [b"Hello"]);
    assert!(!torn);
    assert!(messages(&hello[..10], &mut torn).is_empty());
    assert!(torn);
}

#[test]
fn calls_and_frames_are_read_whole_in_pieces_and_torn() {
    let hello = frame(Frame::Hello(Hello { counter: u64::MAX, send_only: true }));
    let done = frame(Frame::Acknowledge(Acknowledge { through: 7 }));
    let long = vec![0; 300];
    let mut said = CALLS.to_vec();
    said.extend(masked(0x82, &hello));
    said.extend(masked(0x89, b"ping"));
    said.extend(masked(0x89, &long));
    said.extend(masked(0x02, &done[..1]));
    said.extend(masked(0x80, &done[1..]));
    let spoken = decode(&said);
    assert_eq!(spoken.calls, ["POST /v1/sessions", "GET /v1/socket"]);
    let bytes: Vec<_> = spoken.frames.iter().map(Message::encode_to_vec).collect();
    assert!(bytes == [hello.clone(), done] && !spoken.torn);
    let spoken = decode(&said[..said.len() - 1]);
    assert!(spoken.frames.len() == 1 && spoken.torn);
    assert!(decode(&CALLS[..40]).torn);
}
