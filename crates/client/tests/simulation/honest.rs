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

#[test]
fn timing() {
    let t = std::time::Instant::now();
    let mut world = World::empty(1);
    world.register("alice");
    world.settle();
    eprintln!("one device {:?}", t.elapsed());
    let t = std::time::Instant::now();
    let accounts = [("alice", 2), ("bob", 2), ("carol", 2), ("dave", 2)];
    let mut world = World::with(2, &accounts);
    eprintln!("setup {:?}", t.elapsed());
    let t = std::time::Instant::now();
    world.check_pairs();
    eprintln!("pairs first {:?}", t.elapsed());
    let t = std::time::Instant::now();
    world.check_pairs();
    eprintln!("pairs second {:?}", t.elapsed());
    let t = std::time::Instant::now();
    for i in 0..8 {
        let s = world.devices[i].snapshot();
        let log = world.devices[i].log.clone();
        world.devices[i].restore(&(s, log), false, &mut world.rng);
    }
    eprintln!("snapshot & reload 8 {:?}", t.elapsed());
}
