//! Polling that waits.

use hyper::Method;
use sprag_api::mailbox::Waiting;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::here::Here;
use crate::support::http::{Body, Http};
use crate::support::{Place, soon};

async fn poll(place: &Place, token: &str) -> Waiting {
    let mut http = Http::to(place);
    let path = "/v1/messages?wait=20";
    http.call(Method::GET, path, Some(token), Body::None).await.unwrap().json()
}

#[tokio::test]
async fn everybody_who_waits_is_answered_and_so_is_the_socket() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let (mut socket, _) = bob.socket().await;
    let send = async {
        let number = alice.next();
        alice.post_message(number, "bob", &[1], b"hello").await.unwrap().yes();
    };
    let (first, second, ()) =
        tokio::join!(poll(&here.place, &bob.token), poll(&here.place, &bob.token), send);
    assert_eq!(first.envelopes.len(), 1);
    assert_eq!(first, second);
    assert_eq!(socket.receive(1).await.unwrap()[0].seq, first.envelopes[0].seq);
    assert_eq!(bob.waiting().await, first, "it stays until it is acknowledged");
}

#[tokio::test]
async fn who_waits_while_the_relay_stops_is_told_so() {
    let here = Here::plain().await;
    let bob = here.device("bob").await;
    let mut stream = TcpStream::connect(here.place.address).await.unwrap();
    // Two requests at once: when the first is answered, the relay has begun with the second.
    let requests = format!(
        "GET /healthz HTTP/1.1\r\nHost: relay.example\r\n\r\n\
         GET /v1/messages?wait=60 HTTP/1.1\r\nHost: relay.example\r\n\
         Authorization: Bearer {}\r\n\r\n",
        bob.token
    );
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut first = Vec::new();
    while !first.ends_with(b"\r\n\r\nok\n") {
        assert_ne!(soon(stream.read_buf(&mut first)).await.unwrap().unwrap(), 0);
    }
    let rest = async {
        let mut rest = String::new();
        soon(stream.read_to_string(&mut rest)).await.unwrap().unwrap();
        rest
    };
    let (here, rest) = tokio::join!(here.restart(), rest);
    assert!(rest.starts_with("HTTP/1.1 503 "), "{rest}");
    assert!(rest.contains("\"code\":\"shutting-down\""), "{rest}");
    drop(here);
}

#[tokio::test]
async fn an_answer_ends_where_there_is_enough_for_one() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let long = vec![0; 96 * 1024];
    // Twelve of 96 KiB have more than 1 MiB.
    for number in 1..=12 {
        alice.post_message(number, "bob", &[1], &long).await.unwrap().yes();
    }
    let waiting = bob.waiting().await;
    assert_eq!((waiting.envelopes.len(), waiting.more), (11, true));
    let rest: Waiting = bob.get("/v1/messages?after=11").await.unwrap().json();
    assert_eq!((rest.envelopes.len(), rest.more), (1, false));
    for (limit, more) in [(10, true), (11, true)] {
        let some: Waiting = bob.get(&format!("/v1/messages?limit={limit}")).await.unwrap().json();
        assert_eq!((some.envelopes.len(), some.more), (limit, more));
    }
    let last: Waiting = bob.get("/v1/messages?after=2&limit=10").await.unwrap().json();
    assert_eq!((last.envelopes.len(), last.more), (10, false));
}
