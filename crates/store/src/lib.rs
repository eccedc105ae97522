//! One device's state as sealed records with atomic commits.
//!
//! A client sees a [`Profile`]: values at positions of collections, read one by one or by pages, and
//! changed in batches that are made whole and durable, or not at all. What is kept are rows that nobody can
//! read without the profile's key, by whoever implements [`Store`]: here [`Memory`], and `Sqlite` with
//! the feature `sqlite`. `docs/STORE.md` has the bytes.
//!
//! Reading order: [`record`] (in the clear) → [`row`] (sealed; the trait [`Store`]) → [`seal`] → [`lock`]
//! (what guards the key) → `profile` → [`memory`], `sqlite` → [`stream`] and `archive` (backups) →
//! [`conformance`].
//!
//! Nothing here asks for randomness; it is an argument. Nothing is logged, and no error names what is
//! stored.
//!
//! ```
//! use chacha20::{ChaCha20Rng, rand_core::SeedableRng};
//! use sprag_store::{Batch, Collection, Cost, Disk, Lock, Page, Profile, StoreError};
//!
//! # fn main() -> Result<(), StoreError> {
//! // In an application the randomness comes from the operating system, and the store is a file.
//! let mut rng = ChaCha20Rng::from_seed([1; 32]);
//! let disk = Disk::new();
//! let lock = Lock::Passphrase("correct horse battery staple", Cost::RECOMMENDED);
//! let mut profile = Profile::create(disk.open()?, &lock, &mut rng)?;
//!
//! // A message was received: the session's next state and the text are kept together, or neither.
//! let history = Collection::of("history", "bob");
//! let mut batch = Batch::new();
//! batch.put(Collection::of("sessions", "bob").at(1), b"the next state".to_vec());
//! batch.put(history.at(17), b"Hello, Alice!".to_vec());
//! profile.commit(&batch, &mut rng)?;
//! drop(profile);
//!
//! let mut profile = Profile::open(disk.open()?, &lock.unlock())?;
//! let newest = profile.range(&history, Page::newest(10))?;
//! assert_eq!(newest[0].1.as_slice(), b"Hello, Alice!");
//! # Ok(())
//! # }
//! ```

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

pub use archive::{
    ArchiveKey, ArchiveWriter, Record, Records, open_archive, read_archive, write_archive,
};
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
