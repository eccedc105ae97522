//! What version 1 wrote still opens.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sprag_protocol::secret::Secret;
use sprag_store::stream::{ChunkKey, Place};
use sprag_store::{
    Collection, CollectionId, Profile, RowId, Sealer, Sqlite, Store, StoreKey, Unlock, read_archive,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/storage/v1")
}

struct Vectors(HashMap<String, String>);

impl Vectors {
    fn load() -> Self {
        let text = fs::read_to_string(folder().join("store.txt")).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once(" ="));
        Self(lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("{name}"))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        HEXLOWER.decode(self.text(name).as_bytes()).unwrap()
    }

    fn secret(&self, name: &str) -> Secret<32> {
        Secret::copy_of(&self.bytes(name).try_into().unwrap())
    }

    /// Collection, position, value.
    fn records(&self) -> Vec<(String, u64, Vec<u8>)> {
        let record = |index: usize| {
            let name = |part| format!("record.{index}.{part}");
            let collection = self.0.get(&name("collection"))?.clone();
            let position = self.text(&name("position")).parse().unwrap();
            Some((collection, position, self.bytes(&name("value"))))
        };
        (0..).map_while(record).collect()
    }
}

#[test]
fn rows_that_version_1_wrote_still_open() {
    let vectors = Vectors::load();
    let unlock = Unlock::Passphrase(vectors.text("passphrase"));
    let key = StoreKey::open(&vectors.bytes("header"), &unlock).unwrap();
    let sealer = Sealer::new(&key);
    let mut found = Vec::new();
    for index in 0..vectors.records().len() {
        let name = |part| format!("row.{index}.{part}");
        let collection = CollectionId(vectors.bytes(&name("collection")).try_into().unwrap());
        let row = RowId { collection, position: vectors.text(&name("position")).parse().unwrap() };
        let (key, value) = sealer.open_row(&row, &vectors.bytes(&name("sealed"))).unwrap();
        let collection = String::from_utf8(key.collection.name().to_vec()).unwrap();
        found.push((collection, key.position, value.to_vec()));
    }
    found.sort();
    assert_eq!(found, vectors.records());
    assert_eq!(found.len(), 5);
}

#[test]
fn locks_that_version_1_wrote_still_open() {
    let vectors = Vectors::load();
    let file = vectors.secret("key_file");
    let external = vectors.secret("external");
    let headers = [("key_file", Unlock::KeyFile(&file)), ("external", Unlock::External(&external))];
    for (name, unlock) in headers {
        assert!(StoreKey::open(&vectors.bytes(&format!("{name}_header")), &unlock).is_ok());
    }
}

#[test]
fn a_backup_that_version_1_wrote_is_still_read() {
    let vectors = Vectors::load();
    let backup = vectors.bytes("backup");
    let records = read_archive(backup.as_slice(), vectors.text("passphrase")).unwrap();
    let found: Vec<_> = records
        .map(Result::unwrap)
        .map(|(key, value)| {
            let collection = String::from_utf8(key.collection.name().to_vec()).unwrap();
            (collection, key.position, value.to_vec())
        })
        .collect();
    assert_eq!(found, vectors.records());
}

#[test]
fn a_chunk_that_version_1_wrote_still_opens() {
    let vectors = Vectors::load();
    let key = ChunkKey::new(&vectors.secret("chunk_key"), &vectors.bytes("chunk_bound"));
    let place = Place { index: vectors.text("chunk_index").parse().unwrap(), last: true };
    let content = key.open(place, &vectors.bytes("chunk_sealed")).unwrap();
    assert_eq!(content.to_vec(), vectors.bytes("chunk_content"));
}

#[test]
fn a_file_that_version_1_wrote_still_opens() {
    let vectors = Vectors::load();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("store");
    fs::copy(folder().join("store.sqlite"), &path).unwrap();
    let unlock = Unlock::Passphrase(vectors.text("passphrase"));
    let mut profile = Profile::open(Sqlite::open(&path).unwrap(), &unlock).unwrap();
    for (collection, position, value) in vectors.records() {
        let key = Collection::new(collection).at(position);
        assert_eq!(profile.read(&key).unwrap().unwrap().to_vec(), value);
    }
    assert_eq!(profile.into_store().walk(None, usize::MAX).unwrap().len(), 5);
}
