//! Which keys somebody holds: what the trace said was derived and has not said was erased.
//!
//! That this is so, and that a phone keeps nothing else, the tests compare with the bytes of its
//! state.

use sprag_protocol::PublicKey;
use sprag_protocol::trace::Place;

use crate::record::{Happening, Party, Record};

/// A key that is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which key.
    pub place: Place,
    /// Its bytes.
    pub key: [u8; 32],
    /// Whether it waits for a message that is still on its way.
    pub kept: bool,
}

/// What one of the two holds, in the order in which it came to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// The keys that are alive.
    pub keys: Vec<Held>,
    /// The public half of the private ratchet key among them.
    pub ratchet_key: Option<PublicKey>,
    /// The other one's public ratchet key, as last seen.
    pub theirs: Option<PublicKey>,
}

impl Holdings {
    /// Takes note of everything that was reported about this party.
    pub(crate) fn follow(&mut self, party: Party, records: &[Record]) {
        for record in records.iter().filter(|record| record.party == party) {
            self.note(record);
        }
    }

    fn note(&mut self, record: &Record) {
        match record.happening {
            Happening::Derived(place) => {
                self.keys.retain(|held| held.place != place);
                self.keys.extend(record.key.map(|key| Held { place, key, kept: false }));
            }
            Happening::Kept(place) => {
                self.keys.iter_mut().filter(|held| held.place == place).for_each(Held::keep);
            }
            Happening::Erased(place) => {
                self.keys.retain(|held| held.place != place);
                if place == Place::RatchetKey {
                    self.ratchet_key = None;
                }
            }
            Happening::DhStep { ours, theirs, .. } => {
                self.ratchet_key = Some(ours);
                self.theirs = Some(theirs);
            }
            Happening::Used(_) => {}
        }
    }
}

impl Held {
    fn keep(&mut self) {
        self.kept = true;
    }
}
