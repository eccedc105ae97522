//! The log stays short, whatever is written and whoever reads.

use std::fs;

use tempfile::TempDir;

use super::*;

/// A database with one table, its writer, and what sees to its log.
fn start(folder: &TempDir) -> (Checkpoints, Connection) {
    let file = folder.path().join("some.sqlite");
    let mut writer = Connection::open(&file).unwrap();
    writer.pragma_update(None, "journal_mode", "WAL").unwrap();
    writer.execute_batch("CREATE TABLE bytes (body BLOB NOT NULL)").unwrap();
    (Checkpoints::start(&file, &mut writer).unwrap(), writer)
}

/// Commits a hundred pages or so.
fn write(checkpoints: &mut Checkpoints, writer: &Connection) {
    writer.execute("INSERT INTO bytes VALUES (zeroblob(409600))", ()).unwrap();
    checkpoints.committed(writer);
}

/// Waits until what the thread was asked for is done.
fn settle(checkpoints: &mut Checkpoints, writer: &Connection) {
    while checkpoints.moving {
        thread::yield_now();
        checkpoints.committed(writer);
    }
}

#[test]
fn the_log_begins_again_once_it_is_long() {
    let folder = TempDir::new().unwrap();
    let (mut checkpoints, writer) = start(&folder);
    for _ in 0..10 {
        let mut longest = 0;
        while !checkpoints.moving {
            write(&mut checkpoints, &writer);
            assert!(checkpoints.before >= longest, "it begins again only once it was moved");
            longest = checkpoints.before;
        }
        assert!(longest >= LONG);
        settle(&mut checkpoints, &writer);
        write(&mut checkpoints, &writer);
        assert!(checkpoints.before < LONG, "{} pages", checkpoints.before);
        assert_eq!(checkpoints.due, LONG);
    }
}

#[test]
fn a_reader_holds_nothing_up_and_what_it_kept_goes_later() {
    let folder = TempDir::new().unwrap();
    let (mut checkpoints, writer) = start(&folder);
    write(&mut checkpoints, &writer);
    let reader = Connection::open(folder.path().join("some.sqlite")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let seen = || reader.query_row("SELECT count(*) FROM bytes", (), |row| row.get::<_, u32>(0));
    assert_eq!(seen().unwrap(), 1);
    for _ in 0..3 {
        while !checkpoints.moving {
            write(&mut checkpoints, &writer);
        }
        settle(&mut checkpoints, &writer);
    }
    assert!(checkpoints.before > 2 * LONG, "the reader needs the log as it is");
    assert_eq!(seen().unwrap(), 1);
    reader.execute_batch("COMMIT").unwrap();
    while !checkpoints.moving {
        write(&mut checkpoints, &writer);
    }
    settle(&mut checkpoints, &writer);
    write(&mut checkpoints, &writer);
    assert!(checkpoints.before < LONG, "{} pages", checkpoints.before);
}

#[test]
fn whoever_closes_last_leaves_no_log() {
    let folder = TempDir::new().unwrap();
    let (mut checkpoints, writer) = start(&folder);
    while !checkpoints.moving {
        write(&mut checkpoints, &writer);
    }
    drop(checkpoints);
    drop(writer);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
