//! What an event means, in plain words; and which keys a key came from.

use sprag_protocol::trace::{Agreement, Place};

use crate::model::Design;
use crate::play::What;
use crate::record::{Happening, Party, Record, name};

/// The keys that went into this one. Ratchet keys and prekeys are drawn, not derived.
pub(crate) fn parents(place: Place) -> Vec<Place> {
    let agreements =
        [Agreement::Dh1, Agreement::Dh2, Agreement::Dh3, Agreement::Dh4, Agreement::Kem];
    let root = |step: u64| {
        let before = step.checked_sub(1).map(|step| Place::Root { step });
        before.into_iter().chain([Place::SharedSecret { step }]).collect()
    };
    match place {
        Place::Root { step: 0 } | Place::Header { step: 0..=2 } => {
            agreements.map(Place::Agreement).to_vec()
        }
        Place::Root { step } | Place::Chain { step, n: 0 } => root(step),
        Place::Header { step } => root(step - 2),
        Place::Chain { step, n } => vec![Place::Chain { step, n: n - 1 }],
        Place::Message { step, n } => vec![Place::Chain { step, n }],
        Place::SharedSecret { .. } => vec![Place::RatchetKey],
        Place::Agreement(_)
        | Place::Ephemeral
        | Place::OneTimePreKey { .. }
        | Place::OneTimeKemPreKey { .. }
        | Place::RatchetKey => Vec::new(),
    }
}

/// One or two sentences about an event.
#[must_use]
pub fn event(record: &Record, design: Design) -> String {
    let party = record.party;
    match record.happening {
        Happening::Derived(place) => derived(place, party, design),
        Happening::Used(place) => used(place, party, design),
        Happening::Kept(place) => format!(
            "The message of this {} is not here yet. Its key is put aside for it.",
            without_numbers(place)
        ),
        Happening::Erased(place) => erased(place, party, design),
        Happening::DhStep { step, .. } => format!(
            "The DH ratchet turns: {party}'s ratchet key and {}'s lead to root key {step}.",
            party.other()
        ),
    }
}

/// Whose messages a chain carries: the two take turns, and Alice began.
pub(crate) fn speaker(step: u64) -> Party {
    if step % 2 == 1 { Party::Alice } else { Party::Bob }
}

fn derived(place: Place, party: Party, design: Design) -> String {
    let other = party.other();
    match place {
        Place::Agreement(input) => agreement(input, party),
        Place::Ephemeral => {
            format!("{party} makes a key pair EK for this handshake alone. This is its private half.")
        }
        Place::RatchetKey => format!(
            "{party} makes a new ratchet key pair; this is its private half. It is fresh randomness, \
             and no earlier key tells anything about it. Healing comes from here."
        ),
        Place::SharedSecret { .. } => format!(
            "What {party}'s private ratchet key and {other}'s public one agree on (X25519). {other} \
             can compute the same, and nobody else."
        ),
        Place::Root { step: 0 } if design != Design::DoubleRatchet && party == Party::Bob => {
            "Bob comes to the same root key. (The model gives it to him at once.)".into()
        }
        Place::Root { step: 0 } => {
            "HKDF turns all five secrets of the handshake into root key 0 and the first header keys."
                .into()
        }
        Place::Root { step } => format!(
            "HKDF of root key {} and DH result {step}. It gives three keys: the next root key, a \
             chain key and a header key for later.",
            step - 1
        ),
        Place::Header { step } => {
            let speaker = speaker(step);
            format!("It will seal the headers of chain {step}, in which {speaker} speaks.")
        }
        Place::Chain { step, n: 0 } if design == Design::SingleRatchet => {
            let speaker = speaker(step);
            format!("The model's chain for all that {speaker} will ever write. No new root follows.")
        }
        Place::Chain { step, n: 0 } => {
            let speaker = speaker(step);
            format!("Chain {step} begins. All that {speaker} writes until the answer comes from it.")
        }
        Place::Chain { step, n } => format!(
            "The next chain key: HMAC of chain key {step}/{} with the byte 2. Nothing leads back.",
            n - 1
        ),
        Place::Message { step, n } => format!(
            "HMAC of chain key {step}/{n} with the byte 1. It seals message {n} of chain {step}, \
             and nothing else."
        ),
        Place::OneTimePreKey { .. } | Place::OneTimeKemPreKey { .. } => "A prekey.".into(),
    }
}

fn agreement(input: Agreement, party: Party) -> String {
    let [alice, bob] = match input {
        Agreement::Dh1 => [
            "Alice's private identity key with Bob's signed prekey: only Alice can do this.",
            "Bob's private signed prekey with Alice's identity key: the same secret.",
        ],
        Agreement::Dh2 => [
            "Alice's private EK with Bob's identity key: only Bob will come to the same.",
            "Bob's private identity key with Alice's EK: the same secret.",
        ],
        Agreement::Dh3 => [
            "Alice's private EK with Bob's signed prekey, which Bob replaces every week.",
            "Bob's private signed prekey with Alice's EK: the same secret.",
        ],
        Agreement::Dh4 => [
            "Alice's private EK with Bob's one-time prekey, which serves this handshake alone.",
            "Bob's private one-time prekey with Alice's EK: the same secret.",
        ],
        Agreement::Kem => [
            "A secret that Alice seals to Bob's ML-KEM prekey. It stands against quantum computers.",
            "Bob opens the sealed secret with his private ML-KEM prekey.",
        ],
    };
    party.of([alice, bob]).into()
}

