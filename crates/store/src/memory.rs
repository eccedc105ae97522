//! A store in memory: for tests, and for a device that leaves nothing behind.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::StoreError;
use crate::record::Page;
use crate::row::{CollectionId, Row, RowChange, RowId, SealedBatch, Store};

/// A place in memory where a store can be opened, one at a time. What is committed outlives the
/// store, as it would on a disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    open: bool,
    header: Option<Vec<u8>>,
    rows: BTreeMap<RowId, Vec<u8>>,
    capacity: Option<usize>,
}

impl Disk {
    /// An empty place.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the store that is here.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another is open.
    pub fn open(&self) -> Result<Memory, StoreError> {
        let mut content = self.lock();
        if content.open {
            return Err(StoreError::InUse { pid: None });
        }
        content.open = true;
        drop(content);
        Ok(Memory(self.clone()))
    }

    /// Lets the values take at most so many bytes together; beyond them the disk is full.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.lock().capacity = bytes;
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open store in memory.
#[derive(Debug)]
pub struct Memory(Disk);

impl Memory {
    /// A store in a place of its own.
    #[must_use]
    pub fn new() -> Self {
        let disk = Disk::new();
        disk.lock().open = true;
        Self(disk)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.lock().open = false;
    }
}

impl Store for Memory {
    fn header(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().header.clone())
    }

    fn set_header(&mut self, header: &[u8]) -> Result<(), StoreError> {
        self.0.lock().header = Some(header.to_vec());
        Ok(())
    }

    fn read(&mut self, row: &RowId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().rows.get(row).cloned())
    }

    fn range(
        &mut self,
        collection: &CollectionId,
        page: Page,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let content = self.0.lock();
        if page.from > page.to {
            return Ok(Vec::new());
        }
        let at = |position| RowId { collection: *collection, position };
        let rows = content
            .rows
            .range(at(page.from)..=at(page.to))
            .map(|(row, value)| (row.position, value.clone()));
        Ok(if page.newest_first {
            rows.rev().take(page.limit).collect()
        } else {
            rows.take(page.limit).collect()
        })
    }

    fn walk(&mut self, after: Option<&RowId>, limit: usize) -> Result<Vec<Row>, StoreError> {
        let from = after.map_or(Bound::Unbounded, |row| Bound::Excluded(*row));
        let content = self.0.lock();
        let rows = content.rows.range((from, Bound::Unbounded));
        Ok(rows.take(limit).map(|(row, value)| (*row, value.clone())).collect())
    }

    fn commit(&mut self, batch: &SealedBatch) -> Result<(), StoreError> {
        let mut content = self.0.lock();
        let Some(capacity) = content.capacity else {
            batch.0.iter().for_each(|change| apply(&mut content.rows, change));
            return Ok(());
        };
        let mut rows = content.rows.clone();
        batch.0.iter().for_each(|change| apply(&mut rows, change));
        if rows.values().map(Vec::len).sum::<usize>() > capacity {
            return Err(StoreError::Full);
        }
        content.rows = rows;
        Ok(())
    }
}

/// Makes one change.
pub(crate) fn apply(rows: &mut BTreeMap<RowId, Vec<u8>>, change: &RowChange) {
    match change {
        RowChange::Put { row, value } => {
            rows.insert(*row, value.clone());
        }
        RowChange::Remove { row } => {
            rows.remove(row);
        }
        RowChange::RemoveRange { collection, from, to } => {
            rows.retain(|row, _| {
                row.collection != *collection || !(*from..=*to).contains(&row.position)
            });
        }
    }
}
