//! What whoever runs a relay does beside it, and what its clients see of that.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sprag_api::name::AccountName;
use sprag_api::problem::Code;
use sprag_relay::Relay;
use sprag_relay::admin::{Admin, restore};
use sprag_relay::clock::SystemClock;
use sprag_relay::config::{Config, Registration, Store};

use crate::support::Place;
use crate::support::device::{Account, Device};
use crate::world::{World, config, start};

pub(crate) fn place(relay: &Relay) -> Place {
    Place {
        address: relay.address(),
        origin: relay.origin().as_str().into(),
        clock: Arc::new(SystemClock),
        from: relay.address().ip(),
    }
}

async fn admin(world: &World) -> Admin {
    Admin::open(&world.config.data, &world.config.store).await.expect("a data folder")
}

#[tokio::test]
async fn an_invitation_lets_in_as_many_as_it_says() {
    let world = start(|config| config.registration = Registration::Invitation).await;
    let place = place(&world.relay);
    let clock = SystemClock;
    let hour = Duration::from_hours(1);
    let invitation = admin(&world).await.invite(2, hour, &clock).await.expect("made");
    let join = async |name: &str, code: Option<String>| {
        let account = Account::new(name);
        let mut device = account.device(&place, 1);
        let keys = device.standing_keys();
        device.try_join(&account, keys, code).await.expect("an answer")
    };
    join("alice", None).await.refuses(Code::InvitationInvalid);
    join("alice", Some("abcd-efgh".into())).await.refuses(Code::InvitationInvalid);
    join("alice", Some(invitation.code.clone())).await.yes();
    join("bob", Some(invitation.code.clone())).await.yes();
    join("carol", Some(invitation.code)).await.refuses(Code::InvitationInvalid);
    let over = admin(&world).await.invite(1, Duration::ZERO, &clock).await.expect("made");
    join("carol", Some(over.code)).await.refuses(Code::InvitationInvalid);
}

#[tokio::test]
async fn an_account_that_is_removed_is_gone_at_once_and_its_sockets_in_seconds() {
    let world = start(|_| {}).await;
    let place = place(&world.relay);
    let mut alice = Device::register(&place, "alice").await;
    let bob = Device::register(&place, "bob").await;
    let (mut of_alice, _) = alice.socket().await;
    let (mut of_bob, _) = bob.socket().await;
    let name = AccountName::new("alice").expect("a name");
    assert!(admin(&world).await.remove_account(name.clone()).await.expect("done"));
    assert!(
        !admin(&world).await.remove_account(name).await.expect("done"),
        "there is none any more"
    );
    alice.get("/v1/keys").await.expect("an answer").refuses(Code::Unauthenticated);
    assert_eq!(of_alice.closing().await.expect("told").code, Code::Unauthenticated.as_str());
    // Nobody else notices, and the name is free.
    of_bob.drain().await.expect("it goes on");
    Device::register(&place, "alice").await;
    let statistics = admin(&world).await.statistics(&SystemClock).await.expect("counted");
    assert_eq!((statistics.accounts, statistics.devices), (2, 2));
}

#[tokio::test]
async fn a_backup_of_a_running_relay_becomes_one_that_repeats_nothing() {
    let world = start(|config| config.store = Store::Folder).await;
    let origin = world.relay.origin().clone();
    let place = place(&world.relay);
    let mut alice = Device::register(&place, "alice").await;
    let mut bob = Device::register(&place, "bob").await;
    let keys = bob.one_time_keys();
    bob.publish(&keys).await;
    alice.post_message(1, "bob", &[1], b"before").await.expect("an answer").yes();
    let backup = world.folder.path().join("backup");
    admin(&world).await.back_up(&backup).await.expect("written");
    // What happens after it: a prekey is handed out, and a place in the mailbox taken.
    let handed_out = alice.claim("bob").await.bundles.remove(0);
    assert!(handed_out.one_time && handed_out.one_time_kem);
    alice.post_message(2, "bob", &[1], b"after").await.expect("an answer").yes();
    let last = bob.waiting().await.envelopes.last().expect("two wait").seq;
    world.relay.stop().await;

    let folder = tempfile::tempdir().expect("a folder");
    let mut again = config(&folder);
    again.origin = Some(origin);
    again.store = Store::Folder;
    restore(&backup, &again.data).expect("restored");
    let relay = Relay::start(again, Arc::new(SystemClock)).await.expect("a relay");
    let there = self::place(&relay);
    for device in [&mut alice, &mut bob] {
        device.move_to(&there);
        device.get("/v1/keys").await.expect("an answer").refuses(Code::Unauthenticated);
        device.login().await;
    }
    let waiting = bob.waiting().await.envelopes;
    let texts: Vec<_> = waiting.iter().map(|envelope| envelope.ciphertext.0.as_slice()).collect();
    assert_eq!(texts, [b"before"]);
    let bundle = alice.claim("bob").await.bundles.remove(0);
    assert!(!bundle.one_time && !bundle.one_time_kem, "it may have been handed out");
    alice.post_message(2, "bob", &[1], b"again").await.expect("an answer").yes();
    let seq = bob.waiting().await.envelopes.last().expect("two wait").seq;
    assert!(seq > last, "the place {seq} may have been taken");
    relay.stop().await;
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let world = start(|config| config.store = Store::Folder).await;
    let data = world.folder.path().join("data");
    let backup = world.folder.path().join("backup");
    admin(&world).await.back_up(&backup).await.expect("written");
    let refusal = admin(&world).await.back_up(&backup).await.expect_err("it is there");
    assert!(refusal.to_string().contains("is not empty"), "{refusal}");
    let refusal = restore(&backup, &data).expect_err("a relay runs");
    assert!(refusal.to_string().contains("another relay runs"), "{refusal}");
    world.relay.stop().await;
    let refusal = restore(&backup, &data).expect_err("there is one");
    assert!(refusal.to_string().contains("exists already"), "{refusal}");
    let empty = world.folder.path().join("empty");
    let refusal = restore(Path::new("/nowhere"), &empty).expect_err("no backup");
    assert!(refusal.to_string().contains("is missing"), "{refusal}");
    let refusal = Admin::open(&Config::new(empty).data, &Store::Folder).await.err();
    let refusal = refusal.expect("no relay");
    assert!(refusal.to_string().contains("is no data folder of a relay"), "{refusal}");
}
