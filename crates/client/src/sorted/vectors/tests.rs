//! Held against the standard library's trees.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u16),
    Remove(u8),
    Entry(u8),
    Retain(u16),
    Change(u8, u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<u8>(), any::<u16>()).prop_map(|(key, value)| Step::Insert(key, value)),
        any::<u8>().prop_map(Step::Remove),
        any::<u8>().prop_map(Step::Entry),
        (2..9_u16).prop_map(Step::Retain),
        (any::<u8>(), any::<u16>()).prop_map(|(key, value)| Step::Change(key, value)),
    ]
}

proptest! {
    #[test]
    fn a_map_does_what_a_tree_does(steps in prop::collection::vec(step(), 0..200), at: u8, to: u8) {
        let (mut map, mut tree) = (Map::new(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    prop_assert_eq!(map.insert(key, value), tree.insert(key, value));
                }
                Step::Remove(key) => prop_assert_eq!(map.remove(&key), tree.remove(&key)),
                Step::Entry(key) => {
                    *map.entry(key).or_default() += 1;
                    *tree.entry(key).or_default() += 1;
                }
                Step::Retain(by) => {
                    map.retain(|_, value| *value % by != 0);
                    tree.retain(|_, value| *value % by != 0);
                }
                Step::Change(key, value) => {
                    let both = (map.get_mut(&key), tree.get_mut(&key));
                    if let (Some(one), Some(other)) = both {
                        (*one, *other) = (value, value);
                    }
                }
            }
            prop_assert_eq!(map.first_key_value(), tree.first_key_value());
            prop_assert!(map.iter().eq(tree.iter()));
            prop_assert!(map.keys().eq(tree.keys()) && map.values().eq(tree.values()));
            prop_assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
        }
        prop_assert_eq!((map.get(&at), map.contains_key(&at)), (tree.get(&at), tree.contains_key(&at)));
        prop_assert!(map.range(at..).eq(tree.range(at..)));
        if at <= to {
            prop_assert!(map.range(at..=to).eq(tree.range(at..=to)));
        }
        let again: Map<_, _> = map.clone().into_iter().rev().collect();
        prop_assert_eq!(&again, &map);
        prop_assert!(map.into_keys().eq(tree.into_keys()));
    }

    #[test]
    fn a_set_does_what_a_tree_does(items in prop::collection::vec(any::<u8>(), 0..100), gone: u8) {
        let (mut set, mut tree): (Set<_>, BTreeSet<_>) =
            (items.iter().copied().collect(), items.iter().copied().collect());
        prop_assert!(set.iter().eq(tree.iter()));
        prop_assert_eq!(set.remove(&gone), tree.remove(&gone));
        prop_assert_eq!(set.insert(gone), tree.insert(gone));
        prop_assert!(set.contains(&gone));
        prop_assert_eq!(set.len(), tree.len());
        prop_assert!(set.into_iter().eq(tree));
    }
}
