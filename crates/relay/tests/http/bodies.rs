//! Bodies: their type, their length, their time, what is in them.

use std::time::Duration;

use hyper::Method;
use sprag_api::limit;
use sprag_api::problem::Code;
use sprag_relay::config::{Rate, Registration};

use crate::here::Here;
use crate::raw;
use crate::support::http::{Body, Http};

/// The head of a login whose body is announced as it is said here.
fn head(kind: &str, announced: &str) -> String {
    format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\
         Content-Type: {kind}\r\n{announced}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_long_is_not_waited_for() {
    let here = Here::plain().await;
    let too_long = limit::FRAME_LEN + 1;
    let request = head("application/json", &format!("Content-Length: {too_long}"));
    let answer = raw(&here.place, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\"code\":\"too-large\""), "{answer}");
}

#[tokio::test]
async fn a_body_that_turns_out_too_long_is_refused() {
    let here = Here::plain().await;
    let mut request = head("application/json", "Transfer-Encoding: chunked").into_bytes();
    let chunk = [b"10000\r\n".as_slice(), &b" ".repeat(0x10000), b"\r\n"].concat();
    for _ in 0..=limit::FRAME_LEN / 0x10000 {
        request.extend_from_slice(&chunk);
    }
    let answer = raw(&here.place, &request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let here = Here::start(|limits| limits.body_timeout = Duration::from_millis(10)).await;
    let request = head("application/json", "Content-Length: 100") + "{";
    let answer = raw(&here.place, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"code\":\"timeout\""), "{answer}");
}

#[tokio::test]
async fn a_body_of_another_type_is_refused_before_it_is_read() {
    let here = Here::plain().await;
    let request = head("text/plain", "Content-Length: 100");
    let answer = raw(&here.place, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.contains("application/json"), "{answer}");
}

#[tokio::test]
async fn who_has_no_token_is_told_so_before_the_body_is_read() {
    let here = Here::plain().await;
    let request = "PUT /v1/keys HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\
                   Content-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    let answer = raw(&here.place, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn json_that_is_wrong_is_answered_with_the_place_and_not_repeated() {
    let here = Here::plain().await;
    let mut http = Http::to(&here.place);
    for (body, place) in [
        ("", "line 1, column 0: "),
        ("{", "line 1, column 1: "),
        ("{\n \"name\": \"Secret\"}", "line 2, column 18: an account name "),
        ("{\"name\": \"alice\", \"device\": \"secret\"}", "line 1, column 36: expected u32"),
        ("{\"secret\": 1}", "line 1, column 9: no field of this call"),
        ("[\"secret\"]", "line 1, column 1: expected an object"),
        ("{\"name\": \"alice\", \"device\": 1}", "line 1, column 30: missing field `login`"),
        ("\u{feff}{}", "line 1, column 1: "),
        ("\"\u{0}\"", "line 1, column "),
    ] {
        let body = Body::Json(body.into());
        let answer = http.call(Method::POST, "/v1/sessions", None, body).await.unwrap();
        let problem = answer.refuses(Code::Malformed);
        assert!(problem.detail.starts_with(place), "{problem:?}");
        assert!(!problem.detail.to_lowercase().contains("secret"), "{problem:?}");
    }
    let not_text = Body::Json(vec![b'{', b'"', 0xFF, b'"', b'}']);
    let answer = http.call(Method::POST, "/v1/sessions", None, not_text).await.unwrap();
    answer.refuses(Code::Malformed);
    let deep = Body::Json(vec![b'['; 100_000]);
    let answer = http.call(Method::POST, "/v1/sessions", None, deep).await.unwrap();
    answer.refuses(Code::Malformed);
}

#[tokio::test]
async fn who_may_not_register_is_told_so_before_the_body_is_read() {
    let request = head("application/json", "Content-Length: 100").replace("sessions", "accounts");
    let closed = Here::configured(|config| config.registration = Registration::Closed).await;
    let answer = raw(&closed.place, request.as_bytes()).await;
    assert!(answer.contains("\"code\":\"registration-closed\""), "{answer}");

    let once = Rate { burst: 1, per_hour: 1 };
    let here = Here::start(|limits| limits.registrations_per_address = once).await;
    here.device("alice").await;
    let answer = raw(&here.place, request.as_bytes()).await;
    assert!(answer.contains("\"code\":\"rate-limited\""), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nretry-after: 3600\r\n"), "{answer}");
}
