//! Of HTTP.

use super::*;

fn to(origin: &str) -> (String, u16, bool) {
    let http = Http::to(&Origin::new(origin).unwrap(), &[]).unwrap();
    (http.host, http.port, http.tls.is_some())
}

#[test]
fn an_origin_says_where_to_connect() {
    assert_eq!(to("http://127.0.0.1:7474"), ("127.0.0.1".into(), 7474, false));
    assert_eq!(to("http://relay"), ("relay".into(), 80, false));
    assert_eq!(to("https://chat.example.org"), ("chat.example.org".into(), 443, true));
    assert_eq!(to("http://[::1]:7474"), ("::1".into(), 7474, false));
    assert_eq!(to("http://[::1]"), ("::1".into(), 80, false));
}

#[test]
fn a_code_that_is_not_known_is_taken_as_its_status_says() {
    let later = br#"{"type": "urn:sprag:problem:too-blue", "title": "Too blue", "status": 429,
        "code": "too-blue", "detail": "wear less of it"}"#;
    let Lost::Problem(problem) = refusal(StatusCode::TOO_MANY_REQUESTS, later) else { panic!() };
    assert_eq!(problem.code, Code::RateLimited);
    let known = serde_json::to_vec(&Problem::new(Code::MailboxFull, "").after(7)).unwrap();
    let Lost::Problem(problem) = refusal(StatusCode::TOO_MANY_REQUESTS, &known) else { panic!() };
    assert_eq!((problem.code, problem.retry_after), (Code::MailboxFull, Some(7)));
    assert!(matches!(refusal(StatusCode::FOUND, b"<html>"), Lost::Nonsense));
}
