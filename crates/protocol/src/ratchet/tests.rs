//! Both sides of every limit of the ratchet, and what its headers must not do.

use alloc::vec::Vec;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::*;
use crate::kdf::{self, ChainKey, HeaderKey, MessageKey};
use crate::secret::Secret;
use crate::time::days;
use crate::trace::Silent;
use crate::x25519::SharedSecret;

type Ends<S> = (Ratchet<S>, Ratchet<S>);

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const CONTEXT: [u8; 32] = [7; 32];
const HEADER_KEYS: [[u8; 32]; 2] = [[2; 32], [3; 32]];

/// An initiator and a responder after the same handshake.
fn ends<S: Suite<Context = [u8; 32]>>() -> Ends<S> {
    let root = || RootKey::copy_of(&[1; 32]);
    let ours = || KeyPair::from_secret(Secret::copy_of(&[9; 32]));
    let headers = || {
        let [first, second] =
            HEADER_KEYS.each_ref().map(|key| S::HeaderKey::restore(|| Ok::<_, ()>(key)));
        (first.unwrap(), second.unwrap())
    };
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let alice = Ratchet::initiator(root(), headers(), ours().public(), &mut rng, &mut Silent);
    (alice.unwrap(), Ratchet::responder(root(), headers(), ours()))
}

fn send<S: Suite<Context = [u8; 32]>>(from: &mut Ratchet<S>) -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(from.step);
    from.encrypt(b"text", &CONTEXT, &mut rng, &mut Silent).unwrap()
}

fn receive_at<S: Suite<Context = [u8; 32]>>(
    to: &mut Ratchet<S>,
    message: &[u8],
    now: Timestamp,
) -> Result<(), OpenError> {
    to.decrypt(message, &CONTEXT, now, &mut Silent).map(|plaintext| assert_eq!(plaintext, b"text"))
}

fn receive<S: Suite<Context = [u8; 32]>>(
    to: &mut Ratchet<S>,
    message: &[u8],
) -> Result<(), OpenError> {
    receive_at(to, message, NOW)
}

fn bytes<S: Suite>(ratchet: &Ratchet<S>) -> Vec<u8> {
    let mut writer = crate::codec::Writer::with_capacity(0);
    ratchet.write(&mut writer);
    writer.into_public()
}

/// The message is refused like this, and nothing changed.
fn refuses<S: Suite<Context = [u8; 32]>>(to: &mut Ratchet<S>, message: &[u8], why: OpenError) {
    let before = bytes(to);
    assert_eq!(receive(to, message), Err(why));
    assert!(before == bytes(to), "changed");
}

/// One message each way, so that both have all their chains.
fn talk<S: Suite<Context = [u8; 32]>>((alice, bob): &mut Ends<S>) {
    let message = send(alice);
    receive(bob, &message).unwrap();
    let message = send(bob);
    receive(alice, &message).unwrap();
}

/// A message that the sender's own keys seal under another header.
fn with_header(from: &Ratchet<HeaderEncrypted>, alter: impl FnOnce(&mut Header)) -> Vec<u8> {
    let Sending::Open(SendingChain { pair, chain, header_key, previous }) = &from.sending else {
        panic!("no chain to send on");
    };
    let mut header = Header { ratchet_key: pair.public(), previous: *previous, n: chain.n };
    alter(&mut header);
    let (_, key) = kdf::chain_step(&chain.key);
    HeaderEncrypted::seal(header_key, &key, header, b"text", &CONTEXT)
}

fn skipping_in_one_chain<S: Suite<Context = [u8; 32]>>() {
    let (mut alice, mut bob) = ends::<S>();
    let messages: Vec<_> = (0..=MAX_SKIP + 1).map(|_| send(&mut alice)).collect();
    refuses(&mut bob, &messages[1001], OpenError::TooFarAhead);
    receive(&mut bob, &messages[1000]).unwrap();
    assert_eq!(bob.kept_keys(), 1000);
    // Now that the chain stands at 1,001 the next one skips nothing.
    receive(&mut bob, &messages[1001]).unwrap();
    for message in &messages[..1000] {
        receive(&mut bob, message).unwrap();
        refuses(&mut bob, message, OpenError::Duplicate);
    }
    assert_eq!(bob.kept_keys(), 0);
}

