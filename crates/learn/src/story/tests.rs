//! What is shown holds for every seed and for conversations of any order.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use sprag_protocol::trace::Place;

use super::steps::{Mode, Part, Walkthrough};
use super::{LAST_STEP, walk};
use crate::conversation::{Conversation, Sent};
use crate::record::{Happening, Party, Record};
use crate::theft::{Loot, Stand, Theft, When, With};

/// Every way in which a thief can read.
const WAYS: [With; 5] =
    [With::KeptKey, With::ReceivingChain, With::RatchetKey, With::SendingChain, With::Handshake];
const SEEDS: std::ops::Range<u64> = 0..20;

/// A conversation in which everything is left to chance.
struct Chance {
    talk: Conversation,
    records: Vec<Record>,
    loot: Loot,
    stolen_after: u32,
}

impl Chance {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut talk = Conversation::new(seed).unwrap();
        let mut records = talk.initiate().unwrap();
        let mut on_their_way = Vec::new();
        let mut loot = None;
        let theft = rng.next_u32() % 30;
        for round in 0..30 {
            if round == theft {
                loot = Some((Loot::of(&talk, Party::Bob), talk.actions));
            }
            let may_answer = talk.bob.sessions.active().is_some();
            match rng.next_u32() % 8 {
                0 | 1 => seal(&mut talk, Party::Alice, (&mut records, &mut on_their_way)),
                2 | 3 if may_answer => {
                    seal(&mut talk, Party::Bob, (&mut records, &mut on_their_way));
                }
                4..8 if !on_their_way.is_empty() => {
                    let chosen = rng.next_u32() as usize % on_their_way.len();
                    let index = on_their_way.remove(chosen);
                    records.extend(talk.deliver(index).unwrap());
                }
                _ => {}
            }
        }
        let (loot, stolen_after) = loot.unwrap();
        Self { talk, records, loot, stolen_after }
    }
}

fn seal(
    talk: &mut Conversation,
    from: Party,
    (records, on_their_way): (&mut Vec<Record>, &mut Vec<usize>),
) {
    let (index, sealed) = talk.seal(from, &format!("number {}", talk.sent.len())).unwrap();
    records.extend(sealed);
    on_their_way.push(index);
}

/// What a thief of Bob's phone should read, from the positions of the messages alone.
fn expected(sent: &[Sent], stolen_after: u32) -> Vec<bool> {
    let by = |at: u32| at <= stolen_after;
    let received = sent.iter().filter(|sent| sent.from == Party::Alice);
    let received = received.filter(|sent| sent.opened.is_some_and(by)).map(|sent| sent.chain).max();
    let own = sent.iter().filter(|sent| sent.from == Party::Bob && by(sent.sealed));
    // Bob's ratchet key is on the phone while nobody has answered to it.
    let own = own.map(|sent| sent.chain).max().filter(|own| Some(*own) > received);
    let reads = |sent: &Sent| match sent.from {
        Party::Alice => {
            let begun = Some(sent.chain) <= received;
            let prekeys = received.is_none() && sent.chain == 1;
            let answers = own.is_some_and(|own| sent.chain == own + 1);
            !sent.opened.is_some_and(by) && (begun || prekeys || answers)
        }
        Party::Bob => !by(sent.sealed) && Some(sent.chain) == own,
    };
    sent.iter().map(reads).collect()
}

/// Chain numbers as they follow from who had received what.
fn chains(sent: &[Sent]) -> Vec<u64> {
    let mut chains = Vec::new();
    for (index, message) in sent.iter().enumerate() {
        let earlier = sent.iter().zip(&chains).take(index);
        let own = earlier.clone().filter(|(other, _)| other.from == message.from);
        let own = own.map(|(_, chain)| *chain).max();
        let heard = earlier.filter(|(other, _)| {
            other.from != message.from && other.opened.is_some_and(|at| at < message.sealed)
        });
        let heard = heard.map(|(_, chain)| *chain).max();
        chains.push(if own > heard { own } else { heard.map(|chain| chain + 1) }.unwrap_or(1));
    }
    chains
}

fn theft_of(walkthrough: &Walkthrough) -> &Theft {
    let mut parts = walkthrough.steps.iter().flat_map(|step| &step.parts);
    let is_theft = |part: &&Part| matches!(part, Part::Theft(_));
    let Some(Part::Theft(theft)) = parts.find(is_theft) else { panic!("no theft") };
    theft
}

#[test]
fn both_sides_derive_the_same_and_every_check_holds() {
    for seed in SEEDS {
        let walkthrough = walk(seed).unwrap();
        assert_eq!(walkthrough.steps.len(), usize::from(LAST_STEP));
        let (mut both, mut costs) = (0, 0);
        for part in walkthrough.steps.iter().flat_map(|step| &step.parts) {
            match part {
                Part::Both { place, alice, bob } => {
                    assert_eq!(alice, bob, "{place:?} with seed {seed}");
                    both += 1;
                }
                Part::Check { what, holds } => assert!(holds, "{what} with seed {seed}"),
                Part::Cost(cost) => {
                    let work = if cost.mode == Mode::Plain { (1, 1001) } else { (0, 0) };
                    assert_eq!((cost.dh, cost.chain_steps), work);
                    costs += 1;
                }
                Part::Seen(seen) => assert_eq!(seen.n.is_some(), seen.mode == Mode::Plain),
                Part::Text(_)
                | Part::Value { .. }
                | Part::Events { .. }
                | Part::Wire(_)
                | Part::Theft(_) => {}
            }
        }
        assert_eq!((both, costs), (12, 2));
    }
}

