//! The kit finds each kind of broken store by its name, and nothing in those that are not broken.

#![expect(clippy::wildcard_enum_match_arm, reason = "a fault is looked for where it shows")]

use std::collections::BTreeMap;

use super::*;
use crate::memory::{Disk, Memory};
use crate::row::Row;

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    OpensTwice,
    StaysLocked,
    DropsEverySeventhPut,
    RemovesNothing,
    RemovesRangesShort,
    RemovesRangesEverywhere,
    ReadsFromACache,
    RangesFromACache,
    ReversesBatches,
    CommitsBackwardsAtTheEnd,
    CommitsAtTheEnd,
    TearsBatches,
    IgnoresLimits,
    OldestFirst,
    LeavesOutTheLast,
    SortsAsSigned,
    MixesCollections,
    WalksInTheMiddle,
    WalksWithoutTheLast,
    TearsHeaders,
    KeepsHeadersInMemory,
}

type Found = Vec<(u64, Vec<u8>)>;

struct BrokenPlace {
    disk: Disk,
    fault: Fault,
    crashes: usize,
    /// What was never closed.
    stuck: Option<Memory>,
}

struct Broken {
    inner: Option<Memory>,
    disk: Disk,
    fault: Fault,
    puts: usize,
    cache: BTreeMap<RowId, Option<Vec<u8>>>,
    pages: Vec<(CollectionId, Page, Found)>,
    pending: Vec<SealedBatch>,
    header: Option<Vec<u8>>,
}

impl BrokenPlace {
    fn new(fault: Fault) -> Self {
        Self { disk: Disk::new(), fault, crashes: 0, stuck: None }
    }
}

impl Place for BrokenPlace {
    type Store = Broken;

    fn open(&mut self) -> Result<Broken, StoreError> {
        let inner = match self.disk.open() {
            Err(_) if self.fault == Fault::OpensTwice => Memory::new(),
            other => other?,
        };
        Ok(Broken {
            inner: Some(inner),
            disk: self.disk.clone(),
            fault: self.fault,
            puts: 0,
            cache: BTreeMap::new(),
            pages: Vec::new(),
            pending: Vec::new(),
            header: None,
        })
    }

    fn crash(&mut self, mut store: Broken, during: During<'_>) -> Result<(), StoreError> {
        self.crashes += 1;
        if self.fault == Fault::CommitsAtTheEnd {
            store.pending.clear();
        }
        store.header = None;
        match during {
            During::Commit(batch) if self.fault == Fault::TearsBatches => {
                let half = batch.0.iter().take(batch.0.len() / 2).cloned().collect();
                store.commit(&SealedBatch(half))?;
            }
            During::Header(header) if self.fault == Fault::TearsHeaders => {
                let half = header.iter().take(header.len() / 2).copied().collect::<Vec<_>>();
                store.set_header(&half)?;
            }
            During::Commit(batch) if self.crashes.is_multiple_of(2) => store.commit(batch)?,
            During::Header(header) if self.crashes.is_multiple_of(2) => store.set_header(header)?,
            During::Idle | During::Commit(_) | During::Header(_) => {}
        }
        if self.fault == Fault::StaysLocked {
            self.stuck = store.inner.take();
        }
        Ok(())
    }
}

impl Broken {
    fn inner(&mut self) -> &mut Memory {
        self.inner.as_mut().unwrap()
    }

    fn write(&mut self, batch: &SealedBatch) -> Result<(), StoreError> {
        self.inner().commit(batch)
    }

    fn flush(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        if self.fault == Fault::CommitsBackwardsAtTheEnd {
            pending.reverse();
        }
        for batch in pending {
            self.write(&batch).unwrap();
        }
    }

    /// The store as it is to seem: with what is pending.
    fn view(&mut self) -> Memory {
        let mut view = Memory::new();
        let rows = self.inner().walk(None, usize::MAX).unwrap();
        let changes = rows.into_iter().map(|(row, value)| RowChange::Put { row, value });
        view.commit(&SealedBatch(changes.collect())).unwrap();
        for batch in &self.pending {
            view.commit(batch).unwrap();
        }
        view
    }

    fn changed(&mut self, batch: &SealedBatch) -> SealedBatch {
        let mut changes = batch.0.clone();
        match self.fault {
            Fault::DropsEverySeventhPut => changes.retain(|change| {
                self.puts += usize::from(matches!(change, RowChange::Put { .. }));
                !matches!(change, RowChange::Put { .. }) || !self.puts.is_multiple_of(7)
            }),
            Fault::RemovesNothing => {
                changes.retain(|change| !matches!(change, RowChange::Remove { .. }));
            }
            Fault::RemovesRangesShort => changes.iter_mut().for_each(|change| {
                if let RowChange::RemoveRange { to, .. } = change {
                    *to = to.saturating_sub(1);
                }
            }),
            Fault::RemovesRangesEverywhere => {
                let everywhere = changes.iter().flat_map(|change| match change {
                    RowChange::RemoveRange { from, to, .. } => [A, B]
                        .map(|collection| RowChange::RemoveRange {
                            collection,
                            from: *from,
                            to: *to,
                        })
                        .to_vec(),
                    RowChange::Put { .. } | RowChange::Remove { .. } => vec![change.clone()],
                });
                changes = everywhere.collect();
            }
            Fault::ReversesBatches => changes.reverse(),
            _ => {}
        }
        SealedBatch(changes)
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        if self.inner.is_some() {
            self.flush();
            if let Some(header) = self.header.take() {
                self.inner().set_header(&header).unwrap();
            }
        }
        if self.fault == Fault::OpensTwice {
            let _ = self.disk.open();
        }
    }
}

