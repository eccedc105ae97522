//! Connections that are opened and not used, or used one byte at a time.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Abuser, Tally};
use crate::support::{Place, soon};

/// Between two bytes.
const DRIP: Duration = Duration::from_millis(50);

/// Sends a beginning and then byte after byte, until the relay has had enough; what it says to that.
async fn drip(place: Place, beginning: String) -> String {
    let closed = || "closed".to_owned();
    // Whoever is not let in at all finds out sooner or later.
    let Ok(mut stream) = place.connect().await else { return closed() };
    if stream.write_all(beginning.as_bytes()).await.is_err() {
        return closed();
    }
    let mut drip = tokio::time::interval(DRIP);
    let mut answer = vec![0; 4096];
    loop {
        tokio::select! {
            read = stream.read(&mut answer) => return match read {
                Ok(0) | Err(_) => closed(),
                Ok(len) => status(&answer[..len]),
            },
            _ = drip.tick() => if stream.write_all(b"x").await.is_err() {
                return closed();
            }
        }
    }
}

/// The status of an answer, where it is one.
fn status(answer: &[u8]) -> String {
    let answer = String::from_utf8_lossy(answer);
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    status.unwrap_or("no answer of HTTP").to_owned()
}

/// So many of them at once, again and again.
async fn drips(abuser: &mut Abuser, count: u32, beginning: &str, documented: &[&str]) -> Tally {
    let mut tally = Tally::default();
    loop {
        let mut connections = JoinSet::new();
        for _ in 0..count {
            connections.spawn(soon(drip(abuser.place.clone(), beginning.to_owned())));
        }
        while let Some(done) = connections.join_next().await {
            tally.count(&done.unwrap().unwrap(), documented);
        }
        if !abuser.goes_on().await {
            well(&abuser.place).await;
            return tally;
        }
    }
}

/// Heads of requests that never end, on more connections than one address may have.
pub(super) async fn slow_heads(mut abuser: Abuser) -> Tally {
    let tally = drips(&mut abuser, 300, "GET / HTTP/1.1\r\nX-Slow: ", &["closed", "408"]).await;
    assert_eq!(tally.0.values().sum::<u64>() % 300, 0, "every one of them has ended");
    tally
}

/// Bodies of requests that never end.
pub(super) async fn slow_bodies(mut abuser: Abuser) -> Tally {
    let beginning = "POST /v1/sessions HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n\
                     Content-Length: 100000\r\n\r\n{";
    let tally = drips(&mut abuser, 100, beginning, &["closed", "408", "429"]).await;
    assert!(tally.of("408") > 0, "they are told why");
    tally
}

/// Two thousand connections each second, each gone before it has said much.
pub(super) async fn attempts(mut abuser: Abuser) -> Tally {
    let mut tally = Tally::default();
    let mut attempts = JoinSet::new();
    for round in 0.. {
        if !abuser.goes_on().await && round >= 157 {
            break;
        }
        for number in 0..64 {
            attempts.spawn(attempt(abuser.place.clone(), number + round));
        }
        while let Some(done) = attempts.try_join_next() {
            tally.count(done.unwrap(), &["connected", "refused"]);
        }
    }
    for done in attempts.join_all().await {
        tally.count(done, &["connected", "refused"]);
    }
    well(&abuser.place).await;
    tally
}

async fn attempt(place: Place, how: u32) -> &'static str {
    match place.connect().await {
        Ok(mut stream) => {
            hang_up(&mut stream, how).await;
            "connected"
        }
        Err(_) => "refused",
    }
}

/// At once, after half a line, as a whole request is answered, after nonsense.
async fn hang_up(stream: &mut TcpStream, how: u32) {
    // With a reset: an address has only so many ports, and each rests for a minute after an orderly end.
    stream.set_zero_linger().unwrap();
    let said: &[u8] = match how % 4 {
        0 => b"",
        1 => b"GET /v1/ke",
        2 => b"GET /v1/keys HTTP/1.1\r\nHost: relay\r\n\r\n",
        _ => b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03",
    };
    // The relay may have hung up before.
    if stream.write_all(said).await.is_ok() && how % 4 == 2 {
        let _ = stream.readable().await;
    }
}

/// What was held is free again: a connection from the same address is served.
async fn well(place: &Place) {
    loop {
        let mut stream = place.connect().await.unwrap();
        let request = b"GET /healthz HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n";
        let mut answer = Vec::new();
        let asked = stream.write_all(request).await.is_ok();
        if asked && stream.read_to_end(&mut answer).await.is_ok() && status(&answer) == "200" {
            return;
        }
        // The relay has not noticed yet that the others are gone.
        tokio::task::yield_now().await;
    }
}
