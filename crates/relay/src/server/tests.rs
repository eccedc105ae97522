//! Where a relay finds its origin.

use super::*;

fn derived(change: impl FnOnce(&mut Config), address: &str) -> Option<String> {
    let mut config = Config::new("unused");
    change(&mut config);
    let address = address.parse().expect("an address");
    origin(&config, address).ok().map(|origin| origin.as_str().to_owned())
}

fn files(config: &mut Config) {
    config.tls = Tls::Files { certificates: "chain.pem".into(), key: "key.pem".into() };
}

#[test]
fn an_address_is_an_origin_in_the_form_that_both_sides_sign() {
    let plain = |address| derived(|_| {}, address);
    assert_eq!(plain("127.0.0.1:7474").as_deref(), Some("http://127.0.0.1:7474"));
    assert_eq!(plain("192.0.2.1:80").as_deref(), Some("http://192.0.2.1"));
    assert_eq!(plain("[2001:DB8::1]:7474").as_deref(), Some("http://[2001:db8::1]:7474"));
    assert_eq!(plain("[2001:db8::1]:80").as_deref(), Some("http://[2001:db8::1]"));
    assert_eq!(derived(files, "192.0.2.1:443").as_deref(), Some("https://192.0.2.1"));
    assert_eq!(derived(files, "192.0.2.1:80").as_deref(), Some("https://192.0.2.1:80"));
}

#[test]
fn where_clients_come_in_by_another_name_it_must_be_given() {
    assert_eq!(derived(|_| {}, "0.0.0.0:7474"), None);
    assert_eq!(derived(files, "[::]:443"), None);
    assert_eq!(derived(|config| config.behind_proxy = true, "127.0.0.1:7474"), None);
    let given = |config: &mut Config| {
        config.behind_proxy = true;
        config.origin = Origin::new("https://chat.example.org").ok();
    };
    assert_eq!(derived(given, "0.0.0.0:7474").as_deref(), Some("https://chat.example.org"));
}
