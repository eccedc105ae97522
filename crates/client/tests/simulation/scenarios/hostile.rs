//! A relay that lies.

use bytes::Bytes;
use sprag_api::frame::Envelope;
use sprag_client::effects::Lie;
use sprag_client::{Command, Notice, Refusal};

use crate::scenarios::{acquainted, name};
use crate::world::World;

fn lies(why: Lie) -> impl Fn(&Notice) -> bool {
    move |notice| matches!(notice, Notice::RelayLies { why: told, .. } if *told == why)
}

impl World {
    /// The relay puts these into a mailbox, each as a new one.
    fn replay(&mut self, who: (&str, u32), envelopes: impl IntoIterator<Item = Envelope>) {
        let mailbox = self.relay.mailbox(&(who.0.into(), who.1)).unwrap();
        envelopes.into_iter().for_each(|envelope| mailbox.put(envelope));
        self.relay.deliver_all();
        self.relay_speaks();
    }

    fn history(&mut self, who: (&str, u32)) -> Vec<Envelope> {
        self.relay.mailbox(&(who.0.into(), who.1)).unwrap().history.clone()
    }
}

/// The number beside an envelope is the relay's word: one that belongs to another message silences it not.
#[test]
fn a_number_of_another_message_hides_neither() {
    let (mut world, alice, bob) = acquainted(39);
    world.switch_off(bob);
    let texts = [world.say(alice, "bob"), world.say(alice, "bob")];
    world.drain();
    let mailbox = world.relay.mailbox(&("bob".into(), 1)).unwrap();
    let [first, second] = mailbox.waiting.make_contiguous() else { panic!("two wait") };
    first.number = second.number;
    world.switch_on(bob);
    world.settle();
    assert!(texts.iter().all(|text| world.has_read(bob, text)));
    world.check_pairs();
}

#[test]
fn an_older_list_is_refused() {
    let mut world = World::with(30, &[("alice", 1), ("bob", 1)]);
    let (alice, bob) = (world.first("alice"), world.first("bob"));
    let account = &world.relay.accounts["bob"];
    let old = (account.key.to_vec(), account.list.clone());
    world.link(bob, false);
    world.say(alice, "bob");
    world.settle();
    world.relay.hostile.shows.insert("bob".into(), old);
    world.notices.clear();
    assert_eq!(world.ask(alice, Command::Refresh(name("bob"))), Err(Refusal::RelayLies));
    assert!(world.was_told(alice, lies(Lie::OlderList)));
    // Both devices get what is said all the same.
    world.say(alice, "bob");
    world.settle();
    world.check_liveness();
}

#[test]
fn a_list_that_the_account_key_has_not_signed_is_refused() {
    let (mut world, alice, _bob) = acquainted(31);
    let account = &world.relay.accounts["bob"];
    let (key, mut list) = (account.key.to_vec(), account.list.clone());
    *list.last_mut().unwrap() ^= 1;
    world.relay.hostile.shows.insert("bob".into(), (key.clone(), list));
    assert_eq!(world.ask(alice, Command::Refresh(name("bob"))), Err(Refusal::RelayLies));
    assert!(world.was_told(alice, lies(Lie::UnsignedList)));
    world.relay.hostile.shows.insert("bob".into(), (key, b"no list".to_vec()));
    assert_eq!(world.ask(alice, Command::Refresh(name("bob"))), Err(Refusal::RelayLies));
    assert!(world.was_told(alice, lies(Lie::Malformed)));
    world.check_liveness();
}

/// The relay shows a key of its own for bob: nothing is said to it, and with the true one everything
/// goes on.
#[test]
fn a_swapped_key_stops_alice_and_the_true_one_lets_her_go_on() {
    let (mut world, alice, bob) = acquainted(32);
    let mallory = world.register("mallory");
    world.settle();
    let forged = world.list_of_one("bob", mallory);
    world.relay.hostile.shows.insert("bob".into(), forged);
    assert_eq!(world.ask(alice, Command::Refresh(name("bob"))), Err(Refusal::KeyChanged));
    let text = world.say(alice, "bob");
    world.settle();
    assert!(!world.has_read(bob, &text), "a hard stop");
    world.relay.hostile.shows.clear();
    assert!(world.ask(alice, Command::Refresh(name("bob"))).is_ok());
    world.settle();
    assert!(world.has_read(bob, &text));
    world.check_pairs();
}

#[test]
fn the_own_account_is_never_another() {
    let (mut world, alice, _bob) = acquainted(33);
    let mallory = world.register("mallory");
    world.settle();
    let forged = world.list_of_one("alice", mallory);
    world.relay.hostile.shows.insert("alice".into(), forged);
    assert_eq!(world.ask(alice, Command::Refresh(name("alice"))), Err(Refusal::RelayLies));
    world.relay.hostile.shows.clear();
    assert!(world.devices[alice].engine.is_ready());
    world.check_pairs();
}

