//! Names, device ids and origins: both sides of every rule.

use super::*;
use crate::vectors;

// M-LIST-1
#[test]
fn names_are_what_the_specification_says() {
    let longest = "a".repeat(limit::NAME_LEN);
    for good in ["a", "0", "alice", "a.b_c-d", "9-", longest.as_str()] {
        assert_eq!(AccountName::new(good).map(String::from).as_deref(), Ok(good));
    }
    let too_long = "a".repeat(limit::NAME_LEN + 1);
    for bad in ["", "A", "aA", ".a", "-a", "_a", "a b", "ä", "a\0", "a/b", "a\n", &too_long] {
        assert_eq!(AccountName::new(bad), Err(InvalidName), "{bad:?}");
    }
    for block in vectors::refused("account_name") {
        let name = String::from_utf8(block.bytes("account_name")).unwrap();
        assert_eq!(AccountName::new(name), Err(InvalidName), "{}", block.comment);
    }
}

#[test]
fn names_are_checked_in_json_too() {
    let name: AccountName = serde_json::from_str("\"alice\"").unwrap();
    assert_eq!(serde_json::to_string(&name).unwrap(), "\"alice\"");
    for bad in ["\"Alice\"", "\"\"", "1", "null"] {
        assert!(serde_json::from_str::<AccountName>(bad).is_err(), "{bad}");
    }
}

// M-LIST-1
#[test]
fn device_ids_are_numbers_from_1() {
    for good in [1, 8, u32::MAX] {
        let id: DeviceId = serde_json::from_str(&good.to_string()).unwrap();
        assert_eq!((id.get(), Some(id)), (good, DeviceId::new(good)));
        assert_eq!(serde_json::to_string(&id).unwrap(), good.to_string());
    }
    assert_eq!(DeviceId::new(0), None);
    for bad in ["0", "-1", "1.5", "4294967296", "\"1\""] {
        assert!(serde_json::from_str::<DeviceId>(bad).is_err(), "{bad}");
    }
}

#[test]
fn names_are_read_by_their_length() {
    let mut bytes = Vec::new();
    AccountName::new("bob").unwrap().write(&mut bytes);
    assert_eq!(bytes, b"\x03bob");
    for damaged in [b"".as_slice(), b"\0", b"\x04bob", b"\x02B0", b"\x01\xFF"] {
        assert_eq!(AccountName::read(&mut Reader::new(damaged)), Err(Damaged), "{damaged:?}");
    }
    let mut longer = Reader::new(b"\x02bob");
    assert_eq!(AccountName::read(&mut longer).unwrap().as_str(), "bo");
    assert_eq!(longer.end(), Err(Damaged));
}

#[test]
fn origins_have_one_form() {
    let longest = format!("http://{}", "a".repeat(253));
    for good in [
        "https://chat.example.org",
        "https://chat.example.org:80",
        "https://chat.example.org:8443",
        "http://chat.example.org:443",
        "http://localhost",
        "http://127.0.0.1:7474",
        "http://127.0.0.1:1",
        "http://127.0.0.1:65535",
        "http://[::1]",
        "http://[::1]:7474",
        "https://[2001:db8::7]:8443",
        "https://xn--strae-oqa.example",
        &longest,
    ] {
        assert_eq!(Origin::new(good).map(String::from).as_deref(), Ok(good));
        let json = serde_json::to_string(good).unwrap();
        assert_eq!(serde_json::from_str::<Origin>(&json).unwrap().as_str(), good);
    }
}

#[test]
fn nothing_else_is_an_origin() {
    let too_long = format!("http://{}", "a".repeat(254));
    for bad in [
        "",
        "chat.example.org",
        "ftp://chat.example.org",
        "HTTPS://chat.example.org",
        "https:/chat.example.org",
        "https://",
        "https://:8443",
        "https://chat.example.org/",
        "https://chat.example.org/sprag",
        "https://chat.example.org?a",
        "https://user@chat.example.org",
        "https://Chat.example.org",
        "https://straße.example",
        "https://chat.example.org:443",
        "http://chat.example.org:80",
        "https://chat.example.org:",
        "https://chat.example.org:0",
        "https://chat.example.org:08443",
        "https://chat.example.org:+8443",
        "https://chat.example.org:65536",
        "https://chat.example.org:https",
        "https://chat:example:8443",
        "https://[::1",
        "https://::1]",
        "https://::1",
        "https://[]",
        "https://[0:0:0:0:0:0:0:1]",
        "https://[2001:DB8::7]",
        "https://[127.0.0.1]",
        "https://[::1]:443",
        "https://[::1]8443",
        "https://a b",
        " https://a",
        "https://a\n",
        &too_long,
    ] {
        assert_eq!(Origin::new(bad), Err(InvalidOrigin), "{bad:?}");
        let json = serde_json::to_string(bad).unwrap();
        assert!(serde_json::from_str::<Origin>(&json).is_err());
    }
}
