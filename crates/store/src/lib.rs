//! One device's state as sealed records with atomic commits.

mod error;
pub mod lock;
pub mod memory;
mod profile;
pub mod record;
pub mod row;
pub mod seal;

pub use error::StoreError;
pub use lock::{Cost, Lock, Unlock, Wrapping};
pub use memory::{Disk, Memory};
pub use profile::Profile;
pub use record::{Batch, Change, Collection, Key, MAX_NAME_LEN, MAX_VALUE_LEN, Page, Value};
pub use row::{CollectionId, Row, RowChange, RowId, SealedBatch, Store};
pub use seal::{ROW_OVERHEAD, Sealer, StoreKey};
