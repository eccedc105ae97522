//! SIGTERM under load: nothing that was accepted is lost, and the process has ended within ten seconds.

use std::time::{Duration, Instant};

use sprag_api::frame::from_relay::Frame;
use sprag_api::problem::Code;
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

use crate::ledger::{Received, Sent, text};
use crate::process::{GENEROUS, Process, alone, folder};
use crate::support::device::Device;
use crate::support::socket::message;

/// Two hundred a second.
const PACE: Duration = Duration::from_millis(5);
/// How many are accepted before the relay is stopped.
const BEFORE: u64 = 400;

/// Sends at its pace until the relay says goodbye.
async fn sending(device: Device, under_way: oneshot::Sender<()>) -> (Device, Sent) {
    let mut sent = Sent::default();
    let mut under_way = Some(under_way);
    let mut socket = device.send_only().await;
    let mut pace = tokio::time::interval(PACE);
    let name = device.name().to_owned();
    loop {
        let number = sent.submitted + 1;
        pace.tick().await;
        let one = vec![message(number, "bob", &[1], text(&name, number))];
        if socket.submit(one).await.is_err() {
            break;
        }
        sent.submitted = number;
        match socket.fates(&[number]).await {
            Ok(fates) => sent.hears(&fates[0]),
            Err(_) => break,
        }
        if sent.accepted == BEFORE {
            under_way.take().into_iter().for_each(|tell| tell.send(()).unwrap());
        }
    }
    let closing = socket.closing().await.unwrap();
    assert_eq!(closing.code, Code::ShuttingDown.as_str());
    assert!(closing.retry_after > 0, "it says when to come again");
    (device, sent)
}

/// Receives, and acknowledges everything, until the relay says goodbye.
async fn receiving(device: Device) -> (Device, Received) {
    let mut received = Received::default();
    let (mut socket, _) = device.socket().await;
    loop {
        match socket.next().await.unwrap() {
            Frame::Deliver(deliver) => {
                received.take(&deliver.envelopes);
                socket.acknowledge(received.last()).await.unwrap();
            }
            Frame::Acknowledged(done) => received.confirmed = done.through,
            Frame::Closing(closing) => {
                assert_eq!(closing.code, Code::ShuttingDown.as_str());
                return (device, received);
            }
            Frame::Empty(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "that it ends in time is the promise")]
async fn a_relay_that_is_stopped_loses_nothing_and_ends_within_ten_seconds() {
    let _alone = alone().await;
    let folder = folder();
    let data = folder.path().join("data");
    let process = Process::start(&data, GENEROUS).await;
    let place = &process.place;
    let (alice, bob) =
        (Device::register(place, "alice").await, Device::register(place, "bob").await);
    let mut carol = Device::register(place, "carol").await;
    // Those who hold a relay up: half a request, a request that waits, a socket that says nothing.
    let mut half = place.connect().await.unwrap();
    half.write_all(b"GET /v1/keys HTTP/1.1\r\nHost:").await.unwrap();
    let poll = tokio::spawn(async move { carol.get("/v1/messages?wait=60").await });
    let silent = bob.send_only().await;

    let (under_way, begun) = oneshot::channel();
    let friend = tokio::spawn(receiving(bob));
    let sender = tokio::spawn(sending(alice, under_way));
    begun.await.unwrap();
    let asked = Instant::now();
    let status = process.terminate().await;
    let took = asked.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    println!("ended after {took:?}");
    let ((mut alice, mut sent), (mut bob, mut received)) =
        (sender.await.unwrap(), friend.await.unwrap());
    drop((half, silent));
    // The poll was answered or told why not; it was not left hanging.
    if let Ok(answer) = poll.await.unwrap()
        && !answer.status.is_success()
    {
        answer.refuses(Code::ShuttingDown);
    }

    let process = Process::start(&data, GENEROUS).await;
    alice.move_to(&process.place);
    bob.move_to(&process.place);
    assert!(alice.login().await >= sent.accepted);
    // Perhaps one had no answer; it is sent again.
    let mut socket = alice.send_only().await;
    let again = sent.next(0).map(|number| message(number, "bob", &[1], text("alice", number)));
    for fate in socket.send(again.collect()).await.unwrap() {
        sent.hears(&fate);
    }
    bob.login().await;
    received.connects();
    received.take(&bob.socket().await.0.drain().await.unwrap());
    received.has_all("alice", sent.submitted);
}
