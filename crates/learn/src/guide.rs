//! Nine chapters through one play: DH agreement, root key, chain key; a message key derived, used,
//! erased; the chain advances; the DH ratchet; and that the past stays closed.

use serde::Serialize;
use sprag_protocol::trace::{Agreement, Place};

use crate::document::Document;
use crate::error::{Error, Result};
use crate::model::Design;
use crate::play::{Play, Request, play};
use crate::record::Happening::{self, Derived, Erased, Used};
use crate::record::Party;

/// What the two do. A3 comes late, so that Bob holds a kept key when his phone is copied; after the
/// theft the two talk on until the conversation has healed.
const SCHEDULE: &str = "A.dA1.A.dA2.B.dB1.A.A.dA4.dA3.B.A.dA5.dB2.B.dB3.A.dA6.B.dB4";
/// The theft: after A4 has come, and A3 has not.
const THEFT: (Party, usize) = (Party::Bob, 9);

/// The number of chapters.
pub const CHAPTERS: usize = 9;

/// The path.
#[derive(Serialize)]
pub struct Guide {
    /// What is played: the same seed, the same bytes.
    pub play: Document,
    /// In order.
    pub chapters: Vec<Chapter>,
}

/// One chapter, and the moment that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chapter {
    /// From 1.
    pub number: usize,
    /// Its name.
    pub title: &'static str,
    /// What there is to see.
    pub text: &'static str,
    /// The step to look at.
    pub step: usize,
    /// How many of its events have happened.
    pub event: usize,
    /// Whether the theft is shown.
    pub theft: bool,
}

struct Draft {
    title: &'static str,
    text: &'static str,
    /// The step in which to look for the moment.
    step: usize,
    moment: Moment,
}

enum Moment {
    /// Something happens to a key of this party.
    Event(Party, Happening),
    /// All of the step has happened, and a phone is stolen.
    Theft,
}

/// The guide for a seed.
///
/// # Errors
/// [`Error::Contradiction`] if the core does not do what the chapters say.
pub fn guide(seed: u64) -> Result<Guide> {
    let request = Request {
        seed,
        schedule: SCHEDULE.parse()?,
        design: Design::DoubleRatchet,
        theft: Some(THEFT),
    };
    let play = play(request)?;
    let chapters = (1..).zip(DRAFTS).map(|(number, draft)| draft.chapter(number, &play));
    let chapters = chapters.collect::<Result<_>>()?;
    Ok(Guide { play: Document::from(&play), chapters })
}

impl Draft {
    fn chapter(self, number: usize, play: &Play) -> Result<Chapter> {
        let Self { title, text, step, moment } = self;
        let records = &play.steps.get(step).ok_or(Error::Contradiction)?.records;
        let event = match moment {
            Moment::Event(party, happening) => {
                let shows = |at: usize| {
                    records.get(at).is_some_and(|record| {
                        record.party == party && record.happening == happening
                    })
                };
                let at = (0..records.len()).find(|at| shows(*at)).ok_or(Error::Contradiction)?;
                at + 1
            }
            Moment::Theft => records.len(),
        };
        let theft = matches!(moment, Moment::Theft);
        Ok(Chapter { number, title, text, step, event, theft })
    }
}

const FIRST: Place = Place::Message { step: 1, n: 0 };

/// The chapters, in the order of the demonstration that everybody knows.
const DRAFTS: [Draft; CHAPTERS] = [
    draft(
        "A shared secret: DH agreement",
        "Bob is away. Alice combines private keys of hers with public keys of his, four times by \
             X25519 and once by ML-KEM. Each result is a secret that Bob can compute too, and nobody \
             who only listens.",
        0,
        alice(Derived(Place::Agreement(Agreement::Kem))),
    ),
    draft(
        "The root key",
        "One key derivation turns the five secrets into root key 0. The root is what everything \
             else grows from, so the secrets that led to it are erased: nobody can repeat this, not \
             even Alice.",
        0,
        alice(Derived(Place::Root { step: 0 })),
    ),
    draft(
        "The chain key",
        "Alice adds a ratchet key pair of hers, and one more DH with Bob's prekey. Out come root \
             key 1 and chain key 1/0, the beginning of all that she writes until Bob answers.",
        0,
        alice(Derived(Place::Chain { step: 1, n: 0 })),
    ),
    draft(
        "A message key is derived",
        "The chain key gives two things: a message key, and its own successor. Neither leads back \
             to it, nor to the other.",
        1,
        alice(Derived(FIRST)),
    ),
    draft(
        "The message key is used",
        "It seals exactly one message. Look at the bytes: the header and the text are noise to \
             everybody who does not have the keys.",
        1,
        alice(Used(FIRST)),
    ),
    draft(
        "The message key is erased",
        "At once, and the chain key that it came from too. Alice cannot open her own message any \
             more. What is not there cannot be stolen.",
        1,
        alice(Erased(FIRST)),
    ),
    draft(
        "The chain advances",
        "Alice writes again before Bob answers. The same chain, one step further: chain key 1/2 is \
             there, 1/1 is gone. Each message has a key of its own.",
        3,
        alice(Erased(Place::Message { step: 1, n: 1 })),
    ),
    draft(
        "The DH ratchet turns",
        "Bob answers. He makes a fresh ratchet key pair and mixes a new DH into the root: root key \
             2, chain 2. A chain alone never heals, because who has its key has all that follows. \
             Fresh randomness is what locks a thief out again.",
        5,
        Moment::Event(Party::Bob, Derived(Place::Chain { step: 2, n: 0 })),
    ),
    draft(
        "Proof: Bob's phone is stolen",
        "A thief copies all that Bob's phone holds, and tries every message with the real core. \
             What Bob had read or written before stays closed: its keys are gone (forward secrecy). \
             Late A3 opens: its key was kept. And after one round trip he reads nothing more: the \
             conversation has healed.",
        9,
        Moment::Theft,
    ),
];

const fn draft(title: &'static str, text: &'static str, step: usize, moment: Moment) -> Draft {
    Draft { title, text, step, moment }
}

const fn alice(happening: Happening) -> Moment {
    Moment::Event(Party::Alice, happening)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_has_nine_chapters_in_order() {
        for seed in [0, 7, u64::MAX] {
            let Guide { chapters, .. } = guide(seed).unwrap();
            let at: Vec<_> = chapters.iter().map(|chapter| (chapter.step, chapter.event)).collect();
            assert_eq!(at.len(), CHAPTERS);
            assert!(at.is_sorted_by(|one, next| one < next), "{at:?}");
            assert_eq!(chapters.iter().filter(|chapter| chapter.theft).count(), 1);
        }
    }

    #[test]
    fn the_last_chapter_is_true() {
        let request = Request {
            schedule: SCHEDULE.parse().unwrap(),
            theft: Some(THEFT),
            ..Request::default()
        };
        let theft = play(request).unwrap().theft.unwrap();
        let readable: Vec<_> = theft.rows.iter().filter(|row| row.readable).collect();
        let names: Vec<_> = readable.iter().map(|row| row.message.to_string()).collect();
        assert_eq!(names, ["A3", "A5"]);
        assert_eq!(theft.healed.map(|label| label.to_string()).as_deref(), Some("B3"));
    }
}
