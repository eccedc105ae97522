//! Two people talk.

use std::time::Duration;

use sprag_client::{Config, Connection, Error, Event, Happening, MessageState, Refusal};

use crate::world::{PATIENCE, World, happens, next, soon, texts};

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_and_every_state() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let mut bob = world.client("bob").await;

    let sent = alice.send("bob", "Hello, Bob!").await.unwrap();
    let message = next(&mut bob).await;
    assert_eq!((message.from.as_str(), message.text()), ("alice", "Hello, Bob!"));
    assert_eq!(message.id, sent.id());
    assert!(
        sent.reached(MessageState::Delivered, PATIENCE).await.unwrap() >= MessageState::Delivered
    );

    bob.send("alice", "Hello, Alice!").await.unwrap();
    assert_eq!(next(&mut alice).await.text(), "Hello, Alice!");

    // Without read receipts, nobody learns what was read.
    bob.mark_read(&message.from, message.position).await.unwrap();
    assert_eq!(bob.conversations().await.unwrap()[0].unread, 0);
    assert_eq!(sent.state().await.unwrap(), MessageState::Delivered);
    bob.set_read_receipts(true).await.unwrap();
    let again = alice.send("bob", "Are you there?").await.unwrap();
    let message = next(&mut bob).await;
    bob.mark_read(&message.from, message.position).await.unwrap();
    again.reached(MessageState::Read, PATIENCE).await.unwrap();

    let history = alice.history("bob", None, 10).await.unwrap();
    let said: Vec<_> = history
        .iter()
        .map(|entry| match &entry.event {
            Event::Message { body: sprag_client::Body::Text(text), .. } => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said, ["Hello, Bob!", "Hello, Alice!", "Are you there?"]);
    let states: Vec<_> = history.iter().map(|entry| entry.state).collect();
    assert_eq!(states, [Some(MessageState::Delivered), None, Some(MessageState::Read)]);
    let found = alice.search("ARE YOU", 10).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0.as_str(), "bob");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_meanwhile_waits_and_survives_restarts() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    world.client("bob").await.close().await;

    for number in 0..40 {
        alice.send("bob", format!("{number}")).await.unwrap();
    }
    soon(alice.settle(PATIENCE)).await.unwrap();
    alice.close().await;
    // A second start, which goes on from the first.
    let alice = world.client("alice").await;
    for number in 40..60 {
        alice.send("bob", format!("{number}")).await.unwrap();
    }
    soon(alice.settle(PATIENCE)).await.unwrap();

    let mut bob = world.client("bob").await;
    let expected: Vec<_> = (0..60).map(|number| format!("{number}")).collect();
    assert_eq!(texts(&mut bob, 60).await, expected);
    soon(bob.caught_up(PATIENCE)).await.unwrap();
    assert!(bob.status().await.unwrap().caught_up);

    // What was not marked as read comes again after a restart; what was marked does not.
    bob.mark_read(alice.account(), 29).await.unwrap();
    bob.close().await;
    let mut bob = world.client("bob").await;
    assert_eq!(texts(&mut bob, 30).await, expected[30..]);
    alice.send("bob", "60").await.unwrap();
    assert_eq!(next(&mut bob).await.text(), "60");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_without_a_connection_is_sent_later() {
    let world = World::new().await;
    world.client("alice").await.close().await;
    let mut bob = world.client("bob").await;

    let alice = sprag_client::Client::open(world.config("alice").offline()).await.unwrap();
    assert_eq!(alice.connection(), Connection::Offline);
    let sent = alice.send("bob", "later").await.unwrap();
    assert_eq!(sent.state().await.unwrap(), MessageState::Queued);
    assert_eq!(alice.settle(Duration::from_millis(50)).await, Err(Error::Offline));
    assert_eq!(alice.online(PATIENCE).await, Err(Error::Offline));
    assert_eq!(alice.status().await.unwrap().queued, 1);
    let mut listener = alice.clone();
    assert_eq!(listener.next().await.unwrap(), None);
    alice.close().await;
    assert_eq!(listener.next().await.unwrap(), None);
    assert_eq!(listener.send("bob", "x").await.err(), Some(Error::Closed));

    // The profile says who and where.
    let storage = sprag_client::Storage::file(world.file("alice.db"));
    let alice = sprag_client::Client::open(Config::existing().store(storage)).await.unwrap();
    assert_eq!(alice.relay(), world.wire.origin());
    assert_eq!(next(&mut bob).await.text(), "later");
    soon(alice.settle(PATIENCE)).await.unwrap();
    assert_eq!(alice.status().await.unwrap().queued, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_says_why() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    assert_eq!(alice.send("Bob!", "x").await.err(), Some(Error::Name));
    let refused = |refusal| Some(Error::Refused(refusal));
    assert_eq!(alice.send("bob", "").await.err(), refused(Refusal::TooLong));
    assert_eq!(alice.send("bob", "x".repeat(60_001)).await.err(), refused(Refusal::TooLong));
    assert_eq!(alice.send("alice", "x").await.err(), refused(Refusal::OwnAccount));
    assert_eq!(alice.meet("nobody").await.err(), refused(Refusal::NoSuchAccount));
    assert_eq!(alice.conversations().await.unwrap(), []);

    let sent = alice.send("nobody", "Is anybody there?").await.unwrap();
    let outcome = sent.reached(MessageState::Sent, PATIENCE).await;
    assert!(matches!(outcome, Err(Error::NotSent(_))), "{outcome:?}");
    // Once there is somebody, it can be tried again.
    let mut nobody = world.client("nobody").await;
    let again = alice.retry("nobody", sent.id()).await.unwrap();
    assert_eq!(again.id(), sent.id());
    assert_eq!(next(&mut nobody).await.text(), "Is anybody there?");
    again.reached(MessageState::Sent, PATIENCE).await.unwrap();
    assert_eq!(alice.retry("nobody", sent.id()).await.err(), Some(Error::NoSuchMessage));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_handle_listens_while_another_writes() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let bob = world.client("bob").await;
    let mut events = bob.events();
    let mut listener = bob.clone();
    let heard = tokio::spawn(async move { texts(&mut listener, 3).await });
    for text in ["one", "two", "three"] {
        alice.send("bob", text).await.unwrap();
    }
    assert_eq!(soon(heard).await.unwrap(), ["one", "two", "three"]);
    let first = happens(&mut events, |happening| match happening {
        Happening::Entry { with, entry } => Some((with, entry.position)),
        _ => None,
    });
    assert_eq!(first.await, (alice.account().clone(), 0));
    drop(bob);
    // With the last handle the client ends, and its listeners hear that.
    soon(async { while events.next().await.is_some() {} }).await;
    world.client("bob").await;
}

#[tokio::test]
async fn it_runs_on_one_thread_too() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    alice.send("bob", "hello").await.unwrap();
    assert_eq!(next(&mut bob).await.text(), "hello");
}
