//! Sockets of somebody who has an account.

use sprag_api::frame::from_relay::Frame;
use sprag_api::frame::to_relay::Frame as Request;
use sprag_api::frame::{Hello, Send};
use sprag_api::limit;
use tokio_tungstenite::tungstenite::Message;

use super::Tally;
use crate::support::Place;
use crate::support::device::Device;
use crate::support::socket::{Fate, Socket, message};

/// Frames that are too long, no frames, out of order, or of nonsense.
pub(super) async fn malformed_frames(place: Place) -> (&'static str, Tally) {
    let mallory = Device::register(&place, "mallory").await;
    let mut tally = Tally::default();
    for round in 0..300 {
        let mut socket = Socket::connect(&place, &mallory.token).await.unwrap();
        let hello = Hello { counter: 0, send_only: round % 2 == 0 };
        if round % 7 != 0 {
            socket.say(Request::Hello(hello)).await.unwrap();
        }
        let nonsense = match round % 6 {
            0 => Message::Binary(vec![0; limit::FRAME_LEN + 1].into()),
            1 => Message::Text("hello?".into()),
            2 => Message::Binary(vec![0xFF; 64].into()),
            3 => Message::Binary(vec![].into()),
            4 => Message::Binary(submission(300).into()),
            _ => Message::Binary(
                b"\x0A\x00\x12\x00\x1A\x09\x08\xFF\xFF\xFF\xFF\xFF\xFF\x01".to_vec().into(),
            ),
        };
        // The relay may close the connection before it has all of it.
        let _ = socket.write(nonsense).await;
        let answer = match socket.closing().await {
            Ok(closing) => closing.code,
            Err(_) => "closed".into(),
        };
        let documented: &[&str] =
            if round % 6 == 0 { &["too-large", "closed"] } else { &["malformed"] };
        tally.count(&answer, documented);
    }
    ("malformed frames", tally)
}

/// A frame with so many messages.
fn submission(count: u64) -> Vec<u8> {
    use sprag_api::frame::{Message as _, Submit, ToRelay};
    let sends = (1..=count).map(|number| message(number, "mallory", &[1], "x")).collect();
    ToRelay { frame: Some(Request::Submit(Submit { sends })) }.encode_to_vec()
}

/// More into one mailbox than it holds.
pub(super) async fn full_mailbox(place: Place) -> (&'static str, Tally) {
    let mallory = Device::register(&place, "filler").await;
    let vera = Device::register(&place, "vera").await;
    let mut socket = mallory.send_only().await;
    let mut tally = Tally::default();
    for frame in 0..100 {
        let numbers = frame * 20 + 1..=frame * 20 + 20;
        let sends: Vec<Send> =
            numbers.map(|number| message(number, "vera", &[1], vec![7; 2_048])).collect();
        for fate in socket.send(sends).await.unwrap() {
            let answer = match &fate {
                Fate::Accepted(_) => "accepted",
                Fate::Refused(refused) => &refused.code,
            };
            tally.count(answer, &["accepted", "mailbox-full"]);
        }
    }
    assert_eq!(tally.of("accepted"), 500, "as many as the mailbox holds");
    // Its owner reads, and has room again.
    let (mut reading, _) = vera.socket().await;
    let waiting = reading.drain_acknowledging().await.unwrap();
    assert_eq!(waiting.len(), 500);
    reading.confirm(waiting[499].seq).await.unwrap();
    let one_more = vec![message(2_001, "vera", &[1], "x")];
    socket.send(one_more).await.unwrap()[0].accepted();
    ("full mailbox", tally)
}

/// Consumers that never read, and much for them to read.
pub(super) async fn deaf(place: Place) -> (&'static str, Tally) {
    let mut tally = Tally::default();
    let talker = Device::register(&place, "talker").await;
    let mut socket = talker.send_only().await;
    let mut deaf = Vec::new();
    for number in 0..2 {
        let device = Device::register(&place, &format!("deaf-{number}")).await;
        deaf.push((device.socket().await.0, device));
    }
    for number in 1..=800 {
        let to = format!("deaf-{}", number % 2);
        let sent = vec![message(number, &to, &[1], vec![7; 90_000])];
        socket.send(sent).await.unwrap()[0].accepted();
    }
    for (mut socket, device) in deaf {
        // What was written before the relay gave up, then the end.
        let mut read = 0;
        while let Ok(frame) = socket.next().await {
            if let Frame::Deliver(deliver) = frame {
                read += deliver.envelopes.len();
            }
            if read == 400 {
                break;
            }
        }
        tally.count(if read == 400 { "all read" } else { "closed" }, &["all read", "closed"]);
        // Nothing is lost by it.
        let (mut again, _) = device.socket().await;
        assert_eq!(again.drain_acknowledging().await.unwrap().len(), 400);
    }
    ("deaf consumers", tally)
}
