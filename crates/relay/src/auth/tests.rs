//! Where tokens are found, and where not.

use axum::http::HeaderValue;

use super::*;

/// 32 bytes of 7.
const TOKEN: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

fn headers(name: &header::HeaderName, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn in_header(value: &str) -> bool {
    let token = bearer(&headers(&header::AUTHORIZATION, &[value]));
    token.is_some_and(|token| token.0 == [7; 32])
}

fn in_subprotocols(values: &[&str]) -> bool {
    let token = subprotocol_token(&headers(&header::SEC_WEBSOCKET_PROTOCOL, values));
    token.is_some_and(|token| token.0 == [7; 32])
}

#[test]
fn a_header_holds_one_token() {
    assert!(in_header(&format!("Bearer {TOKEN}")));
    assert!(in_header(&format!("bearer  {TOKEN}")));
    for other in [
        TOKEN.to_owned(),
        format!("Basic {TOKEN}"),
        format!("Bearer{TOKEN}"),
        format!("Bearer {TOKEN}="),
        format!("Bearer {TOKEN}A"),
        format!("Bearer {}", &TOKEN[1..]),
        format!("Bearer {TOKEN}, Bearer {TOKEN}"),
        "Bearer ".to_owned(),
        String::new(),
    ] {
        assert!(!in_header(&other), "{other}");
    }
    assert!(bearer(&HeaderMap::new()).is_none());
}

#[test]
fn a_socket_offers_its_token_beside_the_subprotocol() {
    let token = format!("token.{TOKEN}");
    assert!(in_subprotocols(&[&format!("sprag.v1, {token}")]));
    assert!(in_subprotocols(&[&format!("{token},sprag.v1")]));
    assert!(in_subprotocols(&["sprag.v1", &token]));
    assert!(in_subprotocols(&[&format!("sprag.v2, sprag.v1, {token}")]));
    assert!(!in_subprotocols(&[&token]));
    assert!(!in_subprotocols(&["sprag.v1"]));
    assert!(!in_subprotocols(&[&format!("sprag.v2, {token}")]));
    assert!(!in_subprotocols(&[&format!("sprag.v1, {TOKEN}")]));
    assert!(!in_subprotocols(&[&format!("sprag.v1, {token}A")]));
    assert!(!in_subprotocols(&[]));
}

#[test]
fn what_is_kept_is_the_hash() {
    // SHA-256 of 32 bytes of 7.
    let token = Token::parse(TOKEN).unwrap();
    let expected: [u8; 32] = Sha256::digest([7; 32]).into();
    assert_eq!(token.hash(), expected);
    assert_eq!(token.into_base64().to_string(), TOKEN);
    assert_ne!(Token::random().unwrap().hash(), Token::random().unwrap().hash());
}
