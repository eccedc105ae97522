//! Messages that cannot be read.

use sprag_client::Notice;

use crate::scenarios::acquainted;
use crate::world::World;

fn unreadable(world: &World, index: usize) -> usize {
    let told = world.notices.iter().filter(|(told, _)| *told == index);
    told.filter(|(_, notice)| matches!(notice, Notice::Unreadable { .. })).count()
}

#[test]
fn what_cannot_be_read_is_asked_for_and_sent_again() {
    let (mut world, alice, bob) = acquainted(50);
    world.relay.hostile.corrupts = 1;
    let text = world.say(alice, "bob");
    world.drain();
    assert_eq!(unreadable(&world, bob), 1);
    assert!(world.has_read(bob, &text), "it was asked for at once");
    world.ledger.unordered = true;
    world.check_liveness();
    world.check_pairs();
}

#[test]
fn a_request_that_cannot_be_read_is_asked_for_too() {
    let (mut world, alice, bob) = acquainted(58);
    // The message, and what asks for it.
    world.relay.hostile.corrupts = 2;
    let text = world.say(alice, "bob");
    world.drain();
    assert_eq!((unreadable(&world, bob), unreadable(&world, alice)), (1, 1));
    assert!(world.has_read(bob, &text));
    world.ledger.unordered = true;
    world.check_liveness();
    world.check_pairs();
}

/// At most once an hour and device, both ways: what cannot be read within the hour is asked for after it.
#[test]
fn a_device_is_asked_once_an_hour() {
    let (mut world, alice, bob) = acquainted(51);
    let mut texts = Vec::new();
    for (from, to, at) in [(alice, "bob", bob), (bob, "alice", alice)] {
        world.relay.hostile.corrupts = 1;
        let text = world.say(from, to);
        world.drain();
        assert!(world.has_read(at, &text), "the first is asked for at once");
        for _ in 0..3 {
            world.relay.hostile.corrupts = 1;
            texts.push((at, world.say(from, to)));
            world.drain();
        }
    }
    let missing =
        |world: &World| texts.iter().filter(|(at, text)| !world.has_read(*at, text)).count();
    assert_eq!(missing(&world), 6);
    world.live_for(50 * 60);
    assert_eq!(missing(&world), 6, "not within the hour");
    world.live_for(20 * 60);
    assert_eq!(missing(&world), 0);
    world.ledger.unordered = true;
    world.check_liveness();
    world.check_pairs();
}

/// What was said for no person (a receipt, say) is not sent again, and is not asked for for ever.
#[test]
fn what_will_not_come_again_is_let_go() {
    let (mut world, alice, bob) = acquainted(52);
    let text = world.say(alice, "bob");
    while !world.has_read(bob, &text) {
        world.connect(alice);
        world.step_call(0);
        world.step_up(0);
        world.step_down(0);
    }
    // The receipt.
    world.relay.hostile.corrupts = 1;
    world.settle();
    assert_eq!(unreadable(&world, alice), 1);
    let seen = world.relay.ciphers.len();
    world.live_for(24 * 60 * 60);
    assert_eq!(world.relay.ciphers.len(), seen, "nobody asks again");
    world.ledger.unordered = true;
    world.ledger.excused.insert(text);
    world.check_pairs();
}

/// Everything that waits is unreadable: all of it is asked for, however much it is.
#[test]
fn two_thousand_that_cannot_be_read_are_all_read_in_the_end() {
    let (mut world, alice, bob) = acquainted(53);
    let then = world.snapshot(bob);
    // Bob goes on to a newer state, in which he has answered.
    world.say(alice, "bob");
    world.settle();
    world.say(bob, "alice");
    world.settle();
    world.say(alice, "bob");
    world.settle();
    world.switch_off(bob);
    for _ in 0..2_000 {
        world.say(alice, "bob");
        world.step_up(0);
        world.step_down(0);
    }
    world.drain();
    world.roll_back(bob, &then, false);
    world.switch_on(bob);
    world.live_for(24 * 60 * 60);
    world.check_liveness();
    world.check_pairs();
}
