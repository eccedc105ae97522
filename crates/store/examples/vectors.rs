//! Writes `vectors/storage/v1/store.txt`, or with `--check` fails if it would change.
//!
//! The file of SQLite beside it was written once, and is written again only where it is missing: SQLite
//! does not promise the same bytes.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use data_encoding::HEXLOWER;
use sprag_protocol::secret::Secret;
use sprag_store::stream::{ChunkKey, Place};
use sprag_store::{
    Batch, Collection, Cost, Lock, Memory, Profile, Sqlite, Store, StoreError, write_archive,
};

const PASSPHRASE: &str = "correct horse battery staple";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/storage/v1");
    let text = text()?;
    let file = folder.join("store.txt");
    if env::args().any(|argument| argument == "--check") {
        if fs::read_to_string(&file)? != text {
            return Err(format!("{} is not what the code writes", file.display()).into());
        }
        return Ok(());
    }
    fs::write(file, text)?;
    let database = folder.join("store.sqlite");
    if !database.exists() {
        let scratch = tempfile::tempdir()?;
        let path = scratch.path().join("store");
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let mut profile = Profile::create(Sqlite::open(&path)?, &passphrase()?, &mut rng)?;
        profile.commit(&batch(), &mut rng)?;
        drop(profile);
        fs::copy(path, database)?;
    }
    Ok(())
}

fn passphrase() -> Result<Lock<'static>, StoreError> {
    Ok(Lock::Passphrase(PASSPHRASE, cost()?))
}

fn cost() -> Result<Cost, StoreError> {
    Cost::new(256, 2, 2)
}

/// The records: texts, where the content is one, and the places that are hardest to get right.
fn records() -> [(Collection, u64, &'static str); 5] {
    [
        (Collection::new("account"), 0, "alice"),
        (Collection::of("history", "bob"), 1, "Hello, Bob!"),
        (Collection::of("history", "bob"), 1 << 63, "Hello, Alice!"),
        (Collection::of("history", "bob"), u64::MAX, ""),
        (Collection::of("sessions", "bob"), 2, "a session"),
    ]
}

fn batch() -> Batch {
    let mut batch = Batch::new();
    for (collection, position, value) in records() {
        batch.put(collection.at(position), value.as_bytes().to_vec());
    }
    batch
}

fn text() -> Result<String, Box<dyn Error>> {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    let mut lines = vec![
        "# Stores and backups that version 1 wrote; every later version reads them.".to_owned(),
        format!("passphrase = {PASSPHRASE}"),
    ];

    lines.extend([String::new(), "# a store".to_owned()]);
    let mut profile = Profile::create(Memory::new(), &passphrase()?, &mut rng)?;
    profile.commit(&batch(), &mut rng)?;
    for (index, (collection, position, value)) in records().into_iter().enumerate() {
        let name = String::from_utf8(collection.name().to_vec())?;
        lines.push(format!("record.{index}.collection = {name}"));
        lines.push(format!("record.{index}.position = {position}"));
        lines.push(format!("record.{index}.value = {}", hex(value.as_bytes())));
    }
    let mut store = profile.into_store();
    lines.push(format!("header = {}", hex(&store.header()?.ok_or(StoreError::Missing)?)));
    for (index, (row, value)) in store.walk(None, usize::MAX)?.into_iter().enumerate() {
        lines.push(format!("row.{index}.collection = {}", hex(&row.collection.0)));
        lines.push(format!("row.{index}.position = {}", row.position));
        lines.push(format!("row.{index}.sealed = {}", hex(&value)));
    }

    for name in ["key_file", "external"] {
        let key = Secret::random(&mut rng);
        let lock = if name == "external" { Lock::External(&key) } else { Lock::KeyFile(&key) };
        let mut store = Profile::create(Memory::new(), &lock, &mut rng)?.into_store();
        lines.extend([String::new(), format!("# an empty store that opens with {name}")]);
        lines.push(format!("{name} = {}", hex(key.expose())));
        lines.push(format!("{name}_header = {}", hex(&store.header()?.unwrap_or_default())));
    }

    lines.extend([String::new(), "# a backup of the store above".to_owned()]);
    let mut backup = Vec::new();
    let record = |(collection, position, value): (Collection, u64, &str)| {
        Ok((collection.at(position), value.as_bytes().to_vec().into()))
    };
    write_archive(records().into_iter().map(record), PASSPHRASE, cost()?, &mut backup, &mut rng)?;
    lines.push(format!("backup = {}", hex(&backup)));

    lines.extend([String::new(), "# a chunk of a stream, as of an attachment".to_owned()]);
    let key = Secret::random(&mut rng);
    let sealed =
        ChunkKey::new(&key, b"bound").seal(Place { index: 258, last: true }, b"content")?;
    lines.push(format!("chunk_key = {}", hex(key.expose())));
    lines.push(format!("chunk_bound = {}", hex(b"bound")));
    lines.push("chunk_index = 258".to_owned());
    lines.push("chunk_last = 1".to_owned());
    lines.push(format!("chunk_content = {}", hex(b"content")));
    lines.push(format!("chunk_sealed = {}", hex(&sealed)));
    Ok(lines.join("\n") + "\n")
}
