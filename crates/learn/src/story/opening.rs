//! Keys, the handshake, the first message.

use crate::error::{Error, Result};
use sprag_protocol::PUBLIC_KEY_LEN;
use sprag_protocol::trace::{Agreement, Place};

use super::{is_handshake, message, only, opening_of, sealing};
use crate::conversation::Conversation;
use crate::record::{Happening, Hex, Party, Record};
use crate::story::steps::{Part, Step, Wire};
use crate::wire;

/// What goes into the handshake's key derivation.
const INPUTS: [Agreement; 5] =
    [Agreement::Dh1, Agreement::Dh2, Agreement::Dh3, Agreement::Dh4, Agreement::Kem];

/// What the trace reported of the first message.
pub(super) struct First {
    index: usize,
    /// From the root step that began Alice's first chain.
    turned: Vec<Record>,
    sealed: Vec<Record>,
    opened: Vec<Record>,
}

/// Step 1.
pub(super) fn keys(talk: &Conversation) -> Result<Step> {
    let mut step = Step::new(1, "Keys, and the bundle");
    step.text(
        "Alice wants to write to Bob while he is away. So each device makes keys once and leaves \
         the public halves in a directory. The identity key (IK) names a device and signs. A \
         prekey is a key for a conversation that has not begun yet.",
    );
    let bundle = &talk.bundle;
    let one_time = bundle.one_time.as_ref().ok_or(Error::Contradiction)?;
    step.value(
        Party::Alice,
        "identity key IK_A",
        talk.alice.device.public().identity_key.as_bytes(),
    );
    step.value(Party::Bob, "identity key IK_B", bundle.owner.identity_key.as_bytes());
    step.value(Party::Bob, "signed prekey SPK_B", bundle.signed.key.as_bytes());
    step.value(Party::Bob, "one-time prekey OPK_B", one_time.key.as_bytes());
    step.value(Party::Bob, "ML-KEM prekey", bundle.kem.key.as_bytes());
    step.text(
        "The bundle is what Alice fetches from the directory: Bob's identity key and one prekey of \
         each kind. Bob's IK signs the signed prekey and the ML-KEM prekey, so the directory \
         cannot put in keys of its own. Alice checks both signatures before she uses anything.",
    );
    step.value(Party::Bob, "signature of SPK_B", &bundle.signed.signature.0);
    step.value(Party::Bob, "signature of ML-KEM prekey", &bundle.kem.signature.0);
    step.check("the bundle's signatures hold", bundle.clone().verify().is_ok());
    let mut swapped = bundle.clone();
    swapped.signed.key = one_time.key;
    step.check("a bundle with another key in place of SPK_B is refused", swapped.verify().is_err());
    Ok(step)
}

/// Step 2: both sides; Bob's half happens when the first message reaches him.
pub(super) fn handshake(talk: &mut Conversation) -> Result<(Step, First)> {
    let initiated = talk.initiate()?;
    let (index, sealed) = talk.seal(Party::Alice, "Hello, Bob!")?;
    let before = talk.bob.device.prekeys().held();
    let received = talk.deliver(index)?;
    let after = talk.bob.device.prekeys().held();
    let mut step = Step::new(2, "The handshake (PQXDH)");
    step.text(
        "Alice makes an ephemeral key EK_A and combines private keys of hers with public keys of \
         Bob's. A DH result is a secret that either side can compute from its own private key and \
         the other's public one. To break the handshake, one must break all of these, the DH ones \
         and ML-KEM, which is made to stand against quantum computers too:",
    );
    step.text(
        "  DH1 = DH(IK_A, SPK_B)    DH2 = DH(EK_A, IK_B)\n  \
               DH3 = DH(EK_A, SPK_B)    DH4 = DH(EK_A, OPK_B)\n  \
               KEM secret: sealed to the ML-KEM prekey",
    );
    let ephemeral = message(talk, index)?.bytes.get(2 + PUBLIC_KEY_LEN..2 + 2 * PUBLIC_KEY_LEN);
    step.value(Party::Alice, "ephemeral key EK_A", ephemeral.ok_or(Error::Contradiction)?);
    step.text(
        "Bob computes the same five when Alice's first message reaches him. One key derivation \
         (HKDF) turns them into three keys: root key 0, header key 1 for the headers of Alice's \
         first messages and header key 2 for Bob's.",
    );
    for input in INPUTS {
        step.both(talk, Place::Agreement(input))?;
    }
    for place in [Place::Root { step: 0 }, Place::Header { step: 1 }, Place::Header { step: 2 }] {
        step.both(talk, place)?;
    }
    step.text("What led to them is erased. Nobody can repeat this handshake: not even Bob.");
    step.events("What Alice erases", only(&initiated, is_handshake_erased));
    step.events("What Bob erases when he opens A1", only(&received, is_handshake_erased));
    let fewer = (before.one_time - after.one_time, before.kem - after.kem);
    step.check("Bob holds one OPK and one ML-KEM prekey fewer", fewer == (1, 1));
    let turned = only(&initiated, |happening| !is_handshake(happening));
    Ok((step, First { index, turned, sealed, opened: received }))
}

fn is_handshake_erased(happening: &Happening) -> bool {
    is_handshake(happening) && matches!(happening, Happening::Erased(_))
}

/// Step 3.
pub(super) fn first_message(talk: &Conversation, first: First) -> Result<Step> {
    let First { index, turned, sealed, opened } = first;
    let sent = message(talk, index)?;
    let mut step = Step::new(3, "The first message");
    step.text(
        "Alice makes a ratchet key pair and mixes one more DH into the root key: with her new key \
         and Bob's signed prekey. Out come root key 1 and chain key 1/0. Read \"1/0\" as: chain 1, \
         message 0. A chain is a run of messages by one side; header key 3 is for her next one.",
    );
    step.events("Alice turns the DH ratchet", turned);
    step.text(
        "A chain key yields two things: a message key, which seals exactly one message, and the \
         next chain key. This goes one way only. So the old chain key and the message key are \
         erased as soon as they are used.",
    );
    step.events(sealing(sent), sealed);
    step.text(
        "Bob goes the same way to the same message key. His first ratchet key is his signed \
         prekey: the ratchet lets go of it now, the device needs it for others.",
    );
    step.events(opening_of(sent), only(&opened, |happening| !is_handshake(happening)));
    step.parts.push(Part::Wire(Wire {
        message: sent.label.to_string(),
        from: sent.from,
        bytes: Hex::of(&sent.bytes),
        fields: wire::fields(&sent.bytes, sent.chain, sent.n),
    }));
    step.text(
        "On the way one sees that Alice's device starts a conversation, and a length that is \
         padded. The header (ratchet key, counters) and the text are noise to everybody else. \
         Later messages do not even have the first six fields.",
    );
    Ok(step)
}