// M-RAT-5
#[test]
fn at_most_1000_messages_are_skipped_in_one_chain() {
    skipping_in_one_chain::<HeaderEncrypted>();
    skipping_in_one_chain::<Plain>();
}

// M-RAT-5
#[test]
fn at_most_1000_messages_are_skipped_over_two_chains() {
    for (old, new, accepted) in
        [(600, 400, true), (600, 401, false), (1000, 0, true), (1001, 0, false)]
    {
        let mut ends = ends::<HeaderEncrypted>();
        talk(&mut ends);
        let (alice, bob) = &mut ends;
        let first = send(alice);
        receive(bob, &first).unwrap();
        let answer = send(bob);
        (0..old).for_each(|_| drop(send(alice)));
        receive(alice, &answer).unwrap();
        (0..new).for_each(|_| drop(send(alice)));
        let message = send(alice);
        if accepted {
            receive(bob, &message).unwrap();
            assert_eq!(bob.kept_keys(), 1000);
        } else {
            refuses(bob, &message, OpenError::TooFarAhead);
        }
    }
}

// M-RAT-6
#[test]
fn at_most_2000_keys_are_kept_and_the_oldest_go_first() {
    let (mut alice, mut bob) = ends::<HeaderEncrypted>();
    let messages: Vec<_> = (0..2004).map(|_| send(&mut alice)).collect();
    receive(&mut bob, &messages[1000]).unwrap();
    receive(&mut bob, &messages[2001]).unwrap();
    assert_eq!(bob.kept_keys(), MAX_KEPT_KEYS);
    // 0 is kept up to here; skipping 2,002 pushes it out.
    let mut copy = reload(&bob);
    receive(&mut copy, &messages[0]).unwrap();
    receive(&mut bob, &messages[2003]).unwrap();
    assert_eq!(bob.kept_keys(), MAX_KEPT_KEYS);
    refuses(&mut bob, &messages[0], OpenError::Duplicate);
    receive(&mut bob, &messages[1]).unwrap();
}

fn reload(ratchet: &Ratchet<HeaderEncrypted>) -> Ratchet<HeaderEncrypted> {
    Ratchet::<HeaderEncrypted>::from_bytes(ratchet.to_bytes().expose()).unwrap()
}

// M-RAT-7
#[test]
fn at_most_8_closed_chains_are_kept_and_the_oldest_go_first() {
    let mut ends = ends::<HeaderEncrypted>();
    let mut late = Vec::new();
    for _ in 0..=MAX_KEPT_CHAINS {
        late.push(send(&mut ends.0));
        talk(&mut ends);
    }
    // The last chain is still open: eight closed ones have a message missing.
    let (mut alice, mut bob) = ends;
    assert_eq!(bob.receiving_chains(), MAX_KEPT_CHAINS + 1);
    late[..].iter().for_each(|message| receive(&mut reload(&bob), message).unwrap());
    // One more turn closes the ninth, and the oldest goes.
    let message = send(&mut alice);
    receive(&mut bob, &message).unwrap();
    assert_eq!(bob.receiving_chains(), MAX_KEPT_CHAINS + 1);
    refuses(&mut bob, &late[0], OpenError::Unreadable);
    late[1..].iter().for_each(|message| receive(&mut bob, message).unwrap());
    assert_eq!(bob.receiving_chains(), 1);
}

// M-RAT-8
#[test]
fn a_key_is_kept_for_less_than_30_days() {
    let later = |seconds| Timestamp::from_seconds(NOW.seconds() + seconds);
    let month = days(30).as_secs();
    for (age, outcome) in [(month - 1, Ok(())), (month, Err(OpenError::Duplicate))] {
        let (mut alice, mut bob) = ends::<HeaderEncrypted>();
        let late = send(&mut alice);
        let message = send(&mut alice);
        receive(&mut bob, &message).unwrap();
        assert_eq!(receive_at(&mut bob, &late, later(age)), outcome);
    }
    // The next message that is opened sweeps it away, or a timer.
    let (mut alice, mut bob) = ends::<HeaderEncrypted>();
    let messages = [(); 3].map(|()| send(&mut alice));
    receive(&mut bob, &messages[1]).unwrap();
    bob.expire(later(month - 1), &mut Silent);
    assert_eq!(bob.kept_keys(), 1);
    let mut by_timer = reload(&bob);
    by_timer.expire(later(month), &mut Silent);
    assert_eq!(by_timer.kept_keys(), 0);
    receive_at(&mut bob, &messages[2], later(month)).unwrap();
    assert_eq!(bob.kept_keys(), 0);
}

