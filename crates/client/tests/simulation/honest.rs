//! Everything works while everybody is honest and nothing breaks.

use crate::world::World;

#[test]
fn two_people_talk() {
    let mut world = World::with(1, &[("alice", 1), ("bob", 1)]);
    let (alice, bob) = (world.first("alice"), world.first("bob"));
    world.say(alice, "bob");
    world.settle();
    world.say(bob, "alice");
    world.say(alice, "bob");
    world.settle();
    world.check_liveness();
    assert_eq!(world.ledger.said.len(), 3);
    world.check_pairs();
}

#[test]
fn four_accounts_with_two_devices_each_talk() {
    let accounts = [("alice", 2), ("bob", 2), ("carol", 2), ("dave", 2)];
    let mut world = World::with(2, &accounts);
    world.check_pairs();
    world.check_pairs();
    assert!(world.notices.iter().all(|(_, notice)| !crate::is_alarm(notice)));
}
