//! Every vector file, made by the core from fixed seeds.

use std::convert::Infallible;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use sprag_protocol::ratchet::{HeaderEncrypted, NoHeaderKey, Plain, Ratchet, Suite};
use sprag_protocol::secret::Secret;
use sprag_protocol::sessions::{DecryptError, Received};
use sprag_protocol::trace::{Agreement, Event, Observer, Place};
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, Device, DeviceId, DeviceIdentity, DeviceList, Env,
    FIRST_MESSAGE_PREFIX_LEN, IdentityKeyPair, KeyPair, Left, LocalDevice, PinnedAccount,
    PreKeyBundle, Purpose, SafetyNumber, Sessions, Timestamp, kdf::RootKey, padded_len,
};

use super::refused;
use super::text::Text;

const NOW: u64 = 1_800_000_000;

/// Name and text of every file.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("kdf.txt", kdf()),
        ("padding.txt", padding()),
        ("keys.txt", keys()),
        ("device-list.txt", device_list()),
        ("safety-number.txt", safety_number()),
        ("ratchet-plain.txt", plain_ratchet()),
        ("refused.txt", refused::values()),
        ("session-refused.txt", Scene::new(34, Prekeys::Full).refused()),
    ];
    let full = Scene::new(31, Prekeys::Full);
    all.push(("storage/v1/states.txt", full.states()));
    all.push(("session-one-time.txt", full.conversation()));
    all.push(("session-last-resort.txt", Scene::new(32, Prekeys::LastResort).conversation()));
    all.push(("session-opk-only.txt", Scene::new(33, Prekeys::OneTimeOnly).conversation()));
    all
}

fn at() -> Timestamp {
    Timestamp::from_seconds(NOW)
}

/// Randomness that remembers what it gave.
struct Drawing {
    rng: ChaCha20Rng,
    drawn: Vec<Vec<u8>>,
}

impl Drawing {
    fn from(seed: u64) -> Self {
        Self { rng: ChaCha20Rng::seed_from_u64(seed), drawn: Vec::new() }
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.drawn)
    }
}

impl TryRng for Drawing {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.rng.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.rng.next_u64())
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        self.rng.fill_bytes(into);
        self.drawn.push(into.to_vec());
        Ok(())
    }
}

impl TryCryptoRng for Drawing {}

/// The keys that an operation derived.
#[derive(Default)]
struct Derived(Vec<(Place, [u8; 32])>);

impl Observer for Derived {
    fn observe(&mut self, event: Event<'_>) {
        if let Event::Derived { place, key } = event {
            self.0.push((place, *key));
        }
    }
}

impl Derived {
    fn write(self, text: &mut Text) {
        for (place, key) in self.0 {
            if let Some(name) = name(place) {
                text.hex(&name, key);
            }
        }
    }
}

/// Private keys are written where they are drawn.
fn name(place: Place) -> Option<String> {
    Some(match place {
        Place::Agreement(Agreement::Dh1) => "dh1".into(),
        Place::Agreement(Agreement::Dh2) => "dh2".into(),
        Place::Agreement(Agreement::Dh3) => "dh3".into(),
        Place::Agreement(Agreement::Dh4) => "dh4".into(),
        Place::Agreement(Agreement::Kem) => "kem_shared_secret".into(),
        Place::Ephemeral
        | Place::RatchetKey
        | Place::OneTimePreKey { .. }
        | Place::OneTimeKemPreKey { .. } => return None,
        Place::SharedSecret { step } => format!("ratchet_dh.{step}"),
        Place::Root { step } => format!("root_key.{step}"),
        Place::Header { step } => format!("header_key.{step}"),
        Place::Chain { step, n } => format!("chain_key.{step}.{n}"),
        Place::Message { step, n } => format!("message_key.{step}.{n}"),
    })
}

