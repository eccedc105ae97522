//! Those who watch a mailbox beside its consumer.

use bytes::Bytes;
use futures_util::FutureExt as _;

use super::*;

const BOX: MailboxId = MailboxId(1);
const OTHER: MailboxId = MailboxId(2);

fn segment(seq: u64) -> Segment {
    Segment { first: seq, last: seq, bytes: 0, deliver: Bytes::from(vec![0; 1000]) }
}

fn woken(watch: &mut Watch<'_>) -> bool {
    watch.woken().now_or_never().is_some()
}

#[test]
fn what_arrives_between_looking_and_waiting_is_seen() {
    let hub = Hub::default();
    let mut watch = hub.watch(BOX);
    assert!(!woken(&mut watch));
    hub.deliver(BOX, segment(1));
    hub.deliver(BOX, segment(2));
    assert!(woken(&mut watch));
    assert!(!woken(&mut watch), "once for what has arrived");
    hub.deliver(OTHER, segment(1));
    assert!(!woken(&mut watch), "another's mailbox");
    hub.deliver(BOX, segment(3));
    assert!(woken(&mut watch));
}

#[test]
fn everybody_who_watches_is_woken_and_the_consumer_keeps_its_envelopes() {
    let hub = Hub::default();
    let consumer = hub.connect(BOX, Fence(0));
    let (mut one, mut two) = (hub.watch(BOX), hub.watch(BOX));
    hub.deliver(BOX, segment(1));
    assert!(woken(&mut one) && woken(&mut two));
    assert_eq!(consumer.take(10).segments.len(), 1);
    drop(one);
    hub.deliver(BOX, segment(2));
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

#[test]
fn a_consumer_has_a_bounded_queue_and_is_told_where_it_ends() {
    let hub = Hub::default();
    let consumer = hub.connect(BOX, Fence(0));
    let fits = u64::try_from(QUEUED.min(QUEUED_BYTES / 1000)).unwrap();
    for seq in 1..=fits {
        hub.deliver(BOX, segment(seq));
    }
    assert!(!consumer.take(0).behind);
    hub.deliver(BOX, segment(fits + 1));
    let arrived = consumer.take(fits - 1);
    assert_eq!((arrived.segments.len() as u64, arrived.behind), (fits - 1, false));
    // There is room again, but what came before it is in the storage only.
    hub.deliver(BOX, segment(fits + 2));
    let arrived = consumer.take(10);
    assert_eq!((arrived.segments.len(), arrived.behind), (1, true));
    hub.deliver(BOX, segment(fits + 3));
    let arrived = consumer.take(10);
    assert_eq!((arrived.segments.len(), arrived.behind), (1, false));
}

#[test]
fn a_newer_consumer_takes_over_and_an_older_one_takes_nothing_with_it() {
    let hub = Hub::default();
    let older = hub.connect(BOX, Fence(0));
    let newer = hub.connect(BOX, Fence(0));
    assert_eq!(older.take_notices(), [Notice::TakenOver]);
    hub.disconnect(BOX, &older);
    assert_eq!(hub.present(), [BOX]);
    hub.tell(BOX, Notice::Removed);
    hub.tell(BOX, Notice::Removed);
    assert_eq!(newer.take_notices(), [Notice::Removed]);
    hub.disconnect(BOX, &newer);
    assert!(hub.present().is_empty());
}

#[test]
fn a_later_fence_stays_whoever_comes_first() {
    let hub = Hub::default();
    let later = hub.connect(BOX, Fence(2));
    let earlier = hub.connect(BOX, Fence(1));
    assert_eq!(earlier.take_notices(), [Notice::TakenOver]);
    assert!(later.take_notices().is_empty());
    hub.taken_over(BOX, Fence(2));
    assert!(later.take_notices().is_empty(), "that is itself");
    hub.taken_over(BOX, Fence(3));
    assert_eq!(later.take_notices(), [Notice::TakenOver]);
}

#[test]
fn other_nodes_are_told_of_whom_is_not_here() {
    let outbox = Arc::new(Outbox::default());
    let hub = Hub::among_others(Arc::clone(&outbox));
    hub.deliver(OTHER, segment(1));
    hub.tell(OTHER, Notice::Removed);
    let consumer = hub.connect(BOX, Fence(4));
    hub.deliver(BOX, segment(1));
    hub.tell(BOX, Notice::Removed);
    let told = outbox.take().now_or_never().unwrap();
    let expected =
        [Signal::Arrived(OTHER), Signal::TakenOver(BOX, Fence(4)), Signal::Removed(OTHER)];
    assert_eq!(told, expected);
    assert_eq!(consumer.take_notices(), [Notice::Removed]);
}

#[test]
fn a_lost_signal_is_made_good_for() {
    let hub = Hub::default();
    let consumer = hub.connect(BOX, Fence(1));
    consumer.reach(5);
    let at = |last, fence| Some(Position { last, fence: Fence(fence) });
    hub.compare(BOX, at(5, 1));
    assert!(!consumer.take(1).behind && consumer.take_notices().is_empty());
    hub.compare(BOX, at(6, 1));
    assert!(consumer.take(1).behind);
    hub.compare(BOX, at(6, 1));
    assert!(!consumer.take(1).behind, "it has looked");
    hub.compare(BOX, at(6, 2));
    hub.compare(BOX, None);
    assert_eq!(consumer.take_notices(), [Notice::TakenOver, Notice::Removed]);
}
