//! Conversations in which everything is left to chance, but for what cannot happen.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use sprag_learn::schedule::{Action, Label};
use sprag_learn::{Party, Schedule};

#[derive(Default)]
struct Road {
    on_their_way: Vec<Label>,
    arrived: Vec<Label>,
    written: [u16; 2],
}

/// A schedule of up to 50 actions, and a theft.
pub(crate) fn schedule(seed: u64) -> (Schedule, (Party, usize)) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed ^ 0x5eed);
    let mut road = Road::default();
    let length = 4 + rng.next_u32() % 47;
    let mut actions = Vec::new();
    for _ in 0..length {
        actions.extend(road.next(&mut rng));
    }
    let after = rng.next_u32() as usize % (actions.len() + 1);
    let victim = if rng.next_u32().is_multiple_of(2) { Party::Alice } else { Party::Bob };
    (Schedule::new(actions).expect("only what can happen"), (victim, after))
}

impl Road {
    fn next(&mut self, rng: &mut ChaCha20Rng) -> Option<Action> {
        let bob_may = self.arrived.iter().any(|label| label.from == Party::Alice);
        match rng.next_u32() % 16 {
            0..3 => Some(self.write(Party::Alice)),
            3..6 if bob_may => Some(self.write(Party::Bob)),
            6..14 => {
                let label = take(&mut self.on_their_way, rng)?;
                self.arrived.push(label);
                Some(Action::Deliver(label))
            }
            14 => take(&mut self.on_their_way, rng).map(Action::Drop),
            _ => {
                let again = take(&mut self.arrived, rng)?;
                self.arrived.push(again);
                Some(Action::Deliver(again))
            }
        }
    }

    fn write(&mut self, from: Party) -> Action {
        let written = &mut self.written[usize::from(from == Party::Bob)];
        *written += 1;
        self.on_their_way.push(Label { from, number: *written });
        Action::Send(from)
    }
}

fn take(from: &mut Vec<Label>, rng: &mut ChaCha20Rng) -> Option<Label> {
    let at = (rng.next_u32() as usize).checked_rem(from.len())?;
    Some(from.remove(at))
}
