//! Two sides that start at once.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use crate::world::{Beginning, World};

/// Both say the first thing before either has heard of the other, in any order of events, and end up on
/// one session with everything read.
#[test]
fn a_thousand_schedules_of_two_that_start_at_once() {
    let beginning = Beginning::of(World::with(1, &[("alice", 1), ("bob", 1)]));
    for seed in 0..1000 {
        run(&beginning, seed);
    }
}

fn run(beginning: &Beginning, seed: u64) {
    let mut world = beginning.world(seed);
    let mut choices = ChaCha20Rng::seed_from_u64(seed);
    let (alice, bob) = (world.first("alice"), world.first("bob"));
    world.connect(alice);
    world.connect(bob);
    world.say(alice, "bob");
    world.say(bob, "alice");
    for _ in 0..60 {
        let choice = choices.next_u32();
        let which = (choice / 8) as usize;
        match choice % 8 {
            0 | 1 => world.step_up(which),
            2 | 3 => world.step_down(which),
            4..=6 => world.step_call(which),
            _ if world.ledger.said.len() < 6 => {
                let (from, to) =
                    if which.is_multiple_of(2) { (alice, "bob") } else { (bob, "alice") };
                world.say(from, to);
                true
            }
            _ => false,
        };
    }
    world.drain();
    world.check_liveness();
    // Whoever speaks last decides; then both agree.
    world.say(alice, "bob");
    world.drain();
    world.say(bob, "alice");
    world.drain();
    world.check_liveness();
    let of_alice = world.devices[alice].active_session(("bob", 1));
    let of_bob = world.devices[bob].active_session(("alice", 1));
    assert!(of_alice.is_some() && of_alice == of_bob, "seed {seed}");
    assert!(world.notices.iter().all(|(_, notice)| !crate::is_alarm(notice)), "seed {seed}");
}
