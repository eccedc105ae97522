//! Receiving: find the chain of a message, compute the next state as a value, commit it.

use alloc::collections::VecDeque;
use core::mem;

use super::chain::{Chain, MAX_KEPT_CHAINS, MAX_KEPT_KEYS, MAX_SKIP, ReceivingChain, Walk};
use super::suite::{RootStep, Suite, header_erased, header_used};
use super::{OpenError, Ratchet, Sending, SendingChain};
use crate::kdf::{MessageKey, RootKey};
use crate::message::Header;
use crate::time::Timestamp;
use crate::trace::{Event, Observer, Place};
use crate::x25519::{InvalidKey, PublicKey};

/// Whose header it is.
#[derive(Clone, Copy)]
pub(super) enum Found {
    /// A message of a chain that we have, by its index.
    Chain { index: usize, header: Header },
    /// The first message that we see of their next chain.
    Next { header: Header },
}

/// The next state, computed but not yet taken.
pub(super) enum Plan<S: Suite> {
    /// The message's key was kept.
    Kept { chain: usize, key: usize },
    /// The message is at or ahead of where its chain stands.
    Along { chain: usize, walk: Walk, key: MessageKey },
    /// The DH ratchet turns.
    Turn(Turn<S>),
}

/// A DH ratchet step.
pub(super) struct Turn<S: Suite> {
    theirs: PublicKey,
    step: u64,
    root: RootKey,
    next_header: S::HeaderKey,
    /// The keys between where the chain before it stands and its end.
    closing: Option<Walk>,
    walk: Walk,
    key: MessageKey,
}

impl<S: Suite> Ratchet<S> {
    /// Tries the header keys: every chain's, newest first, then NHKr. Costs nothing but header trials; no
    /// key is derived (M-RAT-2).
    pub(super) fn locate(&self, message: &[u8]) -> Option<Found> {
        let known = self.receiving.iter().enumerate().find_map(|(index, chain)| {
            let header = S::open_header(&chain.header_key, message)?;
            // M-RAT-3
            (header.ratchet_key == chain.theirs).then_some(Found::Chain { index, header })
        });
        known.or_else(|| {
            S::open_header(&self.next_receiving, message).map(|header| Found::Next { header })
        })
    }

    /// Computes the next state for a message whose header is authentic.
    pub(super) fn plan<O: Observer>(
        &self,
        found: Found,
        now: Timestamp,
        observer: &mut O,
    ) -> Result<Plan<S>, OpenError> {
        match found {
            Found::Chain { index, header } => self.plan_on_chain(index, header.n, now, observer),
            Found::Next { header } => self.plan_turn(header, observer).map(Plan::Turn),
        }
    }

    fn plan_on_chain<O: Observer>(
        &self,
        index: usize,
        n: u32,
        now: Timestamp,
        observer: &mut O,
    ) -> Result<Plan<S>, OpenError> {
        let chain = self.receiving.get(index).ok_or(OpenError::Unreadable)?;
        let Some(open) = chain.open.as_ref().filter(|open| open.n <= n) else {
            // TrySkippedMessageKeys
            let key = chain.find(n, now).ok_or(OpenError::Duplicate)?;
            return Ok(Plan::Kept { chain: index, key });
        };
        // M-RAT-5
        if n.saturating_sub(open.n) > MAX_SKIP {
            return Err(OpenError::TooFarAhead);
        }
        // SkipMessageKeys(N); CKr, mk = KDF_CK(CKr); Nr += 1
        let (walk, key) = walk_to::<S, O>(open, n, observer)?;
        Ok(Plan::Along { chain: index, walk, key })
    }

