//! Forward secrecy and break-in recovery, shown on the serialized state: erased keys are gone from
//! it, live ones are in it, and a thief who loads it reads what he must and nothing else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::convert::Infallible;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sprag_protocol::kdf::RootKey;
use sprag_protocol::ratchet::{HeaderEncrypted, HeaderSecret, Plain, Ratchet, Suite};
use sprag_protocol::secret::{Secret, SecretBytes};
use sprag_protocol::trace::{Event, Observer, Place, Silent};
use sprag_protocol::{KeyPair, StateError, Timestamp};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const CONTEXT: [u8; 32] = [7; 32];
const ROOT: [u8; 32] = [0x11; 32];
const HEADERS: [[u8; 32]; 2] = [[0x21; 32], [0x22; 32]];

/// Both modes, with their bytes at rest.
trait Mode: Suite<Context = [u8; 32]> + Sized {
    fn save(ratchet: &Ratchet<Self>) -> SecretBytes;
    fn load(bytes: &[u8]) -> Result<Ratchet<Self>, StateError>;
}

macro_rules! mode {
    ($mode:ty) => {
        impl Mode for $mode {
            fn save(ratchet: &Ratchet<Self>) -> SecretBytes {
                ratchet.to_bytes()
            }
            fn load(bytes: &[u8]) -> Result<Ratchet<Self>, StateError> {
                Ratchet::<$mode>::from_bytes(bytes)
            }
        }
    };
}
mode!(HeaderEncrypted);
mode!(Plain);

/// Remembers what it gave: every draw is a private ratchet key.
struct Recording {
    rng: ChaCha20Rng,
    drawn: Vec<[u8; 32]>,
}

impl TryRng for Recording {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys are drawn by fill_bytes")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys are drawn by fill_bytes")
    }
    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        self.rng.fill_bytes(into);
        self.drawn.push(into.try_into().unwrap());
        Ok(())
    }
}

impl TryCryptoRng for Recording {}

/// The keys that one end has now, and those that it erased.
#[derive(Default)]
struct Keys {
    live: BTreeMap<Place, [u8; 32]>,
    erased: BTreeSet<[u8; 32]>,
    messages: BTreeMap<(u64, u32), [u8; 32]>,
}

impl Observer for Keys {
    fn observe(&mut self, event: Event<'_>) {
        match event {
            Event::Derived { place, key } => {
                assert_eq!(self.live.insert(place, *key), None, "{place:?} twice");
                // A forgery of a message to come derives its true keys, which then come again.
                self.erased.remove(key);
                if let Place::Message { step, n } = place {
                    self.messages.insert((step, n), *key);
                }
            }
            Event::Erased { place } => self.erased.extend(self.live.remove(&place)),
            Event::Used { place } | Event::Kept { place } => {
                let known = self.live.contains_key(&place);
                assert!(known || matches!(place, Place::Header { .. }), "{place:?} is not there");
            }
            Event::DhStep { .. } => {}
        }
    }
}

struct End<S: Mode> {
    ratchet: Ratchet<S>,
    keys: Keys,
    rng: Recording,
}

struct Sent {
    from: usize,
    bytes: Vec<u8>,
    chain: u64,
    n: u32,
    arrived: bool,
}

/// Two ends, everything that was sent, and what was stolen from Bob on the way.
struct Conversation<S: Mode> {
    ends: [End<S>; 2],
    sent: Vec<Sent>,
    counts: BTreeMap<u64, u32>,
}

impl<S: Mode> Conversation<S> {
    fn new(seed: u64) -> Self {
        let prekey = || KeyPair::from_secret(Secret::copy_of(&[0x31; 32]));
        let root = || RootKey::copy_of(&ROOT);
        let headers = || {
            let keys = HEADERS.each_ref().map(|key| S::HeaderKey::restore(|| Ok::<_, ()>(key)));
            let [first, second] = keys.map(Result::unwrap);
            (first, second)
        };
        let end = |which: u64, ratchet: &mut dyn FnMut(&mut Keys, &mut Recording) -> Ratchet<S>| {
            let mut keys = Keys::default();
            keys.live.insert(Place::Root { step: 0 }, ROOT);
            if headers().0.expose().is_some() {
                keys.live.insert(Place::Header { step: 1 }, HEADERS[0]);
                keys.live.insert(Place::Header { step: 2 }, HEADERS[1]);
            }
            let mut rng =
                Recording { rng: ChaCha20Rng::seed_from_u64(seed * 2 + which), drawn: Vec::new() };
            let ratchet = ratchet(&mut keys, &mut rng);
            End { ratchet, keys, rng }
        };
        let alice = end(0, &mut |keys, rng| {
            Ratchet::initiator(root(), headers(), prekey().public(), rng, keys).unwrap()
        });
        let bob = end(1, &mut |keys, rng| {
            rng.drawn.push([0x31; 32]);
            keys.live.insert(Place::RatchetKey, [0x31; 32]);
            Ratchet::responder(root(), headers(), prekey())
        });
        Self { ends: [alice, bob], sent: Vec::new(), counts: BTreeMap::new() }
    }