#[test]
fn what_is_replayed_is_read_once() {
    let mut world = World::with(34, &[("alice", 2), ("bob", 2)]);
    world.check_pairs();
    let all = world.history(("bob", 1));
    assert!(all.len() > 4);
    // As they were, then under numbers that nobody gave them, then under those of each other.
    world.replay(("bob", 1), all.clone());
    world.settle();
    let renumbered = all.iter().map(|e| Envelope { number: e.number + 500, ..e.clone() });
    world.replay(("bob", 1), renumbered.collect::<Vec<_>>());
    world.settle();
    let numbers: Vec<u64> = all.iter().rev().map(|envelope| envelope.number).collect();
    let swapped = all.iter().zip(numbers).map(|(e, number)| Envelope { number, ..e.clone() });
    world.replay(("bob", 1), swapped.collect::<Vec<_>>());
    world.settle();
    world.ledger.unordered = true;
    world.check_pairs();
}

/// A number is the relay's word. A false one, however high, silences nobody for ever.
#[test]
fn a_false_number_silences_nobody() {
    let (mut world, alice, bob) = acquainted(35);
    world.hang_up(bob);
    let text = world.say(alice, "bob");
    world.devices[bob].off = true;
    world.drain();
    for envelope in &mut world.relay.mailbox(&("bob".into(), 1)).unwrap().waiting {
        envelope.number = (1 << 63) - 1;
    }
    world.devices[bob].off = false;
    world.settle();
    assert!(world.has_read(bob, &text));
    for _ in 0..3 {
        world.say(alice, "bob");
        world.settle();
    }
    world.ledger.unordered = true;
    world.check_liveness();
    world.check_pairs();
}

/// Two who claim are given the same one-time prekeys: the second one's first message cannot be read, is
/// asked for again, and is read.
#[test]
fn a_one_time_prekey_that_is_handed_out_twice_costs_a_repair() {
    let mut world = World::with(36, &[("alice", 1), ("bob", 1), ("carol", 1)]);
    let (alice, bob, carol) = (0, 1, 2);
    world.relay.hostile.reuses_prekeys = true;
    let first = world.say(alice, "bob");
    world.settle();
    let second = world.say(carol, "bob");
    world.drain();
    assert!(world.has_read(bob, &first));
    world.relay.hostile.reuses_prekeys = false;
    world.settle();
    assert!(world.was_told(bob, |notice| matches!(notice, Notice::Unreadable { .. })));
    assert!(world.has_read(bob, &second));
    world.ledger.unordered = true;
    world.check_liveness();
    world.check_pairs();
}

/// What is for one is delivered to another: nobody reads it who should not, and nobody's sessions break.
#[test]
fn what_is_delivered_to_the_wrong_device_is_read_by_nobody_there() {
    let mut world = World::with(37, &[("alice", 1), ("bob", 2), ("carol", 1)]);
    let (alice, carol) = (world.first("alice"), world.first("carol"));
    world.check_pairs();
    let text = world.say(alice, "bob");
    world.settle();
    let last = world.history(("bob", 1)).into_iter().rfind(|e| e.sender == "alice").unwrap();
    world.replay(("carol", 1), [last.clone()]);
    world.replay(("bob", 2), [Envelope { number: last.number + 7, ..last.clone() }]);
    world.replay(("alice", 1), [last]);
    world.settle();
    assert!(!world.has_read(carol, &text));
    world.ledger.unordered = true;
    world.check_liveness();
    world.check_pairs();
}

/// What the relay drops is gone, and what follows is not.
#[test]
fn what_is_dropped_wedges_nothing() {
    let (mut world, alice, bob) = acquainted(38);
    world.relay.hostile.drops = 3;
    let dropped: Vec<String> = (0..3).map(|_| world.say(alice, "bob")).collect();
    world.drain();
    assert_eq!(world.relay.hostile.drops, 0);
    let text = world.say(alice, "bob");
    world.settle();
    assert!(world.has_read(bob, &text));
    assert!(dropped.iter().all(|text| !world.has_read(bob, text)));
    world.ledger.excused.extend(dropped);
    world.check_liveness();
    world.check_pairs();
}

/// Bytes that no device ever sent, from devices that exist and from those that do not.
#[test]
fn what_is_forged_is_not_read() {
    let (mut world, _alice, bob) = acquainted(39);
    let before = world.devices[bob].log.entries.len();
    let real = world.history(("bob", 1))[0].clone();
    let forged = |sender: &str, device, number, ciphertext: &[u8]| Envelope {
        sender: sender.into(),
        sender_device: device,
        number,
        ciphertext: Bytes::copy_from_slice(ciphertext),
        ..real.clone()
    };
    let mut message = real.ciphertext.to_vec();
    message[40] ^= 1;
    world.replay(
        ("bob", 1),
        [
            forged("alice", 1, 900, b""),
            forged("alice", 1, 901, &[1, 2]),
            forged("alice", 1, 902, &message),
            forged("alice", 9, 1, &real.ciphertext),
            forged("bob", 1, 1, &real.ciphertext),
            forged("nobody", 1, 1, &real.ciphertext),
            forged("Not A Name", 0, 0, &real.ciphertext),
            forged("alice", 0, 903, &real.ciphertext),
        ],
    );
    world.settle();
    assert_eq!(world.devices[bob].log.entries.len(), before);
    assert!(world.relay.mailbox(&("bob".into(), 1)).unwrap().waiting.len() <= 2);
    world.ledger.unordered = true;
    world.check_pairs();
    assert_eq!(world.relay.mailbox(&("bob".into(), 1)).unwrap().waiting.len(), 0);
}
