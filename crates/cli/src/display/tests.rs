//! What others write does nothing to a terminal; sizes, QR codes.

use serde_json::json;

use super::*;

#[test]
fn text_is_left_as_it_is() {
    for text in ["", "Hello, Bob!", "one\ntwo", "Grüße 😀 שלום 日本語", "👩‍👩‍👧"] {
        assert_eq!(plain(text), text);
        assert!(matches!(plain(text), Cow::Borrowed(_)));
    }
}

#[test]
fn sequences_go_and_text_stays() {
    for (text, expected) in [
        ("\u{1b}[31mred\u{1b}[0m", "red"),
        ("\u{1b}[2J\u{1b}[1;1Hgone", "gone"),
        ("\u{9b}31mred", "red"),
        ("\u{1b}]0;title\u{7}text", "text"),
        ("\u{1b}]8;;https://example.org\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
        ("\u{9d}52;c;AAAA\u{9c}text", "text"),
        ("\u{1b}Pq#0\u{1b}\\text", "text"),
        ("\u{1b}(0text", "text"),
        ("\u{1b}ctext", "text"),
        ("a\u{1b}", "a"),
        ("a\u{1b}[", "a"),
        ("a\u{8}\u{7f}\u{0}b", "ab"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\tb", "a    b"),
        ("\u{202e}evil\u{202c} \u{2066}x\u{2069}\u{200f}", "evil x"),
        // What does not end hides nothing.
        ("\u{1b}]0;all of this\nstays", "0;all of this\nstays"),
    ] {
        assert_eq!(plain(text), expected, "{text:?}");
    }
}

#[test]
fn nothing_treacherous_is_left_of_anything() {
    let ends = ['[', ']', 'P', '(', 'm', '\\', ';', 'a', ' ', '\n', '\u{7}', '\u{9c}'];
    let begins = (0..=0x9f).chain([0x202e, 0x2067, 0xfeff, 0x2028]).filter_map(char::from_u32);
    for one in begins {
        for (two, three) in ends.iter().flat_map(|two| ends.iter().map(move |three| (two, three))) {
            let text: String = [one, *two, *three, one].iter().collect();
            assert!(plain(&text).chars().all(|c| c == '\n' || !is_treacherous(c)), "{text:?}");
        }
    }
}

#[test]
fn one_line_is_one_line() {
    assert_eq!(line("a\nb\r\u{2028}c"), "a b  c");
}

#[test]
fn json_is_the_same_and_harmless() {
    let value = json!({ "text": "\u{1b}[31m\u{9b}2J\u{202e}\u{7f}😀\n\"\\" });
    let written = json(&value);
    assert!(!written.contains(is_treacherous));
    let read: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(read, value);
    assert_eq!(json(&json!({ "a": "ü" })), r#"{"a":"ü"}"#);
}

#[test]
fn sizes_are_short() {
    for (bytes, expected) in [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1_572_864, "1.5 MiB"),
        (u64::MAX, "17179869183.9 GiB"),
    ] {
        assert_eq!(size(bytes), expected);
    }
}

#[test]
fn a_qr_code_has_a_quiet_zone_and_its_size() {
    let lines = qr(&[7; 66]).unwrap();
    let side = lines[0].chars().count();
    assert!(lines.iter().all(|line| line.chars().count() == side));
    assert_eq!(lines.len(), side.div_ceil(2));
    assert!(lines[0].chars().chain(lines[1].chars()).all(|c| c == '█'));
    // The finder pattern: seven dark modules, the upper half of a dark line is not drawn.
    assert!(lines[2].starts_with("████ "), "{}", lines[2]);
    assert!(qr(&[0; 3000]).is_none());
}
