//! Header encryption beside the plain mode of the ratchet.

use crate::error::{Error, Result};
use rand_core::{CryptoRng, Rng};
use sprag_protocol::kdf::RootKey;
use sprag_protocol::ratchet::{
    HeaderEncrypted, HeaderSecret, MAX_SKIP, NoHeaderKey, Plain, Ratchet, Suite,
};
use sprag_protocol::secret::Secret;
use sprag_protocol::trace::{Place, Silent};
use sprag_protocol::{Env, Header, KeyPair, MIN_PADDED_LEN, VERSION};

use crate::conversation::Conversation;
use crate::record::{Hex, Party, Record, Recorder};
use crate::story::steps::{Cost, Mode, Part, Seen, Step};

/// What the plain conversation is bound to; any bytes that both know.
const CONTEXT: [u8; 32] = [0; 32];
/// What the two say in the plain mode.
const TALK: [(Party, &str); 3] = [
    (Party::Alice, "At last!"),
    (Party::Alice, "Did you get the tickets?"),
    (Party::Bob, "Yes, both of them."),
];

/// Step 8.
pub(super) fn compared(talk: &mut Conversation) -> Result<Step> {
    let mut step = Step::new(8, "Header encryption, and what it hides");
    step.text(
        "A message's header says which ratchet key, how many messages the sender's previous chain \
         had (PN), and the message's number (N). In the plain Double Ratchet everybody on the way \
         reads that. Here Alice and Bob talk in the plain mode, from the same root key 0:",
    );
    let (plain, mut plain_bob) = plain_talk(talk)?;
    step.parts.extend(plain.iter().enumerate().map(|(index, bytes)| plainly(index, bytes)));
    step.text(
        "One sees which messages belong together, who answered when, and how many got lost. This \
         is what the same eavesdropper reads of the last messages of the real conversation:",
    );
    let last = talk.sent.len().saturating_sub(3);
    for sent in talk.sent.iter().skip(last) {
        let header = guess(&mut talk.rng, &sent.bytes)?;
        let message = sent.label.to_string();
        step.parts.push(Part::Seen(seen(message, Mode::HeaderEncrypted, header)));
    }
    step.text(format!(
        "A visible header also costs the receiver: Bob must do its DH and walk its chain before he \
         can tell that it is forged. Eve sends him a message with a made-up ratchet key and \
         N = {MAX_SKIP}, the most that he accepts; then made-up bytes to the real Bob, who tries \
         his header keys and is done. The trace counts:",
    ));
    let costs = [forge_plain(talk, &mut plain_bob)?, forge_sealed(talk)?];
    let unchanged = costs.iter().all(|cost| cost.unchanged);
    step.parts.extend(costs.map(Part::Cost));
    step.check("both times Bob's state is bit for bit what it was before", unchanged);
    Ok(step)
}

/// A conversation in the plain mode: its messages, and Bob's end of it.
fn plain_talk(talk: &mut Conversation) -> Result<(Vec<Vec<u8>>, Ratchet<Plain>)> {
    let root =
        talk.recorder.key(Party::Alice, Place::Root { step: 0 }).ok_or(Error::Contradiction)?;
    let prekey = KeyPair::generate(&mut talk.rng);
    let theirs = prekey.public();
    let (root, no_keys) = (|| RootKey::copy_of(&root), (NoHeaderKey, NoHeaderKey));
    let mut bob = Ratchet::<Plain>::responder(root(), no_keys, prekey);
    let silent = &mut Silent;
    let mut alice = Ratchet::<Plain>::initiator(root(), no_keys, theirs, &mut talk.rng, silent)?;
    let mut messages = Vec::new();
    for (from, text) in TALK {
        let (sender, receiver) = match from {
            Party::Alice => (&mut alice, &mut bob),
            Party::Bob => (&mut bob, &mut alice),
        };
        let message = sender.encrypt(text.as_bytes(), &CONTEXT, &mut talk.rng, silent)?;
        receiver.decrypt(&message, &CONTEXT, talk.now, silent)?;
        messages.push(message);
    }
    Ok((messages, bob))
}

