//! How much at a time: what each key has in use, and all of them together.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use super::lock;

/// Something of which each key may have so much in use, and all together so much.
#[derive(Debug)]
pub(super) struct Shares<K> {
    each: u64,
    all: u64,
    used: Mutex<Used<K>>,
}

#[derive(Debug)]
struct Used<K> {
    all: u64,
    each: HashMap<K, u64>,
}

/// What one holder has in use, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share<K: Eq + Hash + Copy> {
    shares: Arc<Shares<K>>,
    key: K,
    held: u64,
}

impl<K: Eq + Hash + Copy> Shares<K> {
    pub(super) fn new(each: u64, all: u64) -> Self {
        Self { each, all, used: Mutex::new(Used { all: 0, each: HashMap::new() }) }
    }

    /// A share of this key, with nothing in use yet.
    pub(super) fn share(shares: &Arc<Self>, key: K) -> Share<K> {
        Share { shares: Arc::clone(shares), key, held: 0 }
    }
}

impl<K: Eq + Hash + Copy> Share<K> {
    /// Takes some more; `false`, and nothing taken, where there is not so much.
    pub(crate) fn grow(&mut self, more: u64) -> bool {
        let mut used = lock(&self.shares.used);
        let each = used.each.get(&self.key).copied().unwrap_or_default();
        let each = each.checked_add(more).filter(|each| *each <= self.shares.each);
        let all = used.all.checked_add(more).filter(|all| *all <= self.shares.all);
        let (Some(each), Some(all)) = (each, all) else { return false };
        used.each.insert(self.key, each);
        used.all = all;
        self.held += more;
        true
    }
}

impl<K: Eq + Hash + Copy> Drop for Share<K> {
    fn drop(&mut self) {
        let mut used = lock(&self.shares.used);
        used.all -= self.held;
        let each = used.each.get(&self.key).copied().unwrap_or_default();
        if each > self.held {
            used.each.insert(self.key, each - self.held);
        } else {
            used.each.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share_until_it_is_given_back() {
        let shares = Arc::new(Shares::new(3, 5));
        let mut one = Shares::share(&shares, 1);
        assert!(one.grow(2) && one.grow(1));
        assert!(!one.grow(1));
        let mut again = Shares::share(&shares, 1);
        assert!(!again.grow(1), "the same key, all of its holders together");
        drop(one);
        assert!(again.grow(3));
    }

    #[test]
    fn all_together_have_so_much() {
        let shares = Arc::new(Shares::new(3, 5));
        let (mut one, mut two) = (Shares::share(&shares, 1), Shares::share(&shares, 2));
        assert!(one.grow(3));
        assert!(!two.grow(3), "not in part either");
        assert!(two.grow(2));
        drop(one);
        assert!(two.grow(1));
    }

    #[test]
    fn nothing_is_remembered_of_those_who_are_gone() {
        let shares = Arc::new(Shares::new(u64::MAX, u64::MAX));
        let (mut one, mut two) = (Shares::share(&shares, 1), Shares::share(&shares, 1));
        assert!(one.grow(7) && two.grow(u64::MAX - 7));
        assert!(!one.grow(1));
        drop(one);
        assert_eq!(lock(&shares.used).all, u64::MAX - 7);
        drop(two);
        let used = lock(&shares.used);
        assert!(used.each.is_empty() && used.all == 0);
    }
}
