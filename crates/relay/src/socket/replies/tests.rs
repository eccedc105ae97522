//! The frame that is put together by hand.

use sprag_api::frame::{Deliver, Envelope, FromRelay, Message as _};

use super::*;
use crate::storage::Segment;

#[test]
fn stored_segments_are_delivered_as_one_frame() {
    let envelope = |seq| Envelope { seq, sender: "alice".into(), number: 9, ..Envelope::default() };
    let envelopes: Vec<_> = (1..=70).map(envelope).collect();
    let segments: Vec<_> =
        Segment::cut(envelopes.clone()).into_iter().map(|segment| segment.deliver).collect();
    assert_eq!(segments.len(), 2);
    let frame = FromRelay { frame: Some(Frame::Deliver(Deliver { envelopes })) };
    assert_eq!(FromRelay::decode(deliver(&segments)).unwrap(), frame);
    assert_eq!(deliver(&segments), frame.encode_to_vec());
}
