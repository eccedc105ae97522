//! Nothing that a profile keeps is in its files in the clear.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_protocol::secret::Secret;
use sprag_store::{
    Batch, Collection, Cost, Lock, Profile, Row, Sealer, Sqlite, Store, StoreKey, create_key_file,
};

/// Texts and names, ten of each.
fn planted() -> Vec<String> {
    let text = |number| format!("meet me at the {number}. bridge, and tell nobody");
    let name = |number| format!("dora.the.{number}.friend");
    (1..=10).flat_map(|number| [text(number), name(number)]).collect()
}

/// All bytes of all files of a folder.
fn files(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        bytes.extend(fs::read(file.unwrap().path()).unwrap());
    }
    bytes
}

fn holds(files: &[u8], bytes: &[u8]) -> bool {
    files.windows(bytes.len()).any(|window| window == bytes)
}

#[test]
fn nothing_planted_is_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let passphrase = "a long passphrase of nobody else";
    let lock = Lock::Passphrase(passphrase, Cost::new(64, 1, 1).unwrap());
    let mut profile = Profile::create(Sqlite::open(&path).unwrap(), &lock, &mut rng).unwrap();
    let keys: Vec<[u8; 32]> = (0..20).map(|_| *Secret::random(&mut rng).expose()).collect();
    let planted = planted();
    let mut positions = 0..;
    for pair in planted.chunks(2) {
        let mut batch = Batch::new();
        let history = Collection::of("history", &pair[1]);
        for (at, key) in positions.by_ref().zip(keys.iter().take(2)) {
            batch.put(history.at(at), pair[0].clone().into_bytes());
            batch.put(Collection::new("sessions").at(at), key.to_vec());
        }
        profile.commit(&batch, &mut rng).unwrap();
    }
    let mut batch = Batch::new();
    for (at, key) in (0..).zip(&keys) {
        batch.put(Collection::new("prekeys").at(at), key.to_vec());
    }
    profile.commit(&batch, &mut rng).unwrap();

    let mut backup = Vec::new();
    let cost = Cost::new(64, 1, 1).unwrap();
    profile.export(passphrase, cost, &mut backup, &mut rng).unwrap();
    // While it is open, with a WAL; and after it was closed.
    let open = files(folder.path());
    let mut store = profile.into_store();
    let header = store.header().unwrap().unwrap();
    let rows: Vec<Row> = store.walk(None, usize::MAX).unwrap();
    drop(store);
    let closed = files(folder.path());
    let store_key = StoreKey::open(&header, &lock.unlock()).unwrap();
    assert!(Sealer::new(&store_key).open_row(&rows[0].0, &rows[0].1).is_ok());
    for bytes in [&open, &closed, &backup] {
        for text in &planted {
            assert!(!holds(bytes, text.as_bytes()), "{text}");
        }
        assert!(keys.iter().all(|key| !holds(bytes, key)));
        for name in ["history", "sessions", "prekeys", passphrase] {
            assert!(!holds(bytes, name.as_bytes()), "{name}");
        }
    }
    // The search finds what is there.
    for bytes in [&open, &closed] {
        assert!(holds(bytes, &header) && holds(bytes, &rows[0].1));
    }
}

#[test]
fn a_key_file_locks_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let key = create_key_file(&folder.path().join("key"), &mut rng).unwrap();
    let lock = Lock::KeyFile(&key);
    drop(Profile::create(Sqlite::open(&path).unwrap(), &lock, &mut rng).unwrap());
    let key = sprag_store::read_key_file(&folder.path().join("key")).unwrap();
    let unlock = Lock::KeyFile(&key).unlock();
    assert!(Profile::open(Sqlite::open(&path).unwrap(), &unlock).is_ok());
    assert!(!holds(&fs::read(&path).unwrap(), key.expose()));
}
