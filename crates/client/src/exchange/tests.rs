//! Of calls.

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
