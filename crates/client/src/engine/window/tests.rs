//! The window against a plain set.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn both_edges() {
    let mut window = Window::default();
    window.insert(2000);
    assert!(window.contains(2000));
    assert!(!window.contains(2001));
    assert!(!window.contains(2000 - 1023));
    window.insert(2000 - 1023);
    assert!(window.contains(2000 - 1023));
    window.insert(2000 - 1024);
    assert!(!window.contains(2000 - 1024), "beyond what is remembered");
    assert!(window.contains(2000));
}

proptest! {
    #[test]
    fn it_is_the_set_of_what_was_inserted(
        numbers in prop::collection::vec((0_u64..4000, any::<bool>()), 1..300),
    ) {
        let mut window = Window::default();
        let mut set = BTreeSet::new();
        let mut base = 1;
        for (number, far) in numbers {
            let number = if far { base + number } else { base + number % 30 };
            base = base.max(number.saturating_sub(900)).max(1);
            let old = set.last().is_some_and(|highest: &u64| *highest >= number + 1024);
            prop_assert_eq!(window.contains(number), !old && set.contains(&number));
            if !old {
                window.insert(number);
                set.insert(number);
            }
            let (highest, bits) = window.parts();
            prop_assert_eq!(Window::of(highest, &bits), Some(window.clone()));
        }
    }
}