    fn send(&mut self, from: usize) {
        let End { ratchet, keys, rng } = &mut self.ends[from];
        let Ok(bytes) = ratchet.encrypt(b"text", &CONTEXT, rng, keys) else { return };
        let chain = ratchet.step();
        let count = self.counts.entry(chain).or_default();
        self.sent.push(Sent { from, bytes, chain, n: *count, arrived: false });
        *count += 1;
    }

    fn deliver(&mut self, which: usize) {
        let mut waiting: Vec<_> = self.sent.iter_mut().filter(|sent| !sent.arrived).collect();
        let count = waiting.len();
        let Some(sent) = which.checked_rem(count).and_then(|which| waiting.get_mut(which)) else {
            return;
        };
        let End { ratchet, keys, .. } = &mut self.ends[1 - sent.from];
        ratchet.decrypt(&sent.bytes, &CONTEXT, NOW, keys).unwrap();
        sent.arrived = true;
    }

    /// A waiting message arrives with its last bit changed: what was derived for it is erased again.
    fn forge(&mut self, which: usize) {
        let waiting: Vec<_> = self.sent.iter().filter(|sent| !sent.arrived).collect();
        let index = which.checked_rem(waiting.len());
        let Some(sent) = index.and_then(|index| waiting.get(index)) else { return };
        let mut forged = sent.bytes.clone();
        *forged.last_mut().unwrap() ^= 1;
        let End { ratchet, keys, .. } = &mut self.ends[1 - sent.from];
        let before = keys.live.clone();
        assert!(ratchet.decrypt(&forged, &CONTEXT, NOW, keys).is_err());
        assert!(before == keys.live, "what is live has changed");
    }

    /// What is erased is nowhere in the state; what is live is.
    fn check_states(&self) {
        for End { ratchet, keys, rng } in &self.ends {
            let state = S::save(ratchet);
            let windows: HashSet<&[u8]> = state.expose().windows(32).collect();
            for key in &keys.erased {
                assert!(!windows.contains(key.as_slice()), "an erased key is in the state");
            }
            for (place, key) in &keys.live {
                assert!(windows.contains(key.as_slice()), "{place:?} is not in the state");
            }
            let (last, before) = rng.drawn.split_last().unwrap();
            assert!(before.iter().all(|key| !windows.contains(key.as_slice())));
            assert_eq!(
                windows.contains(last.as_slice()),
                keys.live.contains_key(&Place::RatchetKey)
            );
        }
    }
}

/// The choices of a schedule.
fn choices(seed: u64) -> impl FnMut() -> usize {
    let mut rng = ChaCha20Rng::seed_from_u64(seed ^ 0x5EED);
    move || usize::try_from(rng.next_u32()).unwrap()
}

fn erased_keys_are_gone_after_every_step<S: Mode>() {
    for seed in 0..40 {
        let mut talk = Conversation::<S>::new(seed);
        let mut choose = choices(seed);
        for _ in 0..80 {
            match choose() % 6 {
                0 => talk.send(0),
                1 => talk.send(1),
                2 => talk.forge(choose()),
                _ => talk.deliver(choose()),
            }
            talk.check_states();
        }
        assert!(talk.ends[1].keys.erased.len() > 20);
    }
}

// M-RAT-10
#[test]
fn erased_keys_are_gone_from_the_state_after_every_step() {
    erased_keys_are_gone_after_every_step::<HeaderEncrypted>();
    erased_keys_are_gone_after_every_step::<Plain>();
}