fn random<const N: usize>(rng: &mut ChaCha20Rng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn kdf() -> String {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut text = Text::new("PROTOCOL.md section 6: KDF_RK_HE and KDF_CK, from an agreement.");
    for _ in 0..3 {
        let (ours, theirs, root) =
            (random::<32>(&mut rng), random::<32>(&mut rng), random(&mut rng));
        let ours_pair = KeyPair::from_secret(Secret::copy_of(&ours));
        let theirs_pair = KeyPair::from_secret(Secret::copy_of(&theirs));
        let Ok(shared) = ours_pair.agree(&theirs_pair.public()) else { continue };
        let step = HeaderEncrypted::root_step(&RootKey::copy_of(&root), &shared);
        let (next, message) = HeaderEncrypted::chain_step(&step.chain);
        text.block("a root step, then a chain step");
        text.hex("private_key", ours);
        text.hex("their_public_key", theirs_pair.public().as_bytes());
        text.hex("dh", shared.expose());
        text.hex("root_key", root);
        text.hex("next_root_key", step.root.expose());
        text.hex("chain_key", step.chain.expose());
        text.hex("next_header_key", step.next_header.expose());
        text.hex("message_key", message.expose());
        text.hex("next_chain_key", next.expose());
    }
    text.finish()
}

fn padding() -> String {
    let mut text = Text::new("PROTOCOL.md section 7: length of a plaintext, length once padded.");
    let lens = [
        0, 1, 158, 159, 160, 175, 176, 255, 256, 271, 272, 511, 512, 1000, 1023, 1024, 4095, 4096,
        10_000, 32_767, 65_535, 65_536,
    ];
    for len in lens {
        text.block("a length");
        text.value("len", len);
        text.value("padded_len", padded_len(len));
    }
    text.finish()
}

fn keys() -> String {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut text =
        Text::new("PROTOCOL.md section 2: identity keys, their agreement form, signatures.");
    for (purpose, label) in [
        (Purpose::DeviceList, "Sprag v1 device list"),
        (Purpose::SignedPreKey, "Sprag v1 signed prekey"),
        (Purpose::KemPreKey, "Sprag v1 kem prekey"),
        (Purpose::Login, "Sprag v1 login"),
    ] {
        let seed = random(&mut rng);
        let pair = IdentityKeyPair::from_seed(Secret::copy_of(&seed));
        text.block("an identity key and a signature by it");
        text.hex("seed", seed);
        text.hex("identity_key", pair.public().as_bytes());
        text.hex("agreement_key", pair.public().agreement_key().as_bytes());
        text.value("label", label);
        text.hex("body", b"body");
        text.hex("signature", pair.sign(purpose, b"body").0);
    }
    text.finish()
}

fn account_name(name: &str) -> AccountName {
    #[expect(clippy::expect_used, reason = "the names are written out below")]
    AccountName::new(name).expect("a valid name")
}

fn device_list() -> String {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let mut text = Text::new("PROTOCOL.md section 3: a device list and its signature.");
    let seed = random(&mut rng);
    let account = AccountKeyPair::from_seed(Secret::copy_of(&seed));
    text.hex("account_seed", seed);
    text.hex("account_key", account.public().as_bytes());
    text.value("account", "alice");
    text.value("version", 2);
    let devices = (1..=2).filter_map(|id| {
        let identity = IdentityKeyPair::generate(&mut rng).public();
        text.hex(&format!("device.{id}.identity_key"), identity.as_bytes());
        text.value(&format!("device.{id}.created"), NOW + u64::from(id));
        let created = Timestamp::from_seconds(NOW + u64::from(id));
        Some(Device { id: DeviceId::new(id)?, identity_key: identity, created })
    });
    let devices = devices.collect();
    if let Ok(list) = DeviceList::new(2, account_name("alice"), devices) {
        text.hex("body", list.to_bytes());
        text.hex("signed_list", list.sign(&account).to_bytes());
    }
    text.finish()
}

fn safety_number() -> String {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let mut text = Text::new("PROTOCOL.md section 9: two accounts and their safety number.");
    for _ in 0..5 {
        let [alice, bob] = [(); 2].map(|()| AccountKeyPair::generate(&mut rng).public());
        let (a, b) = (account_name("alice"), account_name("bob"));
        let number = SafetyNumber::new((&a, &alice), (&b, &bob));
        let lower = if number.qr()[2..34] < number.qr()[34..] { "alice" } else { "bob" };
        text.block(&format!("the fingerprint of {lower} is the lower one"));
        text.value("alice_account", &a);
        text.value("bob_account", &b);
        text.hex("alice_account_key", alice.as_bytes());
        text.hex("bob_account_key", bob.as_bytes());
        text.value("digits", number);
        text.hex("alice_qr", number.qr());
        text.hex("bob_qr", SafetyNumber::new((&b, &bob), (&a, &alice)).qr());
    }
    text.finish()
}

/// Which prekeys the bundle has besides SPK.
#[derive(Clone, Copy)]
enum Prekeys {
    Full,
    OneTimeOnly,
    LastResort,
}

/// Alice and Bob before their first message, and how they came to be.
struct Scene {
    alice: LocalDevice,
    bob: LocalDevice,
    bundle: PreKeyBundle,
    rng: Drawing,
    text: Text,
}

fn device(who: &str, text: &mut Text, rng: &mut Drawing) -> LocalDevice {
    let account = AccountKeyPair::generate(rng);
    let address = Address { account: account_name(who), device: DeviceId::FIRST };
    let device = LocalDevice::generate(address, account.public(), &mut Env::new(at(), rng));
    let names = ["account_seed", "identity_seed", "signed_prekey_private_key", "last_resort_seed"];
    text.block(&format!("{who}, device 1"));
    for (name, drawn) in names.iter().zip(rng.take()) {
        text.hex(&format!("{who}.{name}"), drawn);
    }
    let DeviceIdentity { account_key, identity_key, .. } = device.public();
    text.hex(&format!("{who}.account_key"), account_key.as_bytes());
    text.hex(&format!("{who}.identity_key"), identity_key.as_bytes());
    text.hex(&format!("{who}.device"), device.public().to_bytes());
    device
}

impl Scene {
    fn new(seed: u64, prekeys: Prekeys) -> Self {
        let mut rng = Drawing::from(seed);
        let mut text = Text::new("PROTOCOL.md sections 4 to 8: a handshake and a conversation.");
        text.value("created", NOW);
        let alice = device("alice", &mut text, &mut rng);
        let mut bob = device("bob", &mut text, &mut rng);
        let left = Left { one_time: 24, kem: 24 };
        let upload = bob.replenish(left, &mut Env::new(at(), &mut rng));
        let drawn = rng.take();
        let mut bundle = bob.last_resort_bundle();
        if let Ok(upload) = upload {
            let count = upload.one_time.len();
            let (one_time, kem) =
                (upload.one_time.into_iter().next(), upload.kem.into_iter().next());
            if !matches!(prekeys, Prekeys::LastResort) {
                text.hex("bob.one_time_prekey_private_key", &drawn[0]);
                bundle.one_time = one_time;
            }
            if let (Prekeys::Full, Some(kem)) = (prekeys, kem) {
                text.hex("bob.one_time_kem_seed", &drawn[count]);
                bundle.kem = kem;
            }
        }
        text.block("the bundle that alice fetches");
        text.value("signed_prekey_id", bundle.signed.id);
        text.value("kem_prekey_id", bundle.kem.id);
        text.value("one_time_prekey_id", bundle.one_time.as_ref().map_or(0, |opk| opk.id.get()));
        text.hex("bundle", bundle.to_bytes());
        Self { alice, bob, bundle, rng, text }
    }

    /// The handshake, then a script of messages: in order, out of order, with a DH step each way.
    fn conversation(mut self) -> String {
        let (mut with_bob, mut with_alice) = self.start();
        let mut late = Vec::new();
        for (index, (from, arrives)) in SCRIPT.iter().enumerate() {
            let plaintext = plaintext(index, from);
            let sender = if *from == "alice" { &mut with_bob } else { &mut with_alice };
            let mut keys = Derived::default();
            let mut env = Env::observed(at(), &mut self.rng, &mut keys);
            let sealed = sender.encrypt(&plaintext, &mut env);
            self.text.block(&format!("message {index}"));
            self.text.value(&format!("message.{index}.from"), from);
            for drawn in self.rng.take() {
                self.text.hex(&format!("message.{index}.ratchet_private_key"), drawn);
            }
            keys.write(&mut self.text);
            self.text.hex(&format!("message.{index}.plaintext"), &plaintext);
            let Ok(sealed) = sealed else { continue };
            self.text.hex(&format!("message.{index}.bytes"), &sealed);
            late.push((index, *from, sealed));
            for &which in *arrives {
                self.arrive(&late[which], &mut with_bob, &mut with_alice);
            }
        }
        self.text.finish()
    }

    /// A message arrives; the vectors say in which order.
    fn arrive(
        &mut self,
        (index, from, sealed): &(usize, &str, Vec<u8>),
        with_bob: &mut Sessions,
        with_alice: &mut Sessions,
    ) {
        let (sessions, device) = if *from == "alice" {
            (with_alice, &mut self.bob)
        } else {
            (with_bob, &mut self.alice)
        };
        let received = sessions.decrypt(device, sealed, &mut Env::new(at(), &mut self.rng));
        self.text.value("arrives", format!("{index} {}", outcome(&received)));
    }

    fn start(&mut self) -> (Sessions, Sessions) {
        let mut keys = Derived::default();
        let mut with_bob = Sessions::with(self.bob.public().clone());
        let mut env = Env::observed(at(), &mut self.rng, &mut keys);
        if let Ok(bundle) = self.bundle.clone().verify() {
            // The bundles above are our own.
            let _ = with_bob.initiate(&self.alice, bundle, &mut env);
        }
        self.text.block("the handshake, on alice's side, and her first ratchet step");
        let names = ["ephemeral_private_key", "kem_randomness", "ratchet_private_key"];
        for (name, drawn) in names.iter().zip(self.rng.take()) {
            self.text.hex(name, drawn);
        }
        self.check(&with_bob, &keys);
        keys.write(&mut self.text);
        (with_bob, Sessions::with(self.alice.public().clone()))
    }

    /// Computes the handshake's KDF once more from the page's own words, and shows its inputs.
    fn check(&mut self, with_bob: &Sessions, keys: &Derived) {
        let mut probe = Sessions::from_bytes(with_bob.to_bytes().expose()).ok();
        let mut spare = Drawing::from(0);
        let first =
            probe.as_mut().and_then(|s| s.encrypt(b"", &mut Env::new(at(), &mut spare)).ok());
        let first = first.unwrap_or_default();
        let prefix = &first[..FIRST_MESSAGE_PREFIX_LEN];
        let (a, b) = (self.alice.public(), self.bob.public());
        let with_id = |id: u32, key: &[u8]| [&id.to_be_bytes(), key].concat();
        let opk = self.bundle.one_time.as_ref();
        let items = [
            vec![1],
            a.address.to_bytes(),
            b.address.to_bytes(),
            a.account_key.as_bytes().to_vec(),
            b.account_key.as_bytes().to_vec(),
            a.identity_key.as_bytes().to_vec(),
            b.identity_key.as_bytes().to_vec(),
            prefix[34..66].to_vec(),
            with_id(self.bundle.signed.id, self.bundle.signed.key.as_bytes()),
            with_id(self.bundle.kem.id, self.bundle.kem.key.as_bytes()),
            prefix[78..].to_vec(),
            opk.map_or_else(Vec::new, |opk| with_id(opk.id.get(), opk.key.as_bytes())),
        ];
        let transcript = items.iter().fold(Sha256::new(), |hash, item| {
            let len = u32::try_from(item.len()).unwrap_or(u32::MAX);
            hash.chain_update(len.to_be_bytes()).chain_update(item)
        });
        let transcript = transcript.finalize();
        let secrets = keys.0.iter().filter(|(place, _)| matches!(place, Place::Agreement(_)));
        let ikm =
            secrets.fold(vec![0xFF; 32], |ikm, (_, secret)| [&ikm, secret.as_slice()].concat());
        let mut okm = [0; 96];
        let hkdf = Hkdf::<Sha256>::new(Some(&[0; 32]), &ikm);
        let expanded = hkdf.expand_multi_info(&[b"Sprag v1 PQXDH", &transcript], &mut okm);
        let root = keys.0.iter().find(|(place, _)| *place == Place::Root { step: 0 });
        assert!(expanded.is_ok() && root.is_some_and(|(_, key)| key == &okm[..32]));
        self.text.hex("transcript_hash", transcript);
        let bound = [b"Sprag v1 session".as_slice(), &a.to_bytes(), &b.to_bytes()].concat();
        self.text.hex("associated_data", Sha256::digest(bound));
        self.text.hex("session_id", Sha256::digest(prefix));
    }

    /// Messages that are refused, and how; nothing that was sent is lost by it.
    fn refused(mut self) -> String {
        let (mut with_bob, mut with_alice) = self.start();
        let mut sealed = Vec::new();
        for _ in 0..1003 {
            let mut env = Env::new(at(), &mut self.rng);
            sealed.push(with_bob.encrypt(b"text", &mut env).unwrap_or_default());
        }
        self.text.block("alice sends 1,003 times \"text\"; these are the messages of that number");
        for index in [0, 1, 1001, 1002] {
            self.text.hex(&format!("message.{index}.bytes"), &sealed[index]);
        }
        self.text.block("they arrive altered or in this order; `bytes` arrive, with this outcome");
        let first = &sealed[0];
        let flipped = |at: usize| {
            let mut altered = first.clone();
            altered[at] ^= 1;
            altered
        };
        let arrivals = [
            ("the version", flipped(0)),
            ("the kind", flipped(1)),
            ("a byte too many", [first.as_slice(), &[0]].concat()),
            ("a byte too few", first[..first.len() - 1].to_vec()),
            ("kind 0x03 inside", flipped(FIRST_MESSAGE_PREFIX_LEN + 1)),
            ("IK_A", flipped(2)),
            ("EK_A", flipped(34)),
            ("the id of SPK: none such", flipped(66)),
            ("the id of the KEM prekey: none such", flipped(70)),
            ("the id of OPK: none such", flipped(74)),
            ("the KEM ciphertext", flipped(78)),
            ("the encrypted header", flipped(FIRST_MESSAGE_PREFIX_LEN + 2)),
            ("the ciphertext", flipped(first.len() - 100)),
            ("the tag", flipped(first.len() - 1)),
            ("1,001 messages are missing before it", sealed[1001].clone()),
            ("message 1", sealed[1].clone()),
            ("message 1 once more", sealed[1].clone()),
            ("EK_A of a session that exists", flipped(34)),
            (
                "the session's message without its handshake",
                first[FIRST_MESSAGE_PREFIX_LEN..].to_vec(),
            ),
            ("message 0, also with its handshake", first.clone()),
            ("message 1002 skips 1,000", sealed[1002].clone()),
            ("message 1001, late", sealed[1001].clone()),
        ];
        for (what, bytes) in arrivals {
            let mut env = Env::new(at(), &mut self.rng);
            let received = with_alice.decrypt(&mut self.bob, &bytes, &mut env);
            self.text.block(what);
            self.text.hex("bytes", &bytes);
            self.text.value("outcome", outcome(&received));
        }
        self.text.finish()
    }

    /// The state of everything, and a message that the loaded state must read.
    fn states(&self) -> String {
        let mut text = Text::new("States that version 1 wrote; every later version reads them.");
        let mut rng = Drawing::from(77);
        let mut scene = Self::new(31, Prekeys::Full);
        let mut with_bob = Sessions::with(scene.bob.public().clone());
        let mut with_alice = Sessions::with(scene.alice.public().clone());
        let mut env = Env::new(at(), &mut rng);
        if let Ok(bundle) = self.bundle.clone().verify() {
            let _ = with_bob.initiate(&scene.alice, bundle, &mut env);
        }
        text.hex("alice.unanswered_sessions", with_bob.to_bytes().expose());
        let mut send = |sessions: &mut Sessions, text: &str| {
            sessions.encrypt(text.as_bytes(), &mut Env::new(at(), &mut rng)).unwrap_or_default()
        };
        let messages: Vec<_> =
            (0..4).map(|n| send(&mut with_bob, &format!("message {n}"))).collect();
        text.block("bob, before message 2 arrived first");
        text.hex("bob.device_before", scene.bob.to_bytes().expose());
        let mut spare = Drawing::from(0);
        let mut env = Env::new(at(), &mut spare);
        let _ = with_alice.decrypt(&mut scene.bob, &messages[2], &mut env);
        text.block("and after it: two keys kept, the one-time prekeys gone");
        text.hex("bob.device_after", scene.bob.to_bytes().expose());
        text.hex("bob.sessions", with_alice.to_bytes().expose());
        for (n, message) in messages.iter().enumerate() {
            text.hex(&format!("message.{n}"), message);
        }
        text.block("an account key, and what a client pins of an account");
        let account = AccountKeyPair::from_seed(Secret::copy_of(&[9; 32]));
        text.hex("account", account.to_bytes().expose());
        let identity_key = scene.alice.public().identity_key;
        let devices = vec![Device { id: DeviceId::FIRST, identity_key, created: at() }];
        let name = account_name("alice");
        let pinned = DeviceList::new(1, name.clone(), devices).ok().and_then(|list| {
            PinnedAccount::first_use(&name, account.public(), list.sign(&account)).ok()
        });
        if let Some(pinned) = pinned {
            text.hex("pinned", pinned.to_bytes().expose());
        }
        text.finish()
    }
}

/// Who sends, and which messages arrive after that. Messages 8 and 10 are lost.
const SCRIPT: [(&str, &[usize]); 19] = [
    ("alice", &[]),
    ("alice", &[1]),
    ("alice", &[0, 0]),
    ("bob", &[3]),
    ("bob", &[]),
    ("alice", &[5, 2]),
    ("alice", &[]),
    ("alice", &[]),
    ("alice", &[]),
    ("bob", &[9, 4]),
    ("alice", &[]),
    ("alice", &[]),
    ("alice", &[]),
    ("alice", &[13]),
    ("alice", &[14, 7, 11]),
    ("bob", &[15]),
    ("alice", &[16, 6, 12, 5]),
    ("bob", &[]),
    ("bob", &[18, 17]),
];

/// Texts of many lengths, some with bytes in them that look like padding.
fn plaintext(index: usize, from: &str) -> Vec<u8> {
    match index % 6 {
        2 => Vec::new(),
        3 => vec![0x80],
        4 => [vec![0x61; 300 + index], vec![0x80, 0x00, 0x00]].concat(),
        _ => format!("message {index} from {from}").into_bytes(),
    }
}

fn outcome(received: &Result<Received, DecryptError>) -> &'static str {
    match received {
        Ok(_) => "read",
        Err(DecryptError::Malformed) => "malformed",
        Err(DecryptError::Unreadable) => "unreadable",
        Err(DecryptError::Duplicate) => "duplicate",
        Err(DecryptError::TooFarAhead) => "too-far-ahead",
        Err(DecryptError::UnknownPreKey) => "unknown-prekey",
        Err(DecryptError::TooManyLastResort) => "too-many-without-one-time-prekeys",
    }
}