// M-RAT-8
#[test]
fn kept_keys_of_closed_chains_expire_too_and_a_clock_that_was_ahead_keeps_none() {
    let later = |days_: u64| Timestamp::from_seconds(NOW.seconds() + days(days_).as_secs());
    let mut ends = ends::<HeaderEncrypted>();
    send(&mut ends.0);
    talk(&mut ends);
    let (alice, bob) = &mut ends;
    send(alice);
    let message = send(alice);
    // Ten years ahead, once; the next message finds the clock right again.
    receive_at(bob, &message, later(3650)).unwrap();
    assert_eq!((bob.kept_keys(), bob.receiving_chains()), (1, 1), "the older one expired at once");
    send(alice);
    let message = send(alice);
    receive_at(bob, &message, later(0)).unwrap();
    assert_eq!(bob.kept_keys(), 2);
    let answer = send(bob);
    receive(alice, &answer).unwrap();
    let message = send(alice);
    receive_at(bob, &message, later(29)).unwrap();
    assert_eq!((bob.kept_keys(), bob.receiving_chains()), (2, 2));
    let message = send(alice);
    receive_at(bob, &message, later(30)).unwrap();
    assert_eq!((bob.kept_keys(), bob.receiving_chains()), (0, 1));
}

// M-RAT-9
#[test]
fn a_chain_ends_before_its_counter_does() {
    let mut ends = ends::<HeaderEncrypted>();
    talk(&mut ends);
    let (alice, bob) = &mut ends;
    let message = send(alice);
    receive(bob, &message).unwrap();
    let Sending::Open(sending) = &mut alice.sending else { panic!("no chain") };
    sending.chain.n = u32::MAX - 1;
    bob.receiving[0].open.as_mut().unwrap().n = u32::MAX - 1;
    bob.receiving[0].open.as_mut().unwrap().key = ChainKey::copy_of(sending.chain.key.expose());
    let last = send(alice);
    receive(bob, &last).unwrap();
    refuses(bob, &last, OpenError::Duplicate);
    let before = bytes(alice);
    let ended = alice.encrypt(b"", &CONTEXT, &mut ChaCha20Rng::seed_from_u64(0), &mut Silent);
    assert_eq!(ended, Err(SealError::ChainEnded));
    assert!(before == bytes(alice));
    refuses(bob, &with_header(alice, |header| header.n = u32::MAX), OpenError::Unreadable);
    // An answer opens a new chain.
    let answer = send(bob);
    receive(alice, &answer).unwrap();
    let message = send(alice);
    receive(bob, &message).unwrap();
}

// M-WIRE-3
#[test]
fn a_plaintext_is_at_most_64_kib() {
    let (mut alice, mut bob) = ends::<HeaderEncrypted>();
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    for len in [0, 1, MAX_PLAINTEXT_LEN] {
        let plaintext = alloc::vec![0x80; len];
        let message = alice.encrypt(&plaintext, &CONTEXT, &mut rng, &mut Silent).unwrap();
        assert_eq!(message.len(), crate::padded_len(len) + crate::MESSAGE_OVERHEAD);
        assert_eq!(bob.decrypt(&message, &CONTEXT, NOW, &mut Silent).unwrap(), plaintext);
    }
    // A sender that ignores the limit is not read: the padded length is still one of a message.
    let Sending::Open(sending) = &alice.sending else { panic!("no chain") };
    let (_, key) = kdf::chain_step(&sending.chain.key);
    let (ratchet_key, n) = (sending.pair.public(), sending.chain.n);
    let header = Header { ratchet_key, previous: 0, n };
    let text = alloc::vec![0; MAX_PLAINTEXT_LEN + 1];
    let long = HeaderEncrypted::seal(&sending.header_key, &key, header, &text, &CONTEXT);
    refuses(&mut bob, &long, OpenError::Unreadable);
    let before = bytes(&alice);
    let plaintext = alloc::vec![0; MAX_PLAINTEXT_LEN + 1];
    let refused = alice.encrypt(&plaintext, &CONTEXT, &mut rng, &mut Silent);
    assert_eq!(refused, Err(SealError::TooLong));
    assert!(before == bytes(&alice));
}

