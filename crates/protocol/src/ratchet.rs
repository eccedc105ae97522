//! The Double Ratchet (Signal's specification, revision 4).
//!
//! One engine, two modes: [`HeaderEncrypted`] is section 4 of the specification and what sessions
//! use; [`Plain`] is section 3, with visible headers. Comments in the specification's notation stand
//! over the lines that do them. Two things differ from its pseudocode:
//!
//! - Decryption computes the next state as a value (`plan`), authenticates, and
//!   then commits in one place that cannot fail, so a refused message leaves no trace (M-RAT-1).
//! - The sending half of a DH ratchet step (new key pair, second DH) waits for the next send, so the
//!   private ratchet key is gone as soon as its last use.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use rand_core::CryptoRng;

use crate::kdf::RootKey;
use crate::message::{Header, MAX_PLAINTEXT_LEN};
use crate::time::Timestamp;
use crate::trace::{Event, Observer, Place};
use crate::x25519::{InvalidKey, KeyPair, PublicKey};

mod chain;
mod header_encrypted;
mod plain;
mod plan;
mod state;
mod suite;
#[cfg(feature = "walkthrough")]
mod theft;

pub use chain::{MAX_KEPT_AGE, MAX_KEPT_CHAINS, MAX_KEPT_KEYS, MAX_SKIP};
pub use header_encrypted::HeaderEncrypted;
pub use plain::Plain;
pub use suite::{HeaderSecret, NoHeaderKey, RootStep, Suite};

use chain::{Chain, ReceivingChain};

/// One end of a conversation.
pub struct Ratchet<S: Suite> {
    /// Root steps so far; both ends count alike.
    step: u64,
    /// RK.
    root: RootKey,
    sending: Sending<S>,
    /// Newest first: the open ones, and closed ones with keys for messages still on their way.
    receiving: VecDeque<ReceivingChain<S>>,
    /// NHKs.
    next_sending: S::HeaderKey,
    /// NHKr.
    next_receiving: S::HeaderKey,
}

/// Where the sending side stands.
enum Sending<S: Suite> {
    /// A responder that has received nothing: its prekey waits for the initiator's ratchet key.
    Waiting { pair: KeyPair },
    /// A chain is open.
    Open(SendingChain<S>),
    /// They turned the DH ratchet; our half of the step waits for the next send.
    Due { theirs: PublicKey, previous: u32 },
}

/// DHs, CKs, Ns, HKs and PN.
struct SendingChain<S: Suite> {
    pair: KeyPair,
    chain: Chain,
    header_key: S::HeaderKey,
    previous: u32,
}

/// Why nothing was sealed; the state is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The plaintext is longer than [`MAX_PLAINTEXT_LEN`].
    #[error("the plaintext is longer than 64 KiB")]
    TooLong,
    /// A responder that has received nothing has no chain to send on.
    #[error("nothing has been received yet, so there is no chain to send on")]
    NothingReceived,
    /// The chain's counter reached its end: 2^32 - 1 messages without an answer. A new handshake is due.
    #[error("the sending chain has ended; start a new session")]
    ChainEnded,
}

/// Why a message was not opened; the state is bit for bit as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No key of this ratchet opens it: forged, damaged, from another conversation, or its header
    /// key is gone.
    #[error("unreadable")]
    Unreadable,
    /// Its key was used already, or was dropped by a limit.
    #[error("already read, or kept for too long")]
    Duplicate,
    /// It would skip more than [`MAX_SKIP`] messages.
    #[error("too many messages are missing before it")]
    TooFarAhead,
}

impl<S: Suite> Ratchet<S> {
    /// `RatchetInitAlice`, `RatchetInitAliceHE`: a root key, the header keys of the first two chains
    /// (ours, then theirs) and their ratchet key. Draws 32 bytes of `rng`.
    ///
    /// # Errors
    /// [`InvalidKey`] where `theirs` is a point of low order, which agrees with nobody.
    pub fn initiator<R: CryptoRng, O: Observer>(
        root: RootKey,
        header_keys: (S::HeaderKey, S::HeaderKey),
        theirs: PublicKey,
        rng: &mut R,
        observer: &mut O,
    ) -> Result<Self, InvalidKey> {
        let (ours, next_receiving) = header_keys;
        let mut ratchet = Self {
            step: 0,
            root,
            sending: Sending::Due { theirs, previous: 0 },
            receiving: VecDeque::new(),
            next_sending: ours,
            next_receiving,
        };
        ratchet.turn_sending(rng, observer)?;
        Ok(ratchet)
    }

    /// `RatchetInitBob`, `RatchetInitBobHE`: the same root key and header keys (theirs first, then
    /// ours), and the key pair whose public half the initiator was given.
    #[must_use]
    pub fn responder(
        root: RootKey,
        header_keys: (S::HeaderKey, S::HeaderKey),
        ours: KeyPair,
    ) -> Self {
        let (next_receiving, next_sending) = header_keys;
        Self {
            step: 0,
            root,
            sending: Sending::Waiting { pair: ours },
            receiving: VecDeque::new(),
            next_sending,
            next_receiving,
        }
    }

