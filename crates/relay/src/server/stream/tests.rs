//! Writing that gets nowhere, in virtual time.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, advance};

use super::*;
use crate::server::door::Door;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Not yet.
const ALMOST: Duration = Duration::from_secs(29);

/// A stream with room for four bytes on the way, and its other end.
fn pair() -> (Stream<DuplexStream>, DuplexStream) {
    let door = Arc::new(Door::new("test", 1, 1));
    let place = door.enter([192, 0, 2, 1].into()).expect("room");
    let (inner, other) = duplex(4);
    (Stream::new(inner, place, TIMEOUT), other)
}

#[tokio::test(start_paused = true)]
async fn a_write_that_nobody_takes_fails_in_time() {
    let (mut stream, _other) = pair();
    let began = Instant::now();
    let error = stream.write_all(b"12345").await.expect_err("nobody reads");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(began.elapsed() >= TIMEOUT);
    assert!(began.elapsed() < TIMEOUT + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_slow_but_reads_is_waited_for() {
    let (mut stream, mut other) = pair();
    let reader = tokio::spawn(async move {
        let mut bytes = [0; 4];
        for _ in 0..5 {
            advance(ALMOST).await;
            other.read_exact(&mut bytes).await.expect("read");
        }
    });
    stream.write_all(&[7; 20]).await.expect("written");
    reader.await.expect("it read");
}

#[tokio::test]
async fn bytes_that_come_are_noticed() {
    let (mut stream, mut other) = pair();
    let arrival = stream.arrival();
    assert!(!arrival.happened());
    other.write_all(b"1").await.expect("written");
    assert_eq!(stream.read_u8().await.expect("read"), b'1');
    assert!(arrival.happened());
    arrival.reset();
    assert!(!arrival.happened());
    drop(other);
    stream.read_u8().await.expect_err("the end");
    assert!(!arrival.happened());
}