#[test]
fn a_responder_sends_nothing_before_it_received() {
    let (_, mut bob) = ends::<HeaderEncrypted>();
    let sealed = bob.encrypt(b"", &CONTEXT, &mut ChaCha20Rng::seed_from_u64(0), &mut Silent);
    assert_eq!(sealed, Err(SealError::NothingReceived));
}

// M-RAT-3, M-RAT-4
#[test]
fn authentic_headers_that_no_honest_sender_makes_are_refused() {
    let mut ends = ends::<HeaderEncrypted>();
    let late = send(&mut ends.0);
    talk(&mut ends);
    let (alice, bob) = &mut ends;
    let message = send(alice);
    receive(bob, &message).unwrap();
    let elsewhere = PublicKey::from_bytes(&[9; 32]).unwrap();
    // Another ratchet key under the current header key.
    refuses(
        bob,
        &with_header(alice, |header| header.ratchet_key = elsewhere),
        OpenError::Unreadable,
    );
    // A turn of the ratchet with a PN below what was received, or far beyond.
    let answer = send(bob);
    receive(alice, &answer).unwrap();
    send(alice);
    for (previous, why) in [(0, OpenError::Unreadable), (u32::MAX, OpenError::TooFarAhead)] {
        refuses(bob, &with_header(alice, |header| header.previous = previous), why);
    }
    // A turn with a point of low order, or a key of no canonical encoding.
    let low = PublicKey::from_bytes(&[0; 32]).unwrap();
    refuses(bob, &with_header(alice, |header| header.ratchet_key = low), OpenError::Unreadable);
    receive(bob, &late).unwrap();
}

// M-RAT-4
#[test]
fn they_cannot_turn_twice_without_a_new_key_of_ours() {
    let mut ends = ends::<HeaderEncrypted>();
    talk(&mut ends);
    let (alice, bob) = &mut ends;
    let message = send(alice);
    receive(bob, &message).unwrap();
    // Bob owes his half of the step; a header under his next header key has nothing to turn with.
    let Sending::Open(sending) = &mut alice.sending else { panic!("no chain") };
    sending.header_key = HeaderKey::copy_of(bob.next_receiving.expose());
    let message = send(alice);
    refuses(bob, &message, OpenError::Unreadable);
}

#[derive(Default)]
struct Counts {
    dh: usize,
    derived: usize,
}

impl Observer for Counts {
    fn observe(&mut self, event: Event<'_>) {
        match event {
            Event::DhStep { .. } => self.dh += 1,
            Event::Derived { .. } => self.derived += 1,
            Event::Used { .. } | Event::Kept { .. } | Event::Erased { .. } => {}
        }
    }
}

/// What a forged message makes a receiver compute.
fn cost_of_forgery<S: Suite<Context = [u8; 32]>>() -> Counts {
    let mut ends = ends::<S>();
    talk(&mut ends);
    // Bob knows eight closed chains, one open one, and the next.
    for _ in 0..MAX_KEPT_CHAINS {
        send(&mut ends.0);
        talk(&mut ends);
    }
    let (mut alice, mut bob) = ends;
    let mut forged = send(&mut alice);
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    forged[3..30].fill(0x55);
    let before = bytes(&bob);
    let mut counts = Counts::default();
    let refused = bob.decrypt(&forged, &CONTEXT, NOW, &mut counts);
    assert_eq!(refused, Err(OpenError::Unreadable));
    assert!(before == bytes(&bob));
    counts
}

// M-RAT-2
#[test]
fn a_forged_message_costs_no_dh_and_no_chain_step() {
    let Counts { dh, derived } = cost_of_forgery::<HeaderEncrypted>();
    assert_eq!((dh, derived), (0, 0));
    // With visible headers it costs both; this is what header encryption is for.
    let Counts { dh, derived } = cost_of_forgery::<Plain>();
    assert!(dh == 1 && derived > 4);
}

