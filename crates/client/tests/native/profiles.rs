//! Profiles: opened twice, named wrongly, locked, copied, backed up, on a full disk.

use std::time::Duration;

use sprag_client::{Client, Config, Connection, Error, Happening, Protection, Storage};
use sprag_protocol::secret::Secret;
use sprag_store::{Cost, Disk, StoreError, Wrapping};

use crate::world::{PATIENCE, World, copy_store, happens, next, soon, texts};

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_open_once() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let second = Client::open(world.config("alice")).await.err();
    let Some(Error::Store(StoreError::InUse { pid })) = second else { panic!("{second:?}") };
    assert_eq!(pid, Some(std::process::id()));
    assert!(Error::Store(StoreError::InUse { pid }).retryable());

    // Whoever waits gets it once it is free.
    let storage = Storage::file(world.file("alice.db")).wait(PATIENCE);
    let config = Config::existing().store(storage);
    let waiting = tokio::spawn(Client::open(config));
    alice.close().await;
    soon(waiting).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_of_one_account_at_one_relay() {
    let world = World::new().await;
    world.client("alice").await.close().await;
    let storage = || Storage::file(world.file("alice.db"));
    let open = |relay: &str, name: &str| {
        let config = Config::new(relay, name).store(storage());
        async move { Client::open(config).await.err() }
    };
    assert_eq!(open(&world.wire.origin(), "bob").await, Some(Error::OtherAccount));
    assert_eq!(open("https://relay.example", "alice").await, Some(Error::OtherRelay));
    assert_eq!(open("relay.example", "alice").await, Some(Error::Origin));
    assert_eq!(open(&world.wire.origin(), "Alice").await, Some(Error::Name));
    assert_eq!(Client::register(world.config("alice")).await.err(), Some(Error::Registered));
    let linking = Client::link_new_device(world.config("alice")).await.err();
    assert_eq!(linking, Some(Error::Registered));
    let nowhere = Storage::file(world.file("nobody.db"));
    let none = Client::open(Config::existing().store(nowhere)).await.err();
    assert_eq!(none, Some(Error::NoProfile));
    assert!(!world.file("nobody.db").exists());
    let offline = Client::open(world.config("nobody").offline()).await.err();
    assert_eq!(offline, Some(Error::Offline));
    assert!(!world.file("nobody.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_opens_with_what_it_was_locked_with() {
    let world = World::new().await;
    let file = world.file("alice.db");
    let cheap = |passphrase: &str| {
        let cost = Cost::new(64, 1, 1).unwrap();
        let passphrase = zeroize::Zeroizing::new(passphrase.to_owned());
        Storage::file(&file).protect(Protection::Passphrase(passphrase, cost))
    };
    let config = |storage| Config::new(world.wire.origin(), "alice").store(storage);
    Client::open(config(cheap("correct horse"))).await.unwrap().close().await;
    let wrong = Client::open(config(cheap("correct house"))).await.err();
    assert_eq!(wrong, Some(Error::Store(StoreError::WrongKey)));
    let other = Client::open(config(Storage::file(&file))).await.err();
    assert_eq!(other, Some(Error::Store(StoreError::OtherLock(Wrapping::Passphrase))));
    assert!(!world.file("alice.db.key").exists());
    Client::open(config(cheap("correct horse"))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_leaves_nothing_behind() {
    let world = World::new().await;
    world.client("alice").await;
    let config = Config::new(world.wire.origin(), "alice").store(Storage::file(world.file("x.db")));
    assert_eq!(Client::open(config).await.err(), Some(Error::NameTaken));
    assert!(!world.file("x.db").exists());
    // The place can be used for another name.
    let config = Config::new(world.wire.origin(), "carol").store(Storage::file(world.file("x.db")));
    Client::open(config).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_the_registration_is_no_lost_name() {
    let world = World::new().await;
    world.wire.lose_an_answer();
    let error = Client::register(world.config("alice")).await.err();
    assert!(world.wire.was_cut());
    assert_eq!(error, Some(Error::Unreachable));
    // The relay has the name, and the profile its keys.
    let alice = Client::register(world.config("alice")).await.unwrap();
    assert!(alice.status().await.unwrap().ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_takes_over_and_is_not_fought() {
    let world = World::new().await;
    world.client("alice").await.close().await;
    copy_store(&world.file("alice.db"), &world.file("copy.db"));
    let mut alice = world.client("alice").await;
    soon(alice.online(PATIENCE)).await.unwrap();
    let mut events = alice.events();
    let config = Config::existing().store(Storage::file(world.file("copy.db")));
    let copy = Client::open(config).await.unwrap();
    soon(copy.online(PATIENCE)).await.unwrap();
    happens(&mut events, |happening| {
        (happening == Happening::Connection(Connection::Ended(Error::TakenOver))).then_some(())
    })
    .await;
    assert_eq!(soon(alice.next()).await, Err(Error::TakenOver));
    copy.close().await;
    // A person decides to go on here.
    alice.reconnect();
    happens(&mut events, |happening| {
        (happening == Happening::Connection(Connection::Online)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_starts_afresh() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    alice.send("bob", "before").await.unwrap();
    soon(alice.settle(PATIENCE)).await.unwrap();
    assert_eq!(next(&mut bob).await.text(), "before");
    alice.close().await;
    copy_store(&world.file("alice.db"), &world.file("old.db"));
    let alice = world.client("alice").await;
    alice.send("bob", "after").await.unwrap();
    soon(alice.settle(PATIENCE)).await.unwrap();
    assert_eq!(next(&mut bob).await.text(), "after");
    alice.close().await;

    let config = Config::existing().store(Storage::file(world.file("old.db")));
    let mut old = Client::open(config.offline()).await.unwrap();
    let mut events = old.events();
    old.send("bob", "from the copy").await.unwrap();
    assert_eq!(old.next().await.unwrap(), None);
    assert!(matches!(events.next().await, Some(Happening::State { .. })));
    old.close().await;
    let config = Config::existing().store(Storage::file(world.file("old.db")));
    let mut old = Client::open(config).await.unwrap();
    assert_eq!(next(&mut bob).await.text(), "from the copy");
    bob.send("alice", "and back").await.unwrap();
    assert_eq!(next(&mut old).await.text(), "and back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_has_everything_and_uses_no_key_twice() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    alice.send("bob", "one").await.unwrap();
    bob.send("alice", "two").await.unwrap();
    assert_eq!(next(&mut alice).await.text(), "two");
    soon(alice.settle(PATIENCE)).await.unwrap();

    let backup = world.file("alice.backup");
    soon(alice.backup(&backup, "correct horse")).await.unwrap();
    assert_eq!(alice.backup(&backup, "x").await, Err(Error::FileExists));
    alice.send("bob", "three").await.unwrap();
    soon(alice.settle(PATIENCE)).await.unwrap();
    alice.close().await;
    // It arrives while there is no Alice.
    bob.send("alice", "four").await.unwrap();
    soon(bob.settle(PATIENCE)).await.unwrap();

    let config = || Config::existing().store(Storage::file(world.file("restored.db")));
    let wrong = Client::restore_backup(config(), &backup, "correct house").await.err();
    assert_eq!(wrong, Some(Error::Store(StoreError::WrongKey)));
    assert!(!world.file("restored.db").exists());
    let other = Config::new(world.wire.origin(), "bob").store(Storage::memory());
    let other = Client::restore_backup(other, &backup, "correct horse").await.err();
    assert_eq!(other, Some(Error::OtherAccount));

    let mut alice = soon(Client::restore_backup(config(), &backup, "correct horse")).await.unwrap();
    let history = alice.history("bob", None, 10).await.unwrap();
    assert_eq!(history.len(), 2);
    alice.send("bob", "five").await.unwrap();
    assert_eq!(texts(&mut bob, 3).await, ["one", "three", "five"]);
    bob.send("alice", "six").await.unwrap();
    // What was sealed for sessions that are gone is asked for again.
    let mut heard = texts(&mut alice, 3).await;
    heard.sort_unstable();
    assert_eq!(heard, ["four", "six", "two"]);
    let again = Client::restore_backup(config(), &backup, "correct horse").await.err();
    assert!(matches!(again, Some(Error::Store(StoreError::InUse { .. }))), "{again:?}");
    alice.close().await;
    let again = Client::restore_backup(config(), &backup, "correct horse").await.err();
    assert_eq!(again, Some(Error::Store(StoreError::Exists)));
    assert!(world.file("restored.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let disk = Disk::new();
    let key = || Protection::Key(Secret::copy_of(&[7; 32]));
    let storage = Storage::of(disk.open().unwrap(), key());
    let config = Config::new(world.wire.origin(), "bob").store(storage);
    let mut bob = Client::open(config).await.unwrap();
    alice.send("bob", "one").await.unwrap();
    assert_eq!(next(&mut bob).await.text(), "one");
    soon(bob.settle(PATIENCE)).await.unwrap();

    let mut events = bob.events();
    disk.set_capacity(Some(0));
    let refused = bob.send("alice", "no room").await.err();
    assert_eq!(refused, Some(Error::Store(StoreError::Full)));
    alice.send("bob", "two").await.unwrap();
    happens(&mut events, |happening| match happening {
        Happening::Connection(Connection::Waiting { why, .. }) => {
            (why == Error::Store(StoreError::Full)).then_some(())
        }
        _ => None,
    })
    .await;
    // What was there can still be read.
    assert_eq!(bob.history("alice", None, 10).await.unwrap().len(), 1);
    disk.set_capacity(None);
    assert_eq!(next(&mut bob).await.text(), "two");
    bob.send("alice", "room again").await.unwrap();
    soon(bob.settle(PATIENCE)).await.unwrap();
    assert_eq!(next(&mut alice).await.text(), "room again");
    bob.close().await;

    let storage = Storage::of(disk.open().unwrap(), key());
    let bob = Client::open(Config::existing().store(storage)).await.unwrap();
    assert_eq!(bob.history("alice", None, 10).await.unwrap().len(), 3);
    soon(bob.settle(Duration::from_secs(30))).await.unwrap();
}
