//! Connections that are opened and not used, or used one byte at a time.

use std::time::Duration;

use sprag_api::problem::Code;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Tally;
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

async fn all(
    kind: &'static str,
    place: Place,
    count: u32,
    beginning: &str,
) -> (&'static str, Tally) {
    let mut connections = JoinSet::new();
    for _ in 0..count {
        connections.spawn(soon(drip(place.clone(), beginning.to_owned())));
    }
    let mut tally = Tally::default();
    while let Some(done) = connections.join_next().await {
        let timeout = Code::Timeout.status().to_string();
        tally.count(&done.unwrap().unwrap(), &["closed", &timeout]);
    }
    (kind, tally)
}

/// Heads of requests that never end, on more connections than one address may have.
pub(super) async fn slow_heads(place: Place) -> (&'static str, Tally) {
    let done = all("slow heads", place.clone(), 300, "GET / HTTP/1.1\r\nX-Slow: ").await;
    assert_eq!(done.1.0.values().sum::<u64>(), 300, "every one of them has ended");
    well(&place).await;
    done
}

/// Bodies of requests that never end.
pub(super) async fn slow_bodies(place: Place) -> (&'static str, Tally) {
    let beginning = "POST /v1/sessions HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n\
                     Content-Length: 100000\r\n\r\n{";
    let done = all("slow bodies", place.clone(), 100, beginning).await;
    assert!(done.1.of("408") > 0, "they are told why");
    well(&place).await;
    done
}

/// Ten thousand connections, each gone before it has said much.
pub(super) async fn attempts(place: Place) -> (&'static str, Tally) {
    let mut attempts = JoinSet::new();
    for number in 0..64_u32 {
        let place = place.clone();
        attempts.spawn(async move {
            let mut tally = Tally::default();
            for round in 0..157 {
                let documented = ["connected", "refused"];
                match place.connect().await {
                    Ok(mut stream) => {
                        hang_up(&mut stream, number + round).await;
                        tally.count("connected", &documented);
                    }
                    Err(_) => tally.count("refused", &documented),
                }
            }
            tally
        });
    }
    let mut tally = Tally::default();
    while let Some(some) = attempts.join_next().await {
        for (answer, count) in some.unwrap().0 {
            *tally.0.entry(answer).or_default() += count;
        }
    }
    well(&place).await;
    ("connection attempts", tally)
}

/// At once, after half a line, after a whole request that is not waited for, after nonsense.
async fn hang_up(stream: &mut TcpStream, how: u32) {
    let said: &[u8] = match how % 4 {
        0 => b"",
        1 => b"GET /v1/ke",
        2 => b"GET /v1/keys HTTP/1.1\r\nHost: relay\r\n\r\n",
        _ => b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03",
    };
    // The relay may have hung up before.
    let _ = stream.write_all(said).await;
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
