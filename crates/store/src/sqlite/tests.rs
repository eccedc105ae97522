//! SQLite: conformance, torn writes, a full disk, damage, versions, permissions.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::conformance::{self, During, Place};

/// A folder for each life of a store: a power cut leaves what was on the disk, and nothing else.
struct Folders {
    root: TempDir,
    lives: usize,
    cut: usize,
}

impl Folders {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), lives: 0, cut: 0 }
    }

    fn path(&self) -> PathBuf {
        self.root.path().join(self.lives.to_string()).join("store")
    }

    /// The file and its WAL.
    fn files(&self) -> [Vec<u8>; 2] {
        [self.path(), self.wal()].map(|file| fs::read(file).unwrap_or_default())
    }

    fn wal(&self) -> PathBuf {
        files::beside(&self.path(), "-wal")
    }
}

impl Place for Folders {
    type Store = Sqlite;

    fn open(&mut self) -> Result<Sqlite, StoreError> {
        Sqlite::open(&self.path())
    }

    fn crash(&mut self, mut store: Sqlite, during: During<'_>) -> Result<(), StoreError> {
        let before = self.files();
        match during {
            During::Idle => {}
            During::Commit(batch) => store.commit(batch)?,
            During::Header(header) => store.set_header(header)?,
        }
        let [database, mut wal] = self.files();
        // Cut off anywhere in what this commit wrote, another place each time; where it wrote the
        // file too, the WAL was whole before that, and so it is here.
        self.cut += 977;
        let [old_database, old_wal] = before;
        if database == old_database && wal.starts_with(&old_wal) {
            let written = wal.len() - old_wal.len();
            wal.truncate(old_wal.len() + self.cut % (written + 1));
        }
        self.lives += 1;
        fs::create_dir(self.path().parent().unwrap())?;
        fs::write(self.path(), database)?;
        fs::write(self.wal(), wal)?;
        drop(store);
        Ok(())
    }
}

#[test]
fn a_store_in_a_file_conforms() {
    assert_eq!(conformance::check(Folders::new, 12), Ok(()));
}

fn row(position: u64) -> RowId {
    RowId { collection: CollectionId([7; 16]), position }
}

fn put(position: u64, value: &[u8]) -> RowChange {
    RowChange::Put { row: row(position), value: value.to_vec() }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile").join("store");
    (folder, path)
}

#[test]
fn a_full_disk_changes_nothing() {
    let (_folder, path) = folder();
    let mut store = Sqlite::open(&path).unwrap();
    store.commit(&SealedBatch(vec![put(1, b"before")])).unwrap();
    let pages: u32 =
        store.database.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let set_limit = |store: &Sqlite, pages: u32| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        store.database.query_row(&sql, [], |_| Ok(())).unwrap();
    };
    set_limit(&store, pages + 10);
    let large = SealedBatch(vec![put(1, b"after"), put(2, &[1; 100_000])]);
    for _ in 0..3 {
        assert_eq!(store.commit(&large), Err(StoreError::Full));
        assert_eq!(store.read(&row(1)).unwrap().unwrap(), b"before");
        assert_eq!(store.read(&row(2)), Ok(None));
    }
    // It can be used further, at once and later.
    store.commit(&SealedBatch(vec![put(3, b"small")])).unwrap();
    drop(store);
    let mut store = Sqlite::open(&path).unwrap();
    assert_eq!(store.read(&row(1)).unwrap().unwrap(), b"before");
    assert_eq!(store.read(&row(3)).unwrap().unwrap(), b"small");
    store.commit(&large).unwrap();
    assert_eq!(store.read(&row(1)).unwrap().unwrap(), b"after");
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    let (_folder, path) = folder();
    let mut store = Sqlite::open(&path).unwrap();
    let changes = (0..200).map(|position| put(position, &[1; 500])).collect();
    store.commit(&SealedBatch(changes)).unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();

    fs::write(&path, [&[0; 100], &whole[100..]].concat()).unwrap();
    assert_eq!(Sqlite::open(&path).err(), Some(StoreError::Damaged));
    fs::write(&path, b"a text that somebody put here, longer than a header would be").unwrap();
    assert_eq!(Sqlite::open(&path).err(), Some(StoreError::Damaged));
    let mut torn = whole.clone();
    torn[8192..].fill(0xFF);
    fs::write(&path, torn).unwrap();
    let found = Sqlite::open(&path).and_then(|mut store| store.walk(None, 1000));
    assert_eq!(found.err(), Some(StoreError::Damaged));

    fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    assert_eq!(Sqlite::open(&path).err(), Some(StoreError::Foreign));
    assert_eq!(fs::read(&path).unwrap(), before);

    fs::write(&path, whole).unwrap();
    assert_eq!(Sqlite::open(&path).unwrap().walk(None, 1000).unwrap().len(), 200);
}

