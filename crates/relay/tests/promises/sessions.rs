//! Sessions: a login opens one, once, here, now; a token ends with its time, its device or its session.

use hyper::Method;
use sprag_api::directory::Session;
use sprag_api::limit::{LOGIN_CLOCK_SKEW, TOKEN_LIFETIME};
use sprag_api::problem::Code;

use crate::here::{Here, ORIGIN, START};
use crate::support::device::Account;
use crate::support::http::Body;
use crate::support::socket::Socket;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_opens_a_session_once() {
    let mut here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let login = alice.sign_login();
    let session: Session = alice.try_login(login.clone()).await.unwrap().json();
    assert_eq!((session.expires, session.mark), (START + TOKEN_LIFETIME, 0));
    alice.try_login(login.clone()).await.unwrap().refuses(Code::LoginReplayed);
    // Nor after a restart, for as long as its time holds.
    here = here.restart().await;
    here.set_clock(LOGIN_CLOCK_SKEW);
    alice.move_to(&here.place);
    alice.try_login(login.clone()).await.unwrap().refuses(Code::LoginReplayed);
    here.set_clock(LOGIN_CLOCK_SKEW + 1);
    alice.try_login(login).await.unwrap().refuses(Code::ClockSkew);
    // The login that came with the registration counts, too.
    let mut bob = here.device("bob").await;
    let replayed = bob.login.clone().unwrap();
    bob.try_login(replayed).await.unwrap().refuses(Code::LoginReplayed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_for_this_relay_at_this_time() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let skew = LOGIN_CLOCK_SKEW;
    for time in [START - skew, START + skew] {
        let login = alice.sign_login_for(ORIGIN, time);
        alice.try_login(login).await.unwrap().yes();
    }
    for time in [0, START - skew - 1, START + skew + 1] {
        let login = alice.sign_login_for(ORIGIN, time);
        let problem = alice.try_login(login).await.unwrap().refuses(Code::ClockSkew);
        assert_eq!(problem.time, Some(START));
    }
    for other in ["http://relay.example", "https://relay.example:8443", "https://other.example"] {
        let login = alice.sign_login_for(other, START);
        alice.try_login(login.clone()).await.unwrap().refuses(Code::OtherOrigin);
        let mut renamed = login;
        renamed.origin = sprag_api::name::Origin::new(ORIGIN).unwrap();
        alice.try_login(renamed).await.unwrap().refuses(Code::BadSignature);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_answered_like_a_wrong_signature() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let mut answers = Vec::new();
    // A wrong signature, a device that does not exist, an account that does not exist.
    let mut login = alice.sign_login();
    login.signature.0[0] ^= 1;
    answers.push(alice.try_login(login).await.unwrap());
    for (name, id) in [("alice", 2), ("nobody", 1)] {
        let mut stranger = Account::new(name).device(&here.place, id);
        let login = stranger.sign_login();
        answers.push(stranger.try_login(login).await.unwrap());
    }
    for answer in &answers {
        answer.refuses(Code::BadSignature);
        assert_eq!(answer.body, answers[0].body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_this_relay_for_a_day() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    here.set_clock(TOKEN_LIFETIME - 1);
    alice.get("/v1/keys").await.unwrap().yes();
    alice.send_only().await.close().await;
    here.set_clock(TOKEN_LIFETIME);
    alice.get("/v1/keys").await.unwrap().refuses(Code::Unauthenticated);
    assert_eq!(Socket::refused(&here.place, &alice.token).await, 401);
    alice.login().await;
    alice.get("/v1/keys").await.unwrap().yes();
    // Another relay does not know it.
    let other = Here::plain().await;
    let mut there = other.device("alice").await;
    there.token.clone_from(&alice.token);
    there.get("/v1/keys").await.unwrap().refuses(Code::Unauthenticated);
    assert_eq!(Socket::refused(&other.place, &alice.token).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_session_opens_nothing_and_the_others_go_on() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let first = alice.token.clone();
    alice.login().await;
    alice.call(Method::DELETE, "/v1/sessions", Body::None).await.unwrap().yes();
    alice.get("/v1/keys").await.unwrap().refuses(Code::Unauthenticated);
    alice.token = first;
    alice.get("/v1/keys").await.unwrap().yes();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_token_lets_a_call_in() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let mut wrong = alice.token.clone();
    let last = if wrong.pop() == Some('A') { 'E' } else { 'A' };
    wrong.push(last);
    let calls = [
        (Method::GET, "/v1/keys"),
        (Method::PUT, "/v1/keys"),
        (Method::POST, "/v1/keys/alice/claim"),
        (Method::DELETE, "/v1/sessions"),
        (Method::POST, "/v1/messages/alice"),
        (Method::GET, "/v1/messages"),
        (Method::DELETE, "/v1/messages?through=1"),
        (Method::PUT, "/v1/accounts/alice/devices"),
        (Method::DELETE, "/v1/accounts/alice"),
        (Method::POST, "/v1/blobs"),
        (Method::GET, "/v1/blobs/AAAAAAAAAAAAAAAAAAAAAA"),
        (Method::DELETE, "/v1/blobs/AAAAAAAAAAAAAAAAAAAAAA"),
    ];
    for (method, path) in calls {
        for token in [None, Some(""), Some("x"), Some("AAAA"), Some(wrong.as_str())] {
            let answer = alice.http.call(method.clone(), path, token, Body::None).await.unwrap();
            answer.refuses(Code::Unauthenticated);
            assert_eq!(answer.headers["WWW-Authenticate"], "Bearer");
        }
    }
    alice.get("/v1/keys").await.unwrap().yes();
}
