//! Which bytes a download asks for (RFC 9110, section 14).

use axum::http::{HeaderMap, header};

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// The bytes from `first` up to `end`, at least one.
    Range { first: u64, end: u64 },
    /// The range holds no byte of it.
    Nothing,
}

/// What a request for something of this length, at least one byte, asks for. A header that is no single range of
/// bytes is passed over, as the standard allows; so is one that depends on a version (`If-Range`), which
/// blobs do not have.
pub(super) fn wanted(headers: &HeaderMap, length: u64) -> Wanted {
    if headers.contains_key(header::IF_RANGE) {
        return Wanted::Whole;
    }
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Wanted::Whole;
    };
    value.to_str().ok().and_then(|value| parse(value, length)).unwrap_or(Wanted::Whole)
}

/// `None` where it is no single range of bytes.
fn parse(value: &str, length: u64) -> Option<Wanted> {
    let (unit, range) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let (first, end) = match (first, last) {
        (Some(first), Some(last)) if first > last => return None,
        (Some(first), Some(last)) => (first, last.saturating_add(1).min(length)),
        (Some(first), None) => (first, length),
        (None, Some(suffix)) => (length.saturating_sub(suffix), length),
        (None, None) => return None,
    };
    Some(if first < end { Wanted::Range { first, end } } else { Wanted::Nothing })
}

/// A number in digits, or nothing at all; one that is too great counts as the greatest. `None` where it
/// is neither.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        Some(None)
    } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
        Some(Some(text.parse().unwrap_or(u64::MAX)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of_ten(range: &str) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        wanted(&headers, 10)
    }

    #[test]
    fn single_ranges() {
        assert_eq!(of_ten("bytes=0-0"), Wanted::Range { first: 0, end: 1 });
        assert_eq!(of_ten("bytes=2-5"), Wanted::Range { first: 2, end: 6 });
        assert_eq!(of_ten("bytes=9-9"), Wanted::Range { first: 9, end: 10 });
        assert_eq!(of_ten("bytes=9-10"), Wanted::Range { first: 9, end: 10 });
        assert_eq!(of_ten("BYTES= 4-"), Wanted::Range { first: 4, end: 10 });
        assert_eq!(of_ten("bytes=-3"), Wanted::Range { first: 7, end: 10 });
        assert_eq!(of_ten("bytes=-11"), Wanted::Range { first: 0, end: 10 });
        assert_eq!(of_ten("bytes=0-99999999999999999999"), Wanted::Range { first: 0, end: 10 });
    }

    #[test]
    fn beyond_the_end_there_is_nothing() {
        for range in ["bytes=10-", "bytes=10-12", "bytes=99999999999999999999-", "bytes=-0"] {
            assert_eq!(of_ten(range), Wanted::Nothing, "{range}");
        }
    }

    #[test]
    fn what_is_no_single_range_of_bytes_is_passed_over() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0-1,4-5",
            "lines=0-1",
            "bytes=1--2",
            "bytes=0 - 1",
        ] {
            assert_eq!(of_ten(range), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn only_one_header_counts_and_only_without_a_version() {
        let mut headers = HeaderMap::new();
        assert_eq!(wanted(&headers, 10), Wanted::Whole);
        headers.append(header::RANGE, HeaderValue::from_static("bytes=0-0"));
        assert_eq!(wanted(&headers, 10), Wanted::Range { first: 0, end: 1 });
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"version\""));
        assert_eq!(wanted(&headers, 10), Wanted::Whole);
        headers.remove(header::IF_RANGE);
        headers.append(header::RANGE, HeaderValue::from_static("bytes=1-1"));
        assert_eq!(wanted(&headers, 10), Wanted::Whole);
    }
}
