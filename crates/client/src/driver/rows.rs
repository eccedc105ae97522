//! Records for questions, out of a store that is not at hand: what is missing is noted, and read, and the question asked
//! again.

use sprag_store::{Collection, CollectionId, Key, Page, RowId, Sealer, StoreError, Value};

use super::action::{RowRead, Rows};
use crate::history::Records;
use crate::sorted::Map;

/// Something that is to be read.
#[derive(Clone, PartialEq)]
pub(super) enum Wanted {
    Record(Key),
    Part(Collection, Page),
}

impl Wanted {
    pub(super) fn all(name: &str) -> Self {
        Self::Part(Collection::new(name), Page::ALL)
    }

    /// The same as whoever keeps the rows is asked.
    pub(super) fn sealed(&self, sealer: &Sealer) -> RowRead {
        match self {
            Self::Record(key) => RowRead::Row(sealer.row(key)),
            Self::Part(of, page) => {
                let collection = sealer.collection(of);
                RowRead::Range {
                    from: RowId { collection, position: page.from },
                    to: RowId { collection, position: page.to },
                    newest_first: page.newest_first,
                    limit: u32::try_from(page.limit).unwrap_or(u32::MAX),
                }
            }
        }
    }

    /// What the rows say.
    pub(super) fn open(
        &self,
        sealer: &Sealer,
        rows: Rows,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        let open = |(row, sealed): (RowId, Vec<u8>)| {
            let (key, value) = sealer.open_row(&row, &sealed)?;
            let asked = match self {
                Self::Record(wanted) => *wanted == key,
                Self::Part(of, page) => {
                    *of == key.collection && (page.from..=page.to).contains(&key.position)
                }
            };
            if asked { Ok((key, value)) } else { Err(StoreError::Damaged) }
        };
        rows.into_iter().map(open).collect()
    }
}

/// All rows after this one.
pub(super) fn walk(after: Option<RowId>, limit: u32) -> RowRead {
    let first = RowId { collection: CollectionId([0; 16]), position: 0 };
    let to = RowId { collection: CollectionId([0xFF; 16]), position: u64::MAX };
    RowRead::Range { from: after.map_or(first, next), to, newest_first: false, limit }
}

/// The place behind a row.
fn next(row: RowId) -> RowId {
    if let Some(position) = row.position.checked_add(1) {
        return RowId { position, ..row };
    }
    let id = u128::from_be_bytes(row.collection.0).saturating_add(1);
    RowId { collection: CollectionId(id.to_be_bytes()), position: 0 }
}

/// A part of a collection, as it was asked for.
type Part = (Collection, Page, Vec<(u64, Value)>);

/// What was read for a question so far, and what it misses.
#[derive(Default)]
pub(super) struct Cache {
    records: Map<Key, Option<Value>>,
    parts: Vec<Part>,
    pub(super) missed: Vec<Wanted>,
}

impl Cache {
    /// Takes what was read.
    pub(super) fn fill(&mut self, wanted: Wanted, found: Vec<(Key, Value)>) {
        match wanted {
            Wanted::Record(key) => {
                let value = found.into_iter().next().map(|(_, value)| value);
                self.records.insert(key, value);
            }
            Wanted::Part(of, page) => {
                let found = found.into_iter().map(|(key, value)| (key.position, value));
                self.parts.push((of, page, found.collect()));
            }
        }
    }

    fn miss(&mut self, wanted: Wanted) {
        if !self.missed.contains(&wanted) {
            self.missed.push(wanted);
        }
    }
}

/// What is not here is given as if there were nothing: whoever asks looks at what was missed.
impl Records for Cache {
    fn read(&mut self, key: &Key) -> Result<Option<Value>, StoreError> {
        if let Some(value) = self.records.get(key) {
            return Ok(value.clone());
        }
        self.miss(Wanted::Record(key.clone()));
        Ok(None)
    }

    fn range(&mut self, of: &Collection, page: Page) -> Result<Vec<(u64, Value)>, StoreError> {
        let found = self.parts.iter().find(|(known, asked, _)| known == of && *asked == page);
        if let Some((_, _, values)) = found {
            return Ok(values.clone());
        }
        self.miss(Wanted::Part(of.clone(), page));
        Ok(Vec::new())
    }
}
