//! What a browser says that it takes, and that it has (RFC 9110, sections 12.5.3 and 13.1.2).

use axum::http::{HeaderMap, header};

/// Whether an encoding is accepted: named, or covered by `*`, and not with a weight of zero.
pub(super) fn takes(asked: &HeaderMap, encoding: &str) -> bool {
    let weight = |wanted: &str| {
        let offers =
            asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
        let mut offers = offers.flat_map(|offers| offers.split(','));
        offers.find_map(|offer| {
            let (name, parameters) = offer.split_once(';').unwrap_or((offer, ""));
            name.trim().eq_ignore_ascii_case(wanted).then(|| is_wanted(parameters))
        })
    };
    weight(encoding).or_else(|| weight("*")).unwrap_or(false)
}

/// Whether `q=` is missing or above zero.
fn is_wanted(parameters: &str) -> bool {
    let q = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("q="));
    q.is_none_or(|q| q.trim().parse::<f32>().is_ok_and(|q| q > 0.0))
}

/// Whether the browser has this form already.
pub(super) fn matches(asked: &HeaderMap, etag: &str) -> bool {
    let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    let mut known = known.flat_map(|tags| tags.split(',')).map(str::trim);
    // A proxy that compressed it makes the tag a weak one.
    known.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