/// A suite whose chains stay open, as formats without PN have it.
enum FiveOpen {}

impl Suite for FiveOpen {
    type HeaderKey = NoHeaderKey;
    type Context = [u8; 32];

    const OPEN_CHAINS: usize = 5;
    const CLOSED_AT_PREVIOUS: bool = false;

    fn root_step(root: &RootKey, shared: &SharedSecret) -> RootStep<Self> {
        let RootStep { root, chain, next_header } = Plain::root_step(root, shared);
        RootStep { root, chain, next_header }
    }

    fn seal(
        header_key: &NoHeaderKey,
        message_key: &MessageKey,
        header: Header,
        plaintext: &[u8],
        context: &[u8; 32],
    ) -> Vec<u8> {
        Plain::seal(header_key, message_key, header, plaintext, context)
    }

    fn open_header(header_key: &NoHeaderKey, message: &[u8]) -> Option<Header> {
        Plain::open_header(header_key, message)
    }

    fn open(message_key: &MessageKey, message: &[u8], context: &[u8; 32]) -> Option<Vec<u8>> {
        Plain::open(message_key, message, context)
    }
}

#[test]
fn a_suite_decides_how_many_chains_stay_open() {
    let mut ends = ends::<FiveOpen>();
    let mut late = Vec::new();
    for _ in 0..6 {
        let (alice, bob) = &mut ends;
        let message = send(alice);
        receive(bob, &message).unwrap();
        late.push(send(alice));
        let answer = send(bob);
        receive(alice, &answer).unwrap();
    }
    let (_, mut bob) = ends;
    // Nothing was kept; five chains are open, the sixth from the end is not.
    assert_eq!((bob.kept_keys(), bob.receiving_chains()), (0, 5));
    late[1..].iter().for_each(|message| receive(&mut bob, message).unwrap());
    refuses(&mut bob, &late[0], OpenError::Unreadable);
}

#[test]
fn a_state_with_too_much_in_it_is_refused() {
    let (mut alice, mut bob) = ends::<HeaderEncrypted>();
    let messages: Vec<_> = (0..1001).map(|_| send(&mut alice)).collect();
    receive(&mut bob, &messages[1000]).unwrap();
    let read = |ratchet: &Ratchet<HeaderEncrypted>| {
        Ratchet::<HeaderEncrypted>::read(&mut crate::codec::Reader::new(&bytes(ratchet))).is_ok()
    };
    assert!(read(&bob));
    // Kept keys out of order, or beyond where the chain stands.
    bob.receiving[0].kept.swap(3, 4);
    assert!(!read(&bob));
    bob.receiving[0].kept.swap(3, 4);
    bob.receiving[0].open.as_mut().unwrap().n = 999;
    assert!(!read(&bob));
    bob.receiving[0].open.as_mut().unwrap().n = 5000;
    assert!(read(&bob));
    // One kept key too many.
    for n in 1000..=2000 {
        assert!(read(&bob));
        let key = MessageKey::copy_of(&[1; 32]);
        bob.receiving[0].kept.push_back(chain::KeptKey { n, since: NOW, key });
    }
    assert!(!read(&bob));
    // One chain too many, and one open chain too many.
    let mut ends = self::ends::<HeaderEncrypted>();
    for _ in 0..=MAX_KEPT_CHAINS {
        send(&mut ends.0);
        talk(&mut ends);
    }
    let (_, mut bob) = ends;
    assert_eq!(bob.receiving_chains(), MAX_KEPT_CHAINS + 1);
    assert!(read(&bob));
    let mut another = reload(&bob).receiving.pop_back().unwrap();
    let open = reload(&bob).receiving.pop_front().unwrap().open;
    another.open = open;
    let last = core::mem::replace(bob.receiving.back_mut().unwrap(), another);
    assert!(!read(&bob));
    bob.receiving.back_mut().unwrap().open = None;
    assert!(read(&bob));
    bob.receiving.push_back(last);
    assert!(!read(&bob));
}
