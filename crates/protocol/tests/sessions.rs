//! Sessions with one device: which one is used, how long, how many, and with whom.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_protocol::session::InitiateError;
use sprag_protocol::sessions::{DecryptError, EncryptError, MAX_ARCHIVED};
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, DeviceId, Env, FIRST_MESSAGE_PREFIX_LEN, LocalDevice,
    MAX_PLAINTEXT_LEN, PreKeyBundle, PublicKey, Session, Sessions, Timestamp,
};

const START: u64 = 1_800_000_000;
const DAY: u64 = 24 * 60 * 60;

struct End {
    device: LocalDevice,
    sessions: Sessions,
}

fn ends() -> (End, End, ChaCha20Rng) {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let mut device = |name| {
        let account = AccountKeyPair::generate(&mut rng).public();
        let address = Address { account: AccountName::new(name).unwrap(), device: DeviceId::FIRST };
        LocalDevice::generate(address, account, &mut Env::new(at(0), &mut rng))
    };
    let (alice, bob) = (device("alice"), device("bob"));
    let with_bob = Sessions::with(bob.public().clone());
    let with_alice = Sessions::with(alice.public().clone());
    (End { device: alice, sessions: with_bob }, End { device: bob, sessions: with_alice }, rng)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

impl End {
    fn start(&mut self, other: &Self, rng: &mut ChaCha20Rng) {
        let bundle = other.device.last_resort_bundle().verify().unwrap();
        self.sessions.initiate(&self.device, bundle, &mut Env::new(at(0), rng)).unwrap();
    }

    fn send(&mut self, rng: &mut ChaCha20Rng) -> Vec<u8> {
        self.sessions.encrypt(b"text", &mut Env::new(at(0), rng)).unwrap()
    }

    fn receive(&mut self, message: &[u8], rng: &mut ChaCha20Rng) -> Result<(), DecryptError> {
        let mut env = Env::new(at(0), rng);
        self.sessions.decrypt(&mut self.device, message, &mut env).map(|received| {
            assert_eq!(received.plaintext, b"text");
            assert_eq!(Some(received.session), self.sessions.active().map(Session::id));
        })
    }
}

// M-SES-1, M-SES-2
#[test]
fn every_message_is_a_first_message_until_the_answer() {
    let (mut alice, mut bob, mut rng) = ends();
    let nothing = alice.sessions.encrypt(b"text", &mut Env::new(at(0), &mut rng));
    assert_eq!(nothing, Err(EncryptError::NoSession));
    alice.start(&bob, &mut rng);
    let messages = [(); 3].map(|()| alice.send(&mut rng));
    assert!(messages.iter().all(|message| message[1] == 1));
    // Any of them can be the first to arrive.
    for which in [1, 0, 2] {
        bob.receive(&messages[which], &mut rng).unwrap();
    }
    assert!(bob.sessions.archived().is_empty());
    let answer = bob.send(&mut rng);
    assert_eq!(answer[1], 2);
    alice.receive(&answer, &mut rng).unwrap();
    assert_eq!(alice.send(&mut rng)[1], 2);
}

// M-SES-6
#[test]
fn an_unanswered_session_serves_for_less_than_30_days() {
    let (mut alice, mut bob, mut rng) = ends();
    alice.start(&bob, &mut rng);
    let message = alice.send(&mut rng);
    let mut sends_at = |alice: &mut End, seconds| {
        alice.sessions.encrypt(b"text", &mut Env::new(at(seconds), &mut rng)).map(|_| ())
    };
    assert_eq!(sends_at(&mut alice, 30 * DAY - 1), Ok(()));
    assert!(alice.sessions.can_send(at(30 * DAY - 1)) && !alice.sessions.can_send(at(30 * DAY)));
    let before = alice.sessions.to_bytes();
    assert_eq!(sends_at(&mut alice, 30 * DAY), Err(EncryptError::Unanswered));
    assert!(before.expose() == alice.sessions.to_bytes().expose());
    // A new handshake serves; so does the old session once it is answered, and for ever.
    let mut copy = Sessions::from_bytes(before.expose()).unwrap();
    let bundle = bob.device.last_resort_bundle().verify().unwrap();
    copy.initiate(&alice.device, bundle, &mut Env::new(at(30 * DAY), &mut rng)).unwrap();
    assert!(copy.encrypt(b"text", &mut Env::new(at(30 * DAY), &mut rng)).is_ok());
    bob.receive(&message, &mut rng).unwrap();
    let answer = bob.send(&mut rng);
    alice.receive(&answer, &mut rng).unwrap();
    let mut env = Env::new(at(3000 * DAY), &mut rng);
    assert!(alice.sessions.encrypt(b"text", &mut env).is_ok());
    assert!(bob.sessions.encrypt(b"text", &mut env).is_ok());
}

// M-SES-5
#[test]
fn five_sessions_are_archived_and_the_one_unused_for_longest_goes() {
    let (mut alice, mut bob, mut rng) = ends();
    let mut firsts = Vec::new();
    for _ in 0..=MAX_ARCHIVED {
        alice.start(&bob, &mut rng);
        firsts.push(alice.send(&mut rng));
        let message = alice.send(&mut rng);
        bob.receive(&message, &mut rng).unwrap();
    }
    assert_eq!(bob.sessions.archived().len(), MAX_ARCHIVED);
    // The oldest is used once more, so that the second oldest has to go.
    bob.receive(&firsts[0], &mut rng).unwrap();
    alice.start(&bob, &mut rng);
    let message = alice.send(&mut rng);
    bob.receive(&message, &mut rng).unwrap();
    assert_eq!(bob.sessions.archived().len(), MAX_ARCHIVED);
    // Its first message does not bring it back.
    assert_eq!(bob.receive(&firsts[1], &mut rng), Err(DecryptError::Duplicate));
    for first in &firsts[2..] {
        bob.receive(first, &mut rng).unwrap();
    }
}

// M-SES-4
#[test]
fn a_message_on_an_archived_session_makes_it_active() {
    let (mut alice, mut bob, mut rng) = ends();
    alice.start(&bob, &mut rng);
    let old = alice.send(&mut rng);
    alice.start(&bob, &mut rng);
    let new = alice.send(&mut rng);
    bob.receive(&new, &mut rng).unwrap();
    let newer = bob.sessions.active().unwrap().id();
    bob.receive(&old, &mut rng).unwrap();
    assert_ne!(bob.sessions.active().unwrap().id(), newer);
    assert_eq!(bob.sessions.archived()[0].id(), newer);
    // Bob answers on the older session, and Alice goes there with him.
    let answer = bob.send(&mut rng);
    alice.receive(&answer, &mut rng).unwrap();
    assert_eq!(alice.sessions.active().unwrap().id(), bob.sessions.active().unwrap().id());
}

#[test]
fn a_bundle_of_another_device_starts_nothing() {
    let (mut alice, bob, mut rng) = ends();
    let other_device =
        Address { device: DeviceId::new(2).unwrap(), ..bob.device.public().address.clone() };
    let mut bundle = bob.device.last_resort_bundle();
    bundle.owner.address = other_device;
    for bundle in [bundle, alice.device.last_resort_bundle()] {
        let bundle = bundle.verify().unwrap();
        let mut env = Env::new(at(0), &mut rng);
        let refused = alice.sessions.initiate(&alice.device, bundle, &mut env);
        assert_eq!(refused, Err(InitiateError::OtherDevice));
    }
    assert!(alice.sessions.active().is_none());
}

#[test]
fn a_one_time_prekey_of_low_order_starts_nothing() {
    let (mut alice, bob, mut rng) = ends();
    // OPKs carry no signature, so a directory can put anything there.
    let key = PublicKey::from_bytes(&[0; 32]).unwrap();
    let one_time = Some(sprag_protocol::OneTimePreKey { id: 9.try_into().unwrap(), key });
    let bundle = PreKeyBundle { one_time, ..bob.device.last_resort_bundle() }.verify().unwrap();
    let mut env = Env::new(at(0), &mut rng);
    let refused = alice.sessions.initiate(&alice.device, bundle, &mut env);
    assert_eq!(refused, Err(InitiateError::InvalidKey));
    assert!(alice.sessions.active().is_none());
}

#[test]
fn what_is_too_long_is_refused_and_changes_nothing() {
    let (mut alice, mut bob, mut rng) = ends();
    alice.start(&bob, &mut rng);
    let before = alice.sessions.to_bytes();
    let mut env = Env::new(at(0), &mut rng);
    let refused = alice.sessions.encrypt(&vec![0; MAX_PLAINTEXT_LEN + 1], &mut env);
    assert_eq!(refused, Err(EncryptError::TooLong));
    assert!(before.expose() == alice.sessions.to_bytes().expose());
    let longest = alice.sessions.encrypt(&vec![0; MAX_PLAINTEXT_LEN], &mut env).unwrap();
    assert!(longest.len() < 96 * 1024);
    let received = bob.sessions.decrypt(&mut bob.device, &longest, &mut env).unwrap();
    assert_eq!(received.plaintext.len(), MAX_PLAINTEXT_LEN);
}

#[test]
fn a_fresh_session_is_small() {
    let (mut alice, mut bob, mut rng) = ends();
    alice.start(&bob, &mut rng);
    // Until the answer the initiator keeps the handshake that goes before each message.
    let size = |end: &End| end.sessions.to_bytes().expose().len();
    assert!(size(&alice) < 1024 + FIRST_MESSAGE_PREFIX_LEN);
    let message = alice.send(&mut rng);
    bob.receive(&message, &mut rng).unwrap();
    assert!(size(&bob) < 1024);
    let answer = bob.send(&mut rng);
    alice.receive(&answer, &mut rng).unwrap();
    assert!(size(&alice) < 1024 && size(&bob) < 1024);
}
