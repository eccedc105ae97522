//! Both limits, on both sides.

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn no_more_than_the_most_in_all() {
    let door = Arc::new(Door::new("test", 2, 2));
    let first = door.enter(address("192.0.2.1"));
    let second = door.enter(address("192.0.2.2"));
    assert!(first.is_some() && second.is_some());
    assert!(door.enter(address("192.0.2.3")).is_none());
    drop(first);
    assert!(door.enter(address("192.0.2.3")).is_some());
}

#[test]
fn no_more_than_the_most_from_one_network() {
    let door = Arc::new(Door::new("test", 10, 1));
    let first = door.enter(address("2001:db8:0:1::1"));
    assert!(first.is_some());
    assert!(door.enter(address("2001:db8:0:1:ffff::2")).is_none(), "the same /64");
    assert!(door.enter(address("2001:db8:0:2::1")).is_some(), "the next /64");
    drop(first);
    assert!(door.enter(address("2001:db8:0:1:ffff::2")).is_some());
}

#[test]
fn an_ipv4_address_is_itself_in_either_form() {
    let door = Arc::new(Door::new("test", 10, 1));
    let _first = door.enter(address("192.0.2.1"));
    assert!(door.enter(address("::ffff:192.0.2.1")).is_none());
    assert!(door.enter(address("::ffff:192.0.2.2")).is_some());
}

#[test]
fn nothing_is_remembered_of_networks_that_left_or_never_came_in() {
    let door = Arc::new(Door::new("test", 1, 1));
    let first = door.enter(address("192.0.2.1"));
    for last in 2..100 {
        assert!(door.enter(IpAddr::from([192, 0, 2, last])).is_none());
    }
    drop(first);
    assert!(door.lock().networks.is_empty());
}

#[tokio::test]
async fn empty_waits_for_the_last_one() {
    let door = Arc::new(Door::new("test", 10, 10));
    door.empty().await;
    let place = door.enter(address("192.0.2.1")).expect("room");
    let empty = door.empty();
    tokio::pin!(empty);
    assert!(futures_util::poll!(empty.as_mut()).is_pending());
    drop(place);
    empty.await;
}