impl Store for Broken {
    fn header(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let kept = self.header.clone();
        Ok(kept.or(self.inner().header()?))
    }

    fn set_header(&mut self, header: &[u8]) -> Result<(), StoreError> {
        if self.fault == Fault::KeepsHeadersInMemory {
            self.header = Some(header.to_vec());
            return Ok(());
        }
        self.inner().set_header(header)
    }

    fn read(&mut self, row: &RowId) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.view().read(row)?;
        if self.fault == Fault::ReadsFromACache {
            return Ok(self.cache.entry(*row).or_insert(found).clone());
        }
        Ok(found)
    }

    fn range(
        &mut self,
        collection: &CollectionId,
        mut page: Page,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        match self.fault {
            Fault::IgnoresLimits => page.limit = usize::MAX,
            Fault::OldestFirst => page.newest_first = false,
            Fault::LeavesOutTheLast => page.to = page.to.saturating_sub(1),
            _ => {}
        }
        let mut found = self.view().range(collection, page)?;
        match self.fault {
            Fault::SortsAsSigned => found.sort_by_key(|(position, _)| position.cast_signed()),
            Fault::MixesCollections => {
                let other = if *collection == A { B } else { A };
                found.extend(self.view().range(&other, page)?);
                found.truncate(page.limit);
            }
            Fault::RangesFromACache => {
                let seen = self.pages.iter().find(|(c, p, _)| (c, p) == (collection, &page));
                if let Some((_, _, seen)) = seen {
                    return Ok(seen.clone());
                }
                self.pages.push((*collection, page, found.clone()));
            }
            _ => {}
        }
        Ok(found)
    }

    fn walk(&mut self, after: Option<&RowId>, limit: usize) -> Result<Vec<Row>, StoreError> {
        let mut found = self.view().walk(after, limit)?;
        match self.fault {
            Fault::WalksInTheMiddle => found.reverse(),
            Fault::WalksWithoutTheLast => found.retain(|(row, _)| row.position != u64::MAX),
            _ => {}
        }
        Ok(found)
    }

    fn commit(&mut self, batch: &SealedBatch) -> Result<(), StoreError> {
        let batch = self.changed(batch);
        match self.fault {
            Fault::CommitsAtTheEnd | Fault::CommitsBackwardsAtTheEnd => self.pending.push(batch),
            _ => self.write(&batch)?,
        }
        Ok(())
    }
}

fn checked(fault: Fault, schedules: u64) -> Result<(), Violation> {
    check(|| BrokenPlace::new(fault), schedules)
}

#[test]
fn each_broken_store_is_named() {
    let in_use = Violation::Refused(StoreError::InUse { pid: None });
    for (fault, violation) in [
        (Fault::OpensTwice, Violation::OpenedTwice),
        (Fault::StaysLocked, in_use),
        (Fault::DropsEverySeventhPut, Violation::LostWrite),
        (Fault::RemovesNothing, Violation::LostWrite),
        (Fault::RemovesRangesShort, Violation::LostWrite),
        (Fault::RemovesRangesEverywhere, Violation::LostWrite),
        (Fault::ReadsFromACache, Violation::StaleRead),
        (Fault::RangesFromACache, Violation::StaleRead),
        (Fault::ReversesBatches, Violation::Reordered),
        (Fault::CommitsBackwardsAtTheEnd, Violation::Reordered),
        (Fault::CommitsAtTheEnd, Violation::Forgotten),
        (Fault::TearsBatches, Violation::TornBatch),
        (Fault::IgnoresLimits, Violation::WrongRange),
        (Fault::OldestFirst, Violation::WrongRange),
        (Fault::LeavesOutTheLast, Violation::WrongRange),
        (Fault::SortsAsSigned, Violation::WrongRange),
        (Fault::MixesCollections, Violation::WrongRange),
        (Fault::WalksInTheMiddle, Violation::WrongWalk),
        (Fault::WalksWithoutTheLast, Violation::WrongWalk),
        (Fault::TearsHeaders, Violation::TornHeader),
        (Fault::KeepsHeadersInMemory, Violation::LostHeader),
    ] {
        assert_eq!(checked(fault, 0), Err(violation), "{fault:?}");
    }
}

/// The random schedules find by themselves what the rules find.
#[test]
fn random_schedules_find_broken_stores_too() {
    let random = |fault| {
        let place = || BrokenPlace::new(fault);
        (0..50).find_map(|seed| schedule::run(&mut place(), seed).err())
    };
    assert_eq!(random(Fault::None), None);
    assert_eq!(random(Fault::TearsBatches), Some(Violation::TornBatch));
    assert_eq!(random(Fault::IgnoresLimits), Some(Violation::WrongRange));
    for fault in [
        Fault::CommitsAtTheEnd,
        Fault::DropsEverySeventhPut,
        Fault::RemovesNothing,
        Fault::RemovesRangesShort,
        Fault::ReadsFromACache,
        Fault::ReversesBatches,
        Fault::CommitsBackwardsAtTheEnd,
        Fault::OldestFirst,
        Fault::SortsAsSigned,
    ] {
        assert!(random(fault).is_some(), "{fault:?}");
    }
}

#[test]
fn a_store_in_memory_conforms() {
    assert_eq!(checked(Fault::None, 200), Ok(()));
}
