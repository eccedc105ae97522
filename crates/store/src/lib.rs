//! One device's state as sealed records with atomic commits.

mod archive;
pub mod conformance;
mod error;
#[cfg(feature = "sqlite")]
mod files;
#[cfg(feature = "sqlite")]
mod key_file;
pub mod lock;
pub mod memory;
mod profile;
pub mod record;
pub mod row;
pub mod seal;
#[cfg(feature = "sqlite")]
mod sqlite;
pub mod stream;

pub use archive::{Record, Records, read_archive, write_archive};
pub use error::StoreError;
#[cfg(feature = "sqlite")]
pub use key_file::{create_key_file, read_key_file};
pub use lock::{Cost, Lock, Unlock, Wrapping};
pub use memory::{Disk, Memory};
pub use profile::Profile;
pub use record::{Batch, Change, Collection, Key, MAX_NAME_LEN, MAX_VALUE_LEN, Page, Value};
pub use row::{CollectionId, Row, RowChange, RowId, SealedBatch, Store};
pub use seal::{ROW_OVERHEAD, Sealer, StoreKey};
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
