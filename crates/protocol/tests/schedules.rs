//! Random schedules of two parties on a hostile network, held against a reference model.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use proptest::prelude::*;
use world::{Beginning, Step, World};

thread_local! {
    static BEGINNINGS: Vec<Beginning> = (0..8).map(Beginning::new).collect();
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = any::<[u8; 3]>().prop_map(Step::from_bytes);
    prop::collection::vec(step, 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// Loss, duplication, reordering, corruption, replay, reflection, simultaneous starts, saved and
    /// loaded at every step: what can arrive is read exactly once, all else is refused and changes
    /// nothing, and both sides end up on one session (M-RAT-1, M-RAT-11, M-SES-4).
    #[test]
    fn every_schedule_matches_the_model(seed in 0..8_u64, steps in steps(120)) {
        BEGINNINGS.with(|beginnings| World::run(&beginnings[usize::try_from(seed).unwrap()], steps));
    }
}

/// The same over long conversations, without proptest's choice of short ones.
#[test]
fn long_schedules_match_the_model() {
    let mut totals = (0, 0);
    for seed in 0..20_u64 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let steps = (0..600).map(|_| {
            let mut step = [0; 3];
            rng.fill_bytes(&mut step);
            Step::from_bytes(step)
        });
        let world = World::run(&Beginning::new(seed), steps);
        totals = (totals.0 + world.read, totals.1 + world.refused);
    }
    assert!(totals.0 > 2000 && totals.1 > 500, "the schedules do read and refuse: {totals:?}");
}

/// Both start before either hears of the other, in every order of arrival.
#[test]
fn simultaneous_starts_converge_on_one_session() {
    for order in 0..24_usize {
        let mut world = World::new(order as u64);
        for party in [0, 1, 0, 1] {
            world.step(Step::Send { party });
        }
        let mut order = order;
        for left in (1..=4).rev() {
            world.step(Step::Deliver { which: order % left });
            order /= left;
        }
        world.finish();
        assert_eq!(world.read, 6);
    }
}