#[test]
fn every_key_is_the_same_on_both_sides_of_any_conversation() {
    for seed in SEEDS {
        let Chance { talk, records, .. } = Chance::new(seed);
        let mut common = 0;
        let own = |place: &Place| matches!(place, Place::RatchetKey | Place::Ephemeral);
        for place in records.iter().filter_map(Record::place).filter(|place| !own(place)) {
            let of = |party| talk.recorder.key(party, place);
            if let (Some(alice), Some(bob)) = (of(Party::Alice), of(Party::Bob)) {
                assert_eq!(alice, bob, "{place:?} with seed {seed}");
                common += 1;
            }
        }
        let opened = talk.sent.iter().any(|sent| sent.opened.is_some());
        assert_eq!(common > 0, opened, "seed {seed}");
    }
}

#[test]
fn message_keys_are_derived_then_used_then_erased() {
    for seed in SEEDS {
        let Chance { talk, records, .. } = Chance::new(seed);
        for sent in &talk.sent {
            let place = Place::Message { step: sent.chain, n: sent.n };
            let life = |party| -> Vec<_> {
                let of = records.iter().filter(|record| record.party == party);
                of.map(|record| record.happening).filter(|what| is_about(what, place)).collect()
            };
            let (derived, used) = (Happening::Derived(place), Happening::Used(place));
            let (kept, erased) = (Happening::Kept(place), Happening::Erased(place));
            assert_eq!(life(sent.from), [derived, used, erased]);
            let life = life(sent.from.other());
            let lives: [&[Happening]; 2] = if sent.opened.is_some() {
                [&[derived, used, erased], &[derived, kept, used, erased]]
            } else {
                [&[], &[derived, kept]]
            };
            assert!(lives.contains(&life.as_slice()), "{life:?} with seed {seed}");
        }
    }
}

#[test]
fn a_private_ratchet_key_is_erased_before_there_is_another() {
    for seed in SEEDS {
        let Chance { records, .. } = Chance::new(seed);
        for party in [Party::Alice, Party::Bob] {
            let of = records.iter().filter(|record| record.party == party);
            let mut life: Vec<_> =
                of.filter(|record| record.place() == Some(Place::RatchetKey)).collect();
            // Bob's first is his signed prekey.
            if party == Party::Bob && !life.is_empty() {
                let first = life.remove(0);
                let erased = Happening::Erased(Place::RatchetKey);
                assert_eq!((first.happening, first.key), (erased, None), "seed {seed}");
            }
            for pair in life.chunks(2) {
                assert_eq!(pair[0].happening, Happening::Derived(Place::RatchetKey));
                if let Some(end) = pair.get(1) {
                    assert_eq!(end.happening, Happening::Erased(Place::RatchetKey));
                    assert_eq!(end.key, pair[0].key, "seed {seed}");
                }
            }
        }
    }
}

fn is_about(what: &Happening, place: Place) -> bool {
    match what {
        Happening::Derived(at)
        | Happening::Used(at)
        | Happening::Kept(at)
        | Happening::Erased(at) => *at == place,
        Happening::DhStep { .. } => false,
    }
}

#[test]
fn a_thief_reads_what_the_positions_say() {
    let mut means = Vec::new();
    for seed in 0..80 {
        let Chance { talk, loot, stolen_after, .. } = Chance::new(seed);
        let theft = loot.try_all(&talk.sent).unwrap();
        means.extend(theft.rows.iter().filter_map(|row| row.with));
        let readable: Vec<_> = theft.rows.iter().map(|row| row.readable).collect();
        assert_eq!(readable, expected(&talk.sent, stolen_after), "seed {seed}");
        let numbers: Vec<_> = talk.sent.iter().map(|sent| sent.chain).collect();
        assert_eq!(numbers, chains(&talk.sent), "seed {seed}");
    }
    for way in WAYS {
        assert!(means.contains(&way), "no conversation shows {way:?}");
    }
}

#[test]
fn the_shown_theft_heals_after_a_round_trip() {
    for seed in SEEDS {
        let walkthrough = walk(seed).unwrap();
        let theft = theft_of(&walkthrough);
        for row in &theft.rows {
            let late = row.stand == Stand::OnItsWay;
            let open = row.sent == When::After && row.chain <= 7;
            assert_eq!(row.readable, late || open, "{} with seed {seed}", row.message);
        }
        assert_eq!(theft.healed.map(|label| label.to_string()).as_deref(), Some("B5"));
        // Chain 1 is remembered for lost A7; 5 and 6 are open; 8 and 9 come next.
        let headers = ["A1", "A2", "A3", "A4", "A5", "A6", "A8", "A10", "B3", "A12", "B5", "A16"];
        let shown: Vec<_> = theft.headers.iter().map(ToString::to_string).collect();
        assert_eq!(shown, headers);
    }
}