/// What an eavesdropper reads in the plain mode.
fn plainly(index: usize, bytes: &[u8]) -> Part {
    let label = ["plain A1", "plain A2", "plain B1"].get(index).copied().unwrap_or_default();
    Part::Seen(seen(label.into(), Mode::Plain, Plain::open_header(&NoHeaderKey, bytes)))
}

/// What an eavesdropper reads of a sealed header: he has no header key and can but guess one.
fn guess<R: CryptoRng>(rng: &mut R, bytes: &[u8]) -> Result<Option<Header>> {
    let guessed = Secret::<32>::random(rng);
    let key = HeaderSecret::restore(|| Ok::<_, Error>(guessed.expose()))?;
    Ok(HeaderEncrypted::open_header(&key, bytes))
}

fn seen(message: String, mode: Mode, header: Option<Header>) -> Seen {
    Seen {
        message,
        mode,
        ratchet_key: header.map(|header| Hex::of(header.ratchet_key.as_bytes())),
        previous: header.map(|header| header.previous),
        n: header.map(|header| header.n),
    }
}

/// A forged message in the plain mode: whoever read the messages before knows what to write.
fn forge_plain(talk: &mut Conversation, bob: &mut Ratchet<Plain>) -> Result<Cost> {
    let key = KeyPair::generate(&mut talk.rng).public();
    let previous = 2_u32.to_be_bytes();
    let header = [key.as_bytes().as_slice(), &previous, &MAX_SKIP.to_be_bytes()].concat();
    let forged = forgery(&mut talk.rng, 0x03, &header);
    let before = bob.to_bytes();
    let mut recorder = Recorder::default();
    let watch = &mut recorder.watch(Party::Bob);
    let outcome = bob.decrypt(&forged, &CONTEXT, talk.now, watch);
    let outcome = outcome.err().ok_or(Error::Contradiction)?.to_string();
    let unchanged = before.expose() == bob.to_bytes().expose();
    Ok(cost(Mode::Plain, outcome, &recorder.take(), (0, unchanged)))
}

/// A forged message to the real Bob.
fn forge_sealed(talk: &mut Conversation) -> Result<Cost> {
    let mut header = [0; 56];
    talk.rng.fill_bytes(&mut header);
    let forged = forgery(&mut talk.rng, 0x02, &header);
    let before = talk.bob.sessions.to_bytes();
    // One for each chain that Bob knows, and one for Alice's next.
    let trials = talk.bob.ratchet()?.receiving_chains() + 1;
    let watch = talk.recorder.watch(Party::Bob);
    let mut env = Env::observed(talk.now, &mut talk.rng, watch);
    let outcome = talk.bob.sessions.decrypt(&mut talk.bob.device, &forged, &mut env);
    let outcome = outcome.err().ok_or(Error::Contradiction)?.to_string();
    let unchanged = before.expose() == talk.bob.sessions.to_bytes().expose();
    Ok(cost(Mode::HeaderEncrypted, outcome, &talk.recorder.take(), (trials, unchanged)))
}

/// `version || kind || header || made-up bytes`.
fn forgery<R: Rng>(rng: &mut R, kind: u8, header: &[u8]) -> Vec<u8> {
    let mut body = [0; MIN_PADDED_LEN + 16];
    rng.fill_bytes(&mut body);
    [&[VERSION, kind], header, &body].concat()
}

fn cost(
    mode: Mode,
    outcome: String,
    records: &[Record],
    (header_trials, unchanged): (usize, bool),
) -> Cost {
    Cost {
        mode,
        outcome,
        dh: records.iter().filter(|record| record.is_dh_step()).count(),
        chain_steps: records.iter().filter(|record| record.is_derived_message()).count(),
        header_trials,
        unchanged,
    }
}
