//! A check that finds nothing where something was planted would be none.

use sprag_api::frame::Part;

use super::*;

fn message(header: u8, text: u8) -> Vec<u8> {
    [&[1, 2][..], &[header; HEADER_LEN], &[text; 100]].concat()
}

fn first_message(header: u8, text: u8) -> Vec<u8> {
    let prefix = [&[1, 1][..], &[9; FIRST_MESSAGE_PREFIX_LEN - 2]].concat();
    [prefix, message(header, text)].concat()
}

fn spot(number: u64) -> Spot {
    Spot { to: "bob".into(), device: 1, number }
}

/// What is found wrong with these.
fn faults(messages: &[(u64, Vec<u8>)]) -> Vec<Fault> {
    let mut keys = Keys::default();
    for (number, ciphertext) in messages {
        let part = Part { device: 1, ciphertext: ciphertext.clone().into() };
        keys.note(&Send { number: *number, to: "bob".into(), parts: vec![part] });
    }
    keys.faults
}

#[test]
fn what_is_well_is_found_well() {
    let again = (1, first_message(1, 1));
    let well = [again.clone(), (2, message(2, 1)), again, (3, first_message(3, 1))];
    assert_eq!(faults(&well), []);
}

#[test]
fn what_is_planted_is_found() {
    let twice = faults(&[(1, message(1, 1)), (2, message(1, 2))]);
    assert_eq!(twice, [Fault::KeyTwice(spot(1), spot(2))]);
    let in_first = faults(&[(1, first_message(1, 1)), (2, message(1, 1))]);
    assert_eq!(in_first, [Fault::KeyTwice(spot(1), spot(2))]);
    let sent_twice = faults(&[(1, message(1, 1)), (2, message(1, 1))]);
    assert_eq!(sent_twice, [Fault::SentTwice(spot(1), spot(2))]);
    let changed = faults(&[(1, message(1, 1)), (1, message(2, 1))]);
    assert_eq!(changed, [Fault::Changed(spot(1))]);
    for none in [vec![], vec![1, 2, 3], vec![2; 100], vec![1; FIRST_MESSAGE_PREFIX_LEN]] {
        assert_eq!(faults(&[(1, none)]), [Fault::NoMessage(spot(1))]);
    }
}