    /// `DHRatchet`, its receiving half (M-RAT-4).
    fn plan_turn<O: Observer>(
        &self,
        header: Header,
        observer: &mut O,
    ) -> Result<Turn<S>, OpenError> {
        let pair = match &self.sending {
            Sending::Waiting { pair } | Sending::Open(SendingChain { pair, .. }) => pair,
            // They cannot turn again before they have a new key of ours.
            Sending::Due { .. } => return Err(OpenError::Unreadable),
        };
        let before = self.receiving.front().and_then(|chain| chain.open.as_ref());
        let before = before.filter(|_| S::CLOSED_AT_PREVIOUS);
        let missing = match before {
            Some(open) => header.previous.checked_sub(open.n).ok_or(OpenError::Unreadable)?,
            None => 0,
        };
        if missing.saturating_add(header.n) > MAX_SKIP {
            return Err(OpenError::TooFarAhead);
        }
        // RK, CKr, NHKr = KDF_RK_HE(RK, DH(DHs, DHr))
        let theirs = header.ratchet_key;
        let (step, RootStep { root, chain, next_header }) =
            self.turn_root(pair, &theirs, observer).map_err(|InvalidKey| OpenError::Unreadable)?;
        // SkipMessageKeysHE(PN)
        let closing = before.map(|open| open.walk::<S, O>(header.previous, observer));
        // SkipMessageKeysHE(N); CKr, mk = KDF_CK(CKr); Nr += 1
        let start = Chain { step, key: chain, n: 0 };
        let (walk, key) = walk_to::<S, O>(&start, header.n, observer)?;
        Ok(Turn { theirs, step, root, next_header, closing, walk, key })
    }

    /// Takes the next state. Nothing here can fail. What it replaces is wiped (M-RAT-10).
    pub(super) fn commit<O: Observer>(&mut self, plan: Plan<S>, now: Timestamp, observer: &mut O) {
        match plan {
            Plan::Kept { chain, key } => self.commit_kept(chain, key, observer),
            Plan::Along { chain, walk, key } => {
                let n = walk.last();
                if let Some(chain) = self.receiving.get_mut(chain) {
                    chain.advance(walk, now, observer);
                    used::<S, O>(chain.step, n, observer);
                }
                drop(key);
            }
            Plan::Turn(turn) => self.commit_turn(turn, now, observer),
        }
        self.enforce_limits(now, observer);
    }

    fn commit_kept<O: Observer>(&mut self, chain: usize, key: usize, observer: &mut O) {
        if let Some(chain) = self.receiving.get_mut(chain)
            && let Some(kept) = chain.kept.remove(key)
        {
            used::<S, O>(chain.step, kept.n, observer);
        }
    }

    fn commit_turn<O: Observer>(&mut self, turn: Turn<S>, now: Timestamp, observer: &mut O) {
        let Turn { theirs, step, root, next_header, closing, walk, key } = turn;
        if let Some(closing) = closing
            && let Some(before) = self.receiving.front_mut()
        {
            before.advance(closing, now, observer);
            before.close(observer);
        }
        self.commit_root(step, root, observer);
        // HKr = NHKr, DHr = header.dh
        let header_key = mem::replace(&mut self.next_receiving, next_header);
        let n = walk.last();
        let mut chain =
            ReceivingChain { step, theirs, header_key, open: None, kept: VecDeque::new() };
        chain.advance(walk, now, observer);
        self.receiving.push_front(chain);
        used::<S, O>(step, n, observer);
        drop(key);
        // PN = Ns; the sending half waits for the next send, and our ratchet key is done.
        let previous = match &self.sending {
            Sending::Open(sending) => {
                let Chain { step, n, .. } = sending.chain;
                observer.observe(Event::Erased { place: Place::Chain { step, n } });
                header_erased::<S, O>(step, observer);
                n
            }
            Sending::Waiting { .. } | Sending::Due { .. } => 0,
        };
        self.sending = Sending::Due { theirs, previous };
        observer.observe(Event::Erased { place: Place::RatchetKey });
    }

    /// Drops what is too old or too much, and chains that nothing is waiting for (M-RAT-6 to
    /// M-RAT-8).
    fn enforce_limits<O: Observer>(&mut self, now: Timestamp, observer: &mut O) {
        for chain in self.receiving.iter_mut().skip(S::OPEN_CHAINS) {
            chain.close(observer);
        }
        for chain in &mut self.receiving {
            chain.drop_expired(now, observer);
        }
        let mut excess = self.kept_keys().saturating_sub(MAX_KEPT_KEYS);
        for chain in self.receiving.iter_mut().rev() {
            while excess > 0 && !chain.kept.is_empty() {
                chain.drop_oldest(observer);
                excess = excess.saturating_sub(1);
            }
        }
        self.receiving.retain(|chain| chain.is_needed(observer));
        // M-RAT-7
        let open = self.receiving.iter().filter(|chain| chain.open.is_some()).count();
        while self.receiving.len() > open.saturating_add(MAX_KEPT_CHAINS) {
            if let Some(mut oldest) = self.receiving.pop_back() {
                while !oldest.kept.is_empty() {
                    oldest.drop_oldest(observer);
                }
                header_erased::<S, O>(oldest.step, observer);
            }
        }
    }