/// Every message key that follows by chain steps from any 32 bytes of a stolen state.
fn within_reach(state: &[u8]) -> HashSet<[u8; 32]> {
    let mut keys = HashSet::new();
    for window in state.windows(32) {
        keys.insert(window.try_into().unwrap());
        let mut chain: [u8; 32] = window.try_into().unwrap();
        for _ in 0..40 {
            let step = |byte| -> [u8; 32] {
                let mac = Hmac::<Sha256>::new_from_slice(&chain).unwrap();
                mac.chain_update([byte]).finalize().into_bytes().into()
            };
            keys.insert(step(1));
            chain = step(2);
        }
    }
    keys
}

/// Where Bob stood when his state was stolen.
struct Theft {
    state: SecretBytes,
    sent: usize,
    /// Messages to him that had arrived.
    arrived: HashSet<usize>,
    step: u64,
    /// He had a ratchet key in use, not a step to make.
    has_ratchet_key: bool,
}

/// For random conversations and thefts: no message that was read or sent before is within the
/// thief's reach, and what he reads afterwards ends with one full round trip.
fn a_theft_reads_only_what_it_must<S: Mode>() {
    let mut seen = BTreeSet::new();
    for seed in 0..60 {
        let mut talk = Conversation::<S>::new(seed);
        let mut theft = None;
        let mut choose = choices(seed);
        for at in 0..60 {
            match choose() % 5 {
                0 => talk.send(0),
                1 => talk.send(1),
                _ => talk.deliver(choose()),
            }
            if at == 10 + seed % 40 {
                let arrived = |(index, sent): (usize, &Sent)| sent.arrived.then_some(index);
                theft = Some(Theft {
                    state: S::save(&talk.ends[1].ratchet),
                    sent: talk.sent.len(),
                    arrived: talk.sent.iter().enumerate().filter_map(arrived).collect(),
                    step: talk.ends[1].ratchet.step(),
                    has_ratchet_key: talk.ends[1].keys.live.contains_key(&Place::RatchetKey),
                });
            }
        }
        let theft = theft.unwrap();
        check_the_past(&talk, &theft, seed < 12);
        check_the_future(&talk, &theft, &mut seen);
    }
    assert_eq!(seen.len(), 4, "thefts that read and that do not, before and after: {seen:?}");
}

/// Forward secrecy, for both directions, against a thief who derives whatever he can.
fn check_the_past<S: Mode>(talk: &Conversation<S>, theft: &Theft, thorough: bool) {
    if !thorough {
        return;
    }
    let reach = within_reach(theft.state.expose());
    for (index, sent) in talk.sent[..theft.sent].iter().enumerate() {
        let key = talk.ends[sent.from].keys.messages[&(sent.chain, sent.n)];
        let done = sent.from == 1 || theft.arrived.contains(&index);
        assert!(!(done && reach.contains(&key)), "message {index} of the past is within reach");
    }
}

/// The core itself, loaded from the stolen bytes, tries every message that was ever sent to Bob.
fn check_the_future<S: Mode>(
    talk: &Conversation<S>,
    theft: &Theft,
    seen: &mut BTreeSet<(bool, bool)>,
) {
    // A thief who goes on from message to message reads no more than one who tries each afresh.
    let mut going_on = S::load(theft.state.expose()).unwrap();
    for (index, sent) in talk.sent.iter().enumerate().filter(|(_, sent)| sent.from == 0) {
        let mut afresh = S::load(theft.state.expose()).unwrap();
        let reads = afresh.decrypt(&sent.bytes, &CONTEXT, NOW, &mut Silent).is_ok();
        let reads_on = going_on.decrypt(&sent.bytes, &CONTEXT, NOW, &mut Silent).is_ok();
        assert_eq!(reads, reads_on, "message {index}");
        // Before the theft: what had not arrived yet. After it: the chain that he was receiving, and
        // the one that answers the ratchet key that was stolen. Then both sides have new keys.
        let new_chain = if theft.has_ratchet_key { theft.step + 1 } else { theft.step };
        let expected = !theft.arrived.contains(&index) && sent.chain <= new_chain;
        assert_eq!(reads, expected, "message {index} of chain {} at {}", sent.chain, theft.step);
        seen.insert((index < theft.sent, reads));
    }
}

#[test]
fn a_stolen_state_reads_no_earlier_message_and_none_after_a_round_trip() {
    a_theft_reads_only_what_it_must::<HeaderEncrypted>();
    a_theft_reads_only_what_it_must::<Plain>();
}
