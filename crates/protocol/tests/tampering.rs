//! Every bit of every kind of message, identities, bundles: what an attacker changes is refused and
//! changes nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_protocol::ratchet::{Plain, Ratchet};
use sprag_protocol::secret::Secret;
use sprag_protocol::sessions::DecryptError;
use sprag_protocol::trace::{Event, Observer, Silent};
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, DeviceId, DeviceIdentity, Env, FIRST_MESSAGE_PREFIX_LEN,
    KeyPair, Left, LocalDevice, MESSAGE_OVERHEAD, PreKeyBundle, Sessions, Timestamp, kdf::RootKey,
    padded_len,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

struct Scene {
    alice: LocalDevice,
    bob: LocalDevice,
    with_bob: Sessions,
    with_alice: Sessions,
    rng: ChaCha20Rng,
}

fn device(name: &str, rng: &mut ChaCha20Rng) -> LocalDevice {
    let account = AccountKeyPair::generate(rng).public();
    let address = Address { account: AccountName::new(name).unwrap(), device: DeviceId::FIRST };
    LocalDevice::generate(address, account, &mut Env::new(NOW, rng))
}

/// Alice has started a session with a full bundle of Bob; nothing has arrived yet.
fn scene() -> Scene {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (alice, mut bob) = (device("alice", &mut rng), device("bob", &mut rng));
    let mut env = Env::new(NOW, &mut rng);
    let mut upload = bob.replenish(Left { one_time: 24, kem: 24 }, &mut env).unwrap();
    let bundle = PreKeyBundle {
        one_time: upload.one_time.pop(),
        kem: upload.kem.remove(0),
        ..bob.last_resort_bundle()
    };
    let mut with_bob = Sessions::with(bob.public().clone());
    with_bob.initiate(&alice, bundle.verify().unwrap(), &mut env).unwrap();
    let with_alice = Sessions::with(alice.public().clone());
    Scene { alice, bob, with_bob, with_alice, rng }
}

impl Scene {
    fn alice_sends(&mut self) -> Vec<u8> {
        self.with_bob.encrypt(b"text", &mut Env::new(NOW, &mut self.rng)).unwrap()
    }

    fn bob_receives(&mut self, message: &[u8]) -> Result<Vec<u8>, DecryptError> {
        let mut env = Env::new(NOW, &mut self.rng);
        let received = self.with_alice.decrypt(&mut self.bob, message, &mut env);
        received.map(|received| received.plaintext)
    }

    /// Refused, and nothing to show for it: no change, nothing to send (M-SES-7).
    fn bob_refuses(&mut self, message: &[u8]) -> DecryptError {
        let before = (self.with_alice.to_bytes(), self.bob.to_bytes());
        let refused = self.bob_receives(message).unwrap_err();
        assert!(before.0.expose() == self.with_alice.to_bytes().expose());
        assert!(before.1.expose() == self.bob.to_bytes().expose());
        refused
    }

    /// Messages of both kinds: a first message, then one of the answered session.
    fn bob_answers(&mut self, first: &[u8]) {
        assert_eq!(self.bob_receives(first).unwrap(), b"text");
        let mut env = Env::new(NOW, &mut self.rng);
        let answer = self.with_alice.encrypt(b"answer", &mut env).unwrap();
        self.with_bob.decrypt(&mut self.alice, &answer, &mut env).unwrap();
    }
}

fn flipped(message: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..message.len() * 8).map(|bit| {
        let mut altered = message.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        (bit, altered)
    })
}

// M-RAT-1
#[test]
fn every_single_bit_of_a_message_is_authenticated() {
    let mut scene = scene();
    let first = scene.alice_sends();
    scene.bob_answers(&first);
    let message = scene.alice_sends();
    assert_eq!(message.len(), padded_len(4) + MESSAGE_OVERHEAD);
    assert_eq!(MESSAGE_OVERHEAD, 74);
    for (bit, altered) in flipped(&message) {
        let refused = scene.bob_refuses(&altered);
        let expected = if bit < 16 { DecryptError::Malformed } else { DecryptError::Unreadable };
        assert_eq!(refused, expected, "bit {bit}");
    }
    assert_eq!(scene.bob_receives(&message).unwrap(), b"text");
}

// M-HS-3, M-RAT-1
#[test]
fn every_single_bit_of_a_first_message_is_authenticated() {
    let mut scene = scene();
    let message = scene.alice_sends();
    assert_eq!(message.len(), FIRST_MESSAGE_PREFIX_LEN + padded_len(4) + MESSAGE_OVERHEAD);
    for (_, altered) in flipped(&message) {
        scene.bob_refuses(&altered);
    }
    assert_eq!(scene.bob_receives(&message).unwrap(), b"text");
}