fn plain_ratchet() -> String {
    let mut rng = Drawing::from(5);
    let mut text = Text::new("PROTOCOL.md section 10: the ratchet with visible headers.");
    let (root, prekey, context) =
        (random(&mut rng.rng), random(&mut rng.rng), random(&mut rng.rng));
    let pair = || KeyPair::from_secret(Secret::copy_of(&prekey));
    text.hex("root_key.0", root);
    text.hex("responder_private_key", prekey);
    text.hex("associated_data", context);
    let mut keys = Derived::default();
    let none = (NoHeaderKey, NoHeaderKey);
    let root_key = || RootKey::copy_of(&root);
    let theirs = pair().public();
    let alice = Ratchet::<Plain>::initiator(root_key(), none, theirs, &mut rng, &mut keys);
    let Ok(mut alice) = alice else { return text.finish() };
    let mut bob = Ratchet::<Plain>::responder(root_key(), none, pair());
    let mut sealed = Vec::new();
    for index in 0..4 {
        let from_alice = index != 2;
        let (sender, receiver) =
            if from_alice { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
        let plaintext = format!("message {index}");
        let message = sender.encrypt(plaintext.as_bytes(), &context, &mut rng, &mut keys);
        text.block(&format!("message {index}"));
        text.value(
            &format!("message.{index}.from"),
            if from_alice { "initiator" } else { "responder" },
        );
        for drawn in rng.take() {
            text.hex(&format!("message.{index}.ratchet_private_key"), drawn);
        }
        std::mem::take(&mut keys).write(&mut text);
        text.hex(&format!("message.{index}.plaintext"), plaintext);
        let Ok(message) = message else { continue };
        text.hex(&format!("message.{index}.bytes"), &message);
        let opened = receiver.decrypt(&message, &context, at(), &mut sprag_protocol::trace::Silent);
        assert!(opened.is_ok());
        sealed.push(message);
    }
    text.finish()
}
