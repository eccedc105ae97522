//! Nothing that is lost, doubled, out of order or unasked passes for delivered.

use super::*;

fn traffic(in_flight: u64) -> Traffic {
    let mut traffic = Traffic::new(2);
    traffic.open(in_flight);
    traffic
}

#[test]
fn a_message_is_settled_once_it_is_accepted_delivered_and_acknowledged() {
    let mut traffic = traffic(1);
    assert_eq!(traffic.submit(0, u64::MAX).unwrap(), (1, 1));
    assert!(!traffic.is_accepted() && traffic.waiting() == 1);
    traffic.accept(0, 1).unwrap();
    assert!(traffic.is_accepted() && !traffic.is_settled());
    let ciphertext = traffic.ciphertext.clone();
    traffic.deliver(0, 1, &ciphertext).unwrap();
    assert!(traffic.waiting() == 0 && !traffic.is_settled());
    traffic.acknowledge(0, 1).unwrap();
    assert!(traffic.is_settled());
}

#[test]
fn a_sender_has_so_many_slots_and_no_more() {
    let mut traffic = traffic(3);
    assert_eq!(traffic.submit(0, 2).unwrap(), (1, 2));
    assert_eq!(traffic.submit(0, 2).unwrap(), (3, 1));
    assert_eq!(traffic.submit(0, 2).unwrap(), (4, 0));
    traffic.accept(0, 1).unwrap();
    assert_eq!(traffic.submit(0, 2).unwrap(), (4, 1));
    traffic.close();
    traffic.accept(0, 2).unwrap();
    assert_eq!(traffic.submit(0, 2).unwrap(), (5, 0));
    traffic.allow(0, 1).unwrap();
    assert_eq!(traffic.submit(0, 2).unwrap(), (5, 1));
}

#[test]
fn a_delivery_is_the_next_one_of_its_pair_and_as_it_was_sent() {
    let mut traffic = traffic(2);
    traffic.submit(0, 2).unwrap();
    let ciphertext = traffic.ciphertext.clone();
    let wrong = vec![0; CIPHERTEXT_LEN];
    assert!(traffic.deliver(0, 2, &ciphertext).is_err(), "one is skipped");
    assert!(traffic.deliver(0, 1, &wrong).is_err(), "another text");
    assert!(traffic.deliver(1, 1, &ciphertext).is_err(), "another pair");
    traffic.deliver(0, 1, &ciphertext).unwrap();
    assert!(traffic.deliver(0, 1, &ciphertext).is_err(), "twice");
    traffic.deliver(0, 2, &ciphertext).unwrap();
    assert!(traffic.deliver(0, 3, &ciphertext).is_err(), "never sent");
}

#[test]
fn an_answer_is_for_the_next_one_submitted() {
    let mut traffic = traffic(2);
    assert!(traffic.accept(0, 1).is_err(), "never submitted");
    traffic.submit(0, 2).unwrap();
    assert!(traffic.accept(0, 2).is_err(), "one is skipped");
    traffic.accept(0, 1).unwrap();
    assert!(traffic.accept(0, 1).is_err(), "twice");
}

#[test]
fn only_what_was_delivered_is_acknowledged_and_once() {
    let mut traffic = traffic(2);
    traffic.submit(0, 2).unwrap();
    assert!(traffic.acknowledge(0, 1).is_err());
    traffic.deliver_number(0, 1).unwrap();
    traffic.acknowledge(0, 1).unwrap();
    traffic.acknowledge(0, 1).unwrap();
    assert_eq!(traffic.acknowledged, 1);
}

#[test]
fn times_are_taken_of_every_message() {
    let mut traffic = traffic(2);
    traffic.time().unwrap();
    traffic.submit(0, 2).unwrap();
    for number in [1, 2] {
        traffic.accept(0, number).unwrap();
        traffic.deliver_number(0, number).unwrap();
    }
    let times = traffic.times().unwrap();
    assert_eq!((times.accepted.len(), times.delivered.len()), (2, 2));
    assert!(traffic.times().is_none());
}
