//! Cutting, and parts of it.

use super::*;

fn envelopes(places: std::ops::RangeInclusive<u64>, len: usize) -> Vec<Envelope> {
    let envelope = |seq| Envelope {
        seq,
        sender: "alice".into(),
        sender_device: 1,
        number: seq + 100,
        received: 7,
        ciphertext: vec![1; len].into(),
    };
    places.map(envelope).collect()
}

#[test]
fn a_segment_holds_64_envelopes_or_128_kibibytes() {
    let spans = |segments: Vec<Segment>| -> Vec<_> {
        segments.iter().map(|segment| (segment.first, segment.last)).collect()
    };
    assert_eq!(spans(Segment::cut(envelopes(5..=68, 10))), [(5, 68)]);
    assert_eq!(spans(Segment::cut(envelopes(5..=69, 10))), [(5, 68), (69, 69)]);
    assert_eq!(spans(Segment::cut(envelopes(1..=2, 64 * 1024))), [(1, 2)]);
    assert_eq!(spans(Segment::cut(envelopes(1..=2, 64 * 1024 + 1))), [(1, 1), (2, 2)]);
    assert_eq!(spans(Segment::cut(envelopes(1..=1, 200 * 1024))), [(1, 1)]);
    assert!(Segment::cut(Vec::new()).is_empty());
}

#[test]
fn a_part_is_what_lies_after_a_place() {
    let all = envelopes(11..=20, 3);
    let segment = Segment::cut(all.clone()).remove(0);
    let part = |after, most| {
        segment.clone().part(after, most).unwrap().map_or(Vec::new(), |part| {
            assert_eq!(part.count(), part.envelopes().unwrap().len() as u64);
            part.envelopes().unwrap()
        })
    };
    assert_eq!(part(0, 10), all);
    assert_eq!(part(10, 99), all);
    assert_eq!(part(11, 99), all[1..]);
    assert_eq!(part(13, 2), all[3..5]);
    assert_eq!(part(0, 9), all[..9]);
    assert_eq!(part(20, 9), []);
}

#[test]
fn two_segments_one_after_the_other_are_one_deliver() {
    let all = envelopes(1..=100, 3);
    let bytes: Vec<u8> =
        Segment::cut(all.clone()).iter().flat_map(|segment| segment.deliver.to_vec()).collect();
    assert_eq!(Deliver::decode(bytes.as_slice()).unwrap().envelopes, all);
}

#[test]
fn other_bytes_are_damaged() {
    let segment = Segment { first: 1, last: 2, bytes: 0, deliver: Bytes::from_static(&[10, 200]) };
    assert_eq!(segment.part(1, 1), Err(Damaged));
}
