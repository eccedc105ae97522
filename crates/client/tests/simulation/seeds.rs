//! Random worlds: four accounts and eight devices, at first, and whatever a seed lets happen to them.

use std::env;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use crate::world::World;

/// How many things happen in one world.
const STEPS: usize = 400;

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// One world.
fn run(seed: u64) {
    let mut choices = ChaCha20Rng::seed_from_u64(seed);
    let accounts = [("alice", 2), ("bob", 2), ("carol", 2), ("dave", 2)];
    let mut world = World::with(seed, &accounts);
    for _ in 0..STEPS {
        world.step(choices.next_u32());
    }
    world.come_to_rest();
    world.check_pairs();
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    let first = setting("SPRAG_SIMULATION_SEED", 1);
    let seeds = setting("SPRAG_SIMULATION_SEEDS", 10);
    for seed in first..first + seeds {
        eprintln!("seed {seed}");
        run(seed);
    }
}
