//! Those who watch a mailbox beside its consumer.

use bytes::Bytes;
use futures_util::FutureExt as _;
use sprag_api::name::{AccountName, Address, DeviceId};

use super::*;

const BOX: MailboxId = MailboxId(1);
const OTHER: MailboxId = MailboxId(2);

fn envelope(seq: u64) -> Arc<Envelope> {
    let account = AccountName::new("alice").unwrap();
    let sender = Arc::new(Address { account, device: DeviceId::new(1).unwrap() });
    Arc::new(Envelope { seq, sender, number: seq, received: 0, ciphertext: Bytes::new() })
}

fn woken(watch: &mut Watch<'_>) -> bool {
    watch.woken().now_or_never().is_some()
}

#[test]
fn what_arrives_between_looking_and_waiting_is_seen() {
    let hub = Hub::default();
    let mut watch = hub.watch(BOX);
    assert!(!woken(&mut watch));
    hub.deliver(BOX, envelope(1));
    hub.deliver(BOX, envelope(2));
    assert!(woken(&mut watch));
    assert!(!woken(&mut watch), "once for what has arrived");
    hub.deliver(OTHER, envelope(1));
    assert!(!woken(&mut watch), "another's mailbox");
    hub.deliver(BOX, envelope(3));
    assert!(woken(&mut watch));
}

#[test]
fn everybody_who_watches_is_woken_and_the_consumer_keeps_its_envelopes() {
    let hub = Hub::default();
    let consumer = hub.connect(BOX);
    let (mut one, mut two) = (hub.watch(BOX), hub.watch(BOX));
    hub.deliver(BOX, envelope(1));
    assert!(woken(&mut one) && woken(&mut two));
    assert_eq!(consumer.take(10).envelopes.len(), 1);
    drop(one);
    hub.deliver(BOX, envelope(2));
    assert!(woken(&mut two), "also when another has stopped watching");
}

#[test]
fn nothing_is_kept_of_those_who_are_gone() {
    let hub = Hub::default();
    let (one, two) = (hub.watch(BOX), hub.watch(BOX));
    drop(one);
    assert_eq!(lock(&hub.polled).len(), 1);
    drop(two);
    assert!(lock(&hub.polled).is_empty());
}
