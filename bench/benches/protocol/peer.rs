//! The peer: Olm sessions of `vodozemac`, messages as bytes like ours. Its randomness comes from the
//! operating system; it has no other.

use vodozemac::Ed25519Signature;
use vodozemac::olm::{Account, OlmMessage, Session, SessionConfig};
use vodozemac::{Curve25519PublicKey, Ed25519PublicKey};

use crate::PLAINTEXT;

/// A message's type and bytes.
pub(crate) type Parts = (usize, Vec<u8>);

pub(crate) fn seal(session: &mut Session) -> Parts {
    session.encrypt(PLAINTEXT).unwrap().to_parts()
}

pub(crate) fn parse((kind, bytes): &Parts) -> OlmMessage {
    OlmMessage::from_parts(*kind, bytes).unwrap()
}

pub(crate) fn open(session: &mut Session, parts: &Parts) -> Vec<u8> {
    session.decrypt(&parse(parts)).unwrap()
}

/// The same session at the same point.
pub(crate) fn copy(session: &Session) -> Session {
    Session::from_pickle(session.pickle())
}

/// The bytes to keep, without the sealing that the peer adds on request.
pub(crate) fn to_bytes(session: &Session) -> Vec<u8> {
    serde_json::to_vec(&session.pickle()).unwrap()
}

pub(crate) fn from_bytes(bytes: &[u8]) -> Session {
    Session::from_pickle(serde_json::from_slice(bytes).unwrap())
}

/// What the responder left in its directory: a one-time key, signed as its users sign them.
pub(crate) struct Bundle {
    pub(crate) identity: Curve25519PublicKey,
    pub(crate) signing: Ed25519PublicKey,
    pub(crate) one_time: Curve25519PublicKey,
    pub(crate) signature: Ed25519Signature,
}

impl Bundle {
    pub(crate) fn verify(&self) {
        self.signing.verify(self.one_time.as_bytes(), &self.signature).unwrap();
    }
}

/// Two accounts that have not met.
pub(crate) struct Strangers {
    pub(crate) initiator: Account,
    pub(crate) responder: Account,
    pub(crate) bundle: Bundle,
}

impl Strangers {
    pub(crate) fn new() -> Self {
        let initiator = Account::new();
        let mut responder = Account::new();
        // As many as our device holds of each kind, as far as the peer holds so many.
        responder.generate_one_time_keys(50);
        let one_time = *responder.one_time_keys().values().next().unwrap();
        let bundle = Bundle {
            identity: responder.curve25519_key(),
            signing: responder.ed25519_key(),
            one_time,
            signature: responder.sign(one_time.as_bytes()),
        };
        Self { initiator, responder, bundle }
    }

    pub(crate) fn initiate(&self) -> Session {
        let Bundle { identity, one_time, .. } = self.bundle;
        self.initiator
            .create_outbound_session(SessionConfig::version_1(), identity, one_time)
            .unwrap()
    }
}

/// The first message opened.
pub(crate) fn respond(
    responder: &mut Account,
    them: Curve25519PublicKey,
    first: &Parts,
) -> (Session, Vec<u8>) {
    let OlmMessage::PreKey(message) = parse(first) else { unreachable!("it is the first") };
    let created =
        responder.create_inbound_session(SessionConfig::version_1(), them, &message).unwrap();
    (created.session, created.plaintext)
}

/// Two ends in mid-conversation, where ours are.
pub(crate) fn established() -> (Session, Session) {
    let mut strangers = Strangers::new();
    let mut alice = strangers.initiate();
    let first = seal(&mut alice);
    let them = strangers.initiator.curve25519_key();
    let (mut bob, _) = respond(&mut strangers.responder, them, &first);
    open(&mut alice, &seal(&mut bob));
    open(&mut bob, &seal(&mut alice));
    (alice, bob)
}

/// A normal message with a ratchet key that nobody has seen: message 0 of a new chain.
pub(crate) fn forged(ratchet_key: [u8; 32], ciphertext: &[u8; 272], mac: [u8; 8]) -> Parts {
    // Version 3; field 1, 32 bytes; field 2, number 0; field 4, 272 bytes as a varint.
    let message =
        [[3, 0x0A, 32].as_slice(), &ratchet_key, &[0x10, 0, 0x22, 0x90, 2], ciphertext, &mac];
    (1, message.concat())
}
