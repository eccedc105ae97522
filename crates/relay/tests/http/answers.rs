//! What all answers have in common.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, StatusCode};
use sprag_api::problem::Code;

use crate::here::Here;
use crate::support::http::{Answer, Body, Http};

/// A request with these headers and no body.
async fn with(here: &Here, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(HOST, "relay.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::new())).unwrap();
    Http::to(&here.place).send(request).await.unwrap()
}

async fn get(here: &Here, path: &str) -> Answer {
    with(here, Method::GET, path, &[]).await
}

fn assert_careful(answer: &Answer) {
    assert_eq!(answer.headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(answer.headers[REFERRER_POLICY], "no-referrer");
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    let policy = answer.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
}

#[tokio::test]
async fn answers_good_and_bad_are_kept_by_nobody_and_taken_for_nothing_else() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let found = get(&here, "/v1/accounts/alice").await;
    assert_eq!(found.headers[CONTENT_TYPE], "application/json");
    assert_careful(&found);
    assert_careful(&alice.get("/v1/keys").await.unwrap());
    for path in ["/v1/accounts/bob", "/v1/accounts/Bob", "/v1/keys", "/v1", "/", "/v1/keys/"] {
        let refused = get(&here, path).await;
        refused.problem();
        assert_careful(&refused);
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_is_answered_with_those_that_are() {
    let here = Here::plain().await;
    for (method, path, allowed) in [
        (Method::PATCH, "/v1/keys", &["GET", "HEAD", "PUT"][..]),
        (Method::GET, "/v1/accounts", &["POST"]),
        (Method::TRACE, "/v1/accounts/alice", &["DELETE", "GET", "HEAD"]),
        (Method::PUT, "/v1/blobs/AAAA", &["DELETE", "GET", "HEAD", "PATCH"]),
        (Method::POST, "/v1/socket", &["GET", "HEAD"]),
        (Method::DELETE, "/docs/", &["GET", "HEAD"]),
    ] {
        let answer = with(&here, method, path, &[]).await;
        answer.refuses(Code::MethodNotAllowed);
        let mut allow: Vec<_> = answer.headers[ALLOW].to_str().unwrap().split(',').collect();
        allow.sort_unstable();
        assert_eq!(allow, allowed, "{path}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let here = Here::plain().await;
    here.device("alice").await;
    let whole = get(&here, "/v1/accounts/alice").await;
    let head = with(&here, Method::HEAD, "/v1/accounts/alice", &[]).await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(head.headers["content-length"], whole.body.len().to_string());
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn pages_of_any_origin_may_call_without_credentials() {
    let here = Here::plain().await;
    let origin = ("origin", "https://app.example");
    let preflight = with(
        &here,
        Method::OPTIONS,
        "/v1/blobs/AAAA",
        &[
            origin,
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "authorization,content-type,upload-offset"),
        ],
    )
    .await;
    preflight.yes();
    assert_eq!(preflight.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let methods = preflight.headers[ACCESS_CONTROL_ALLOW_METHODS].to_str().unwrap();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(methods.split(',').any(|allowed| allowed == method), "{methods}");
    }
    let headers = preflight.headers[ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
    for header in ["authorization", "content-type", "range", "upload-offset"] {
        assert!(headers.split(',').any(|allowed| allowed == header), "{headers}");
    }
    // Refusals, too, must be readable for the page.
    let refused = with(&here, Method::GET, "/v1/keys", &[origin]).await;
    refused.refuses(Code::Unauthenticated);
    for answer in [&preflight, &refused] {
        assert_eq!(answer.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!answer.headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
    let exposed = refused.headers[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap();
    assert!(exposed.contains("retry-after") && exposed.contains("content-range"), "{exposed}");
}

#[tokio::test]
async fn a_refused_token_says_which_kind_is_wanted() {
    let here = Here::plain().await;
    let none = get(&here, "/v1/keys").await;
    none.refuses(Code::Unauthenticated);
    assert_eq!(none.headers[WWW_AUTHENTICATE], "Bearer");
    // Where a token is not needed, a wrong one is not passed over.
    here.device("alice").await;
    let wrong = [("authorization", "Bearer AAAA")];
    let wrong = with(&here, Method::GET, "/v1/accounts/alice", &wrong).await;
    wrong.refuses(Code::Unauthenticated);
}

#[tokio::test]
async fn paths_and_queries_that_are_malformed_are_refused_and_not_repeated() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    for path in [
        "/v1/accounts/%FF",
        "/v1/accounts/%2E%2E%2Fsecret",
        "/v1/accounts/secret%20",
        "/v1/blobs/secret",
        "/v1/blobs/AAAAAAAAAAAAAAAAAAAAAB",
        "/v1/blobs/AAAAAAAAAAAAAAAAAAAAAA=/state",
        "/v1/messages?after=secret",
        "/v1/messages?after=-1",
        "/v1/messages?limit=0",
        "/v1/messages?limit=101",
        "/v1/messages?wait=61",
        "/v1/messages?secret=1",
        "/v1/messages?after=1&after=2",
    ] {
        let problem = alice.get(path).await.unwrap().refuses(Code::Malformed);
        assert!(!problem.detail.contains("secret"), "{problem:?}");
    }
    let nothing = alice.call(Method::DELETE, "/v1/messages", Body::None).await.unwrap();
    nothing.refuses(Code::Malformed);
}
