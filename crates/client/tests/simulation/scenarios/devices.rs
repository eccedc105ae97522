//! Devices that come and go.

use data_encoding::BASE64URL_NOPAD;
use sprag_client::{Command, LinkCode, LinkOptions, Notice, Refusal, Reply};
use sprag_protocol::DeviceId;

use crate::scenarios::acquainted;
use crate::world::World;

/// Alice has looked bob up before; then he links a second device, whose first message overtakes the news.
#[test]
fn a_message_of_a_new_device_that_overtakes_the_news_of_it_is_read() {
    let (mut world, alice, bob) = acquainted(20);
    let new = world.new_device("bob");
    world.settle_for(5);
    // Alice hears nothing for a while.
    world.hang_up(alice);
    let before = world.relay.mailbox(&("alice".into(), 1)).unwrap().history.len();
    world.settle_for(5);
    let code = world.devices[new].engine.link_code().unwrap();
    let options = LinkOptions { account_key: false };
    world.command(bob, Command::LinkDevice { code, options });
    for _ in 0..40 {
        world.pass_time(1);
        world.drain();
        if world.devices[new].engine.is_ready() {
            break;
        }
    }
    let text = world.say(new, "alice");
    world.drain();
    let mailbox = world.relay.mailbox(&("alice".into(), 1)).unwrap();
    assert!(mailbox.history.len() > before);
    world.settle();
    assert!(world.has_read(alice, &text));
    world.check_liveness();
    world.check_pairs();
}

#[test]
fn a_removed_device_is_told_gets_nothing_more_and_is_not_believed() {
    let mut world = World::with(22, &[("alice", 1), ("bob", 2)]);
    let (alice, bob) = (world.first("alice"), world.first("bob"));
    let second = 2;
    assert_eq!(world.devices[second].account, "bob");
    world.check_pairs();
    world.switch_off(second);
    let unsent = "never".to_owned();
    let number = world.devices[second].device().unwrap();
    let theirs = world.relay.mailbox(&("alice".into(), 1)).unwrap().history.clone();
    let reply = world.ask(bob, Command::RemoveDevice(DeviceId::new(number).unwrap()));
    assert_eq!(reply, Ok(Reply::Done));
    world.ledger.left.insert(second);
    world.settle();
    let text = world.say(alice, "bob");
    world.settle();
    assert!(world.has_read(bob, &text));
    world.switch_on(second);
    world.settle();
    assert!(world.was_told(second, |notice| matches!(notice, Notice::Removed)));
    assert!(world.devices[second].engine.is_removed());
    assert!(!world.has_read(second, &text));
    // The relay passes on what that device had said, as if it were new.
    let old = theirs.into_iter().find(|e| e.sender_device == number).unwrap();
    let mailbox = world.relay.mailbox(&("alice".into(), 1)).unwrap();
    mailbox.put(sprag_api::frame::Envelope { number: old.number + 1000, ..old });
    world.relay.deliver_all();
    world.relay_speaks();
    world.settle();
    assert!(!world.has_read(alice, &unsent));
    world.check_liveness();
    world.check_pairs();
}

/// Copies to an own device that is removed meanwhile wait for nobody.
#[test]
fn copies_that_were_on_their_way_to_a_removed_device_are_let_go() {
    let mut world = World::with(23, &[("alice", 2), ("bob", 1)]);
    let (alice, bob) = (world.first("alice"), world.first("bob"));
    world.check_pairs();
    let second = 2;
    assert_eq!(world.devices[second].account, "alice");
    world.connect(alice);
    world.settle();
    // It says something, and the list changes before that reaches the relay.
    let number = world.devices[second].device().unwrap();
    let list = world.list_without("alice", alice, number);
    world.say(alice, "bob");
    world.relay.put_devices("alice", &list).unwrap();
    world.relay_speaks();
    world.ledger.left.insert(second);
    world.settle();
    assert_eq!(world.devices[alice].engine.unsettled(), (0, 0));
    world.check_liveness();
    let _ = bob;
}

/// The code, with another secret.
fn forged(code: &LinkCode) -> LinkCode {
    let text = code.to_string();
    let (prefix, encoded) = text.split_once(':').unwrap();
    let mut bytes = BASE64URL_NOPAD.decode(encoded.as_bytes()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    LinkCode::parse(&format!("{prefix}:{}", BASE64URL_NOPAD.encode(&bytes))).unwrap()
}

#[test]
fn who_does_not_know_the_secret_of_a_new_device_is_not_believed() {
    let (mut world, alice, bob) = acquainted(24);
    let new = world.new_device("alice");
    world.settle_for(5);
    let code = world.devices[new].engine.link_code().unwrap();
    let options = LinkOptions { account_key: true };
    world.ask(alice, Command::LinkDevice { code: forged(&code), options }).unwrap();
    world.settle_for(120);
    let held = world.say(bob, "alice");
    world.settle_for(120);
    assert!(!world.devices[new].engine.is_ready());
    assert!(!world.devices[new].engine.has_account_key());
    assert!(!world.has_read(new, &held), "who it is said by is not known yet");
    // The same device, by who has seen its code.
    world.ask(alice, Command::LinkDevice { code, options }).unwrap();
    world.settle_for(120);
    assert!(world.devices[new].engine.is_ready() && world.devices[new].engine.has_account_key());
    assert!(world.has_read(new, &held), "released");
    world.settle();
    world.check_liveness();
    world.check_pairs();
}

/// A device that is signed in and never comes: the others get their copies all the same, and
/// prekeys are not used up by asking for it.
#[test]
fn a_device_that_never_comes_holds_up_nothing() {
    let mut world = World::with(25, &[("alice", 2), ("bob", 1)]);
    let (alice, second) = (world.first("alice"), 2);
    world.check_pairs();
    let new = world.new_device("alice");
    let code = world.devices[new].engine.link_code().unwrap();
    world.switch_off(new);
    let options = LinkOptions { account_key: false };
    let reply = world.ask(alice, Command::LinkDevice { code, options });
    assert!(matches!(reply, Ok(Reply::Linked(_))));
    let who = ("alice".to_owned(), 2);
    let count = |world: &mut World| world.relay.mailbox(&who).unwrap().one_time.highest();
    let before = count(&mut world);
    let text = world.say(alice, "bob");
    world.drain();
    assert!(world.has_read(second, &text), "the copy does not wait for the new device");
    world.live_for(24 * 60 * 60);
    let used = count(&mut world) - before;
    assert!(used < 400, "{used} prekeys were made anew in a day");
    world.check_safety();
}

#[test]
fn only_who_holds_the_account_key_signs() {
    let mut world = World::with(26, &[("alice", 1)]);
    let alice = world.first("alice");
    let second = world.link(alice, false);
    let new = world.new_device("alice");
    let code = world.devices[new].engine.link_code().unwrap();
    let options = LinkOptions::default();
    let command = Command::LinkDevice { code, options };
    assert_eq!(world.ask(second, command), Err(Refusal::NoAccountKey));
    world.switch_off(new);
    assert_eq!(
        world.ask(second, Command::RemoveDevice(DeviceId::FIRST)),
        Err(Refusal::NoAccountKey)
    );
    world.check_safety();
}
