//! Limits of what goes on at a time and in a time, in memory.
//!
//! Among several nodes, rates of accounts are limits of all nodes together, within a second: each node tells
//! the storage what was taken out of its buckets, and hears what all have taken. Rates of addresses are each
//! node's own: addresses are not stored.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sprag_api::name::AccountName;
use sprag_api::problem::{Code, Problem};

use crate::config::Limits;
use crate::metrics;
use crate::storage::{AccountId, Storage, Unavailable};

use buckets::Buckets;
pub(crate) use buckets::Exhausted;
use shares::{Share, Shares};

mod buckets;
mod shares;

/// The memory for bodies that are being read, in bytes: for one address, and in all.
const BODIES: (u64, u64) = (16 * 1024 * 1024, 128 * 1024 * 1024);

/// How many bytes of ciphertext count as one send.
const BYTES_OF_SEND: usize = 16 * 1024;

/// Whoever is refused for a rate waits so long for it: one who goes on all the same does not get refusals
/// as fast as they can be given.
pub(crate) const HELD_BACK: Duration = Duration::from_millis(100);

/// The memory that a body takes up, while it does.
pub(crate) type Memory = Share<IpAddr>;
/// The place of a socket among those of its account, while it is open.
pub(crate) type SocketPlace = Share<AccountId>;

impl From<Exhausted> for Problem {
    fn from(Exhausted { retry_after }: Exhausted) -> Self {
        Self::new(Code::RateLimited, "too many of these in too short a time: wait, then try again")
            .after(retry_after)
    }
}

/// All limits of this relay that have a state.
#[derive(Debug)]
pub(crate) struct Limiters {
    bodies: Arc<Shares<IpAddr>>,
    sockets: Arc<Shares<AccountId>>,
    registrations: Buckets<IpAddr>,
    address_calls: Buckets<IpAddr>,
    account_calls: Buckets<AccountId>,
    sends: Buckets<AccountId>,
    pair_claims: Buckets<(AccountId, AccountName)>,
    target_claims: Buckets<AccountName>,
}

impl Limiters {
    pub(crate) fn new(limits: &Limits, among_others: bool) -> Self {
        let limiters = Self::alone(limits);
        if !among_others {
            return limiters;
        }
        Self {
            account_calls: limiters.account_calls.among_others(),
            sends: limiters.sends.among_others(),
            pair_claims: limiters.pair_claims.among_others(),
            target_claims: limiters.target_claims.among_others(),
            ..limiters
        }
    }

    fn alone(limits: &Limits) -> Self {
        Self {
            bodies: Arc::new(Shares::new(BODIES.0, BODIES.1)),
            sockets: Arc::new(Shares::new(limits.sockets_per_account.into(), u64::MAX)),
            registrations: Buckets::new(limits.registrations_per_address),
            address_calls: Buckets::new(limits.calls_per_address),
            account_calls: Buckets::new(limits.calls_per_account),
            sends: Buckets::new(limits.sends_per_account),
            pair_claims: Buckets::new(limits.claims_per_pair),
            target_claims: Buckets::new(limits.claims_per_target),
        }
    }

    /// The memory for a body from an address: none yet.
    pub(crate) fn memory(&self, from: IpAddr) -> Memory {
        Shares::share(&self.bodies, group(from))
    }

    /// One more socket of an account; `None` where it has as many as it may.
    pub(crate) fn socket(&self, account: AccountId) -> Option<SocketPlace> {
        let mut place = Shares::share(&self.sockets, account);
        place.grow(1).then_some(place)
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

    /// A message to store, over HTTP or the socket, with so many bytes of ciphertext in all its parts.
    pub(crate) fn send(&self, account: AccountId, bytes: usize, now: u64) -> Result<(), Exhausted> {
        let sends = bytes.div_ceil(BYTES_OF_SEND).max(1) as u64;
        counted("send", self.sends.take_many(account, sends, now))
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

    /// Evens out the buckets of this node with those of all others.
    pub(crate) async fn even_out(
        &self,
        storage: &dyn Storage,
        now: u64,
    ) -> Result<(), Unavailable> {
        let account = |account: &AccountId| account.0.to_be_bytes().to_vec();
        let pair = |(requester, target): &(AccountId, AccountName)| {
            [&requester.0.to_be_bytes(), target.as_str().as_bytes()].concat()
        };
        let target = |target: &AccountName| target.as_str().as_bytes().to_vec();
        even_out((0, &self.account_calls), account, storage, now).await?;
        even_out((1, &self.sends), account, storage, now).await?;
        even_out((2, &self.pair_claims), pair, storage, now).await?;
        even_out((3, &self.target_claims), target, storage, now).await
    }
}

/// Buckets of one kind; the kind and the keys are stored as these numbers and bytes.
async fn even_out<K: Clone + Eq + Hash>(
    (kind, buckets): (u8, &Buckets<K>),
    bytes: impl Fn(&K) -> Vec<u8>,
    storage: &dyn Storage,
    now: u64,
) -> Result<(), Unavailable> {
    let taken = buckets.tell();
    if taken.is_empty() {
        return Ok(());
    }
    let debts = taken.iter().map(|(key, weight)| (bytes(key), *weight)).collect();
    match storage.add_debts(kind, buckets.per_second(), debts, now).await {
        Ok(all) => {
            for (key, _) in taken {
                if let Some(weight) = all.get(&bytes(&key)) {
                    buckets.even_out(key, *weight, now);
                }
            }
            Ok(())
        }
        Err(error) => {
            buckets.keep(taken);
            Err(error)
        }
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

/// A thread that panicked left what it guarded in order: nothing here is changed in steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
