//! A store that tells how long it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sprag_store::{CollectionId, Page, Row, RowId, SealedBatch, Store, StoreError};

use crate::clock::now;

/// The time spent in a store, and how many commits it made.
#[derive(Clone, Default)]
pub(crate) struct Spent {
    nanoseconds: Arc<AtomicU64>,
    commits: Arc<AtomicU64>,
}

impl Spent {
    pub(crate) fn time(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    fn add(&self, since: Instant) {
        let passed = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(passed, Ordering::Relaxed);
    }
}

/// A store, and the time spent in it.
pub(crate) struct Timed<S> {
    pub(crate) store: S,
    pub(crate) spent: Spent,
}

impl<S> Timed<S> {
    fn time<T>(&mut self, work: impl FnOnce(&mut S) -> T) -> T {
        let begin = now();
        let done = work(&mut self.store);
        self.spent.add(begin);
        done
    }
}

impl<S: Store> Store for Timed<S> {
    fn header(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.time(Store::header)
    }

    fn set_header(&mut self, header: &[u8]) -> Result<(), StoreError> {
        self.time(|store| store.set_header(header))
    }

    fn read(&mut self, row: &RowId) -> Result<Option<Vec<u8>>, StoreError> {
        self.time(|store| store.read(row))
    }

    fn range(
        &mut self,
        collection: &CollectionId,
        page: Page,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        self.time(|store| store.range(collection, page))
    }

    fn walk(&mut self, after: Option<&RowId>, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.time(|store| store.walk(after, limit))
    }

    fn commit(&mut self, batch: &SealedBatch) -> Result<(), StoreError> {
        self.spent.commits.fetch_add(1, Ordering::Relaxed);
        self.time(|store| store.commit(batch))
    }
}
