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
