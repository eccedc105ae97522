//! Random schedules: commits, reads, pages, reopening and crashes, beside a model of what must be there.

use std::collections::BTreeMap;

use super::{During, POSITIONS, Place, Violation};
use crate::memory::apply;
use crate::record::Page;
use crate::row::{CollectionId, RowChange, RowId, SealedBatch, Store};

/// How many things happen in a schedule.
const STEPS: usize = 60;

type Rows = BTreeMap<RowId, Vec<u8>>;

/// Runs the schedule of this seed.
pub(super) fn run<P: Place>(place: &mut P, seed: u64) -> Result<(), Violation> {
    let mut schedule = Schedule { dice: Dice(seed), model: Rows::new(), values: Vec::new() };
    let mut store = place.open()?;
    for _ in 0..STEPS {
        match schedule.dice.below(10) {
            0 => {
                drop(store);
                store = place.open()?;
                schedule.compare(&mut store, Violation::Forgotten)?;
            }
            1 => {
                place.crash(store, During::Idle)?;
                store = place.open()?;
                schedule.compare(&mut store, Violation::Forgotten)?;
            }
            2 => {
                let (batch, after) = schedule.batch();
                place.crash(store, During::Commit(&batch))?;
                store = place.open()?;
                schedule.outcome(&mut store, after)?;
            }
            3 | 4 => schedule.read(&mut store)?,
            5 => schedule.page(&mut store)?,
            _ => {
                let (batch, after) = schedule.batch();
                store.commit(&batch)?;
                schedule.model = after;
            }
        }
    }
    schedule.compare(&mut store, Violation::LostWrite)
}

struct Schedule {
    dice: Dice,
    model: Rows,
    /// All values that ever were: each is given once.
    values: Vec<(RowId, Vec<u8>)>,
}

impl Schedule {
    /// A batch, and what must be there after it.
    fn batch(&mut self) -> (SealedBatch, Rows) {
        let changes = (0..=self.dice.below(6)).map(|_| self.change()).collect();
        let batch = SealedBatch(changes);
        let mut after = self.model.clone();
        batch.0.iter().for_each(|change| apply(&mut after, change));
        (batch, after)
    }

    fn change(&mut self) -> RowChange {
        let row = self.dice.row();
        match self.dice.below(8) {
            0 => RowChange::Remove { row },
            1 => {
                let (from, to) = (self.dice.position(), self.dice.position());
                RowChange::RemoveRange { collection: row.collection, from, to }
            }
            _ => {
                // Lengths about a page of a database, and its number, so that no two are alike.
                let len = self.dice.below(3000);
                let mut value = self.values.len().to_be_bytes().to_vec();
                value.resize(value.len() + len, 0xA5);
                self.values.push((row, value.clone()));
                RowChange::Put { row, value }
            }
        }
    }

    fn read(&mut self, store: &mut impl Store) -> Result<(), Violation> {
        let row = self.dice.row();
        let found = store.read(&row)?;
        if found.as_ref() == self.model.get(&row) {
            return Ok(());
        }
        let earlier = found.is_some_and(|value| self.values.contains(&(row, value)));
        Err(if earlier { Violation::StaleRead } else { Violation::LostWrite })
    }

    fn page(&mut self, store: &mut impl Store) -> Result<(), Violation> {
        let collection = self.dice.row().collection;
        let page = Page {
            from: self.dice.position(),
            to: self.dice.position(),
            newest_first: self.dice.below(2) == 0,
            limit: self.dice.below(5),
        };
        let mut wanted: Vec<(u64, Vec<u8>)> = self
            .model
            .iter()
            .filter(|(row, _)| row.collection == collection)
            .map(|(row, value)| (row.position, value.clone()))
            .filter(|(position, _)| page.from <= *position && *position <= page.to)
            .collect();
        if page.newest_first {
            wanted.reverse();
        }
        wanted.truncate(page.limit);
        let found = store.range(&collection, page)?;
        if found == wanted { Ok(()) } else { Err(Violation::WrongRange) }
    }

    /// After a crash in a commit, all of it is there, or none.
    fn outcome(&mut self, store: &mut impl Store, after: Rows) -> Result<(), Violation> {
        let found = all(store)?;
        if found == after {
            self.model = after;
        } else if found != self.model {
            return Err(Violation::TornBatch);
        }
        Ok(())
    }

    fn compare(&self, store: &mut impl Store, violation: Violation) -> Result<(), Violation> {
        if all(store)? == self.model { Ok(()) } else { Err(violation) }
    }
}

/// Everything, read by pages.
fn all(store: &mut impl Store) -> Result<Rows, Violation> {
    let mut rows = Rows::new();
    for collection in COLLECTIONS {
        for (position, value) in store.range(&collection, Page::ALL)? {
            rows.insert(RowId { collection, position }, value);
        }
    }
    Ok(rows)
}

const COLLECTIONS: [CollectionId; 3] =
    [CollectionId([0; 16]), CollectionId([0x7F; 16]), CollectionId([0xFF; 16])];

/// `SplitMix64`: the same schedule from the same seed. Nothing here is secret.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.roll() % (sides.max(1) as u64)).unwrap_or(0)
    }

    fn pick<T: Copy>(&mut self, from: &[T], otherwise: T) -> T {
        let index = self.below(from.len());
        from.get(index).copied().unwrap_or(otherwise)
    }

    fn position(&mut self) -> u64 {
        self.pick(&POSITIONS, 0)
    }

    fn row(&mut self) -> RowId {
        let collection = self.pick(&COLLECTIONS, CollectionId([0; 16]));
        RowId { collection, position: self.position() }
    }
}
