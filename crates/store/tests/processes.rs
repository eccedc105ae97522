//! Stores in files, between processes: one at a time, and killed at any moment.
//!
//! The other process is this program again, running one of the tests that do nothing by themselves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use sprag_store::{Batch, Collection, Cost, Lock, Page, Profile, Sqlite, StoreError};

const PATH: &str = "SPRAG_STORE_TEST_PATH";
/// How often a process is killed.
const ROUNDS: &str = "SPRAG_CRASH_ROUNDS";

fn lock() -> Lock<'static> {
    Lock::Passphrase("correct", Cost::new(8, 1, 1).unwrap())
}

/// Runs a test of this program on a store as a process of its own.
fn start(test: &str, path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(PATH, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn say(line: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

/// The numbers that a process has said, up to its end.
fn numbers(child: &mut Child) -> impl Iterator<Item = u64> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The first stands behind the test's name, in the same line.
    lines.map_while(Result::ok).filter_map(|line| line.rsplit_once("batch ")?.1.parse().ok())
}

fn open(path: &Path) -> Profile<Sqlite> {
    let store = Sqlite::open_waiting(path, Duration::from_secs(30)).unwrap();
    Profile::open(store, &lock().unlock()).unwrap()
}

const WIDTH: u64 = 12;

/// Commits numbered batches and says so after each, until it is killed.
#[test]
fn commits_until_killed() {
    let Some(path) = env::var_os(PATH).map(PathBuf::from) else { return };
    let mut profile = open(&path);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let log = Collection::new("log");
    let last = profile.range(&log, Page::newest(1)).unwrap();
    let mut number = last.first().map_or(0, |(position, _)| position / WIDTH + 1);
    loop {
        let mut batch = Batch::new();
        for part in 0..WIDTH {
            // About a page of the database each, so that a batch is many writes.
            batch.put(log.at(number * WIDTH + part), vec![u8::try_from(part).unwrap(); 4000]);
        }
        // Old ones go, and one record is the same all the time.
        if let Some(old) = number.checked_sub(20) {
            batch.remove_range(log.clone(), old * WIDTH, old * WIDTH + WIDTH - 1);
        }
        batch.put(Collection::new("newest").at(0), number.to_be_bytes().to_vec());
        profile.commit(&batch, &mut rng).unwrap();
        say(&format!("batch {number}"));
        number += 1;
    }
}

/// Checks a store, and gives the number of its last batch.
fn whole(path: &Path) -> Option<u64> {
    let mut profile = open(path);
    let log = profile.range(&Collection::new("log"), Page::ALL).unwrap();
    let newest = profile.read(&Collection::new("newest").at(0)).unwrap()?;
    let newest = u64::from_be_bytes(newest.as_slice().try_into().unwrap());
    let first = newest.saturating_sub(19);
    let expected: Vec<u64> = (first * WIDTH..(newest + 1) * WIDTH).collect();
    assert_eq!(log.iter().map(|(position, _)| *position).collect::<Vec<_>>(), expected);
    for (position, value) in log {
        assert_eq!(value.as_slice(), vec![u8::try_from(position % WIDTH).unwrap(); 4000]);
    }
    Some(newest)
}

#[test]
fn a_process_that_is_killed_keeps_every_batch_that_it_reported_and_no_half_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    drop(Profile::create(Sqlite::open(&path).unwrap(), &lock(), &mut rng).unwrap());
    let rounds = env::var(ROUNDS).map_or(20, |rounds| rounds.parse().unwrap());
    let mut newest = None;
    for round in 0..rounds {
        let mut child = start("commits_until_killed", &path);
        let killed_after = usize::try_from(rng.next_u64() % 30).unwrap();
        let mut said = numbers(&mut child);
        let before: Vec<u64> = said.by_ref().take(killed_after + 1).collect();
        // Somewhere in the next commits: the other process goes on while this one spins.
        for _ in 0..rng.next_u64() % 2_000_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        let reported = said.last().or(before.last().copied());
        child.wait().unwrap();
        let found = whole(&path);
        assert!(reported.is_some() && found >= reported, "round {round}: {found:?} {reported:?}");
        assert!(found <= reported.map(|number| number + 1), "round {round}");
        assert!(found > newest, "round {round}");
        newest = found;
    }
}

/// Holds a store until its input ends.
#[test]
fn holds_until_let_go() {
    let Some(path) = env::var_os(PATH).map(PathBuf::from) else { return };
    let _store = Sqlite::open(&path).unwrap();
    say("batch 0");
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_second_process_learns_who_is_the_first_and_can_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    for killed in [false, true] {
        let mut child = start("holds_until_let_go", &path);
        let mut said = numbers(&mut child);
        assert_eq!(said.next(), Some(0));
        let in_use = StoreError::InUse { pid: Some(child.id()) };
        assert_eq!(Sqlite::open(&path).err(), Some(in_use));
        let impatient = Sqlite::open_waiting(&path, Duration::from_millis(30));
        assert_eq!(impatient.err(), Some(in_use));
        if killed {
            child.kill().unwrap();
        } else {
            drop(child.stdin.take());
        }
        assert!(Sqlite::open_waiting(&path, Duration::from_mins(1)).is_ok());
        assert_eq!(said.next(), None);
        child.wait().unwrap();
    }
}
