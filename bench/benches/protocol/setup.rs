//! Starting a session: from a bundle to the first message, and that message opened.

use std::hint::black_box;

use criterion::Criterion;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use libcrux_ml_kem::mlkem1024::{self, MlKem1024Ciphertext, MlKem1024PublicKey};
use vodozemac::olm::Account;

use crate::floor::{self, Key, Pair, random};
use crate::sprag::End;
use crate::{BATCH, Group, PLAINTEXT, peer, sprag};

/// Every public input with its length: what the transcript's hash is over.
const TRANSCRIPT: usize = 3432;
/// The handshake before a first message.
const PREFIX: usize = 1646;

pub(crate) fn all(criterion: &mut Criterion) {
    initiator(&mut criterion.benchmark_group("session_setup_initiator"), true);
    initiator(&mut criterion.benchmark_group("session_setup_initiator_verified"), false);
    responder(&mut criterion.benchmark_group("session_setup_responder"));
}

/// Up to the first message; the peer's users verify one signature, ours two.
fn initiator(group: &mut Group<'_>, verify: bool) {
    let sprag::Strangers { initiator, bundle, .. } = sprag::Strangers::new(1);
    // What is verified outside the measured part.
    let fresh = || {
        let verified = (!verify).then(|| bundle.clone().verify().unwrap());
        (initiator.copy(), bundle.clone(), verified)
    };
    group.bench_function("sprag", |bencher| {
        bencher.iter_batched(
            fresh,
            |(mut end, bundle, verified)| {
                end.initiate(verified.unwrap_or_else(|| bundle.verify().unwrap()));
                (end.seal(), end)
            },
            BATCH,
        );
    });

    let strangers = peer::Strangers::new();
    group.bench_function("peer", |bencher| {
        bencher.iter_batched(
            || (),
            |()| {
                if verify {
                    strangers.bundle.verify();
                }
                let mut session = strangers.initiate();
                (peer::seal(&mut session), session)
            },
            BATCH,
        );
    });

    let mut work = Handshake::new();
    group.bench_function("floor", |bencher| bencher.iter(|| work.initiate(verify)));
}

/// The first message opened, with an OPK and a one-time KEM prekey; the state is there already.
fn responder(group: &mut Group<'_>) {
    let mut strangers = sprag::Strangers::new(1);
    let first = strangers.begin();
    let responder = strangers.responder;
    group.bench_function("sprag", |bencher| {
        let open = |mut end: End| (end.open(&first), end);
        bencher.iter_batched(|| responder.copy(), open, BATCH);
    });

    let strangers = peer::Strangers::new();
    let first = peer::seal(&mut strangers.initiate());
    let them = strangers.initiator.curve25519_key();
    group.bench_function("peer", |bencher| {
        bencher.iter_batched(
            || Account::from_pickle(strangers.responder.pickle()),
            |mut account| (peer::respond(&mut account, them, &first), account),
            BATCH,
        );
    });

    let work = Handshake::new();
    group.bench_function("floor", |bencher| bencher.iter(|| work.respond()));
}

/// The primitives of a handshake.
struct Handshake {
    rng: chacha20::ChaCha20Rng,
    identity: Pair,
    /// The other's identity key.
    theirs: VerifyingKey,
    signed: (Vec<u8>, Signature),
    kem: (Vec<u8>, Signature),
    seed: [u8; 64],
    kem_key: MlKem1024PublicKey,
    kem_ciphertext: MlKem1024Ciphertext,
    /// Private halves as a state keeps them: SPK, OPK.
    secrets: [Key; 2],
    signed_prekey: Pair,
    one_time: Pair,
    transcript: Vec<u8>,
    root: Key,
    first: Vec<u8>,
}