#[test]
fn every_single_bit_of_a_first_message_that_is_not_the_first_is_authenticated() {
    let mut scene = scene();
    let first = scene.alice_sends();
    scene.bob_receives(&first).unwrap();
    let second = scene.alice_sends();
    for (_, altered) in flipped(&second) {
        scene.bob_refuses(&altered);
    }
    assert_eq!(scene.bob_receives(&second).unwrap(), b"text");
}

// M-WIRE-1
#[test]
fn lengths_are_exact() {
    let mut scene = scene();
    let first = scene.alice_sends();
    for len in 0..first.len() {
        scene.bob_refuses(&first[..len]);
    }
    for more in 1..40 {
        let longer = [first.as_slice(), &vec![0; more]].concat();
        scene.bob_refuses(&longer);
    }
    scene.bob_answers(&first);
    let message = scene.alice_sends();
    for len in 0..message.len() {
        assert_eq!(scene.bob_refuses(&message[..len]), DecryptError::Malformed);
    }
    for more in 1..200 {
        scene.bob_refuses(&[message.as_slice(), &vec![0; more]].concat());
    }
}

#[test]
fn kinds_are_not_confused() {
    let mut scene = scene();
    let first = scene.alice_sends();
    let (prefix, inner) = first.split_at(FIRST_MESSAGE_PREFIX_LEN);
    // The message inside a first message says nothing without its handshake.
    assert_eq!(scene.bob_refuses(inner), DecryptError::Unreadable);
    // One kind under the name of the other.
    let mut renamed = first.clone();
    renamed[1] = 2;
    scene.bob_refuses(&renamed);
    scene.bob_answers(&first);
    let message = scene.alice_sends();
    let mut renamed = message.clone();
    renamed[1] = 1;
    assert_eq!(scene.bob_refuses(&renamed), DecryptError::Malformed);
    for kind in [0, 3, 4, 255] {
        let mut renamed = message.clone();
        renamed[1] = kind;
        assert_eq!(scene.bob_refuses(&renamed), DecryptError::Malformed);
    }
    // A first message inside a first message, and one that was opened already.
    scene.bob_refuses(&[prefix, &first].concat());
    assert_eq!(scene.bob_refuses(&first), DecryptError::Duplicate);
    // A message of the plain mode.
    let mut plain = plain_message();
    assert_eq!(scene.bob_refuses(&plain), DecryptError::Malformed);
    plain[1] = 2;
    scene.bob_refuses(&plain);
}

fn plain_message() -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let root = RootKey::copy_of(&[1; 32]);
    let theirs = KeyPair::from_secret(Secret::copy_of(&[2; 32])).public();
    let none = sprag_protocol::ratchet::NoHeaderKey;
    let alice = Ratchet::<Plain>::initiator(root, (none, none), theirs, &mut rng, &mut Silent);
    alice.unwrap().encrypt(b"text", &[0; 32], &mut rng, &mut Silent).unwrap()
}

/// Every part of both identities is bound: whoever believes in another one shares no key.
// M-HS-1
#[test]
fn identities_are_bound() {
    let mallory = device("mallory", &mut ChaCha20Rng::seed_from_u64(6));
    let alterations: [fn(&mut DeviceIdentity, &DeviceIdentity); 4] = [
        |identity, other| identity.address.account = other.address.account.clone(),
        |identity, _| identity.address.device = DeviceId::new(2).unwrap(),
        |identity, other| identity.account_key = other.account_key,
        |identity, other| identity.identity_key = other.identity_key,
    ];
    for alter in alterations {
        // Bob believes that the sender is somebody else.
        let mut scene = scene();
        let message = scene.alice_sends();
        let mut identity = scene.alice.public().clone();
        alter(&mut identity, mallory.public());
        scene.with_alice = Sessions::with(identity);
        assert_eq!(scene.bob_refuses(&message), DecryptError::Unreadable);
        // Alice believes that the receiver is somebody else.
        let mut scene = self::scene();
        let mut bundle = scene.bob.last_resort_bundle();
        alter(&mut bundle.owner, mallory.public());
        // Another identity key has not signed these prekeys.
        let Ok(bundle) = bundle.verify() else { continue };
        let mut env = Env::new(NOW, &mut scene.rng);
        scene.with_bob = Sessions::with(bundle.get().owner.clone());
        scene.with_bob.initiate(&scene.alice, bundle, &mut env).unwrap();
        let message = scene.alice_sends();
        assert_eq!(scene.bob_refuses(&message), DecryptError::Unreadable);
    }
}

