//! The contract, kept by SQLite; restarts, other processes, backups, damaged and newer files.

use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::hub::Hub;
use crate::storage::contract::{self, NOW, register, send, waiting};
use crate::storage::{Directory, MailboxQuota, Upkeep};

use super::{OpenError, RestoreError, Sqlite, restore};

fn open(folder: &TempDir) -> Sqlite {
    let quota = MailboxQuota { envelopes: contract::ENVELOPES, bytes: contract::BYTES };
    Sqlite::open(folder.path(), quota, Arc::new(Hub::default())).unwrap()
}

macro_rules! keeps {
    ($($check:ident),+ $(,)?) => { $(
        #[tokio::test]
        async fn $check() {
            let folder = TempDir::new().unwrap();
            contract::$check(&open(&folder)).await;
        }
    )+ };
}

contract::every_check!(keeps);

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let storage = open(&folder);
    let alice = register(&storage, "alice", 10).await;
    let bob = register(&storage, "bob", 20).await;
    send(&storage, &alice, "bob", 1, b"one").await.unwrap();
    send(&storage, &alice, "bob", 2, b"two").await.unwrap();
    contract::acknowledge(&storage, bob.mailbox, 1).await;
    drop(storage);

    let storage = open(&folder);
    assert_eq!(waiting(&storage, bob.mailbox).await, [(2, 2, b"two".to_vec())]);
    assert!(send(&storage, &alice, "bob", 1, b"one").await.unwrap().duplicate);
    send(&storage, &alice, "bob", 3, b"three").await.unwrap();
    assert_eq!(waiting(&storage, bob.mailbox).await.last().unwrap().0, 3);
    assert!(storage.bearer([10; 32], NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn what_another_process_does_is_seen() {
    let folder = TempDir::new().unwrap();
    let (relay, admin) = (open(&folder), open(&folder));
    let alice = register(&relay, "alice", 10).await;
    let bob = register(&relay, "bob", 20).await;
    send(&relay, &alice, "bob", 1, b"one").await.unwrap();
    admin.remove_account(bob.account).await.unwrap();
    assert!(send(&relay, &alice, "bob", 2, b"two").await.is_err());
    assert_eq!(relay.positions(vec![bob.mailbox]).await.unwrap(), [(bob.mailbox, None)]);
}

#[tokio::test]
async fn a_job_that_fails_takes_no_other_with_it() {
    let folder = TempDir::new().unwrap();
    let storage = open(&folder);
    let alice = register(&storage, "alice", 10).await;
    register(&storage, "bob", 20).await;
    let bad = storage.relay.writer.write(|database, _| database.execute("nonsense", ()));
    let good = send(&storage, &alice, "bob", 1, b"one");
    let (bad, good) = tokio::join!(bad, good);
    assert!(bad.is_err());
    assert!(!good.unwrap().duplicate);
}

#[tokio::test]
async fn a_backup_becomes_a_relay_that_repeats_nothing() {
    let (folder, backup, other) =
        (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let storage = open(&folder);
    let alice = register(&storage, "alice", 10).await;
    let bob = register(&storage, "bob", 20).await;
    send(&storage, &alice, "bob", 1, b"one").await.unwrap();
    storage.back_up(backup.path()).await.unwrap();
    send(&storage, &alice, "bob", 2, b"two").await.unwrap();
    drop(storage);

    restore(backup.path(), other.path()).unwrap();
    let storage = open(&other);
    assert_eq!(waiting(&storage, bob.mailbox).await, [(1, 1, b"one".to_vec())]);
    send(&storage, &alice, "bob", 3, b"three").await.unwrap();
    let places: Vec<_> = waiting(&storage, bob.mailbox).await.into_iter().map(|e| e.0).collect();
    assert_eq!(places, [1, 2 + (1 << 32)]);
    assert!(storage.bearer([10; 32], NOW).await.unwrap().is_none());
    assert_eq!(storage.key_counts(bob.mailbox).await.unwrap().one_time, 0);
    let again = restore(backup.path(), other.path()).unwrap_err();
    assert!(matches!(again, RestoreError::Exists(_)), "{again}");
    let none = restore(TempDir::new().unwrap().path(), TempDir::new().unwrap().path());
    assert!(matches!(none.unwrap_err(), RestoreError::Missing(_)));
}

#[test]
fn a_file_of_a_newer_version_or_of_something_else_is_refused() {
    let quota = MailboxQuota { envelopes: 1, bytes: 1 };
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(super::schema::RELAY.file);
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = Sqlite::open(folder.path(), quota, Arc::default()).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found: 99, .. }), "{refused}");

    std::fs::write(&file, [7; 9_000]).unwrap();
    let refused = Sqlite::open(folder.path(), quota, Arc::default()).err().unwrap();
    assert!(matches!(refused, OpenError::Database { .. }), "{refused}");
}
