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
    match value.to_str() {
        Ok(value) => parse(value, length).unwrap_or(Wanted::Whole),
        Err(_) => Wanted::Whole,
    }
}

/// The header is no single range of bytes.
struct OfAnotherKind;

fn parse(value: &str, length: u64) -> Result<Wanted, OfAnotherKind> {
    let (unit, range) = value.split_once('=').ok_or(OfAnotherKind)?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Err(OfAnotherKind);
    }
    let (first, last) = range.trim().split_once('-').ok_or(OfAnotherKind)?;
    let (first, end) = match (number(first)?, number(last)?) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(length)),
        (Some(first), None) => (first, length),
        (None, Some(suffix)) => (length.saturating_sub(suffix), length),
        (Some(_), Some(_)) | (None, None) => return Err(OfAnotherKind),
    };
    Ok(if first < end { Wanted::Range { first, end } } else { Wanted::Nothing })
}

/// A number in digits, or none; one that is too great counts as the greatest.
fn number(text: &str) -> Result<Option<u64>, OfAnotherKind> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(OfAnotherKind);
    }
    Ok(if text.is_empty() { None } else { Some(text.parse().unwrap_or(u64::MAX)) })
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
