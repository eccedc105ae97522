//! Who counts as one, and what each may have at a time.

use super::*;

#[test]
fn networks_count_as_one_address() {
    let of = |text: &str| group(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
}

#[test]
fn an_accounts_sockets_are_counted_until_they_close() {
    let limits = Limiters::new(&Limits { sockets_per_account: 2, ..Limits::default() }, false);
    let first = limits.socket(AccountId(1));
    let second = limits.socket(AccountId(1));
    assert!(first.is_some() && second.is_some());
    assert!(limits.socket(AccountId(1)).is_none());
    assert!(limits.socket(AccountId(2)).is_some());
    drop(first);
    assert!(limits.socket(AccountId(1)).is_some());
}

#[test]
fn one_address_cannot_take_the_memory_of_all() {
    let limits = Limiters::new(&Limits::default(), false);
    let of = |text: &str| limits.memory(text.parse().unwrap());
    let (mut one, mut two) = (of("2001:db8::1"), of("2001:db8::2"));
    assert!(one.grow(BODIES.0 - 1) && two.grow(1));
    assert!(!one.grow(1) && !two.grow(1));
    let mut other = of("192.0.2.1");
    assert!(other.grow(BODIES.0));
}
