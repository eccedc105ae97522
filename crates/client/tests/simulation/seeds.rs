//! Random worlds: four accounts and eight devices, at first, and whatever a seed lets happen to them.

use std::env;
use std::sync::OnceLock;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use crate::world::{Beginning, Manner, World};

/// How many things happen in one world.
const STEPS: usize = 400;
const ACCOUNTS: [(&str, usize); 4] = [("alice", 2), ("bob", 2), ("carol", 2), ("dave", 2)];

static BEGINNING: OnceLock<Beginning> = OnceLock::new();

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Where it begins: mostly with everybody registered and linked.
fn beginning(seed: u64) -> World {
    if !(seed / 4).is_multiple_of(8) {
        let quiet = BEGINNING.get_or_init(|| Beginning::of(World::with(0, &ACCOUNTS)));
        return quiet.world(seed);
    }
    let mut world = World::empty(seed);
    for (name, _) in ACCOUNTS {
        world.register(name);
    }
    world
}

/// The worlds of one manner; each seed has one.
fn run(manner: Manner) {
    let first = setting("SPRAG_SIMULATION_SEED", 1);
    let seeds = setting("SPRAG_SIMULATION_SEEDS", 200);
    for seed in first..first + seeds {
        if Manner::ALL[(seed % 4) as usize] != manner {
            continue;
        }
        eprintln!("seed {seed}");
        let mut choices = ChaCha20Rng::seed_from_u64(seed);
        let choices = (0..STEPS).map(|_| choices.next_u32());
        beginning(seed).run(manner, choices);
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    run(Manner::Honest);
}

#[test]
fn nothing_is_lost_and_no_key_is_used_twice_where_disks_go_back_in_time() {
    run(Manner::Forgetful);
}

#[test]
fn nothing_is_lost_and_nothing_is_believed_where_the_relay_lies() {
    run(Manner::Lying);
}

#[test]
fn nothing_is_lost_where_mailboxes_are_full() {
    run(Manner::Cramped);
}
