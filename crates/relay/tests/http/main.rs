//! The relay's HTTP as such: answers, headers, bodies, addresses, pages.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test waits for one kind of frame")]

mod addresses;
mod answers;
mod blobs;
mod bodies;
#[path = "../promises/here.rs"]
#[expect(dead_code, reason = "other tests copy it and turn its clock")]
mod here;
mod pages;
mod polls;
#[path = "../support/mod.rs"]
mod support;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use support::{Place, soon};

/// Writes these bytes on a connection of its own, and reads until the relay closes it.
async fn raw(place: &Place, request: &[u8]) -> String {
    let mut stream = soon(TcpStream::connect(place.address)).await.unwrap().unwrap();
    // The relay may answer and close before it has read everything.
    let _ = soon(stream.write_all(request)).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon(stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}
