//! Rows: what a store keeps without being able to read it, and the trait of whoever keeps it.

use crate::StoreError;
use crate::record::Page;

/// A collection's name as the disk knows it: a keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionId(pub [u8; 16]);

/// Where a row is. Rows are ordered by collection, then by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// The collection.
    pub collection: CollectionId,
    /// The position in it.
    pub position: u64,
}

/// A row of a store: where it is, and its sealed value.
pub type Row = (RowId, Vec<u8>);

/// One change of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange {
    /// This value is at this place from now on.
    Put {
        /// The place.
        row: RowId,
        /// The sealed value.
        value: Vec<u8>,
    },
    /// Nothing is at this place from now on.
    Remove {
        /// The place.
        row: RowId,
    },
    /// Nothing is at these places from now on.
    RemoveRange {
        /// The collection.
        collection: CollectionId,
        /// The first position.
        from: u64,
        /// The last position.
        to: u64,
    },
}

/// Changes of rows that are made together or not at all, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedBatch(pub Vec<RowChange>);

/// Whoever keeps rows. The values are opaque; nothing here needs to be kept secret but by its owner.
///
/// A store that is open is the only one that is open in its place. [`crate::conformance`] checks all
/// that is asked for here.
pub trait Store {
    /// The header: a few bytes that are kept beside the rows.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Damaged`].
    fn header(&mut self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the header: whole, durable when this returns, or not at all.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn set_header(&mut self, header: &[u8]) -> Result<(), StoreError>;

    /// The value of a row.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Damaged`].
    fn read(&mut self, row: &RowId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Part of a collection, in the order that the page asks for.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Damaged`].
    fn range(
        &mut self,
        collection: &CollectionId,
        page: Page,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError>;

    /// The first `limit` rows of all, after this one.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Damaged`].
    fn walk(&mut self, after: Option<&RowId>, limit: usize) -> Result<Vec<Row>, StoreError>;

    /// Makes all changes of the batch in their order, durable when this returns, or none.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Io`], [`StoreError::Damaged`]; then nothing has changed, and
    /// the store can be used further.
    fn commit(&mut self, batch: &SealedBatch) -> Result<(), StoreError>;
}
