//! For whom a call counts: an account, or an address.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use sprag_api::problem::Code;
use sprag_relay::config::Rate;

use crate::here::{Here, PLENTY};
use crate::support::http::{Answer, Http};

const TWICE: Rate = Rate { burst: 2, per_hour: 1 };

/// Looks somebody up, as a proxy would hand it on.
async fn look_up(here: &Here, forwarded_for: &str) -> Answer {
    let request = Request::get("/v1/accounts/nobody")
        .header(HOST, "relay.example")
        .header("x-forwarded-for", forwarded_for)
        .body(Full::new(Bytes::new()));
    Http::to(&here.place).send(request.unwrap()).await.unwrap()
}

#[tokio::test]
async fn behind_a_proxy_each_client_has_its_own_limit() {
    let here = Here::configured(|config| {
        config.behind_proxy = true;
        config.limits.calls_per_address = TWICE;
    })
    .await;
    for _ in 0..2 {
        look_up(&here, "192.0.2.1").await.refuses(Code::NotFound);
    }
    look_up(&here, "192.0.2.1").await.refuses(Code::RateLimited);
    look_up(&here, "192.0.2.2").await.refuses(Code::NotFound);
    // What a client says of itself comes before what the proxy adds, and does not count.
    look_up(&here, "192.0.2.9, 192.0.2.1").await.refuses(Code::RateLimited);
    // A customer's network is one client.
    for host in ["2001:db8::1", "2001:db8::2"] {
        look_up(&here, host).await.refuses(Code::NotFound);
    }
    look_up(&here, "2001:db8::3").await.refuses(Code::RateLimited);
    look_up(&here, "2001:db8:0:1::3").await.refuses(Code::NotFound);
}

#[tokio::test]
async fn without_a_proxy_nobody_names_another_address() {
    let here = Here::start(|limits| limits.calls_per_address = TWICE).await;
    for client in ["192.0.2.1", "192.0.2.2"] {
        look_up(&here, client).await.refuses(Code::NotFound);
    }
    look_up(&here, "192.0.2.3").await.refuses(Code::RateLimited);
}

#[tokio::test]
async fn a_call_with_a_token_counts_for_the_account_and_a_wrong_one_for_the_address() {
    // Registering is a call without a token.
    let once_more = Rate { burst: 4, per_hour: 1 };
    let here = Here::start(|limits| {
        limits.calls_per_address = once_more;
        limits.calls_per_account = PLENTY;
    })
    .await;
    let mut alice = here.device("alice").await;
    for _ in 0..10 {
        alice.get("/v1/accounts/alice").await.unwrap().yes();
    }
    let right = std::mem::replace(&mut alice.token, "AAAA".into());
    for _ in 0..3 {
        alice.get("/v1/accounts/alice").await.unwrap().refuses(Code::Unauthenticated);
    }
    let answer = alice.get("/v1/accounts/alice").await.unwrap();
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    alice.token = right;
    alice.get("/v1/accounts/alice").await.unwrap().yes();
}
