//! Checks that whoever implements [`Store`] does all that is asked for: everything that a client
//! takes for granted, each violation by its name.
//!
//! The kit opens stores in places of the implementer's making, uses them, crashes them, and looks at
//! what is there afterwards.
//!
//! ```
//! use sprag_store::conformance::{self, During, Place};
//! use sprag_store::{Disk, Memory, Store, StoreError};
//!
//! struct InMemory(Disk);
//!
//! impl Place for InMemory {
//!     type Store = Memory;
//!
//!     fn open(&mut self) -> Result<Memory, StoreError> {
//!         self.0.open()
//!     }
//!
//!     fn crash(&mut self, mut store: Memory, during: During<'_>) -> Result<(), StoreError> {
//!         // Memory has no moment at which half of a batch is there: it is all of it, or nothing.
//!         match during {
//!             During::Commit(batch) if batch.0.len() % 2 == 0 => store.commit(batch),
//!             During::Idle | During::Commit(_) | During::Header(_) => Ok(()),
//!         }
//!     }
//! }
//!
//! assert_eq!(conformance::check(|| InMemory(Disk::new()), 20), Ok(()));
//! ```

use crate::StoreError;
use crate::record::Page;
use crate::row::{CollectionId, RowChange, RowId, SealedBatch, Store};

mod schedule;