fn used(place: Place, party: Party, design: Design) -> String {
    let verb = |step| if speaker(step) == party { "seals" } else { "opens" };
    match place {
        Place::Message { step, .. } => format!("It {} the text (AES-256-GCM-SIV).", verb(step)),
        Place::Header { step } => {
            format!("It {} the header: ratchet key, PN and N.", verb(step))
        }
        Place::Root { .. } if design == Design::StaticKey => {
            "The one key seals and opens this message, as it does every other.".into()
        }
        Place::Agreement(_) | Place::SharedSecret { .. } => {
            "It went into the key derivation.".into()
        }
        Place::Ephemeral => "It has served in DH2, DH3 and DH4.".into(),
        Place::OneTimePreKey { .. }
        | Place::OneTimeKemPreKey { .. }
        | Place::RatchetKey
        | Place::Root { .. }
        | Place::Chain { .. } => "It was used.".into(),
    }
}

fn erased(place: Place, party: Party, design: Design) -> String {
    let gone = match place {
        Place::Message { step, .. } if speaker(step) == party => {
            return format!("One message, one key. Now not even {party} can open it again.");
        }
        Place::Message { .. } => {
            return format!(
                "One message, one key. Whoever takes {party}'s phone from now on cannot open it."
            );
        }
        Place::Chain { .. } => "Its successor has taken its place, or the chain has ended",
        Place::Root { .. } if design == Design::SingleRatchet => {
            "Both chains have begun; there will be no other"
        }
        Place::Root { .. } => "The next root key has taken its place",
        Place::Header { .. } => "Its chain is done",
        Place::RatchetKey => "Its last DH is done; the next pair is made with the next answer",
        Place::OneTimePreKey { .. } | Place::OneTimeKemPreKey { .. } => {
            "It served one handshake, and nobody can repeat that"
        }
        Place::Agreement(_) | Place::Ephemeral | Place::SharedSecret { .. } => {
            "What came of it is kept, not it"
        }
    };
    format!("{gone}: the {} is wiped.", without_numbers(place))
}

/// "message key" of "message key 1/0".
fn without_numbers(place: Place) -> String {
    let name = name(place);
    let numbered = |c: char| c.is_ascii_digit() || c == '/' || c == ' ';
    if matches!(place, Place::Agreement(_)) {
        return name;
    }
    name.trim_end_matches(numbered).to_owned()
}

/// What happened, in a line. The text of its message is shown where somebody knows it.
#[must_use]
pub fn title(what: &What, text: Option<&str>) -> String {
    let party = what.party();
    let text = text.unwrap_or_default();
    match what {
        What::Begun => "Alice takes Bob's bundle and does her half of the handshake".into(),
        What::Sent(label) => format!("{party} seals {label}: \"{text}\""),
        What::Opened(label) => format!("{party} opens {label}: \"{text}\""),
        What::Refused(label, _) => format!("{label} reaches {party} and is refused"),
        What::Lost(label) => format!("{label} is lost on the way"),
    }
}

/// Why it happened like this.
#[must_use]
pub fn text(what: &What, records: &[Record], design: Design) -> String {
    let any = |shows: fn(&Record) -> bool| records.iter().any(shows);
    let party = what.party();
    match (what, design) {
        (What::Begun, Design::DoubleRatchet) => "Bob is away, but he has left public keys in a \
             directory, signed. Alice checks the signatures and agrees on keys with him. He will do \
             his half when her first message reaches him."
            .into(),
        (What::Begun, _) => "A model for comparison. The handshake is the real one; what follows \
             leaves a part of the Double Ratchet out. Nobody should send messages like this."
            .into(),
        (What::Lost(_), _) => {
            "Nobody is told. The thief on the network has its ciphertext all the same.".into()
        }
        (What::Refused(_, refusal), _) => {
            format!("The core answers: \"{refusal}\". Nothing that {party} holds has changed.")
        }
        (What::Sent(_) | What::Opened(_), Design::StaticKey) => {
            "The same key as for every other message; it is never replaced and never erased.".into()
        }
        (What::Sent(_), _) if any(Record::is_dh_step) => format!(
            "{party} answers, so the DH ratchet turns first: a new ratchet key pair, a new root key, \
             a new chain. Then the chain gives the message key."
        ),
        (What::Sent(_), _) => format!(
            "{party} stays on the same chain: its key gives one message key and the next chain key."
        ),
        (What::Opened(_), _) if any(Record::is_agreement) => {
            "Bob does his half of the handshake and comes to the same keys. Only now that the \
             message proved true are his one-time prekeys erased."
                .into()
        }
        (What::Opened(_), _) if any(Record::is_dh_step) => format!(
            "The header has a new ratchet key. {party} turns the DH ratchet too, to the same root \
             key, and erases the private ratchet key that has served."
        ),
        (What::Opened(_), _) if any(Record::is_kept) => format!(
            "Messages before it are missing. {party} walks the chain past them and keeps their keys, \
             in case they come."
        ),
        (What::Opened(_), _) if !any(Record::is_derived_message) => {
            "It comes late. Its key had been kept, opens it, and is erased.".into()
        }
        (What::Opened(_), _) => {
            format!("{party}'s copy of the chain gives the same message key.")
        }
    }
}
