//! Sockets of somebody who has an account.

use sprag_api::frame::from_relay::Frame;
use sprag_api::frame::to_relay::Frame as Request;
use sprag_api::frame::{Hello, Send};
use sprag_api::limit;
use tokio_tungstenite::tungstenite::Message;

use super::{Abuser, Tally};
use crate::support::device::Device;
use crate::support::socket::{Fate, Socket, message};

/// Frames that are too long, no frames, out of order, or of nonsense.
pub(super) async fn malformed_frames(mut abuser: Abuser) -> Tally {
    let mallory = Device::register(&abuser.place, "mallory").await;
    let mut tally = Tally::default();
    for round in 0.. {
        if !abuser.goes_on().await && round >= 300 {
            break;
        }
        let Ok(mut socket) = Socket::connect(&abuser.place, &mallory.token).await else {
            tally.count("not let in", &["not let in"]);
            continue;
        };
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
    tally
}

/// A frame with so many messages.
fn submission(count: u64) -> Vec<u8> {
    use sprag_api::frame::{Message as _, Submit, ToRelay};
    let sends = (1..=count).map(|number| message(number, "mallory", &[1], "x")).collect();
    ToRelay { frame: Some(Request::Submit(Submit { sends })) }.encode_to_vec()
}

/// More into one mailbox than it holds.
pub(super) async fn full_mailbox(mut abuser: Abuser) -> Tally {
    let mallory = Device::register(&abuser.place, "filler").await;
    let vera = Device::register(&abuser.place, "vera").await;
    let mut socket = mallory.send_only().await;
    let mut tally = Tally::default();
    let mut fill = async |tally: &mut Tally, frame: u64| {
        let numbers = frame * 20 + 1..=frame * 20 + 20;
        let sends: Vec<Send> =
            numbers.map(|number| message(number, "vera", &[1], vec![7; 2_048])).collect();
        for fate in socket.send(sends).await.unwrap() {
            let answer = match &fate {
                Fate::Accepted(_) => "accepted",
                Fate::Refused(refused) => &refused.code,
            };
            tally.count(answer, &["accepted", "mailbox-full", "rate-limited"]);
        }
    };
    for frame in 0..30 {
        fill(&mut tally, frame).await;
    }
    assert_eq!(tally.of("accepted"), 500, "as many as the mailbox holds");
    // Its owner reads, and has room again.
    let (mut reading, _) = vera.socket().await;
    let waiting = reading.drain_acknowledging().await.unwrap();
    assert_eq!(waiting.len(), 500);
    reading.confirm(waiting[499].seq).await.unwrap();
    for frame in 30.. {
        fill(&mut tally, frame).await;
        if !abuser.goes_on().await {
            break;
        }
    }
    assert!(tally.of("accepted") > 500, "{tally:?}");
    tally
}

/// Consumers that never read, and much for them to read.
pub(super) async fn deaf(mut abuser: Abuser) -> Tally {
    let talker = Device::register(&abuser.place, "talker").await;
    let mut tally = Tally::default();
    let mut socket = talker.send_only().await;
    let mut devices = Vec::new();
    for number in 0..2 {
        devices.push(Device::register(&abuser.place, &format!("deaf-{number}")).await);
    }
    let mut goes_on = true;
    let mut numbers = 1..;
    while goes_on {
        let mut deaf = Vec::new();
        for device in &devices {
            deaf.push(device.socket().await.0);
        }
        let mut waiting = [0, 0];
        for number in numbers.by_ref().take(800) {
            goes_on = abuser.goes_on().await;
            if !goes_on && tally.0.contains_key("rate-limited") {
                break;
            }
            let to = number % 2;
            let sent = vec![message(number, &format!("deaf-{to}"), &[1], vec![7; 90_000])];
            match &socket.send(sent).await.unwrap()[0] {
                Fate::Accepted(_) => {
                    waiting[to as usize] += 1;
                    tally.count("accepted", &["accepted"]);
                }
                Fate::Refused(refused) => tally.count(&refused.code, &["rate-limited"]),
            }
        }
        for ((mut socket, device), waiting) in deaf.into_iter().zip(&devices).zip(waiting) {
            // What was written before the relay gave up, then the end.
            let mut read = 0;
            while read < waiting
                && let Ok(frame) = socket.next().await
            {
                if let Frame::Deliver(deliver) = frame {
                    read += deliver.envelopes.len();
                }
            }
            let end = if read == waiting { "all read" } else { "closed" };
            tally.count(end, &["all read", "closed"]);
            // Nothing is lost by it.
            let (mut again, _) = device.socket().await;
            let all = again.drain_acknowledging().await.unwrap();
            assert_eq!(all.len(), waiting);
            if let Some(last) = all.last() {
                again.confirm(last.seq).await.unwrap();
            }
        }
    }
    tally
}
