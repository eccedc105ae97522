//! Records in the clear, as a client sees them: a value at a position of a collection.

use std::fmt;

use zeroize::Zeroizing;

/// The longest name of a collection, in bytes.
pub const MAX_NAME_LEN: usize = 1024;

/// The longest value, in bytes.
pub const MAX_VALUE_LEN: usize = 16 * 1024 * 1024;

/// The name of a collection, at most [`MAX_NAME_LEN`] bytes. It is sealed with every record, and is
/// not on the disk in the clear.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Collection(Vec<u8>);

impl Collection {
    /// The collection of this name.
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        Self(name.as_ref().to_vec())
    }

    /// A collection of a family: `of("history", "bob")` is `history/bob`. A family has no `/` in its
    /// name, so that no two of them share a collection.
    pub fn of(family: &str, member: impl AsRef<[u8]>) -> Self {
        Self([family.as_bytes(), b"/", member.as_ref()].concat())
    }

    /// The record at this position.
    #[must_use]
    pub fn at(&self, position: u64) -> Key {
        Key { collection: self.clone(), position }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.0
    }

    /// The member's name, where this is a collection of that family.
    #[must_use]
    pub fn member_of(&self, family: &str) -> Option<&[u8]> {
        self.0.strip_prefix(family.as_bytes())?.strip_prefix(b"/")
    }
}

/// Names can be those of people: only the length is shown.
impl fmt::Debug for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collection({} bytes)", self.0.len())
    }
}

/// Where a record is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The collection.
    pub collection: Collection,
    /// The position in it. Positions order the records, and are on the disk in the clear.
    pub position: u64,
}

/// A value, wiped when dropped.
pub type Value = Zeroizing<Vec<u8>>;

/// One change of a batch.
pub enum Change {
    /// This value is at this place from now on.
    Put {
        /// The place.
        key: Key,
        /// The value.
        value: Value,
    },
    /// Nothing is at this place from now on.
    Remove {
        /// The place.
        key: Key,
    },
    /// Nothing is at these places from now on.
    RemoveRange {
        /// The collection.
        collection: Collection,
        /// The first position.
        from: u64,
        /// The last position.
        to: u64,
    },
}

/// Changes that are made together or not at all, one after the other.
#[derive(Default)]
pub struct Batch(Vec<Change>);

impl Batch {
    /// No changes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a value at a place, whatever was there.
    pub fn put(&mut self, key: Key, value: impl Into<Value>) {
        self.0.push(Change::Put { key, value: value.into() });
    }

    /// Removes what is at a place, if anything.
    pub fn remove(&mut self, key: Key) {
        self.0.push(Change::Remove { key });
    }

    /// Removes what is from one position to another, both included.
    pub fn remove_range(&mut self, collection: Collection, from: u64, to: u64) {
        self.0.push(Change::RemoveRange { collection, from, to });
    }

    /// Lets the changes of another batch follow these.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many changes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The changes, in their order.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.0
    }
}

/// What is in a batch is secret: only the number of changes is shown.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} changes)", self.len())
    }
}

/// A part of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The lowest position.
    pub from: u64,
    /// The highest position, included.
    pub to: u64,
    /// Whether the highest position comes first.
    pub newest_first: bool,
    /// At most so many records.
    pub limit: usize,
}

impl Page {
    /// A whole collection, lowest position first.
    pub const ALL: Self = Self { from: 0, to: u64::MAX, newest_first: false, limit: usize::MAX };

    /// The first `limit` records.
    #[must_use]
    pub fn oldest(limit: usize) -> Self {
        Self { limit, ..Self::ALL }
    }

    /// The last `limit` records, the last of them first.
    #[must_use]
    pub fn newest(limit: usize) -> Self {
        Self { newest_first: true, limit, ..Self::ALL }
    }
}
