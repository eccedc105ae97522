//! Maps and sets that are sorted vectors, with the methods of the standard library's trees that are used here.
//!
//! A tree is quicker where there is very much in it, but each kind of tree is 8 KB of a module that browsers load, and
//! there are twenty kinds. So native programs have trees, and browsers have these.

#[cfg(not(target_arch = "wasm32"))]
pub use std::collections::{BTreeMap as Map, BTreeSet as Set};

#[cfg(target_arch = "wasm32")]
pub use vectors::{Entry, Iter, IterMut, Map, Set};

#[cfg(any(target_arch = "wasm32", test))]
pub mod vectors;

use std::collections::BinaryHeap;

/// Sorts by a number; what has the same one stays in its order. Only numbers are ever sorted, since each kind of sort
/// is 4 KB of the module.
pub(crate) fn by_number<T>(items: Vec<T>, number: impl Fn(&T) -> u64) -> Vec<T> {
    let places = items.iter().enumerate().map(|(place, item)| (number(item), place));
    let places = places.collect::<BinaryHeap<_>>().into_sorted_vec();
    let mut items: Vec<_> = items.into_iter().map(Some).collect();
    places.into_iter().filter_map(|(_, place)| items.get_mut(place)?.take()).collect()
}

#[cfg(test)]
mod tests;