impl Handshake {
    fn new() -> Self {
        let mut rng = floor::rng();
        let signing = SigningKey::from_bytes(&random(&mut rng));
        let signed_by = |len| {
            let body = vec![1; len];
            let signature = signing.sign(&body);
            (body, signature)
        };
        let seed = random(&mut rng);
        let keys = mlkem1024::generate_key_pair(seed);
        let kem_key = MlKem1024PublicKey::from(*keys.pk());
        let (kem_ciphertext, _) = mlkem1024::encapsulate(&kem_key, random(&mut rng));
        let secrets = [random(&mut rng), random(&mut rng)];
        let mut first = vec![0; PREFIX];
        let header_key = [8; 32];
        first.extend(floor::seal_message(&header_key, &header_key));
        Self {
            identity: Pair::generate(&mut rng),
            theirs: signing.verifying_key(),
            // Label, 0, id, created, key.
            signed: signed_by(22 + 1 + 4 + 8 + 32),
            kem: signed_by(19 + 1 + 4 + 8 + 1568),
            seed,
            kem_key,
            kem_ciphertext,
            signed_prekey: Pair::from_secret(&secrets[0]),
            one_time: Pair::from_secret(&secrets[1]),
            secrets,
            transcript: vec![2; TRANSCRIPT],
            root: random(&mut rng),
            first,
            rng,
        }
    }

    /// Verify, agree, derive, turn the ratchet, seal.
    fn initiate(&mut self, verify: bool) -> (Key, Vec<u8>) {
        if verify {
            for (body, signature) in [&self.signed, &self.kem] {
                self.theirs.verify_strict(body, signature).unwrap();
            }
        }
        let (signed, one_time) = (&self.signed_prekey.public, &self.one_time.public);
        let ephemeral = Pair::generate(&mut self.rng);
        let (_, shared) = mlkem1024::encapsulate(&self.kem_key, random(&mut self.rng));
        let identity = self.theirs.to_montgomery().to_bytes();
        let material = [
            [0xFF; 32],
            self.identity.agree(signed),
            ephemeral.agree(&identity),
            ephemeral.agree(signed),
            ephemeral.agree(one_time),
            shared,
        ];
        let [root, header_key, _] = self.derive(&material);
        // The first step of the ratchet.
        let ratchet = Pair::generate(&mut self.rng);
        let [_, chain, _] = floor::three_keys(&root, &ratchet.agree(signed));
        let (_, message_key) = floor::chain_step(&chain);
        let id = floor::sha256(&self.first[..PREFIX]);
        (id, floor::seal_message(&header_key, &message_key))
    }

    /// Load the private halves, agree, derive, turn the ratchet, open.
    fn respond(&self) -> (Key, Vec<u8>) {
        let [signed, one_time] = self.secrets.each_ref().map(Pair::from_secret);
        let keys = mlkem1024::generate_key_pair(self.seed);
        let identity = self.theirs.to_montgomery().to_bytes();
        let ephemeral = &self.identity.public;
        let material = [
            [0xFF; 32],
            signed.agree(&identity),
            self.identity.agree(ephemeral),
            signed.agree(ephemeral),
            one_time.agree(ephemeral),
            mlkem1024::decapsulate(keys.private_key(), &self.kem_ciphertext),
        ];
        let [root, ..] = self.derive(&material);
        let [_, chain, _] = floor::three_keys(&root, &signed.agree(ephemeral));
        black_box(floor::chain_step(&chain));
        let id = floor::sha256(&self.first[..PREFIX]);
        let key = [8; 32];
        let plaintext = floor::open_message(&key, &key, &self.first[PREFIX..]);
        assert!(plaintext.starts_with(&PLAINTEXT), "it is what was sealed");
        (id, plaintext)
    }

    /// The KDF over the agreements, bound to the transcript; a hash for the session's context.
    fn derive(&self, material: &[Key; 6]) -> [Key; 3] {
        black_box(floor::sha256(&self.transcript));
        black_box(floor::sha256(&self.transcript[..200]));
        floor::three_keys(&self.root, material.as_flattened())
    }
}
