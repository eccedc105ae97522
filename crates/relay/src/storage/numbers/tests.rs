//! The ring of numbers against a plain set.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What [`Numbers`] should say.
#[derive(Default)]
struct Model(BTreeSet<u64>);

impl Model {
    fn standing(&self, number: u64) -> Standing {
        let mark = self.0.last().copied().unwrap_or(0);
        if self.0.contains(&number) && number + limit::NUMBER_WINDOW > mark {
            Standing::Accepted
        } else if number + limit::NUMBER_WINDOW <= mark {
            Standing::TooOld
        } else {
            Standing::New
        }
    }
}

proptest! {
    #[test]
    fn numbers_stand_as_a_plain_set_says(
        steps in prop::collection::vec((any::<bool>(), 0_u64..3_000), 1..200),
    ) {
        let (mut numbers, mut model) = (Numbers::default(), Model::default());
        for (ahead, step) in steps {
            let mark = numbers.mark();
            let number = if ahead { mark + 1 + step } else { mark.saturating_sub(step).max(1) };
            prop_assert_eq!(numbers.standing(number), model.standing(number));
            if numbers.standing(number) == Standing::New {
                numbers.accept(number);
                model.0.insert(number);
            }
            let stored = Numbers::from_bytes(numbers.mark(), &numbers.to_bytes());
            prop_assert_eq!(&stored, &numbers);
            for near in number.saturating_sub(3)..number + 3 {
                if near > 0 {
                    prop_assert_eq!(numbers.standing(near), model.standing(near));
                }
            }
        }
    }
}

#[test]
fn the_window_ends_1024_below_the_mark() {
    let mut numbers = Numbers::default();
    numbers.accept(5_000);
    assert_eq!(numbers.standing(5_000 - 1_023), Standing::New);
    assert_eq!(numbers.standing(5_000 - 1_024), Standing::TooOld);
    numbers.accept(5_000 - 1_023);
    assert_eq!(numbers.standing(5_000 - 1_023), Standing::Accepted);
    assert_eq!(numbers.mark(), 5_000);
}

#[test]
fn the_highest_number_is_taken() {
    let mut numbers = Numbers::default();
    numbers.accept(limit::NUMBER_MAX);
    assert_eq!(numbers.standing(limit::NUMBER_MAX), Standing::Accepted);
    assert_eq!(numbers.standing(1), Standing::TooOld);
}
