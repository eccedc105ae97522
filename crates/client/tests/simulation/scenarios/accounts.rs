//! Accounts that change their key, or are gone.

use sprag_client::view::Failed;
use sprag_client::{Command, MessageState, Notice, Refusal};

use crate::scenarios::{acquainted, name};
use crate::world::World;

/// Bob's account is removed, and somebody registers the name anew.
fn replace_bob(world: &mut World, bob: usize) -> usize {
    world.switch_off(bob);
    world.ledger.left.insert(bob);
    world.relay.remove_account("bob");
    world.relay_speaks();
    let new = world.register("bob");
    world.settle();
    new
}

#[test]
fn a_changed_key_is_a_hard_stop_until_a_person_accepts_it() {
    let (mut world, alice, bob) = acquainted(10);
    let before = world.say(alice, "bob");
    world.settle();
    let new = replace_bob(&mut world, bob);
    let held: Vec<String> = (0..3).map(|_| world.say(new, "alice")).collect();
    world.settle();
    assert!(world.was_told(alice, |notice| matches!(notice, Notice::KeyChanged(_))));
    assert!(held.iter().all(|text| !world.has_read(alice, text)), "held, not read");
    let seen = world.relay.ciphers.len();
    let waits = world.say(alice, "bob");
    world.settle();
    assert_eq!(world.relay.ciphers.len(), seen, "nothing is encrypted for anybody");
    assert_eq!(world.ask(alice, Command::Meet(name("bob"))), Err(Refusal::KeyChanged));
    // The hard stop outlives the process.
    let outcome = world.devices[alice].crash();
    world.took(alice, outcome);
    world.settle();
    assert!(held.iter().all(|text| !world.has_read(alice, text)));
    world.ask(alice, Command::AcceptKey(name("bob"))).unwrap();
    world.settle();
    assert!(held.iter().all(|text| world.has_read(alice, text)), "released");
    assert!(world.has_read(new, &waits));
    assert!(
        !world.has_read(new, &before),
        "what was said to the old account is not for the new one"
    );
    world.ledger.excused.insert(before);
    world.check_liveness();
    world.check_pairs();
}

/// Before anything of the new key has come: alice writes on her old session, which nobody can read.
#[test]
fn what_was_written_to_an_account_that_was_replaced_is_not_given_to_its_successor_unasked() {
    let (mut world, alice, bob) = acquainted(11);
    let new = replace_bob(&mut world, bob);
    let blind = world.say(alice, "bob");
    world.settle();
    assert!(!world.has_read(new, &blind));
    assert!(world.was_told(alice, |notice| matches!(notice, Notice::KeyChanged(_))));
    world.ask(alice, Command::AcceptKey(name("bob"))).unwrap();
    world.settle();
    world.ledger.excused.insert(blind);
    world.check_pairs();
}

#[test]
fn an_account_that_is_gone_fails_what_is_said_to_it() {
    let (mut world, alice, bob) = acquainted(12);
    world.switch_off(bob);
    world.ledger.left.insert(bob);
    world.relay.remove_account("bob");
    world.relay_speaks();
    let text = world.say(alice, "bob");
    world.settle();
    assert!(world.was_told(alice, |notice| matches!(notice, Notice::NoSuchAccount(_))));
    let failed = MessageState::Failed(Failed::NoSuchAccount);
    assert!(world.was_told(
        alice,
        |notice| matches!(notice, Notice::State { state, .. } if *state == failed)
    ));
    assert_eq!(world.devices[alice].engine.unsettled(), (0, 0));
    let meet = Command::Refresh(name("bob"));
    assert_eq!(world.ask(alice, meet), Err(Refusal::NoSuchAccount));
    world.ledger.excused.insert(text);
    world.check_liveness();
}

#[test]
fn a_message_to_nobody_fails_and_can_be_tried_again_once_there_is_somebody() {
    let mut world = World::with(13, &[("alice", 1)]);
    let alice = world.first("alice");
    let text = world.say(alice, "bob");
    world.settle();
    let message = world.ledger.of(&text).unwrap().1.clone();
    let bob = world.register("bob");
    world.settle();
    assert!(!world.has_read(bob, &text));
    let body = sprag_client::Body::Text(text.clone());
    let content = (sprag_client::MessageId(message.id), body);
    world.ask(alice, Command::Retry { with: name("bob"), content }).unwrap();
    world.settle();
    assert!(world.has_read(bob, &text));
    world.check_liveness();
    world.check_pairs();
}