#[test]
fn a_row_of_another_shape_is_damage() {
    let (_folder, path) = folder();
    let mut store = Sqlite::open(&path).unwrap();
    store.database.execute("INSERT INTO record VALUES (x'00', 0, x'')", []).unwrap();
    assert_eq!(store.walk(None, 9).err(), Some(StoreError::Damaged));
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    let store = Sqlite::open(&path).unwrap();
    let known = u32::try_from(schema::STEPS.len()).unwrap();
    store.database.pragma_update(None, "user_version", known + 1).unwrap();
    drop(store);
    let before = fs::read(&path).unwrap();
    let newer = StoreError::Newer { found: known + 1, known };
    assert_eq!(Sqlite::open(&path).err(), Some(newer));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_migration_keeps_the_rows_and_leaves_a_copy() {
    let (_folder, path) = folder();
    let mut store = Sqlite::open(&path).unwrap();
    store.set_header(b"header").unwrap();
    store.commit(&SealedBatch(vec![put(1, b"one"), put(2, b"two")])).unwrap();
    drop(store);

    let later = [schema::STEPS, &["CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT"]].concat();
    // A copy that was not finished is in nobody's way.
    let copy = files::beside(&path, &format!(".v{}", schema::STEPS.len()));
    fs::write(&copy, b"half a copy").unwrap();
    let database = schema::open(&path, &later).unwrap();
    database.execute("INSERT INTO more VALUES (1)", []).unwrap();
    let mut migrated = Sqlite { database, _exclusive: Exclusive::take(&path).unwrap() };
    assert_eq!(migrated.header().unwrap().unwrap(), b"header");
    assert_eq!(migrated.walk(None, 9).unwrap().len(), 2);
    drop(migrated);

    // The version before refuses the file, and opens the copy.
    assert!(matches!(Sqlite::open(&path), Err(StoreError::Newer { .. })));
    let mut copy = Sqlite::open(&copy).unwrap();
    assert_eq!(copy.header().unwrap().unwrap(), b"header");
    assert_eq!(copy.walk(None, 9).unwrap().len(), 2);

    // A migration that fails leaves everything as it was.
    let wrong = [later.as_slice(), &["CREATE TABLE more (id INTEGER)"]].concat();
    assert!(schema::open(&path, &wrong).is_err());
    assert!(schema::open(&path, &later).is_ok());
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let (_folder, path) = folder();
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::write(&path, b"").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let path = path.parent().unwrap().join("below").join("store");
    let mut store = Sqlite::open(&path).unwrap();
    store.commit(&SealedBatch(vec![put(1, b"one")])).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let mut files = 0;
    for file in fs::read_dir(path.parent().unwrap()).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
        files += 1;
    }
    assert_eq!(files, 3, "the file, its WAL, the lock");
    let loose = path.parent().unwrap().parent().unwrap().join("store");
    drop(Sqlite::open(&loose).unwrap());
    assert_eq!(mode(&loose), 0o600, "a file that others could read is theirs no more");
}

#[test]
fn what_is_removed_or_replaced_is_not_in_the_files_of_a_closed_store() {
    let (_folder, path) = folder();
    let mut store = Sqlite::open(&path).unwrap();
    let [kept, replaced, removed] = [b"kept-1234", b"repl-1234", b"remo-1234"];
    let [old, new] = [b"old-header", b"new-header"];
    store.set_header(old).unwrap();
    store.commit(&SealedBatch(vec![put(1, kept), put(2, replaced), put(3, removed)])).unwrap();
    let remove = RowChange::Remove { row: row(3) };
    store.commit(&SealedBatch(vec![put(2, b"new"), remove])).unwrap();
    let wal = files::beside(&path, "-wal");
    let holds = |bytes: &[u8]| {
        let files = [fs::read(&path).unwrap(), fs::read(&wal).unwrap_or_default()].concat();
        files.windows(bytes.len()).any(|window| window == bytes)
    };
    // A new header takes the old one out at once, and with it what the WAL held.
    assert!(holds(old) && holds(kept) && holds(replaced) && holds(removed));
    store.set_header(new).unwrap();
    assert!(holds(new) && holds(kept));
    assert!(!holds(old) && !holds(replaced) && !holds(removed));
    let remove = RowChange::Remove { row: row(1) };
    store.commit(&SealedBatch(vec![remove])).unwrap();
    drop(store);
    assert!(holds(new) && !holds(kept));
}

#[test]
fn a_place_that_cannot_be_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Sqlite::open(folder.path()), Err(StoreError::Io(_))));
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(matches!(Sqlite::open(&file.join("store")), Err(StoreError::Io(_))));
}
