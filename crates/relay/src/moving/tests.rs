//! From SQLite to PostgreSQL and back, row by row; what is refused, and what fails half-way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use sprag_api::prekey::SignedPreKey;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::config::ServiceAddress;
use crate::hub::Hub;
use crate::postgres::{Postgres, tests as servers};
use crate::sqlite::Sqlite;
use crate::storage::contract::{
    self, NEW, NOW, acknowledge, list, name, publish, register, send, send_to,
};
use crate::storage::{
    Acknowledged, BlobRecord, Keys, MailboxId, MailboxQuota, Storage, Stored, Unavailable,
};

use super::*;

const QUOTA: MailboxQuota = MailboxQuota { envelopes: 10_000, bytes: 1 << 30 };

fn quiet() -> Progress {
    Arc::new(|_, _| {})
}

fn server() -> Option<Store> {
    servers::database().map(|address| Store::Postgres(ServiceAddress(address)))
}

async fn open(data: &Path, store: &Store) -> Arc<dyn Storage> {
    let hub = Arc::new(Hub::default());
    match store {
        Store::Folder => Arc::new(Sqlite::open(data, QUOTA, hub).unwrap()),
        Store::Postgres(address) => Arc::new(Postgres::join(&address.0, QUOTA, hub).await.unwrap()),
    }
}

/// Everything that is stored; nothing changes by it.
async fn rows(data: &Path, store: &Store) -> (BTreeMap<&'static str, Vec<Vec<Value>>>, Used) {
    let (pages, mut arriving) = channel(1);
    let (tell, told) = oneshot::channel();
    let collected = async {
        let mut rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
        while let Some(parcel) = arriving.recv().await {
            match parcel {
                Parcel::Rows(kind, page) => rows.entry(kind.name).or_default().extend(page),
                Parcel::End(used) => {
                    drop(tell);
                    for rows in rows.values_mut() {
                        rows.sort();
                    }
                    return (rows, used);
                }
            }
        }
        panic!("it ended early");
    };
    let (given, rows) = tokio::join!(give(data, store, Leaving { pages, told }), collected);
    assert!(matches!(given, Err(MoveError::BrokenOff)), "{given:?}");
    rows
}

