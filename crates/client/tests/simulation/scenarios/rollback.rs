//! States that are older copies of themselves: copies that came back, backups, clones.

use sprag_client::Notice;

use crate::ciphers::Reuse;
use crate::scenarios::acquainted;
use crate::world::World;

fn started_afresh(notice: &Notice) -> bool {
    matches!(notice, Notice::StartedAfresh)
}

/// Everybody talks, a copy of alice's disk is kept, everybody talks on, and the copy comes back.
fn rolled_back(backup: bool) -> World {
    let mut world = World::with(3, &[("alice", 2), ("bob", 2)]);
    let (alice, bob) = (world.first("alice"), world.first("bob"));
    world.check_pairs();
    let then = world.snapshot(alice);
    for _ in 0..5 {
        world.say(alice, "bob");
        world.say(bob, "alice");
    }
    world.settle();
    world.switch_off(alice);
    let waiting = world.say(bob, "alice");
    world.settle();
    world.notices.clear();
    world.roll_back(alice, &then, backup);
    let text = world.say(alice, "bob");
    world.switch_on(alice);
    let alice_says = world.say(alice, "bob");
    world.settle();
    assert!(world.was_told(alice, started_afresh));
    assert!(!world.has_read(alice, &text), "it is off");
    assert!(world.has_read(bob, &alice_says));
    assert!(world.has_read(alice, &waiting), "what waited for the newer state is repaired");
    world
}

#[test]
fn an_older_copy_starts_afresh_and_everything_is_read() {
    let mut world = rolled_back(false);
    world.check_liveness();
    world.check_pairs();
    world.check_pairs();
}

#[test]
fn a_restored_backup_starts_afresh_and_everything_is_read() {
    let mut world = rolled_back(true);
    world.check_liveness();
    world.check_pairs();
}

/// Nothing was sent since the backup was made, so the relay cannot know; the mark in the backup does.
#[test]
fn a_backup_starts_afresh_even_where_the_relay_notices_nothing() {
    let (mut world, alice, bob) = acquainted(4);
    let then = world.snapshot(alice);
    world.roll_back(alice, &then, true);
    world.settle();
    assert!(world.was_told(alice, started_afresh));
    let text = world.say(bob, "alice");
    world.settle();
    assert!(world.has_read(alice, &text));
    world.check_pairs();
    assert_eq!(world.notices.iter().filter(|(_, notice)| started_afresh(notice)).count(), 1);
}

/// The same state runs twice. One takes over from the other; whichever comes later finds that its
/// numbers were used, and starts afresh.
#[test]
fn a_clone_takes_over_and_no_key_is_used_twice() {
    let (mut world, alice, bob) = acquainted(5);
    let clone = world.clone_device(alice);
    world.settle();
    let ousted = |world: &World, index: usize| {
        matches!(world.devices[index].link, crate::device::Link::Ousted)
    };
    assert!(ousted(&world, alice) && !ousted(&world, clone), "the newer connection has it");
    let mut texts = vec![world.say(clone, "bob")];
    world.settle();
    for turn in 0..4 {
        let (from, other) = if turn % 2 == 0 { (alice, clone) } else { (clone, alice) };
        world.readmit(from);
        world.settle();
        assert!(ousted(&world, other));
        texts.push(world.say(from, "bob"));
        world.settle();
    }
    let missing: Vec<_> = texts.iter().filter(|text| !world.has_read(bob, text)).collect();
    assert!(missing.is_empty(), "bob has not read {missing:?}");
    world.ledger.unordered = true;
    world.check_safety();
    assert!(world.was_told(alice, started_afresh) && world.was_told(clone, started_afresh));
}

/// What the checker is for: a state that comes back unnoticed, because the relay conceals that it has seen
/// newer numbers, uses a key twice; and that is seen.
#[test]
fn the_check_of_ciphertexts_sees_a_key_that_is_used_twice() {
    let (mut world, alice, bob) = acquainted(6);
    // No answer comes in between: an answer would make her draw new keys.
    world.switch_off(bob);
    world.say(alice, "bob");
    world.settle();
    let then = world.snapshot(alice);
    let numbers = world.relay.mailbox(&("alice".into(), 1)).unwrap().numbers.clone();
    world.say(alice, "bob");
    world.settle();
    assert_eq!(world.relay.ciphers.reused, []);
    world.roll_back(alice, &then, false);
    world.relay.mailbox(&("alice".into(), 1)).unwrap().numbers = numbers;
    world.say(alice, "bob");
    world.settle();
    let reused = std::mem::take(&mut world.relay.ciphers.reused);
    assert!(matches!(reused[..], [Reuse::Key(..), ..]), "{reused:?}");
}

/// The directory hands out nothing whose private half is gone: not even where the new prekeys were
/// lost on their way, or the process ended meanwhile.
#[test]
fn a_fresh_start_replaces_every_prekey_in_the_directory() {
    let mut world = World::with(7, &[("alice", 1), ("bob", 1), ("carol", 1)]);
    let (alice, carol) = (world.first("alice"), world.first("carol"));
    world.say(alice, "bob");
    world.settle();
    let then = world.snapshot(alice);
    world.say(alice, "bob");
    world.settle();
    let who = ("alice".to_owned(), 1);
    let old = world.relay.mailbox(&who).unwrap().one_time.keys.clone();
    world.roll_back(alice, &then, false);
    world.connect(alice);
    for step in 0..40 {
        world.step_up(0);
        world.step_down(0);
        if step % 3 == 2 {
            world.lose_call(0);
        } else {
            world.step_call(0);
        }
    }
    let outcome = world.devices[alice].crash();
    world.took(alice, outcome);
    world.settle();
    world.restart_relay();
    world.settle();
    let new = &world.relay.mailbox(&who).unwrap().one_time.keys;
    let stale = old.iter().filter(|(id, key)| new.get(id) == Some(key)).count();
    assert_eq!(stale, 0, "old prekeys are still handed out");
    world.notices.clear();
    let text = world.say(carol, "alice");
    world.settle();
    assert!(world.has_read(alice, &text));
    assert_eq!(world.alarms().len(), 0, "{:?}", world.alarms());
}
