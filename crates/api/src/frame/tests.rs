//! Frames: they come back, and nothing that arrives makes the decoder panic.

use std::fmt::Debug;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::*;

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..64).prop_map(Bytes::from)
}

fn part() -> impl Strategy<Value = Part> {
    (any::<u32>(), bytes()).prop_map(|(device, ciphertext)| Part { device, ciphertext })
}

fn send() -> impl Strategy<Value = Send> {
    (any::<u64>(), ".{0,70}", vec(part(), 0..4)).prop_map(|(number, to, parts)| Send {
        number,
        to,
        parts,
    })
}

fn to_relay() -> impl Strategy<Value = ToRelay> {
    let frame = prop_oneof![
        (any::<u64>(), any::<bool>())
            .prop_map(|(counter, send_only)| to_relay::Frame::Hello(Hello { counter, send_only })),
        vec(send(), 0..4).prop_map(|sends| to_relay::Frame::Submit(Submit { sends })),
        any::<u64>().prop_map(|through| to_relay::Frame::Acknowledge(Acknowledge { through })),
    ];
    option::of(frame).prop_map(|frame| ToRelay { frame })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let numbers = (any::<u64>(), any::<u32>(), any::<u64>(), any::<u64>());
    (numbers, ".{0,70}", bytes()).prop_map(
        |((seq, sender_device, number, received), sender, ciphertext)| Envelope {
            seq,
            sender,
            sender_device,
            number,
            received,
            ciphertext,
        },
    )
}

fn from_relay() -> impl Strategy<Value = FromRelay> {
    use from_relay::Frame;
    let numbers = || vec(any::<u32>(), 0..9);
    let receipt = (any::<u64>(), any::<bool>(), numbers())
        .prop_map(|(number, duplicate, left_out)| Receipt { number, duplicate, left_out });
    let frame = prop_oneof![
        (any::<u64>(), any::<bool>(), any::<u64>(), any::<u32>()).prop_map(
            |(mark, rolled_back, time, window)| {
                Frame::Welcome(Welcome { mark, rolled_back, time, window })
            }
        ),
        vec(receipt, 0..4).prop_map(|receipts| Frame::Accepted(Accepted { receipts })),
        ((any::<u64>(), ".{0,20}", ".{0,20}"), any::<u32>(), bytes(), numbers()).prop_map(
            |((number, code, detail), retry_after, device_list, devices)| {
                let refused = Refused { number, code, detail, retry_after, device_list, devices };
                Frame::Refused(refused)
            }
        ),
        vec(envelope(), 0..4).prop_map(|envelopes| Frame::Deliver(Deliver { envelopes })),
        Just(Frame::Empty(Empty {})),
        any::<u64>().prop_map(|through| Frame::Acknowledged(Acknowledged { through })),
        (any::<u32>(), any::<u32>())
            .prop_map(|(one_time, kem)| Frame::PrekeysLow(PreKeysLow { one_time, kem })),
        bytes().prop_map(|device_list| Frame::DevicesChanged(DevicesChanged { device_list })),
        (".{0,20}", ".{0,20}", any::<u32>()).prop_map(|(code, detail, retry_after)| {
            Frame::Closing(Closing { code, detail, retry_after })
        }),
    ];
    option::of(frame).prop_map(|frame| FromRelay { frame })
}

/// What comes back, what does when a field of a later version is in it, and what is cut off.
fn comes_back<T: Message + Default + PartialEq + Debug>(frame: &T) -> TestCaseResult {
    let mut bytes = frame.encode_to_vec();
    prop_assert_eq!(&T::decode(bytes.as_slice()).unwrap(), frame);
    for len in 0..bytes.len() {
        // Most lengths are errors; some are a shorter frame. None is a panic.
        let _ = T::decode(&bytes[..len]);
    }
    // Field 2047 with a number, field 2046 with two bytes.
    bytes.extend([0xF8, 0x7F, 0x05, 0xF2, 0x7F, 0x02, 0x00, 0xFF]);
    prop_assert_eq!(&T::decode(bytes.as_slice()).unwrap(), frame);
    Ok(())
}

proptest! {
    #[test]
    fn frames_of_a_device_come_back(frame in to_relay()) {
        comes_back(&frame)?;
    }

    #[test]
    fn frames_of_the_relay_come_back(frame in from_relay()) {
        comes_back(&frame)?;
    }

    #[test]
    fn any_bytes_are_a_frame_or_an_error(bytes in vec(any::<u8>(), 0..512)) {
        let _ = (ToRelay::decode(bytes.as_slice()), FromRelay::decode(bytes.as_slice()));
    }

    #[test]
    fn a_damaged_frame_is_a_frame_or_an_error(frame in to_relay(), at: usize, with: u8) {
        let mut bytes = frame.encode_to_vec();
        if let Some(at) = at.checked_rem(bytes.len()) {
            bytes[at] = with;
        }
        let _ = (ToRelay::decode(bytes.as_slice()), FromRelay::decode(bytes.as_slice()));
    }
}

/// The bytes, written out once for whoever writes them by hand.
#[test]
fn a_submission_looks_like_this() {
    let part = Part { device: 1, ciphertext: Bytes::from_static(b"c") };
    let send = Send { number: 300, to: "bob".into(), parts: vec![part] };
    let frame = ToRelay { frame: Some(to_relay::Frame::Submit(Submit { sends: vec![send] })) };
    let expected = b"\x12\x11\x0A\x0F\x08\xAC\x02\x12\x03bob\x1A\x05\x08\x01\x12\x01c";
    assert_eq!(frame.encode_to_vec(), expected);
}

#[test]
fn a_name_that_is_not_utf_8_is_an_error() {
    let bytes = b"\x12\x05\x0A\x03\x12\x01\xFF";
    assert!(ToRelay::decode(bytes.as_slice()).is_err());
}
