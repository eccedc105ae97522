//! How much in a time: token buckets, one for each key.
//!
//! A bucket is kept as its debt: what was taken out of it and has not come back. One call weighs
//! [`CALL`], and a bucket gets back its hourly number in each second, so that refills are exact in whole
//! numbers. A bucket without debt is full, and need not be remembered.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

use crate::config::Rate;

use super::lock;

/// What one call weighs: the seconds of an hour.
const CALL: u64 = 3600;
/// How many buckets are looked through at the least before full ones are forgotten.
const SWEEP: usize = 1024;
/// How many buckets of one kind are remembered.
const REMEMBERED: usize = 1 << 16;
/// The longest that anybody is told to wait, in seconds, also where nothing comes back.
const LONGEST_WAIT: u64 = 3600;

/// The bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted {
    /// Seconds after which there is one again.
    pub(crate) retry_after: u32,
}

/// Buckets of one kind.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    capacity: u64,
    per_second: u64,
    most: usize,
    table: Mutex<Table<K>>,
}

#[derive(Debug)]
struct Table<K> {
    debts: HashMap<K, Debt>,
    /// What was taken since other nodes were told, where there may be some.
    untold: Option<HashMap<K, u64>>,
    /// At how many buckets the next sweep is due.
    sweep_at: usize,
}

/// What is missing in a bucket, as of a time.
#[derive(Clone, Copy, Debug, Default)]
struct Debt {
    weight: u64,
    at: u64,
}

impl Debt {
    /// The weight that is missing now. Where the clock was set back, nothing comes back meanwhile.
    fn now(self, per_second: u64, now: u64) -> u64 {
        let back = now.saturating_sub(self.at).saturating_mul(per_second);
        self.weight.saturating_sub(back)
    }
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self::remembering(rate, REMEMBERED)
    }

    fn remembering(rate: Rate, most: usize) -> Self {
        Self {
            capacity: u64::from(rate.burst) * CALL,
            per_second: u64::from(rate.per_hour),
            most,
            table: Mutex::new(Table {
                debts: HashMap::new(),
                untold: None,
                sweep_at: SWEEP.min(most),
            }),
        }
    }

    /// The same buckets for several nodes: each takes out of its own, and they are evened out by and by.
    pub(super) fn among_others(self) -> Self {
        lock(&self.table).untold = Some(HashMap::new());
        self
    }

    /// Takes one call out of a bucket.
    pub(super) fn take(&self, key: K, now: u64) -> Result<(), Exhausted> {
        self.take_many(key, 1, now)
    }

    /// Takes what counts as so many calls out of a bucket; the whole of it, where that is less.
    pub(super) fn take_many(&self, key: K, calls: u64, now: u64) -> Result<(), Exhausted> {
        let taken = calls.saturating_mul(CALL).min(self.capacity).max(CALL);
        let mut table = lock(&self.table);
        let debt = table.debts.get(&key).map_or(0, |debt| debt.now(self.per_second, now));
        let weight = debt + taken;
        if weight > self.capacity {
            return Err(self.exhausted(weight - self.capacity));
        }
        if table.debts.len() >= table.sweep_at {
            self.sweep(&mut table, now);
        }
        if let Some(untold) = &mut table.untold
            && (untold.len() < self.most || untold.contains_key(&key))
        {
            *untold.entry(key.clone()).or_default() += taken;
        }
        table.debts.insert(key, Debt { weight, at: now });
        Ok(())
    }

    /// How much comes back in a second.
    pub(super) fn per_second(&self) -> u64 {
        self.per_second
    }

    /// What other nodes are to be told: the weight that was taken out of each bucket since the last time.
    pub(super) fn tell(&self) -> Vec<(K, u64)> {
        let mut table = lock(&self.table);
        table.untold.as_mut().map(std::mem::take).into_iter().flatten().collect()
    }

    /// They were not told, and are to be told next time.
    pub(super) fn keep(&self, told: Vec<(K, u64)>) {
        let mut table = lock(&self.table);
        if let Some(untold) = &mut table.untold {
            for (key, taken) in told {
                *untold.entry(key).or_default() += taken;
            }
        }
    }

    /// The debt of a bucket is so much, with what all nodes took out of it, as of a time.
    pub(super) fn even_out(&self, key: K, weight: u64, now: u64) {
        let mut table = lock(&self.table);
        let untold = table.untold.as_ref().and_then(|untold| untold.get(&key));
        let weight = weight.saturating_add(untold.copied().unwrap_or_default());
        table.debts.insert(key, Debt { weight, at: now });
    }

    fn exhausted(&self, missing: u64) -> Exhausted {
        let wait = if self.per_second == 0 {
            LONGEST_WAIT
        } else {
            missing.div_ceil(self.per_second).clamp(1, LONGEST_WAIT)
        };
        Exhausted { retry_after: u32::try_from(wait).unwrap_or(u32::MAX) }
    }

    /// Forgets full buckets. Where that does not make room, those who owe least are forgotten too, until
    /// half is left: so many keys cost bounded memory, and each of them gains next to nothing by it.
    fn sweep(&self, table: &mut Table<K>, now: u64) {
        table.debts.retain(|_, debt| debt.now(self.per_second, now) > 0);
        if table.debts.len() > self.most / 4 * 3 {
            let mut forgotten = CALL;
            while table.debts.len() > self.most / 2 {
                table.debts.retain(|_, debt| debt.now(self.per_second, now) > forgotten);
                forgotten *= 2;
            }
        }
        table.sweep_at = table.debts.len().saturating_mul(2).clamp(SWEEP.min(self.most), self.most);
    }
}

#[cfg(test)]
mod tests;