/// Whatever a first message has for keys, it is refused and changes nothing. (That points of low order
/// agree on nothing, also where the sender expects them to, is a test beside the handshake.)
#[test]
fn unacceptable_keys_in_a_first_message_are_refused() {
    let mut scene = scene();
    let message = scene.alice_sends();
    // EK: every point of low order, and numbers that are not below 2^255 - 19.
    let mut p = [0xFF; 32];
    (p[0], p[31]) = (0xED, 0x7F);
    let order_8 = [
        0xE0, 0xEB, 0x7A, 0x7C, 0x3B, 0x41, 0xB8, 0xAE, 0x16, 0x56, 0xE3, 0xFA, 0xF1, 0x9F, 0xC4,
        0x6A, 0xDA, 0x09, 0x8D, 0xEB, 0x9C, 0x32, 0xB1, 0xFD, 0x86, 0x62, 0x05, 0x16, 0x5F, 0x49,
        0xB8, 0x00,
    ];
    let mut one = [0; 32];
    one[0] = 1;
    let mut largest = p;
    largest[0] = 0xEC;
    for key in [[0; 32], one, order_8, p, [0xFF; 32], largest] {
        let mut altered = message.clone();
        altered[34..66].copy_from_slice(&key);
        scene.bob_refuses(&altered);
    }
    // IK: the neutral point, a number that is no point.
    for key in [one, [0; 32], [2; 32], p] {
        let mut altered = message.clone();
        altered[2..34].copy_from_slice(&key);
        scene.bob_refuses(&altered);
    }
    assert_eq!(scene.bob_receives(&message).unwrap(), b"text");
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

/// With six sessions, forged messages derive nothing at all.
// M-RAT-2, M-SES-3
#[test]
fn forgeries_derive_no_key_in_any_session() {
    let mut scene = scene();
    for _ in 0..6 {
        let mut env = Env::new(NOW, &mut scene.rng);
        let bundle = scene.bob.last_resort_bundle().verify().unwrap();
        scene.with_bob.initiate(&scene.alice, bundle, &mut env).unwrap();
        let first = scene.alice_sends();
        scene.bob_answers(&first);
    }
    assert_eq!(scene.with_alice.archived().len(), 5);
    let mut forged = scene.alice_sends();
    let mut counts = Counts::default();
    for seed in 0..50 {
        let at = 2 + seed * 3;
        forged[at] = forged[at].wrapping_add(1);
        let mut env = Env::observed(NOW, &mut scene.rng, &mut counts);
        let refused = scene.with_alice.decrypt(&mut scene.bob, &forged, &mut env);
        assert_eq!(refused.map(|_| ()), Err(DecryptError::Unreadable));
    }
    assert_eq!((counts.dh, counts.derived), (0, 0));
}

/// No ratchet key and no counter stands anywhere in a message, and no two messages of a conversation
/// have eight bytes in common.
#[test]
fn nothing_of_a_header_is_visible() {
    #[derive(Default)]
    struct Keys(Vec<[u8; 32]>);
    impl Observer for Keys {
        fn observe(&mut self, event: Event<'_>) {
            if let Event::DhStep { ours, theirs, .. } = event {
                self.0.extend([*ours.as_bytes(), *theirs.as_bytes()]);
            }
        }
    }
    let mut scene = scene();
    let first = scene.alice_sends();
    scene.bob_answers(&first);
    let mut keys = Keys::default();
    let mut messages = Vec::new();
    for turn in 0..12 {
        for _ in 0..3 {
            let mut env = Env::observed(NOW, &mut scene.rng, &mut keys);
            let (from, to, device) = if turn % 2 == 0 {
                (&mut scene.with_bob, &mut scene.with_alice, &mut scene.bob)
            } else {
                (&mut scene.with_alice, &mut scene.with_bob, &mut scene.alice)
            };
            let message = from.encrypt(b"the same text", &mut env).unwrap();
            to.decrypt(device, &message, &mut env).unwrap();
            messages.push(message);
        }
    }
    assert!(keys.0.len() >= 22);
    let mut seen = std::collections::BTreeSet::new();
    for message in &messages {
        assert_eq!(message.len(), messages[0].len());
        let visible = |key: &[u8; 32]| message.windows(8).any(|window| window == &key[..8]);
        assert!(!keys.0.iter().any(visible));
        let windows: Vec<_> = message[2..].windows(8).map(<[u8]>::to_vec).collect();
        assert!(windows.iter().all(|window| !seen.contains(window)));
        seen.extend(windows);
    }
}
