//! How many connections there may be, and how long they may take.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::world::{Client, NEVER, World, start};

/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(200);

/// Asks until the relay has noticed that others are gone.
async fn until_served(connect: impl AsyncFn() -> Client<tokio::net::TcpStream>) {
    loop {
        let mut client = connect().await;
        client.send("GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n").await;
        if client.answer().await.is_some() {
            return;
        }
    }
}

#[tokio::test]
async fn one_address_has_its_connections_and_no_more() {
    let world = start(|config| config.limits.connections_per_address = 2).await;
    let mut first = world.connect().await;
    let mut second = world.connect().await;
    assert_eq!(first.get("/healthz").await.status, 200);
    assert_eq!(second.get("/healthz").await.status, 200);
    world.connect().await.closed().await;
    // Another address is not affected, and those that are in stay.
    assert_eq!(world.connect_from([127, 0, 0, 2]).await.get("/healthz").await.status, 200);
    assert_eq!(first.get("/healthz").await.status, 200);
    drop(first);
    until_served(|| world.connect()).await;
}

#[tokio::test]
async fn there_are_no_more_connections_in_all() {
    let world = start(|config| config.limits.connections = 2).await;
    let mut first = world.connect().await;
    let mut second = world.connect_from([127, 0, 0, 2]).await;
    assert_eq!(first.get("/healthz").await.status, 200);
    assert_eq!(second.get("/healthz").await.status, 200);
    world.connect_from([127, 0, 0, 3]).await.closed().await;
    // The operations port has places of its own.
    assert_eq!(world.operations().await.get("/healthz").await.status, 200);
    drop(second);
    until_served(|| world.connect_from([127, 0, 0, 3])).await;
}

#[tokio::test]
async fn behind_a_proxy_only_the_limit_in_all_counts() {
    let world = start(|config| {
        config.limits.connections_per_address = 1;
        config.limits.connections = 2;
        config.behind_proxy = true;
        config.origin = "https://chat.example.org".to_owned().try_into().ok();
    })
    .await;
    let (mut first, mut second) = (world.connect().await, world.connect().await);
    assert_eq!(first.get("/healthz").await.status, 200);
    assert_eq!(second.get("/healthz").await.status, 200);
    world.connect().await.closed().await;
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_ends_the_connection() {
    let world = start(|config| config.limits.header_timeout = SHORT).await;
    let mut silent = world.connect().await;
    let mut slow = world.connect().await;
    slow.send("GET /healthz HTTP/1.1\r\nHost:").await;
    silent.closed().await;
    slow.closed().await;
}

#[tokio::test]
async fn between_requests_a_connection_has_more_time_but_not_for_the_next_head() {
    let world = start(|config| {
        config.limits.header_timeout = SHORT;
        config.limits.keep_alive = NEVER;
    })
    .await;
    let mut kept = world.connect().await;
    assert_eq!(kept.get("/healthz").await.status, 200);
    // This one is the clock: opened later, it is closed when the time for a head is over.
    world.connect().await.closed().await;
    assert_eq!(kept.get("/healthz").await.status, 200);
    kept.send("GET").await;
    kept.closed().await;
}

#[tokio::test]
async fn a_connection_without_requests_ends() {
    let world = start(|config| config.limits.keep_alive = SHORT).await;
    let mut client = world.connect().await;
    assert_eq!(client.get("/healthz").await.status, 200);
    client.closed().await;
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_not_waited_for() {
    let world = start(|config| config.limits.body_timeout = SHORT).await;
    let head = "POST /v1/sessions HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n\
                Content-Length: 2\r\n\r\n";
    let mut slow = world.connect().await;
    slow.send(&format!("{head}{{")).await;
    let answer = slow.answer().await.expect("an answer");
    assert_eq!(answer.status, 408);
    assert!(answer.head.contains("content-type: application/problem+json"), "{}", answer.head);
    assert!(answer.body.contains(r#""code":"timeout""#), "{}", answer.body);
    slow.closed().await;
    // One that is there is read, and found to be none of this call.
    let mut quick = world.connect().await;
    quick.send(&format!("{head}{{}}")).await;
    assert_eq!(quick.answer().await.map(|answer| answer.status), Some(400));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let world = start(|_| {}).await;
    let padded = |len: usize| {
        let padding = "x".repeat(len);
        format!("GET /healthz HTTP/1.1\r\nHost: relay\r\nPadding: {padding}\r\n\r\n")
    };
    let mut client = world.connect().await;
    client.send(&padded(15 * 1024)).await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(200));
    let mut client = world.connect().await;
    // The relay may hang up before everything is sent.
    let _ = client.0.write_all(padded(17 * 1024).as_bytes()).await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(431));
}

#[tokio::test]
async fn what_is_not_http_is_answered_and_hung_up_on() {
    let world = start(|_| {}).await;
    let mut client = world.connect().await;
    client.send("\x16\x03\x01 is how TLS begins\r\n\r\n").await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(400));
    client.closed().await;
    assert_still_well(&world).await;
}

#[tokio::test]
async fn ten_thousand_attempts_leave_nothing_behind() {
    let world = start(|config| config.limits.connections_per_address = 1).await;
    let mut first = world.connect().await;
    assert_eq!(first.get("/healthz").await.status, 200);
    for _ in 0..10_000 {
        world.connect().await.closed().await;
    }
    assert_eq!(first.get("/healthz").await.status, 200);
    drop(first);
    until_served(|| world.connect()).await;
}

async fn assert_still_well(world: &World) {
    assert_eq!(world.connect().await.get("/healthz").await.status, 200);
}
