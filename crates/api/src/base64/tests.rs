//! Base64url without padding: one text for each value, and what is hidden.

use super::*;

#[test]
fn every_value_has_one_text() {
    for (bytes, text) in [
        (b"".as_slice(), ""),
        (b"f", "Zg"),
        (b"fo", "Zm8"),
        (b"foo", "Zm9v"),
        (b"foob", "Zm9vYg"),
        (&[0xFB, 0xEF, 0xFF], "--__"),
    ] {
        let value = Base64::from(bytes);
        assert_eq!((value.to_string().as_str(), Base64::parse(text)), (text, Ok(value.clone())));
        let json = format!("\"{text}\"");
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
        assert_eq!(serde_json::from_str::<Base64>(&json).unwrap(), value);
    }
}

#[test]
fn nothing_else_is_taken() {
    // Padding, the other alphabet, bits left over, a length that nothing has, white space.
    for text in ["Zg==", "Zg=", "++//", "Zh", "Zm9", "Zm9vY", "Z", "Zm9v\n", " Zm9v", "Zm 9v", "ä"]
    {
        let json = serde_json::to_string(text).unwrap();
        assert_eq!(Base64::parse(text), Err(NotBase64), "{text:?}");
        assert!(serde_json::from_str::<Base64>(&json).is_err(), "{text:?}");
    }
    for json in ["1", "null", "[102]"] {
        assert!(serde_json::from_str::<Base64>(json).is_err(), "{json}");
    }
}

#[test]
fn an_array_has_exactly_its_length() {
    let value = Base64::from([1, 2, 3]);
    assert_eq!(value.array(), Some([1, 2, 3]));
    assert_eq!((value.array::<2>(), value.array::<4>()), (None, None));
}

#[test]
fn what_can_be_printed_shows_the_length_only() {
    assert_eq!(format!("{:?}", Base64::from(*b"secret")), "Base64(6 bytes)");
}
