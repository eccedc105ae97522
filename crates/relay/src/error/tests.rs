//! Problems as answers.

use http_body_util::BodyExt as _;

use super::*;

async fn parts(failure: Failure) -> (StatusCode, axum::http::HeaderMap, serde_json::Value) {
    let response = failure.into_response();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn every_code_comes_with_its_status_and_type() {
    for code in Code::ALL {
        let (status, headers, body) = parts(Failure::new(*code, "what to do")).await;
        assert_eq!(status.as_u16(), code.status());
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(body["type"], format!("urn:sprag:problem:{}", code.as_str()));
        assert_eq!(body["code"], code.as_str());
        assert_eq!(body["status"], code.status());
        assert_eq!(body["detail"], "what to do");
        assert_eq!(headers.contains_key(header::WWW_AUTHENTICATE), code.status() == 401);
        assert!(!headers.contains_key(header::RETRY_AFTER));
    }
}

#[tokio::test]
async fn a_time_to_wait_is_said_twice() {
    let (status, headers, body) = parts(Exhausted { retry_after: 17 }.into()).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(headers[header::RETRY_AFTER], "17");
    assert_eq!(body["retry_after"], 17);
    let (status, headers, body) = parts(Unavailable.into()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers[header::RETRY_AFTER], "5");
    assert_eq!(body["code"], "unavailable");
}

#[test]
fn refusals_keep_their_codes() {
    let code = |failure: Failure| failure.problem().code;
    assert_eq!(code(InvalidList::Malformed.into()), Code::Malformed);
    assert_eq!(code(InvalidList::BadSignature.into()), Code::BadSignature);
    assert_eq!(code(InvalidPreKey::Malformed.into()), Code::Malformed);
    assert_eq!(code(InvalidPreKey::BadSignature.into()), Code::BadSignature);
    assert_eq!(code(LoginRefusal::Malformed.into()), Code::Malformed);
    assert_eq!(code(LoginRefusal::OtherOrigin.into()), Code::OtherOrigin);
    assert_eq!(code(LoginRefusal::ClockSkew.into()), Code::ClockSkew);
    assert_eq!(code(LoginRefusal::BadSignature.into()), Code::BadSignature);
}
