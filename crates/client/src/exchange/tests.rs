//! Of calls.

use sprag_api::blob::Blob;

use super::*;

#[test]
fn a_code_that_is_not_known_is_taken_as_its_status_says() {
    let later = br#"{"type": "urn:sprag:problem:too-blue", "title": "Too blue", "status": 429,
        "code": "too-blue", "detail": "wear less of it"}"#;
    let Lost::Problem(problem) = refusal(429, later) else { panic!() };
    assert_eq!(problem.code, Code::RateLimited);
    let known = serde_json::to_vec(&Problem::new(Code::MailboxFull, "").after(7)).unwrap();
    let Lost::Problem(problem) = refusal(429, &known) else { panic!() };
    assert_eq!((problem.code, problem.retry_after), (Code::MailboxFull, Some(7)));
    assert!(matches!(refusal(302, b"<html>"), Lost::Nonsense));
}

#[test]
fn answers_are_json() {
    let escaped =
        br#" {"length": 18446744073709551615, "id": "AAE", "new": [{"a": null, "b": -1.5e3}],
        "offset": 0, "expires": 1, "later": "\u0041\"\\" } "#;
    let blob: Blob = parse(escaped).unwrap_or_else(|_| panic!());
    assert_eq!((blob.length, blob.offset, blob.id.0), (u64::MAX, 0, vec![0, 1]));
    let problem = r#"{"type": "t", "title": "\u00e4 \"b\" 😀", "status": 404, "detail": "\n\/", "code": "not-found",
        "offset": null}"#;
    let problem: Problem = parse(problem.as_bytes()).unwrap_or_else(|_| panic!());
    assert_eq!(
        (problem.title.as_str(), problem.detail.as_str()),
        ("\u{e4} \"b\" \u{1F600}", "\n/")
    );
    for wrong in [
        &br#"{"length": 1, "id": "AAE", "offset": 0}"#[..],
        br#"{"length": 18446744073709551616, "id": "AAE", "offset": 0, "expires": 1}"#,
        br#"{"length": "1", "id": "AAE", "offset": 0, "expires": 1}"#,
        br#"{"length": 1, "id": "AAE=", "offset": 0, "expires": 1}"#,
        br#"{"length": 1, "id": "AAE", "offset": 0, "expires": 1}}"#,
        br#"{"length": 1, "id": "AAE", "offset": 0, "expires": 1"#,
        b"\xFF",
        b"",
    ] {
        assert!(matches!(parse::<Blob>(wrong), Err(Lost::Nonsense)));
    }
}

#[test]
fn no_answer_exhausts_the_stack() {
    let nested = |depth| format!(r#"{{"new": {}"#, "[".repeat(depth));
    for depth in [100, 1_000_000] {
        assert!(matches!(parse::<Blob>(nested(depth).as_bytes()), Err(Lost::Nonsense)));
    }
}
