//! Clocks that are wrong.

use sprag_client::Input;

use crate::device::Link;
use crate::scenarios::acquainted;
use crate::world::World;

const HOUR: i64 = 60 * 60;
const YEAR: i64 = 365 * 24 * HOUR;

impl World {
    fn set_clock(&mut self, index: usize, seconds: i64) {
        self.devices[index].clock = seconds;
        self.tell(index, Input::Tick);
    }
}

/// While it is connected, a clock that jumps an hour and back holds up nothing.
#[test]
fn a_clock_an_hour_off_and_back_delays_nothing() {
    for hours in [1, -1] {
        let (mut world, alice, bob) = acquainted(60);
        world.relay.hostile.corrupts = 1;
        world.set_clock(alice, hours * HOUR);
        let first = world.say(alice, "bob");
        let back = world.say(bob, "alice");
        world.drain();
        assert!(world.has_read(bob, &first) && world.has_read(alice, &back));
        world.set_clock(alice, 0);
        let second = world.say(alice, "bob");
        world.drain();
        assert!(world.has_read(bob, &second), "{hours}");
        world.settle();
        world.ledger.unordered = true;
        world.check_liveness();
        world.check_pairs();
    }
}

/// A login with a wrong clock is refused; nothing is lost by it.
#[test]
fn a_wrong_clock_keeps_a_device_out_until_it_is_right() {
    let (mut world, alice, bob) = acquainted(61);
    world.switch_off(alice);
    world.switch_on(alice);
    world.devices[alice].clock = HOUR;
    let text = world.say(alice, "bob");
    assert!(world.connect(alice));
    while world.step_call(0) {}
    assert!(matches!(world.devices[alice].link, Link::Down));
    assert!(!world.has_read(bob, &text));
    world.devices[alice].clock = 0;
    world.settle();
    assert!(world.has_read(bob, &text));
    world.check_liveness();
    world.check_pairs();
}

/// Prekeys that were made while the clock was a year ahead are replaced once it is right (M-PRE-3).
#[test]
fn prekeys_of_a_clock_that_was_far_ahead_are_replaced() {
    let (mut world, alice, bob) = acquainted(62);
    let who = ("alice".to_owned(), 1);
    let created = |world: &mut World| {
        let signed = world.relay.mailbox(&who).unwrap().signed.clone().unwrap();
        u64::from_be_bytes(*signed[4..].first_chunk().unwrap())
    };
    world.set_clock(alice, YEAR);
    world.drain();
    assert!(created(&mut world) > world.now + 300 * 24 * 60 * 60, "rotated by the wrong clock");
    world.set_clock(alice, 0);
    world.settle();
    assert!(created(&mut world) <= world.now, "rotated again");
    let text = world.say(bob, "alice");
    world.settle();
    assert!(world.has_read(alice, &text));
    world.check_pairs();
}

/// Months pass: prekeys rotate, kept keys go, and everybody can still talk.
#[test]
fn after_months_everybody_can_talk() {
    let mut world = World::with(63, &[("alice", 2), ("bob", 1), ("carol", 1)]);
    world.say(0, "bob");
    world.settle();
    for _ in 0..6 {
        world.live_for(20 * 24 * 60 * 60);
        world.check_liveness();
    }
    world.check_pairs();
    assert_eq!(world.notices.iter().filter(|(_, notice)| crate::is_alarm(notice)).count(), 0);
}
