//! PQXDH (Signal's specification, revision 3): X3DH and an ML-KEM secret together, over a
//! transcript of everything public that went into it.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use rand_core::CryptoRng;

use crate::address::DeviceIdentity;
use crate::codec::Writer;
use crate::env::Env;
use crate::kdf::{self, HeaderKey, RootKey};
use crate::kem::{KemCiphertext, KemPublicKey};
use crate::keys::IdentityKeyPair;
use crate::message::{Handshake, VERSION};
use crate::prekeys::{Chosen, OneTimePreKey, VerifiedBundle};
use crate::trace::{Agreement, Event, Observer, Place};
use crate::x3dh::{self, KeyMaterial, OurKeys, TheirKeys};
use crate::x25519::{InvalidKey, KeyPair, PublicKey};

const LABEL_HANDSHAKE: &[u8] = b"Sprag v1 PQXDH";
const LABEL_SESSION: &[u8] = b"Sprag v1 session";

/// What both sides hold after the handshake.
pub(crate) struct Agreed {
    pub(crate) root: RootKey,
    /// HK_A: seals the headers of the initiator's first chain.
    pub(crate) initiator_header: HeaderKey,
    /// NHK_B: seals the headers of the responder's first chain.
    pub(crate) responder_header: HeaderKey,
    /// AD: what every message of the session is bound to.
    pub(crate) associated_data: [u8; 32],
}

/// Every public input of a handshake.
struct Transcript<'a> {
    initiator: &'a DeviceIdentity,
    responder: &'a DeviceIdentity,
    ephemeral: &'a PublicKey,
    signed: (u32, &'a PublicKey),
    kem: (u32, &'a KemPublicKey),
    kem_ciphertext: &'a KemCiphertext,
    one_time: Option<(NonZeroU32, &'a PublicKey)>,
}

impl Transcript<'_> {
    /// Each input with its length (4 bytes) before it; no one-time prekey is an empty input.
    fn hash(&self) -> [u8; 32] {
        let (a, b) = (self.initiator, self.responder);
        let one_time = self.one_time.map(|(id, key)| with_id(id.get(), key.as_bytes()));
        let inputs: [&[u8]; 12] = [
            &[VERSION],
            &a.address.to_bytes(),
            &b.address.to_bytes(),
            a.account_key.as_bytes(),
            b.account_key.as_bytes(),
            a.identity_key.as_bytes(),
            b.identity_key.as_bytes(),
            self.ephemeral.as_bytes(),
            &with_id(self.signed.0, self.signed.1.as_bytes()),
            &with_id(self.kem.0, self.kem.1.as_bytes()),
            self.kem_ciphertext.as_bytes(),
            one_time.as_deref().unwrap_or_default(),
        ];
        let mut writer = Writer::with_capacity(4096);
        for input in inputs {
            writer.u32(u32::try_from(input.len()).unwrap_or(u32::MAX));
            writer.put(input);
        }
        kdf::sha256(&[writer.as_slice()])
    }

    /// The KDF of section 2.2 of the specification, and AD.
    fn derive<O: Observer>(&self, material: KeyMaterial, observer: &mut O) -> Agreed {
        let info: [&[u8]; 2] = [LABEL_HANDSHAKE, &self.hash()];
        let [root, initiator_header, responder_header] =
            kdf::three_keys(&[0; 32], material.as_bytes(), &info);
        material.erase(observer);
        let places =
            [Place::Root { step: 0 }, Place::Header { step: 1 }, Place::Header { step: 2 }];
        for (place, key) in places.into_iter().zip([&root, &initiator_header, &responder_header]) {
            observer.observe(Event::Derived { place, key: key.expose() });
        }
        Agreed {
            root: RootKey(root),
            initiator_header: HeaderKey(initiator_header),
            responder_header: HeaderKey(responder_header),
            associated_data: kdf::sha256(&[
                LABEL_SESSION,
                &self.initiator.to_bytes(),
                &self.responder.to_bytes(),
            ]),
        }
    }
}

fn with_id(id: u32, key: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes(), key].concat()
}

/// The initiator's side: what to send first, and what both will hold. Draws 32 bytes of randomness
/// for EK, then 32 for the encapsulation.
pub(crate) fn initiate<R: CryptoRng, O: Observer>(
    us: &DeviceIdentity,
    identity: &IdentityKeyPair,
    bundle: VerifiedBundle,
    env: &mut Env<'_, R, O>,
) -> Result<(Handshake, Agreed), InvalidKey> {
    let bundle = bundle.into_inner();
    let ephemeral = KeyPair::generate(env.rng);
    let place = Place::Ephemeral;
    env.observer.observe(Event::Derived { place, key: ephemeral.secret().expose() });
    let (kem_ciphertext, shared) = bundle.kem.key.encapsulate(env.rng);
    let theirs = TheirKeys {
        identity: &bundle.owner.identity_key,
        signed: &bundle.signed.key,
        one_time: bundle.one_time.as_ref().map(|prekey| &prekey.key),
    };
    let mut material = x3dh::initiate(identity, &ephemeral, &theirs, &mut env.observer)?;
    material.put(Agreement::Kem, shared.expose(), &mut env.observer);
    let transcript = Transcript {
        initiator: us,
        responder: &bundle.owner,
        ephemeral: &ephemeral.public(),
        signed: (bundle.signed.id, &bundle.signed.key),
        kem: (bundle.kem.id, &bundle.kem.key),
        kem_ciphertext: &kem_ciphertext,
        one_time: bundle.one_time.as_ref().map(|OneTimePreKey { id, key }| (*id, key)),
    };
    let agreed = transcript.derive(material, &mut env.observer);
    let handshake = Handshake {
        identity_key: identity.public(),
        ephemeral_key: ephemeral.public(),
        signed_prekey: bundle.signed.id,
        kem_prekey: bundle.kem.id,
        one_time_prekey: bundle.one_time.as_ref().map(|prekey| prekey.id),
        kem_ciphertext,
    };
    env.observer.observe(Event::Used { place });
    env.observer.observe(Event::Erased { place });
    Ok((handshake, agreed))
}

/// The responder's side. Nothing is erased yet: the first message must authenticate before that.
pub(crate) fn respond<O: Observer>(
    (initiator, responder): (&DeviceIdentity, &DeviceIdentity),
    identity: &IdentityKeyPair,
    chosen: &Chosen<'_>,
    handshake: &Handshake,
    observer: &mut O,
) -> Result<Agreed, InvalidKey> {
    let one_time = chosen.one_time.as_ref();
    let ours = OurKeys { identity, signed: &chosen.signed, one_time };
    let Handshake { identity_key, ephemeral_key, kem_ciphertext, .. } = handshake;
    let mut material = x3dh::respond(&ours, identity_key, ephemeral_key, observer)?;
    let kem = chosen.kem.expand();
    material.put(Agreement::Kem, kem.decapsulate(kem_ciphertext).expose(), observer);
    let one_time = one_time.map(KeyPair::public);
    let transcript = Transcript {
        initiator,
        responder,
        ephemeral: ephemeral_key,
        signed: (handshake.signed_prekey, &chosen.signed.public()),
        kem: (handshake.kem_prekey, &kem.public()),
        kem_ciphertext,
        one_time: handshake.one_time_prekey.zip(one_time.as_ref()),
    };
    Ok(transcript.derive(material, observer))
}
