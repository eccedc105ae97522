//! How much of everything in a time: token buckets in memory, one for each account, address or pair.
//!
//! A bucket is kept as its debt: what was taken out of it and has not come back. One call weighs
//! [`CALL`], and a bucket gets back its hourly number in each second, so that refills are exact in whole
//! numbers. A bucket without debt is full, and need not be remembered.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sprag_api::name::AccountName;
use sprag_api::problem::{Code, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{Limits, Rate};
use crate::metrics;
use crate::storage::AccountId;

/// What one call weighs: the seconds of an hour.
const CALL: u64 = 3600;
/// How many buckets are looked through at the least before full ones are forgotten.
const SWEEP: usize = 1024;
/// How many buckets of one kind are remembered.
const REMEMBERED: usize = 1 << 16;
/// The memory for bodies that are being read, in all, in bytes.
const BODIES: usize = 128 * 1024 * 1024;
/// The longest that anybody is told to wait, in seconds, also where nothing comes back.
const LONGEST_WAIT: u64 = 3600;

/// The bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted {
    /// Seconds after which there is one again.
    pub(crate) retry_after: u32,
}

impl From<Exhausted> for Problem {
    fn from(Exhausted { retry_after }: Exhausted) -> Self {
        Self::new(Code::RateLimited, "too many of these in too short a time: wait, then try again")
            .after(retry_after)
    }
}

/// All limits of this relay that have a state.
#[derive(Debug)]
pub(crate) struct Limiters {
    /// The memory for bodies that are being read: one permit for each byte.
    bodies: Arc<Semaphore>,
    sockets: Arc<Sockets>,
    registrations: Buckets<IpAddr>,
    address_calls: Buckets<IpAddr>,
    account_calls: Buckets<AccountId>,
    sends: Buckets<AccountId>,
    pair_claims: Buckets<(AccountId, AccountName)>,
    target_claims: Buckets<AccountName>,
}

impl Limiters {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            bodies: Arc::new(Semaphore::new(BODIES)),
            sockets: Arc::new(Sockets::new(limits.sockets_per_account)),
            registrations: Buckets::new(limits.registrations_per_address),
            address_calls: Buckets::new(limits.calls_per_address),
            account_calls: Buckets::new(limits.calls_per_account),
            sends: Buckets::new(limits.sends_per_account),
            pair_claims: Buckets::new(limits.claims_per_pair),
            target_claims: Buckets::new(limits.claims_per_target),
        }
    }

    /// Memory for some more bytes of a body; `None` where all of it is in use.
    pub(crate) fn body(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let permits = u32::try_from(bytes).ok()?;
        Arc::clone(&self.bodies).try_acquire_many_owned(permits).ok()
    }

    /// One more socket of an account, until it is dropped; `None` where it has as many as it may.
    pub(crate) fn socket(&self, account: AccountId) -> Option<SocketPlace> {
        Sockets::enter(&self.sockets, account)
    }

    /// A registration from an address.
    pub(crate) fn registration(&self, from: IpAddr, now: u64) -> Result<(), Exhausted> {
        counted("registration", self.registrations.take(group(from), now))
    }

    /// A call without a token, or with one that is not valid.
    pub(crate) fn address_call(&self, from: IpAddr, now: u64) -> Result<(), Exhausted> {
        counted("address-call", self.address_calls.take(group(from), now))
    }

    /// A call with a token.
    pub(crate) fn account_call(&self, account: AccountId, now: u64) -> Result<(), Exhausted> {
        counted("account-call", self.account_calls.take(account, now))
    }

    /// A message to store, over HTTP or the socket.
    pub(crate) fn send(&self, account: AccountId, now: u64) -> Result<(), Exhausted> {
        counted("send", self.sends.take(account, now))
    }

    /// A claim of an account's keys by another account.
    pub(crate) fn pair_claim(
        &self,
        requester: AccountId,
        target: &AccountName,
        now: u64,
    ) -> Result<(), Exhausted> {
        counted("claim", self.pair_claims.take((requester, target.clone()), now))
    }

    /// A claim of an account's one-time prekeys by anybody.
    pub(crate) fn target_claim(&self, target: &AccountName, now: u64) -> Result<(), Exhausted> {
        self.target_claims.take(target.clone(), now)
    }
}

/// What came of it; a refusal is counted.
fn counted(kind: &'static str, taken: Result<(), Exhausted>) -> Result<(), Exhausted> {
    if taken.is_err() {
        ::metrics::counter!(metrics::RATE_LIMITED, "kind" => kind).increment(1);
    }
    taken
}

/// What counts as one address: an IPv4 address, or the 64 bits of an IPv6 address that a network gives
/// to one customer.
pub(crate) fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
    }
}

/// How many sockets each account has.
#[derive(Debug)]
struct Sockets {
    most: u32,
    open: Mutex<HashMap<AccountId, u32>>,
}

/// The place of one socket.
#[derive(Debug)]
pub(crate) struct SocketPlace {
    sockets: Arc<Sockets>,
    account: AccountId,
}

impl Sockets {
    fn new(most: u32) -> Self {
        Self { most, open: Mutex::default() }
    }

    fn enter(sockets: &Arc<Self>, account: AccountId) -> Option<SocketPlace> {
        let mut open = lock(&sockets.open);
        let count = open.get(&account).copied().unwrap_or_default();
        if count >= sockets.most {
            return None;
        }
        open.insert(account, count + 1);
        Some(SocketPlace { sockets: Arc::clone(sockets), account })
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        let mut open = lock(&self.sockets.open);
        match open.get_mut(&self.account) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&self.account);
            }
        }
    }
}

/// A thread that panicked left what it guarded in order: nothing here is changed in steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Buckets of one kind.
#[derive(Debug)]
struct Buckets<K> {
    capacity: u64,
    per_second: u64,
    most: usize,
    table: Mutex<Table<K>>,
}

#[derive(Debug)]
struct Table<K> {
    debts: HashMap<K, Debt>,
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

impl<K: Eq + Hash> Buckets<K> {
    fn new(rate: Rate) -> Self {
        Self::remembering(rate, REMEMBERED)
    }

    fn remembering(rate: Rate, most: usize) -> Self {
        Self {
            capacity: u64::from(rate.burst) * CALL,
            per_second: u64::from(rate.per_hour),
            most,
            table: Mutex::new(Table { debts: HashMap::new(), sweep_at: SWEEP.min(most) }),
        }
    }

    /// Takes one call out of a bucket.
    fn take(&self, key: K, now: u64) -> Result<(), Exhausted> {
        let mut table = lock(&self.table);
        let debt = table.debts.get(&key).map_or(0, |debt| debt.now(self.per_second, now));
        let weight = debt + CALL;
        if weight > self.capacity {
            return Err(self.exhausted(weight - self.capacity));
        }
        if table.debts.len() >= table.sweep_at {
            self.sweep(&mut table, now);
        }
        table.debts.insert(key, Debt { weight, at: now });
        Ok(())
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
