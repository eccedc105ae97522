//! Who is who, and on which devices.

use sprag_client::{
    Client, Config, Connection, Error, Happening, Link, LinkCode, MessageState, Refusal, Storage,
    Trust,
};
use sprag_protocol::DeviceId;
use sprag_protocol::fingerprint::Comparison;

use crate::world::{PATIENCE, World, happens, next, soon, texts};

#[tokio::test(flavor = "multi_thread")]
async fn safety_numbers_are_compared() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let bob = world.client("bob").await;
    let ours = alice.safety_number("bob").await.unwrap();
    let theirs = bob.safety_number("alice").await.unwrap();
    assert_eq!(ours.groups(), theirs.groups());
    assert_eq!(alice.compare("bob", &theirs.qr()).await.unwrap(), Comparison::Match);
    assert_eq!(alice.compare("bob", b"nonsense").await, Err(Error::NotACode));
    alice.mark_verified("bob", true).await.unwrap();
    assert_eq!(alice.peer("bob").await.unwrap().unwrap().trust, Trust::Verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_stops_everything_until_it_is_accepted() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let bob = world.client("bob").await;
    alice.send("bob", "one").await.unwrap();
    soon(alice.settle(PATIENCE)).await.unwrap();
    alice.mark_verified("bob", true).await.unwrap();
    let known = alice.safety_number("bob").await.unwrap();
    bob.close().await;

    // The account goes, and somebody else takes its name.
    world.remove_account("bob").await;
    let old = world.client("bob").await;
    assert_eq!(soon(old.online(PATIENCE)).await, Err(Error::AccountGone));
    old.close().await;
    let config = || Config::new(world.wire.origin(), "bob");
    let mut other = Client::open(config().store(Storage::memory())).await.unwrap();
    let mut events = alice.events();
    let changed = Err(Error::Refused(Refusal::KeyChanged));
    assert_eq!(alice.refresh("bob").await.map(|_| ()), changed);
    happens(&mut events, |happening| match happening {
        Happening::KeyChanged(with) => (with.as_str() == "bob").then_some(()),
        _ => None,
    })
    .await;
    assert_eq!(
        alice.peer("bob").await.unwrap().unwrap().trust,
        Trust::KeyChanged { was_verified: true }
    );
    let waiting = alice.send("bob", "two").await;
    if let Ok(sent) = &waiting {
        assert_eq!(sent.state().await.unwrap(), MessageState::Queued);
    }
    let offered = alice.offered_safety_number("bob").await.unwrap().unwrap();
    assert_ne!(offered.groups(), known.groups());
    assert_eq!(offered.groups(), other.safety_number("alice").await.unwrap().groups());

    alice.accept_key("bob").await.unwrap();
    alice.send("bob", "three").await.unwrap();
    let heard = next(&mut other).await;
    assert!(["two", "three"].contains(&heard.text()));
    assert_eq!(alice.accept_key("bob").await, Err(Error::Refused(Refusal::NothingOffered)));
    assert_eq!(alice.peer("bob").await.unwrap().unwrap().trust, Trust::FirstUse);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_device_is_linked_and_removed() {
    let world = World::new().await;
    let mut phone = world.client("alice").await;
    let mut bob = world.client("bob").await;
    phone.send("bob", "from the phone").await.unwrap();
    assert_eq!(next(&mut bob).await.text(), "from the phone");
    bob.send("alice", "to the phone").await.unwrap();
    assert_eq!(next(&mut phone).await.text(), "to the phone");
    phone.mark_verified("bob", true).await.unwrap();

    let storage = Storage::file(world.file("laptop.db"));
    let config = Config::new(world.wire.origin(), "alice").store(storage);
    let linking = Client::link_new_device(config).await.unwrap();
    let code = LinkCode::parse(&linking.code().to_string()).unwrap();
    let waiting = linking.client().clone();
    assert!(!waiting.status().await.unwrap().ready);
    let linked = tokio::spawn(linking.linked());
    let device = soon(phone.link(code, Link { account_key: false, history: true })).await.unwrap();
    let mut laptop = soon(linked).await.unwrap().unwrap();
    let status = laptop.status().await.unwrap();
    assert!(status.ready && !status.account_key && status.device == Some(device));
    assert_eq!(phone.devices().await.unwrap().len(), 2);
    soon(phone.settle(PATIENCE)).await.unwrap();

    // The past and the contacts follow.
    let mut events = laptop.events();
    while laptop.history("bob", None, 10).await.unwrap().len() < 2 {
        happens(&mut events, |happening| {
            matches!(happening, Happening::Conversation(_)).then_some(())
        })
        .await;
    }
    assert_eq!(laptop.peer("bob").await.unwrap().unwrap().trust, Trust::Verified);

    // Both hear what is said, and what the other one says.
    bob.send("alice", "to both").await.unwrap();
    assert_eq!(next(&mut phone).await.text(), "to both");
    assert_eq!(soon(last(&mut laptop)).await, "to both");
    laptop.send("bob", "from the laptop").await.unwrap();
    assert_eq!(texts(&mut bob, 1).await, ["from the laptop"]);
    soon(laptop.settle(PATIENCE)).await.unwrap();
    let mut events = phone.events();
    while phone.history("bob", None, 10).await.unwrap().len() < 4 {
        happens(&mut events, |happening| {
            matches!(happening, Happening::Entry { .. }).then_some(())
        })
        .await;
    }
    removed(&world, (&mut phone, &mut bob), laptop, device).await;
}

/// The phone removes the laptop.
async fn removed(
    world: &World,
    (phone, bob): (&mut Client, &mut Client),
    mut laptop: Client,
    device: DeviceId,
) {
    let refused = laptop.remove_device(phone.devices().await.unwrap()[0].id).await.err();
    assert_eq!(refused, Some(Error::Refused(Refusal::NoAccountKey)));

    let mut events = laptop.events();
    soon(phone.remove_device(device)).await.unwrap();
    happens(&mut events, |happening| {
        (happening == Happening::Connection(Connection::Ended(Error::Removed))).then_some(())
    })
    .await;
    assert_eq!(
        soon(async {
            while laptop.next().await?.is_some() {}
            Ok(())
        })
        .await,
        Err(Error::Removed)
    );
    let refused = laptop.send("bob", "still here?").await.err();
    assert_eq!(refused, Some(Error::Refused(Refusal::NotReady)));
    bob.send("alice", "to the phone alone").await.unwrap();
    assert_eq!(next(phone).await.text(), "to the phone alone");
    laptop.close().await;
    let laptop = Client::open(Config::existing().store(Storage::file(world.file("laptop.db"))))
        .await
        .unwrap();
    assert_eq!(soon(laptop.online(PATIENCE)).await, Err(Error::Removed));
}

/// The last message that has come, or comes.
async fn last(client: &mut Client) -> String {
    loop {
        let message = next(client).await;
        if message.text() != "to the phone" {
            return message.text().to_owned();
        }
    }
}
