//! Of the one sort.

use super::by_number;

#[test]
fn what_has_the_same_number_stays_in_its_order() {
    let items = vec![(2, 'a'), (1, 'b'), (2, 'c'), (0, 'd'), (1, 'e')];
    let sorted = by_number(items, |(number, _): &(u64, char)| *number);
    assert_eq!(sorted, [(0, 'd'), (1, 'b'), (1, 'e'), (2, 'a'), (2, 'c')]);
}