    /// `RatchetEncrypt`, `RatchetEncryptHE`. Draws 32 bytes of `rng` if a sending step is due. The
    /// new state must be durable before the result leaves the device (M-RAT-11).
    ///
    /// # Errors
    /// Every [`SealError`].
    pub fn encrypt<R: CryptoRng, O: Observer>(
        &mut self,
        plaintext: &[u8],
        context: &S::Context,
        rng: &mut R,
        observer: &mut O,
    ) -> Result<Vec<u8>, SealError> {
        // M-WIRE-3
        if plaintext.len() > MAX_PLAINTEXT_LEN {
            return Err(SealError::TooLong);
        }
        self.turn_sending(rng, observer).map_err(|InvalidKey| SealError::ChainEnded)?;
        let Sending::Open(SendingChain { pair, chain, header_key, previous }) = &mut self.sending
        else {
            return Err(SealError::NothingReceived);
        };
        let Chain { step, n, .. } = *chain;
        let following = n.checked_add(1).ok_or(SealError::ChainEnded)?;
        // CKs, mk = KDF_CK(CKs)
        let (next, message_key) = S::chain_step(&chain.key);
        observer.observe(Event::Derived {
            place: Place::Message { step, n },
            key: message_key.expose(),
        });
        let place = Place::Chain { step, n: following };
        observer.observe(Event::Derived { place, key: next.expose() });
        // header = HEADER(DHs, PN, Ns)
        let header = Header { ratchet_key: pair.public(), previous: *previous, n };
        // return HENCRYPT(HKs, header), ENCRYPT(mk, plaintext, CONCAT(AD, enc_header))
        let message = S::seal(header_key, &message_key, header, plaintext, context);
        suite::header_used::<S, O>(step, observer);
        observer.observe(Event::Used { place: Place::Message { step, n } });
        // Ns += 1
        *chain = Chain { step, key: next, n: following };
        observer.observe(Event::Erased { place: Place::Chain { step, n } });
        observer.observe(Event::Erased { place: Place::Message { step, n } });
        Ok(message)
    }

    /// `RatchetDecrypt`, `RatchetDecryptHE`. The new state must be durable before the message is
    /// acknowledged (M-RAT-11).
    ///
    /// # Errors
    /// Every [`OpenError`].
    pub fn decrypt<O: Observer>(
        &mut self,
        message: &[u8],
        context: &S::Context,
        now: Timestamp,
        observer: &mut O,
    ) -> Result<Vec<u8>, OpenError> {
        self.try_decrypt(message, context, now, observer).unwrap_or(Err(OpenError::Unreadable))
    }

    /// The same; `None` where no header key of this ratchet opens the header, so that another
    /// ratchet may try.
    pub(crate) fn try_decrypt<O: Observer>(
        &mut self,
        message: &[u8],
        context: &S::Context,
        now: Timestamp,
        observer: &mut O,
    ) -> Option<Result<Vec<u8>, OpenError>> {
        let found = self.locate(message)?;
        let plan = match self.plan(found, now, observer) {
            Ok(plan) => plan,
            Err(refusal) => return Some(Err(refusal)),
        };
        let opened = plan.message_key(self).and_then(|key| S::open(key, message, context));
        let Some(plaintext) = opened else {
            plan.discard(observer);
            return Some(Err(OpenError::Unreadable));
        };
        self.commit(plan, now, observer);
        Some(Ok(plaintext))
    }

    /// Root steps so far.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Our half of a DH ratchet step, if it is due.
    fn turn_sending<R: CryptoRng, O: Observer>(
        &mut self,
        rng: &mut R,
        observer: &mut O,
    ) -> Result<(), InvalidKey> {
        let Sending::Due { theirs, previous } = self.sending else { return Ok(()) };
        // DHs = GENERATE_DH()
        let pair = KeyPair::generate(rng);
        let place = Place::RatchetKey;
        observer.observe(Event::Derived { place, key: pair.secret().expose() });
        // RK, CKs, NHKs = KDF_RK_HE(RK, DH(DHs, DHr))
        let (step, turned) = self.turn_root(&pair, &theirs, observer)?;
        self.commit_root(step, turned.root, observer);
        // PN = Ns, Ns = 0, HKs = NHKs
        let header_key = mem::replace(&mut self.next_sending, turned.next_header);
        let chain = Chain { step, key: turned.chain, n: 0 };
        self.sending = Sending::Open(SendingChain { pair, chain, header_key, previous });
        Ok(())
    }

    /// Computes the next root step.
    fn turn_root<O: Observer>(
        &self,
        ours: &KeyPair,
        theirs: &PublicKey,
        observer: &mut O,
    ) -> Result<(u64, RootStep<S>), InvalidKey> {
        let step = self.step.saturating_add(1);
        observer.observe(Event::DhStep { step, ours: ours.public(), theirs: *theirs });
        let shared = ours.agree(theirs)?;
        let turned = S::root_step(&self.root, &shared);
        let derived = [
            (Place::SharedSecret { step }, Some(shared.expose())),
            (Place::Root { step }, Some(turned.root.expose())),
            (Place::Chain { step, n: 0 }, Some(turned.chain.expose())),
            (Place::Header { step: step.saturating_add(2) }, turned.next_header.expose()),
        ];
        for (place, key) in derived {
            if let Some(key) = key {
                observer.observe(Event::Derived { place, key });
            }
        }
        observer.observe(Event::Used { place: Place::SharedSecret { step } });
        observer.observe(Event::Erased { place: Place::SharedSecret { step } });
        Ok((step, turned))
    }

    /// Takes a root step over; the root key before it is wiped.
    fn commit_root<O: Observer>(&mut self, step: u64, root: RootKey, observer: &mut O) {
        self.root = root;
        observer.observe(Event::Erased { place: Place::Root { step: self.step } });
        self.step = step;
    }
}

#[cfg(test)]
mod tests;