    /// Erases kept keys that are too old (M-RAT-8) without waiting for the next message, for a timer.
    pub fn expire<O: Observer>(&mut self, now: Timestamp, observer: &mut O) {
        self.enforce_limits(now, observer);
    }

    /// How many message keys are kept for messages that are still on their way.
    #[must_use]
    pub fn kept_keys(&self) -> usize {
        self.receiving.iter().map(|chain| chain.kept.len()).sum()
    }

    /// How many chains are known by their header keys: open ones, and closed ones with kept keys.
    #[must_use]
    pub fn receiving_chains(&self) -> usize {
        self.receiving.len()
    }
}

impl<S: Suite> Plan<S> {
    /// The key of the message that the plan is for.
    pub(super) fn message_key<'a>(&'a self, ratchet: &'a Ratchet<S>) -> Option<&'a MessageKey> {
        match self {
            Self::Kept { chain, key } => {
                ratchet.receiving.get(*chain)?.kept.get(*key).map(|kept| &kept.key)
            }
            Self::Along { key, .. } | Self::Turn(Turn { key, .. }) => Some(key),
        }
    }

    /// The message was not authentic: everything derived for it is wiped.
    pub(super) fn discard<O: Observer>(self, observer: &mut O) {
        match &self {
            Self::Kept { .. } => {}
            Self::Along { walk, .. } => walk.discard(observer),
            Self::Turn(Turn { step, closing, walk, .. }) => {
                if let Some(closing) = closing {
                    closing.discard(observer);
                }
                walk.discard(observer);
                for place in [Place::Chain { step: *step, n: 0 }, Place::Root { step: *step }] {
                    observer.observe(Event::Erased { place });
                }
                header_erased::<S, O>(step.saturating_add(2), observer);
            }
        }
        drop(self);
    }
}

impl<S: Suite> ReceivingChain<S> {
    /// Takes a walk over: keeps the keys it passed, goes to where it ended.
    fn advance<O: Observer>(&mut self, walk: Walk, now: Timestamp, observer: &mut O) {
        let step = self.step;
        let Walk { keys, from, chain } = walk;
        self.keep(keys, now, observer);
        if let Some(chain) = chain {
            for n in from..chain.n {
                observer.observe(Event::Erased { place: Place::Chain { step, n } });
            }
            self.open = Some(chain);
        }
    }

    fn close<O: Observer>(&mut self, observer: &mut O) {
        if let Some(Chain { step, n, .. }) = self.open.take() {
            observer.observe(Event::Erased { place: Place::Chain { step, n } });
        }
    }

    fn is_needed<O: Observer>(&self, observer: &mut O) -> bool {
        let needed = self.open.is_some() || !self.kept.is_empty();
        if !needed {
            header_erased::<S, O>(self.step, observer);
        }
        needed
    }
}

impl Walk {
    fn discard<O: Observer>(&self, observer: &mut O) {
        let Some(Chain { step, n: end, .. }) = self.chain else { return };
        for n in self.from..end {
            observer.observe(Event::Erased { place: Place::Message { step, n } });
            observer
                .observe(Event::Erased { place: Place::Chain { step, n: n.saturating_add(1) } });
        }
    }

    /// The number of the message that the walk went to.
    fn last(&self) -> u32 {
        self.chain.as_ref().map_or(self.from, |chain| chain.n.saturating_sub(1))
    }
}

/// Walks past message `n` and takes its key out of the walk.
fn walk_to<S: Suite, O: Observer>(
    chain: &Chain,
    n: u32,
    observer: &mut O,
) -> Result<(Walk, MessageKey), OpenError> {
    let until = n.checked_add(1).ok_or(OpenError::Unreadable)?;
    let mut walk = chain.walk::<S, O>(until, observer);
    let (_, key) = walk.keys.pop().ok_or(OpenError::Duplicate)?;
    Ok((walk, key))
}

/// A message was opened with its key, and the key is gone.
fn used<S: Suite, O: Observer>(step: u64, n: u32, observer: &mut O) {
    header_used::<S, O>(step, observer);
    observer.observe(Event::Used { place: Place::Message { step, n } });
    observer.observe(Event::Erased { place: Place::Message { step, n } });
}
