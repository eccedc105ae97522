//! Private halves by their ids.

use alloc::vec::Vec;

use crate::codec::Damaged;

/// What was made under ids that only rise: a vector that is in order by itself, and a tenth of a tree's code in a module
/// that browsers load. Few and short moves: what is secret stays where it is on the heap.
pub(super) struct ById<V>(Vec<(u32, V)>);

impl<V> ById<V> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Out of a state.
    ///
    /// # Errors
    /// [`Damaged`] unless the ids rise.
    pub(super) fn of(held: Vec<(u32, V)>) -> Result<Self, Damaged> {
        if held.is_sorted_by(|one, next| one.0 < next.0) { Ok(Self(held)) } else { Err(Damaged) }
    }

    /// Adds one under an id that is above all others.
    pub(super) fn push(&mut self, id: u32, value: V) {
        debug_assert!(self.0.last().is_none_or(|(last, _)| *last < id), "ids rise");
        self.0.push((id, value));
    }

    pub(super) fn get(&self, id: u32) -> Option<&V> {
        let at = self.find(id)?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Drops one; whether it was there.
    pub(super) fn remove(&mut self, id: u32) -> bool {
        self.find(id).map(|at| self.0.remove(at)).is_some()
    }

    /// Drops the oldest, so that no more than so many are left.
    pub(super) fn keep_newest(&mut self, most: usize) {
        self.0.drain(..self.0.len().saturating_sub(most));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|(id, _)| *id)
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &(u32, V)> {
        self.0.iter()
    }

    fn find(&self, id: u32) -> Option<usize> {
        self.0.binary_search_by_key(&id, |(id, _)| *id).ok()
    }
}
