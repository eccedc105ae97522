//! Much that waits, and mailboxes that are full.

use sprag_client::MessageState;

use crate::scenarios::acquainted;
use crate::world::World;

#[test]
fn ten_thousand_messages_that_waited_are_read_in_order() {
    let (mut world, alice, bob) = acquainted(40);
    world.switch_off(bob);
    for _ in 0..10_000 {
        world.say(alice, "bob");
        world.step_up(0);
        world.step_down(0);
    }
    world.drain();
    // Two were said before; the receipts of bob take room in nobody's way.
    assert!(world.relay.mailbox(&("bob".into(), 1)).unwrap().waiting.len() >= 9_999);
    world.switch_on(bob);
    world.settle();
    world.check_liveness();
    assert_eq!(world.devices[bob].log.texts().count(), 10_002);
    assert_eq!(world.alarms().len(), 0);
}

#[test]
fn a_full_mailbox_delays_and_loses_nothing() {
    let (mut world, alice, bob) = acquainted(41);
    world.relay.limits.mailbox = 5;
    world.switch_off(bob);
    let texts: Vec<String> = (0..20).map(|_| world.say(alice, "bob")).collect();
    world.live_for(600);
    assert_eq!(world.relay.mailbox(&("bob".into(), 1)).unwrap().waiting.len(), 5);
    assert_ne!(world.devices[alice].engine.unsettled(), (0, 0));
    world.switch_on(bob);
    world.settle();
    assert!(texts.iter().all(|text| world.has_read(bob, text)));
    // What was refused may be overtaken by what came when there was room again.
    world.ledger.unordered = true;
    world.check_liveness();
    world.check_pairs();
}

/// One of two devices does not empty its mailbox: the other one goes on, and that one gets all of it later.
#[test]
fn a_device_that_was_left_out_gets_it_later() {
    let mut world = World::with(42, &[("alice", 1), ("bob", 2)]);
    let (alice, bob, second) = (0, 1, 2);
    world.check_pairs();
    world.relay.limits.mailbox = 5;
    world.switch_off(second);
    let texts: Vec<String> = (0..12)
        .map(|_| {
            let text = world.say(alice, "bob");
            world.drain();
            text
        })
        .collect();
    assert!(texts.iter().all(|text| world.has_read(bob, text)));
    let sent = |text: &String, world: &World| {
        let id = sprag_client::MessageId(world.ledger.of(text).unwrap().1.id);
        world.devices[alice].engine.progress(&crate::scenarios::name("bob"), id)
    };
    assert!(texts.iter().all(|text| sent(text, &world).is_none_or(|s| s >= MessageState::Sent)));
    // A day goes by; asking again and again does not grow.
    let before = world.relay.ciphers.len();
    world.live_for(24 * 60 * 60);
    let grown = world.relay.ciphers.len() - before;
    assert!(grown < 12 * 2 * 60, "{grown} ciphertexts for a device that is away for a day");
    world.switch_on(second);
    world.live_for(24 * 60 * 60);
    assert!(texts.iter().all(|text| world.has_read(second, text)));
    world.ledger.unordered = true;
    world.check_liveness();
    world.check_pairs();
}