/// What a store is doing when it crashes.
#[derive(Clone, Copy, Debug)]
pub enum During<'a> {
    /// Nothing: all that it reported is durable.
    Idle,
    /// It commits this batch, and has not reported it.
    Commit(&'a SealedBatch),
    /// It replaces the header by this, and has not reported it.
    Header(&'a [u8]),
}

/// A place where a store can be opened, again and again.
pub trait Place {
    /// What is checked.
    type Store: Store;

    /// Opens the store that is here; at first an empty one.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while one is open.
    fn open(&mut self) -> Result<Self::Store, StoreError>;

    /// Ends a store as a power cut does, while it does this. How far it came is up to the place, and is best
    /// different each time.
    ///
    /// # Errors
    /// What kept it from crashing.
    fn crash(&mut self, store: Self::Store, during: During<'_>) -> Result<(), StoreError>;
}

/// What a store did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It refused what it must do.
    #[error("refused what it must do: {0}")]
    Refused(#[from] StoreError),
    /// It was opened while it was open.
    #[error("opened while another was open")]
    OpenedTwice,
    /// A change of a reported commit is not there.
    #[error("a change of a reported commit is not there")]
    LostWrite,
    /// An earlier value was read after a later one was committed.
    #[error("read an earlier value")]
    StaleRead,
    /// Changes were made in another order.
    #[error("changes were made in another order")]
    Reordered,
    /// After a crash, part of a batch is there.
    #[error("part of a batch is there after a crash")]
    TornBatch,
    /// After a crash or reopening, a reported commit is not there.
    #[error("a reported commit is not there after reopening")]
    Forgotten,
    /// A page of a collection has other records than it must, or another order.
    #[error("a page of a collection is wrong")]
    WrongRange,
    /// Walking through all rows gives others than there are, or another order.
    #[error("the walk through all rows is wrong")]
    WrongWalk,
    /// A reported header is not there.
    #[error("a reported header is not there")]
    LostHeader,
    /// After a crash, the header is neither the one before nor the one after.
    #[error("the header is neither the one before nor the one after a crash")]
    TornHeader,
}

type Rule<P> = fn(&mut P) -> Result<(), Violation>;

/// Checks an implementation: each rule by itself, then `schedules` random ones.
///
/// # Errors
/// The first [`Violation`] found.
pub fn check<P: Place>(mut new_place: impl FnMut() -> P, schedules: u64) -> Result<(), Violation> {
    let rules: [Rule<P>; 9] = [
        opens_once,
        reads_what_is_newest,
        keeps_what_is_written,
        keeps_the_order_of_changes,
        keeps_what_it_reported,
        commits_whole_batches,
        gives_pages_in_order,
        walks_through_everything,
        replaces_the_header_whole,
    ];
    for rule in rules {
        rule(&mut new_place())?;
    }
    (0..schedules).try_for_each(|seed| schedule::run(&mut new_place(), seed))
}

/// Positions in their order, among them those where integers change their sign or end.
const POSITIONS: [u64; 8] = [0, 1, 2, 1 << 31, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX];

const A: CollectionId = CollectionId([0x40; 16]);
const B: CollectionId = CollectionId([0xC0; 16]);

fn at(collection: CollectionId, position: u64) -> RowId {
    RowId { collection, position }
}

fn put(row: RowId, value: &[u8]) -> RowChange {
    RowChange::Put { row, value: value.to_vec() }
}

fn commit(store: &mut impl Store, changes: Vec<RowChange>) -> Result<(), Violation> {
    Ok(store.commit(&SealedBatch(changes))?)
}

/// Fails with `violation` where the row has another value.
fn expect(
    store: &mut impl Store,
    row: RowId,
    value: Option<&[u8]>,
    violation: Violation,
) -> Result<(), Violation> {
    if store.read(&row)?.as_deref() == value { Ok(()) } else { Err(violation) }
}

fn opens_once<P: Place>(place: &mut P) -> Result<(), Violation> {
    for crashes in [false, true] {
        let store = place.open()?;
        match place.open() {
            Err(StoreError::InUse { .. }) => {}
            Err(other) => return Err(other.into()),
            Ok(_) => return Err(Violation::OpenedTwice),
        }
        if crashes {
            place.crash(store, During::Idle)?;
        }
    }
    place.open()?;
    Ok(())
}

fn keeps_what_is_written<P: Place>(place: &mut P) -> Result<(), Violation> {
    let lost = Violation::LostWrite;
    let mut store = place.open()?;
    for position in POSITIONS {
        let value = position.to_be_bytes();
        commit(&mut store, vec![put(at(A, position), &value), put(at(B, position), b"")])?;
        expect(&mut store, at(A, position), Some(&value), lost)?;
        expect(&mut store, at(B, position), Some(b""), lost)?;
    }
    let long: Vec<u8> = (0..=255).cycle().take(1024 * 1024).collect();
    commit(&mut store, vec![put(at(A, 3), &long), RowChange::Remove { row: at(A, 0) }])?;
    expect(&mut store, at(A, 3), Some(&long), lost)?;
    expect(&mut store, at(A, 0), None, lost)?;
    // What is not there can be removed too.
    commit(&mut store, vec![RowChange::Remove { row: at(A, 0) }])?;
    let gone = 2..=1 << 63;
    let range = RowChange::RemoveRange { collection: A, from: *gone.start(), to: *gone.end() };
    commit(&mut store, vec![range])?;
    for position in POSITIONS.into_iter().filter(|position| *position != 0) {
        let value = position.to_be_bytes();
        let value = (!gone.contains(&position)).then_some(value.as_slice());
        expect(&mut store, at(A, position), value, lost)?;
        expect(&mut store, at(B, position), Some(b""), lost)?;
    }
    let none = RowChange::RemoveRange { collection: B, from: 2, to: 1 };
    commit(&mut store, vec![none])?;
    expect(&mut store, at(B, 1), Some(b""), lost)?;
    expect(&mut store, at(B, 2), Some(b""), lost)
}

fn reads_what_is_newest<P: Place>(place: &mut P) -> Result<(), Violation> {
    let mut store = place.open()?;
    expect(&mut store, at(A, 1), None, Violation::StaleRead)?;
    for value in [b"first", b"later", b"third"] {
        commit(&mut store, vec![put(at(A, 1), value)])?;
        expect(&mut store, at(A, 1), Some(value), Violation::StaleRead)?;
        if store.range(&A, Page::ALL)? != [(1, value.to_vec())] {
            return Err(Violation::StaleRead);
        }
        if store.walk(None, 9)? != [(at(A, 1), value.to_vec())] {
            return Err(Violation::StaleRead);
        }
    }
    Ok(())
}

fn keeps_the_order_of_changes<P: Place>(place: &mut P) -> Result<(), Violation> {
    let reordered = Violation::Reordered;
    let all = RowChange::RemoveRange { collection: A, from: 0, to: u64::MAX };
    let mut store = place.open()?;
    commit(
        &mut store,
        vec![
            put(at(A, 1), b"gone"),
            put(at(A, 2), b"gone"),
            all,
            put(at(A, 2), b"earlier"),
            put(at(A, 2), b"later"),
            put(at(A, 3), b"gone"),
            RowChange::Remove { row: at(A, 3) },
        ],
    )?;
    for value in [b"1", b"2", b"3"] {
        commit(&mut store, vec![put(at(B, 1), value)])?;
    }
    for _ in 0..2 {
        if store.read(&at(A, 2))?.is_some() {
            expect(&mut store, at(A, 2), Some(b"later"), reordered)?;
        }
        expect(&mut store, at(A, 1), None, reordered)?;
        expect(&mut store, at(A, 3), None, reordered)?;
        // One of the others was written last. That there is none is found by another rule.
        if store.read(&at(B, 1))?.is_some() {
            expect(&mut store, at(B, 1), Some(b"3"), reordered)?;
        }
        place.crash(store, During::Idle)?;
        store = place.open()?;
    }
    Ok(())
}

fn keeps_what_it_reported<P: Place>(place: &mut P) -> Result<(), Violation> {
    let mut store = place.open()?;
    for round in 0..6_u64 {
        let value = round.to_be_bytes();
        commit(&mut store, vec![put(at(A, round), &value), put(at(B, 0), &value)])?;
        if round % 2 == 0 {
            place.crash(store, During::Idle)?;
        } else {
            drop(store);
        }
        store = place.open()?;
        for earlier in 0..=round {
            let value = earlier.to_be_bytes();
            expect(&mut store, at(A, earlier), Some(&value), Violation::Forgotten)?;
        }
        expect(&mut store, at(B, 0), Some(&value), Violation::Forgotten)?;
    }
    Ok(())
}

fn commits_whole_batches<P: Place>(place: &mut P) -> Result<(), Violation> {
    let mut store = place.open()?;
    let mut before = 0_u8;
    commit(&mut store, numbered(before))?;
    for after in 1..=32 {
        let batch = SealedBatch(numbered(after));
        place.crash(store, During::Commit(&batch))?;
        store = place.open()?;
        let found = store.range(&A, Page::ALL)?;
        let is = |number| {
            let rows = (0..40).map(|position| (position, vec![number; 200]));
            found.iter().cloned().eq(rows)
        };
        if is(after) {
            before = after;
        } else if !is(before) {
            return Err(Violation::TornBatch);
        }
    }
    Ok(())
}

/// A batch that writes its number everywhere.
fn numbered(number: u8) -> Vec<RowChange> {
    (0..40).map(|position| put(at(A, position), &[number; 200])).collect()
}

fn gives_pages_in_order<P: Place>(place: &mut P) -> Result<(), Violation> {
    let mut store = place.open()?;
    let changes = POSITIONS.iter().rev().flat_map(|position| {
        [put(at(A, *position), &position.to_be_bytes()), put(at(B, *position), b"other")]
    });
    commit(&mut store, changes.collect())?;
    let bounds = [0, 1, 3, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX];
    for from in bounds {
        for to in bounds {
            for limit in [0, 1, 3, usize::MAX] {
                for newest_first in [false, true] {
                    page(&mut store, Page { from, to, newest_first, limit })?;
                }
            }
        }
    }
    let empty = store.range(&CollectionId([0x80; 16]), Page::ALL)?;
    if empty.is_empty() { Ok(()) } else { Err(Violation::WrongRange) }
}

fn page(store: &mut impl Store, page: Page) -> Result<(), Violation> {
    let mut positions: Vec<u64> = POSITIONS
        .into_iter()
        .filter(|position| page.from <= *position && *position <= page.to)
        .collect();
    if page.newest_first {
        positions.reverse();
    }
    positions.truncate(page.limit);
    let wanted = positions.into_iter().map(|at| (at, at.to_be_bytes().to_vec()));
    if store.range(&A, page)?.into_iter().eq(wanted) { Ok(()) } else { Err(Violation::WrongRange) }
}

fn walks_through_everything<P: Place>(place: &mut P) -> Result<(), Violation> {
    let mut store = place.open()?;
    let rows = [B, A].map(|collection| {
        POSITIONS.map(|position| put(at(collection, position), &position.to_be_bytes()))
    });
    commit(&mut store, rows.concat())?;
    let wanted: Vec<_> = [A, B]
        .into_iter()
        .flat_map(|collection| {
            POSITIONS.map(|position| (at(collection, position), position.to_be_bytes().to_vec()))
        })
        .collect();
    for limit in [1, 3, 100] {
        let mut found = Vec::new();
        loop {
            let after = found.last().map(|(row, _)| *row);
            let rows = store.walk(after.as_ref(), limit)?;
            if rows.is_empty() {
                break;
            }
            found.extend(rows);
            if found.len() > wanted.len() {
                return Err(Violation::WrongWalk);
            }
        }
        if found != wanted {
            return Err(Violation::WrongWalk);
        }
    }
    Ok(())
}

fn replaces_the_header_whole<P: Place>(place: &mut P) -> Result<(), Violation> {
    let mut store = place.open()?;
    if store.header()?.is_some() {
        return Err(Violation::LostHeader);
    }
    let header = |number| vec![number; 106];
    let mut before = header(0);
    store.set_header(&before)?;
    for number in 1..=16 {
        if store.header()?.as_ref() != Some(&before) {
            return Err(Violation::LostHeader);
        }
        let after = header(number);
        if number % 2 == 1 {
            store.set_header(&after)?;
            place.crash(store, During::Idle)?;
            before = after;
            store = place.open()?;
        } else {
            place.crash(store, During::Header(&after))?;
            store = place.open()?;
            match store.header()? {
                Some(found) if found == after => before = after,
                Some(found) if found == before => {}
                _ => return Err(Violation::TornHeader),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