/// A bit of everything: mailboxes that are full, begun and empty, numbers that go round, blobs whole and
/// half, a device that left something behind.
async fn live(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let bob = register(storage, "bob", 20).await;
    let more = list("bob", 2, &[(1, 20), (2, 21)]);
    storage.replace_devices(bob.account, more).await.unwrap().unwrap();
    let gone = register(storage, "carol", 30).await;
    publish(storage, &bob, 1..=700).await;
    let kem = |id: u32| SignedPreKey { id, bytes: vec![u8::try_from(id).unwrap(); 1200] };
    let one_time_kem = (1..=20).map(kem).collect();
    storage.publish(bob.mailbox, Keys { one_time_kem, ..Keys::default() }).await.unwrap();
    storage.claim(alice.mailbox, name("bob"), true).await.unwrap().unwrap();
    // More numbers than the ring has places, and one that is left out.
    for number in (1..=1_300).filter(|number| *number != 1_290) {
        assert_eq!(send(storage, &alice, "bob", number, &[7; 20]).await, NEW);
        assert_eq!(send_to(storage, &bob, "carol", number, &[1]).await, NEW);
    }
    assert_eq!(acknowledge(storage, bob.mailbox, 700).await, Acknowledged::Deleted);
    storage.invite([9; 32], 3, NOW + 50).await.unwrap();
    for (id, length, stored) in [(1, 1_500_000, 1_500_000), (2, 400_000, 150_000), (3, 9, 9)] {
        let record = BlobRecord { owner: alice.account, length, offset: 0, expires: NOW + 90 };
        assert!(storage.create_blob([id; 16], record, 1 << 30).await.unwrap());
        let part = Bytes::from(vec![id; stored]);
        storage.append_blob(alice.account, [id; 16], 0, part).await.unwrap().unwrap();
    }
    assert!(storage.remove_blob(alice.account, [3; 16]).await.unwrap());
    storage.remove_account(gone.account).await.unwrap();
    assert!(storage.account(name("carol")).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_as_it_was() {
    let Some(server) = server() else { return };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = [folders[0].path(), folders[1].path()];
    let storage = open(first, &Store::Folder).await;
    live(&*storage).await;
    drop(storage);
    let before = rows(first, &Store::Folder).await;
    let left = |name| before.0.get(name).map_or(0, Vec::len);
    assert!(KINDS.iter().all(|kind| left(kind.name) > 0), "something of everything");

    let moved = migrate(first, (&Store::Folder, &server), quiet()).await.unwrap();
    assert_eq!(moved.0, KINDS.map(|kind| (kind.name, left(kind.name) as u64)));
    assert_eq!(rows(first, &server).await, before);
    let other = self::server().unwrap();
    migrate(second, (&server, &other), quiet()).await.unwrap();
    migrate(second, (&other, &Store::Folder), quiet()).await.unwrap();
    assert_eq!(rows(second, &Store::Folder).await, before);

    // Whatever is left behind serves nobody.
    let refused = Sqlite::open(first, QUOTA, Arc::default()).map(|_| ()).unwrap_err();
    assert!(matches!(refused, OpenError::Moved(_)), "{refused}");
    let Store::Postgres(address) = &server else { return };
    let refused = Postgres::join(&address.0, QUOTA, Arc::default()).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("was moved"), "{refused}");
    let third = tempfile::tempdir().unwrap();
    let back = [(first, (&Store::Folder, &server)), (third.path(), (&server, &Store::Folder))];
    for (data, places) in back {
        let refused = migrate(data, places, quiet()).await.unwrap_err();
        assert!(refused.to_string().contains("moved to another"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_goes_on_where_the_other_one_was() {
    let Some(server) = server() else { return };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = [folders[0].path(), folders[1].path()];
    live(&*open(first, &Store::Folder).await).await;
    migrate(first, (&Store::Folder, &server), quiet()).await.unwrap();
    go_on(&*open(first, &server).await, 0).await;
    migrate(second, (&server, &Store::Folder), quiet()).await.unwrap();
    go_on(&*open(second, &Store::Folder).await, 1).await;
}

/// The places of everything that waits, page by page.
async fn places(storage: &dyn Storage, mailbox: MailboxId) -> Vec<u64> {
    let mut places = Vec::new();
    loop {
        let after = places.last().copied().unwrap_or_default();
        let page = storage.pending(mailbox, after, (200, usize::MAX)).await.unwrap();
        if page.is_empty() {
            return places;
        }
        let envelopes = page.iter().flat_map(|segment| segment.envelopes().unwrap());
        places.extend(envelopes.map(|envelope| envelope.seq));
    }
}

/// Does the same after each move.
async fn go_on(storage: &dyn Storage, round: u64) {
    let bob = storage.device(contract::address("bob", 1)).await.unwrap().unwrap();
    let alice = storage.bearer([10; 32], NOW).await.unwrap().unwrap().device;
    assert_eq!(storage.mark(alice.mailbox).await.unwrap(), 1_300 + round);
    // The same numbers are known, the one that was left out is new once.
    let again = Ok(Stored { duplicate: true, left_out: Vec::new() });
    assert_eq!(send(storage, &alice, "bob", 1_300, &[7]).await, again);
    assert_eq!(send(storage, &alice, "bob", 400, &[7]).await, again);
    assert!(send(storage, &alice, "bob", 1, &[7]).await.is_err());
    if round == 0 {
        assert_eq!(send(storage, &alice, "bob", 1_290, &[7; 20]).await, NEW);
    }
    assert_eq!(send(storage, &alice, "bob", 1_301 + round, &[7; 20]).await, NEW);
    // Places go on; what waits is counted.
    let (from, to) = (701 + round * 50, 1_301 + round);
    assert_eq!(places(storage, bob.mailbox).await, (from..=to).collect::<Vec<_>>());
    assert_eq!(acknowledge(storage, bob.mailbox, 750 + round * 50).await, Acknowledged::Deleted);
    assert_eq!(storage.statistics(NOW).await.unwrap().envelopes, 551 - round * 49);
    // The next prekey is the next one, and none of before.
    let claim = storage.claim(alice.mailbox, name("bob"), true).await.unwrap().unwrap();
    let keys = claim.devices.into_iter().next().unwrap();
    let next = 2 + u32::try_from(round).unwrap();
    assert_eq!(keys.one_time.unwrap()[..4], next.to_be_bytes());
    assert_eq!(keys.kem[0], u8::try_from(next).unwrap());
    assert!(publish(storage, &bob, 1..=700).await);
    assert_eq!(storage.key_counts(bob.mailbox).await.unwrap().one_time, 700 - next);
    // An upload goes on, ids are new, what is to be removed goes.
    let offset = 150_000 + round * 10;
    let part = Bytes::from_static(&[2; 10]);
    let added = storage.append_blob(alice.account, [2; 16], offset, part).await.unwrap();
    assert_eq!(added, Ok(offset + 10));
    let who = ["dora", "emil"][usize::from(round == 1)];
    let newcomer = register(storage, who, 40 + u8::try_from(round).unwrap()).await;
    assert!(newcomer.mailbox > MailboxId(4 + round.cast_signed()), "{newcomer:?}");
    while storage.expire(NOW, 0).await.unwrap().more {}
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_on_either_side_and_nothing_is_overwritten() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let to_server = async || migrate(folder.path(), (&Store::Folder, &server), quiet()).await;
    let to_folder = async || migrate(folder.path(), (&server, &Store::Folder), quiet()).await;
    assert!(matches!(to_server().await, Err(MoveError::NoRelay(_))));
    let same = migrate(folder.path(), (&server, &server), quiet()).await;
    assert!(matches!(same, Err(MoveError::Same)));

    let storage = open(folder.path(), &Store::Folder).await;
    register(&*storage, "alice", 10).await;
    drop(storage);
    let running = DataFolder::take(folder.path()).unwrap();
    let refused = to_server().await;
    assert!(matches!(refused, Err(MoveError::Folder(FolderError::InUse { .. }))), "{refused:?}");
    drop(running);
    let node = open(folder.path(), &server).await;
    for refused in [to_server().await, to_folder().await] {
        assert!(
            matches!(
                refused,
                Err(MoveError::Postgres(PostgresError::InUse) | MoveError::Exists(_))
            ),
            "{refused:?}"
        );
    }
    register(&*node, "bob", 20).await;
    drop(node);
    assert!(matches!(to_server().await, Err(MoveError::NotEmpty)));
    assert!(matches!(to_folder().await, Err(MoveError::Exists(_))));
    // Both are as they were.
    for store in [&Store::Folder, &server] {
        assert_eq!(open(folder.path(), store).await.statistics(NOW).await.unwrap().accounts, 1);
    }
}

/// Ends all connections to the server at the first page of segments, and tells that it did.
fn cut(server: &Store) -> (Progress, Arc<AtomicBool>) {
    let Store::Postgres(address) = server.clone() else { panic!("no server") };
    let done = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&done);
    let progress = move |kind: &'static str, _| {
        if kind == "segments" && !told.swap(true, Ordering::SeqCst) {
            block_in_place(|| {
                Handle::current().block_on(async {
                    servers::end_connections(&servers::link(&address.0).await).await;
                });
            });
        }
    };
    (Arc::new(progress), done)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_breaks_off_leaves_nothing() {
    let Some(server) = server() else { return };
    let folders: [TempDir; 2] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = [folders[0].path(), folders[1].path()];
    live(&*open(first, &Store::Folder).await).await;
    let before = rows(first, &Store::Folder).await;
    let (progress, cut_off) = cut(&server);
    let failed = migrate(first, (&Store::Folder, &server), progress).await;
    assert!(cut_off.load(Ordering::SeqCst) && failed.is_err(), "{failed:?}");
    let none = open(first, &server).await.statistics(NOW).await.unwrap();
    assert_eq!((none.accounts, none.blobs), (0, 0));
    assert_eq!(rows(first, &Store::Folder).await, before);
    migrate(first, (&Store::Folder, &server), quiet()).await.unwrap();

    let (progress, cut_off) = cut(&server);
    let failed = migrate(second, (&server, &Store::Folder), progress).await;
    assert!(cut_off.load(Ordering::SeqCst), "{failed:?}");
    let files = |folder: &Path| {
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    assert!(failed.is_err(), "{failed:?}");
    assert_eq!(files(second), ["lock"]);
    migrate(second, (&server, &Store::Folder), quiet()).await.unwrap();
    assert_eq!(rows(second, &Store::Folder).await, before);
}

/// While everything is read, nobody writes; a node that was away meanwhile does not either.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_noticed_nothing_writes_nothing() {
    let Some(server) = server() else { return };
    let Store::Postgres(address) = &server else { return };
    let folder = tempfile::tempdir().unwrap();
    // As a node is whose connection for its presence has just broken.
    let absent = Postgres::open(&address.0, QUOTA, Arc::default()).await.unwrap();
    let alice = register(&absent, "alice", 10).await;
    let storage: &dyn Storage = &absent;
    migrate(folder.path(), (&server, &Store::Folder), quiet()).await.unwrap();
    assert_eq!(storage.claim(alice.mailbox, name("alice"), true).await.err(), Some(Unavailable));
    assert_eq!(storage.mark(alice.mailbox).await.err(), Some(Unavailable));
    assert_eq!(storage.take_over(alice.mailbox).await.err(), Some(Unavailable));
    assert!(!contract::tries_to_send(storage, &alice, "alice", 1).await);
}

/// A node whose connection for its presence breaks is there again before long.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_connections_break_is_still_there() {
    let Some(server) = server() else { return };
    let Store::Postgres(address) = &server else { return };
    let folder = tempfile::tempdir().unwrap();
    let node = open(folder.path(), &server).await;
    let alice = register(&*node, "alice", 10).await;
    publish(&*node, &alice, 1..=3).await;
    let admin = servers::link(&address.0).await;
    let held = "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE granted \
                AND locktype = 'advisory' AND application_name = current_schema() \
                ORDER BY backend_start DESC LIMIT 1";
    let holder = async || admin.query_opt(held, &[]).await.unwrap().map(|row| row.get(0));
    let before: Option<i32> = holder().await;
    assert!(before.is_some());
    servers::end_connections(&admin).await;
    while [None, before].contains(&holder().await) {
        tokio::task::yield_now().await;
    }
    let refused = crate::admin::after_restore(&server).await.unwrap_err();
    assert!(refused.to_string().contains("stop them all first"), "{refused}");
    drop(node);
    crate::admin::after_restore(&server).await.unwrap();
    let node = open(folder.path(), &server).await;
    assert_eq!(node.key_counts(alice.mailbox).await.unwrap().one_time, 0);
    assert!(node.bearer([10; 32], NOW).await.unwrap().is_none());
}
