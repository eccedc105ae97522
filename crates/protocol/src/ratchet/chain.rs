//! Symmetric-key chains, and the keys kept for messages that are still on their way.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::suite::Suite;
use crate::kdf::{ChainKey, MessageKey};
use crate::time::{Timestamp, days};
use crate::trace::{Event, Observer, Place};
use crate::x25519::PublicKey;

/// The most messages that one message may skip, over both chains that it touches.
pub const MAX_SKIP: u32 = 1000;
/// The most message keys that a ratchet keeps; the oldest go first.
pub const MAX_KEPT_KEYS: usize = 2000;
/// The most closed chains whose header keys are kept for skipped messages; the oldest go first.
pub const MAX_KEPT_CHAINS: usize = 8;
/// How long a message key is kept.
pub const MAX_KEPT_AGE: Duration = days(30);

/// A chain key and the number of the message that it leads to.
pub(super) struct Chain {
    /// The root step that began the chain.
    pub(super) step: u64,
    pub(super) key: ChainKey,
    pub(super) n: u32,
}

/// What came of walking a chain forward.
pub(super) struct Walk {
    pub(super) keys: Vec<(u32, MessageKey)>,
    /// Where the walk began.
    pub(super) from: u32,
    /// The chain after it; `None` where the walk took no step.
    pub(super) chain: Option<Chain>,
}

impl Chain {
    /// Derives the message keys up to `until`, which it does not include. The chain stays as it is.
    pub(super) fn walk<S: Suite, O: Observer>(&self, until: u32, observer: &mut O) -> Walk {
        let step = self.step;
        let steps = until.saturating_sub(self.n);
        let mut keys = Vec::with_capacity(usize::try_from(steps).unwrap_or(0));
        let mut chain = None;
        for n in self.n..until {
            let at = chain.as_ref().map_or(&self.key, |chain: &Self| &chain.key);
            let (next, message) = S::chain_step(at);
            let following = n.saturating_add(1);
            let place = Place::Message { step, n };
            observer.observe(Event::Derived { place, key: message.expose() });
            let place = Place::Chain { step, n: following };
            observer.observe(Event::Derived { place, key: next.expose() });
            keys.push((n, message));
            chain = Some(Self { step, key: next, n: following });
        }
        Walk { keys, from: self.n, chain }
    }
}

/// A message key kept for a message that was skipped.
pub(super) struct KeptKey {
    pub(super) n: u32,
    pub(super) since: Timestamp,
    pub(super) key: MessageKey,
}

/// DHr, HKr, CKr and Nr of one chain, and its part of MKSKIPPED.
pub(super) struct ReceivingChain<S: Suite> {
    pub(super) step: u64,
    pub(super) theirs: PublicKey,
    pub(super) header_key: S::HeaderKey,
    /// `None` once the chain is closed.
    pub(super) open: Option<Chain>,
    /// By rising number.
    pub(super) kept: VecDeque<KeptKey>,
}

impl<S: Suite> ReceivingChain<S> {
    /// Keeps keys that are all above those kept before.
    pub(super) fn keep<O: Observer>(
        &mut self,
        keys: Vec<(u32, MessageKey)>,
        since: Timestamp,
        observer: &mut O,
    ) {
        self.none_later_than(since);
        let step = self.step;
        for (n, key) in keys {
            observer.observe(Event::Kept { place: Place::Message { step, n } });
            self.kept.push_back(KeptKey { n, since, key });
        }
    }

    /// The kept key of message `n`, unless it is too old.
    pub(super) fn find(&self, n: u32, now: Timestamp) -> Option<usize> {
        let index = self.kept.binary_search_by_key(&n, |kept| kept.n).ok()?;
        let fresh = |kept: &KeptKey| !kept.since.is_older_than(MAX_KEPT_AGE, now);
        self.kept.get(index).is_some_and(fresh).then_some(index)
    }

    /// Drops the kept key that is longest here.
    pub(super) fn drop_oldest<O: Observer>(&mut self, observer: &mut O) {
        if let Some(KeptKey { n, .. }) = self.kept.pop_front() {
            observer.observe(Event::Erased { place: Place::Message { step: self.step, n } });
        }
    }

    /// A clock that was ahead keeps nothing for longer; so the oldest always come first.
    fn none_later_than(&mut self, now: Timestamp) {
        for kept in self.kept.iter_mut().rev().take_while(|kept| kept.since > now) {
            kept.since = now;
        }
    }

    /// Drops what is too old.
    pub(super) fn drop_expired<O: Observer>(&mut self, now: Timestamp, observer: &mut O) {
        self.none_later_than(now);
        let expired = |kept: &KeptKey| kept.since.is_older_than(MAX_KEPT_AGE, now);
        while self.kept.front().is_some_and(expired) {
            self.drop_oldest(observer);
        }
    }
}
