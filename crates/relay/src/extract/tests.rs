//! What errors of parsing say, and what they do not.

use axum::http::HeaderValue;
use serde::Deserialize;
use sprag_api::directory::{OpenSession, PublishKeys, Register};

use super::*;

fn detail<T: DeserializeOwned>(body: &str) -> String {
    let failure = parse::<T>(body.as_bytes()).map(|_| ()).unwrap_err();
    assert_eq!(failure.problem().code, Code::Malformed);
    failure.problem().detail.clone()
}

#[test]
fn an_error_says_where_and_what_belongs_there() {
    assert_eq!(
        detail::<OpenSession>("{\n  \"name\": 7\n}"),
        "line 2, column 11: expected a string"
    );
    assert!(detail::<OpenSession>("{\"name\": \"Alice\"}").contains("an account name is 1 to 64"));
    assert!(detail::<OpenSession>("{}").ends_with("missing field `name`"));
    assert!(detail::<OpenSession>("{\"name\": \"alice\", \"device\": 0}").contains("from 1"));
    assert!(detail::<OpenSession>("").contains("EOF while parsing"));
    assert!(detail::<OpenSession>("[]").contains("an object"));
    assert!(detail::<PublishKeys>(" [null, null]").contains("an object"));
}

#[test]
fn an_error_does_not_repeat_what_was_sent() {
    let secret = "c2VjcmV0, expected nothing";
    for body in [
        format!("{{\"invitation\": {{\"{secret}\": 1}}}}"),
        format!("{{\"{secret}\": 1}}"),
        format!("{{\"name\": \"{secret}\"}}"),
        format!("{{\"keys\": \"{secret}\"}}"),
        format!("{{\"keys\": {{\"one_time\": \"{secret}\"}}}}"),
        format!("{{\"keys\": {{\"signed\": \"{secret}\"}}}}"),
        format!("{{\"login\": {{\"time\": \"{secret}\"}}}}"),
        format!("\"{secret}\""),
        format!("{{\"name\": \"alice\"}} {secret}"),
        format!("{{\"name\": {secret}}}"),
    ] {
        let detail = detail::<Register>(&body);
        assert!(!detail.contains("c2VjcmV0"), "{detail}");
        assert!(detail.starts_with("line 1, column "), "{detail}");
    }
}

#[test]
fn an_unknown_field_is_answered_with_the_known_ones() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its parser is of interest")]
    struct Two {
        one: u8,
        two: u8,
    }
    let detail = detail::<Two>("{\"three\": 3}");
    assert!(detail.ends_with("no field of this call; its fields are `one` or `two`"), "{detail}");
}

#[test]
fn a_body_has_the_type_of_its_call() {
    let typed = |value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
        expect_type(&headers, "application/json").map_err(|failure| failure.problem().code)
    };
    for good in ["application/json", "Application/JSON", "application/json; charset=utf-8"] {
        assert_eq!(typed(good), Ok(()), "{good}");
    }
    for bad in ["text/json", "application/jsonp", "application/x-www-form-urlencoded", ""] {
        assert_eq!(typed(bad), Err(Code::UnsupportedMediaType), "{bad}");
    }
    assert!(expect_type(&HeaderMap::new(), "application/json").is_err());
}
