//! Limits: each on both sides, with the answer that says so.

use std::time::Duration;

use hyper::Method;
use sprag_api::frame::to_relay::Frame;
use sprag_api::frame::{Hello, Message as _, Part, Send, Submit, ToRelay, from_relay};
use sprag_api::limit;
use sprag_api::mailbox::Receipt;
use sprag_api::name::DeviceId;
use sprag_api::problem::Code;
use sprag_relay::config::Rate;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::here::Here;
use crate::mailboxes::with_two_devices;
use crate::support::device::{Account, Device};
use crate::support::http::{Answer, Body};
use crate::support::socket::{Socket, message};
use crate::support::soon;

async fn send(from: &mut Device, to: &str, bytes: usize) -> Answer {
    let number = from.next();
    from.post_message(number, to, &[1], &vec![7; bytes]).await.unwrap()
}

/// Acknowledges the oldest envelope.
async fn take_one(device: &mut Device) {
    let through = device.waiting().await.envelopes[0].seq;
    let path = format!("/v1/messages?through={through}");
    device.call(Method::DELETE, &path, Body::None).await.unwrap().yes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_holds_so_many_envelopes() {
    let here = Here::start(|limits| limits.mailbox_envelopes = 5).await;
    let (mut alice, mut bob) = here.two().await;
    for _ in 0..5 {
        send(&mut alice, "bob", 10).await.yes();
    }
    let problem = send(&mut alice, "bob", 10).await.refuses(Code::MailboxFull);
    assert!(problem.retry_after.is_some());
    // The same over the socket; and a refused number is not used up.
    let mut socket = alice.send_only().await;
    let sent = || vec![message(alice.number, "bob", &[1], "x")];
    let fates = socket.send(sent()).await.unwrap();
    let refused = fates[0].refused();
    assert_eq!(refused.code, Code::MailboxFull.as_str());
    assert!(refused.retry_after > 0);
    // A full mailbox hurts nobody else.
    let carol = here.device("carol").await;
    let number = alice.number + 1;
    let fates = socket.send(vec![message(number, "carol", &[1], "x")]).await.unwrap();
    assert!(!fates[0].accepted().duplicate);
    let (mut of_carol, _) = carol.socket().await;
    assert_eq!(of_carol.drain().await.unwrap().len(), 1);
    // One is taken out, one fits.
    take_one(&mut bob).await;
    assert!(!socket.send(sent()).await.unwrap()[0].accepted().duplicate);
    alice.number += 1;
    send(&mut alice, "bob", 10).await.refuses(Code::MailboxFull);
    assert_eq!(bob.waiting().await.envelopes.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_holds_so_many_bytes() {
    let here = Here::start(|limits| limits.mailbox_bytes = 1_000).await;
    let (mut alice, mut bob) = here.two().await;
    send(&mut alice, "bob", 400).await.yes();
    send(&mut alice, "bob", 400).await.yes();
    send(&mut alice, "bob", 201).await.refuses(Code::MailboxFull);
    send(&mut alice, "bob", 200).await.yes();
    send(&mut alice, "bob", 1).await.refuses(Code::MailboxFull);
    take_one(&mut bob).await;
    send(&mut alice, "bob", 401).await.refuses(Code::MailboxFull);
    send(&mut alice, "bob", 400).await.yes();
    // What counts survives a restart.
    let here = here.restart().await;
    for device in [&mut alice, &mut bob] {
        device.move_to(&here.place);
    }
    send(&mut alice, "bob", 1).await.refuses(Code::MailboxFull);
    take_one(&mut bob).await;
    send(&mut alice, "bob", 400).await.yes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_mailbox_is_full_is_left_out_and_the_sender_hears_of_it() {
    let here = Here::start(|limits| limits.mailbox_envelopes = 2).await;
    let mut alice = here.device("alice").await;
    let (_, mut first, mut second, _) = with_two_devices(&here, "bob").await;
    for number in 1..=2 {
        alice.post_message(number, "bob", &[1, 2], b"both").await.unwrap().yes();
    }
    take_one(&mut second).await;
    let receipt: Receipt = alice.post_message(3, "bob", &[1, 2], b"one").await.unwrap().json();
    assert_eq!(receipt.left_out, DeviceId::new(1).into_iter().collect::<Vec<_>>());
    // It is stored for the other, and being sent again does not bring it to the first.
    take_one(&mut first).await;
    let receipt: Receipt = alice.post_message(3, "bob", &[1, 2], b"one").await.unwrap().json();
    assert!(receipt.duplicate);
    assert_eq!(first.waiting().await.envelopes.len(), 1);
    assert_eq!(second.waiting().await.envelopes.len(), 2);
    // Over the socket; then both are full.
    let mut socket = alice.send_only().await;
    take_one(&mut second).await;
    take_one(&mut second).await;
    for number in 4..=5 {
        let sent = vec![message(number, "bob", &[1, 2], "x")];
        let fates = socket.send(sent).await.unwrap();
        let left_out: &[u32] = if number == 4 { &[] } else { &[1] };
        assert_eq!(fates[0].accepted().left_out, left_out, "{number}");
    }
    let fates = socket.send(vec![message(6, "bob", &[1, 2], "x")]).await.unwrap();
    assert_eq!(fates[0].refused().code, Code::MailboxFull.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_waits_for_30_days() {
    const DAYS: u64 = 30 * 24 * 60 * 60;
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    send(&mut alice, "bob", 1).await.yes();
    here.set_clock(1);
    send(&mut alice, "bob", 2).await.yes();
    // A relay looks when it starts. The first has waited for 30 days and a second, the other for 30 days.
    here.set_clock(DAYS + 1);
    let here = here.restart().await;
    bob.move_to(&here.place);
    bob.login().await;
    let waiting = loop {
        let waiting = bob.waiting().await.envelopes;
        if waiting.len() < 2 {
            break waiting;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(waiting.iter().map(|envelope| envelope.number).collect::<Vec<_>>(), [2]);
}

fn part(device: u32, bytes: usize) -> Part {
    Part { device, ciphertext: vec![7; bytes].into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ciphertext_has_at_most_96_kib() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    send(&mut alice, "bob", limit::CIPHERTEXT_LEN).await.yes();
    send(&mut alice, "bob", limit::CIPHERTEXT_LEN + 1).await.refuses(Code::TooLarge);
    send(&mut alice, "bob", 0).await.yes();
    let mut socket = alice.send_only().await;
    for (number, bytes, holds) in
        [(10, limit::CIPHERTEXT_LEN, true), (11, limit::CIPHERTEXT_LEN + 1, false)]
    {
        let sent = Send { number, to: "bob".into(), parts: vec![part(1, bytes)] };
        let fates = socket.send(vec![sent]).await.unwrap();
        if holds {
            assert!(!fates[0].accepted().duplicate);
        } else {
            assert_eq!(fates[0].refused().code, Code::TooLarge.as_str());
        }
    }
    let lens: Vec<usize> =
        bob.waiting().await.envelopes.iter().map(|envelope| envelope.ciphertext.0.len()).collect();
    assert_eq!(lens, [limit::CIPHERTEXT_LEN, 0, limit::CIPHERTEXT_LEN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_a_part_for_each_device_and_a_frame_256_messages() {
    let here = Here::plain().await;
    let (mut alice, _bob) = here.two().await;
    let mut socket = alice.send_only().await;
    let nine = (1..=9).map(|device| part(device, 1)).collect();
    for parts in [vec![], vec![part(1, 1), part(1, 1)], vec![part(0, 1)], nine] {
        let sent = Send { number: 1, to: "bob".into(), parts };
        let fates = socket.send(vec![sent]).await.unwrap();
        assert_eq!(fates[0].refused().code, Code::Malformed.as_str());
    }
    for to in ["", "Bob", "b/b"] {
        let sent = Send { number: 1, to: to.into(), parts: vec![part(1, 1)] };
        let fates = socket.send(vec![sent]).await.unwrap();
        assert_eq!(fates[0].refused().code, Code::Malformed.as_str());
    }
    alice.post_message(1, "bob", &[], b"x").await.unwrap().refuses(Code::Malformed);
    alice.post_message(1, "bob", &[1, 1], b"x").await.unwrap().refuses(Code::Malformed);
    let messages =
        |count: u64| (1..=count).map(|number| message(number, "bob", &[1], "x")).collect();
    let all: Vec<Send> = messages(256);
    assert!(socket.send(all).await.unwrap().iter().all(|fate| !fate.accepted().duplicate));
    socket.submit(messages(257)).await.unwrap();
    assert_eq!(socket.closing().await.unwrap().code, Code::Malformed.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_and_a_body_have_a_longest_length() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let mut socket = alice.send_only().await;
    socket.write(Message::Binary(frame(limit::FRAME_LEN).into())).await.unwrap();
    assert!(!socket.fates(&[1]).await.unwrap()[0].accepted().duplicate);
    // The relay stops reading in the middle; it may be gone before all of it is written.
    let _ = socket.write(Message::Binary(frame(limit::FRAME_LEN + 1).into())).await;
    assert_eq!(socket.closing().await.unwrap().code, Code::TooLarge.as_str());
    socket.ended().await;
    assert_eq!(bob.waiting().await.envelopes.len(), 1);

    for (len, code) in [(limit::FRAME_LEN, Code::Malformed), (limit::FRAME_LEN + 1, Code::TooLarge)]
    {
        let body = Body::Json(vec![b' '; len]);
        let answer = alice.call(Method::POST, "/v1/messages/bob", body).await.unwrap();
        answer.refuses(code);
    }
}

/// A frame of exactly this length with one message, padded with a field that nobody knows.
fn frame(len: usize) -> Vec<u8> {
    let sent = Send { number: 1, to: "bob".into(), parts: vec![part(1, 1)] };
    let submit = Frame::Submit(Submit { sends: vec![sent] });
    let mut bytes = ToRelay { frame: Some(submit) }.encode_to_vec();
    // Field 2047, of bytes: two bytes of tag, three of length.
    bytes.extend([0xFA, 0x7F]);
    let [low, middle, high, ..] = (len - bytes.len() - 3).to_le_bytes();
    bytes.extend([low | 0x80, middle << 1 | low >> 7 | 0x80, high << 2 | middle >> 6]);
    bytes.resize(len, 0);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_frame_ends_the_connection_with_a_reason() {
    let here = Here::plain().await;
    let alice = here.device("alice").await;
    let hello = || Frame::Hello(Hello { counter: 0, send_only: true });
    for bytes in [b"".as_slice(), b"\xFF", b"\x0A\x05", b"\xA2\x06\x00"] {
        for greeted in [false, true] {
            let mut socket = Socket::connect(&here.place, &alice.token).await.unwrap();
            if greeted {
                socket.say(hello()).await.unwrap();
            }
            socket.write(Message::Binary(bytes.to_vec().into())).await.unwrap();
            assert_eq!(socket.closing().await.unwrap().code, Code::Malformed.as_str());
        }
    }
    let mut socket = alice.send_only().await;
    socket.write(Message::Text("{}".into())).await.unwrap();
    assert_eq!(socket.closing().await.unwrap().code, Code::Malformed.as_str());
    // Hello comes first and once.
    let mut socket = Socket::connect(&here.place, &alice.token).await.unwrap();
    socket.submit(vec![message(1, "alice", &[1], "x")]).await.unwrap();
    assert_eq!(socket.closing().await.unwrap().code, Code::Malformed.as_str());
    let mut socket = alice.send_only().await;
    socket.say(hello()).await.unwrap();
    assert_eq!(socket.closing().await.unwrap().code, Code::Malformed.as_str());
    // Pings are answered.
    let mut socket = alice.send_only().await;
    socket.write(Message::Ping("there?".into())).await.unwrap();
    assert_eq!(socket.pong().await.unwrap(), "there?");
}

/// Three at once, then one more in twenty minutes.
const RATE: Rate = Rate { burst: 3, per_hour: 3 };

#[tokio::test(flavor = "multi_thread")]
async fn an_account_sends_so_much_in_a_time() {
    let here = Here::start(|limits| limits.sends_per_account = RATE).await;
    let (mut alice, mut bob) = here.two().await;
    for _ in 0..3 {
        send(&mut alice, "bob", 1).await.yes();
    }
    let problem = send(&mut alice, "bob", 1).await.refuses(Code::RateLimited);
    assert_eq!(problem.retry_after, Some(1_200));
    let mut socket = alice.send_only().await;
    let sent = vec![message(alice.next(), "bob", &[1], "x")];
    let fates = socket.send(sent.clone()).await.unwrap();
    let refused = fates[0].refused();
    assert_eq!((refused.code.as_str(), refused.retry_after), (Code::RateLimited.as_str(), 1_200));
    // Others are not held up by it.
    bob.post_message(1, "alice", &[1], b"x").await.unwrap().yes();
    here.set_clock(1_199);
    assert_eq!(socket.send(sent.clone()).await.unwrap()[0].refused().retry_after, 1);
    here.set_clock(1_200);
    assert!(!socket.send(sent).await.unwrap()[0].accepted().duplicate);
    send(&mut alice, "bob", 1).await.refuses(Code::RateLimited);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_counts_as_several_sends() {
    const ONE: usize = 16 * 1024;
    let rate = Rate { burst: 6, per_hour: 3_600 };
    let here = Here::start(|limits| limits.sends_per_account = rate).await;
    let (mut alice, _bob) = here.two().await;
    let mut post = async |number, len: usize| {
        alice.post_message(number, "bob", &[1], &vec![7; len]).await.unwrap()
    };
    post(1, ONE).await.yes();
    post(2, ONE + 1).await.yes();
    assert_eq!(post(3, 3 * ONE + 1).await.refuses(Code::RateLimited).retry_after, Some(1));
    post(3, 3 * ONE).await.yes();
    // The longest needs more than there can be: a full bucket is enough.
    assert_eq!(post(4, 96 * 1024).await.refuses(Code::RateLimited).retry_after, Some(6));
    here.set_clock(6);
    post(4, 96 * 1024).await.yes();
}

/// Whoever goes on after a refusal for a rate gets the next one no faster than this, and nobody else is held
/// up by it.
#[tokio::test(flavor = "multi_thread")]
async fn who_goes_too_fast_is_slowed_down() {
    const HELD_BACK: Duration = Duration::from_millis(100);
    let here = Here::start(|limits| limits.sends_per_account = RATE).await;
    let (mut alice, mut bob) = here.two().await;
    let mut socket = alice.send_only().await;
    for _ in 0..3 {
        let sent = vec![message(alice.next(), "bob", &[1], "x")];
        socket.send(sent).await.unwrap()[0].accepted();
    }
    let sent = vec![message(alice.next(), "bob", &[1], "x")];
    let began = Instant::now();
    for _ in 0..3 {
        let fates = socket.send(sent.clone()).await.unwrap();
        assert_eq!(fates[0].refused().code, Code::RateLimited.as_str());
    }
    assert!(began.elapsed() >= 2 * HELD_BACK, "{:?}", began.elapsed());
    let began = Instant::now();
    send(&mut alice, "bob", 1).await.refuses(Code::RateLimited);
    assert!(began.elapsed() >= HELD_BACK, "{:?}", began.elapsed());
    send(&mut bob, "alice", 1).await.yes();
    // What was refused is accepted in time.
    here.set_clock(1_200);
    assert!(!socket.send(sent).await.unwrap()[0].accepted().duplicate);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_registers_so_many_accounts_in_a_time() {
    let here = Here::start(|limits| limits.registrations_per_address = RATE).await;
    for name in ["a", "b", "c"] {
        here.device(name).await;
    }
    let account = Account::new("d");
    let mut device = account.device(&here.place, 1);
    let answer = device.try_join(&account, device.standing_keys(), None).await.unwrap();
    assert_eq!(answer.refuses(Code::RateLimited).retry_after, Some(1_200));
    here.set_clock(1_200);
    let answer = device.try_join(&account, device.standing_keys(), None).await.unwrap();
    answer.yes();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_limited_for_an_account_and_for_an_address() {
    let here = Here::start(|limits| {
        limits.calls_per_account = RATE;
        limits.calls_per_address = Rate { burst: 5, per_hour: 3 };
    })
    .await;
    // Registering is a call without a token, too.
    let (mut alice, mut bob) = here.two().await;
    for _ in 0..3 {
        alice.get("/v1/keys").await.unwrap().yes();
    }
    alice.get("/v1/keys").await.unwrap().refuses(Code::RateLimited);
    bob.get("/v1/keys").await.unwrap().yes();
    let path = "/v1/accounts/bob";
    for _ in 0..3 {
        alice.http.call(Method::GET, path, None, Body::None).await.unwrap().yes();
    }
    let answer = alice.http.call(Method::GET, path, None, Body::None).await.unwrap();
    assert_eq!(answer.refuses(Code::RateLimited).retry_after, Some(1_200));
    let login = alice.sign_login();
    alice.try_login(login).await.unwrap().refuses(Code::RateLimited);
    // A token that opens nothing counts for the address: guessing gets nowhere.
    let wrong = bob.http.call(Method::GET, "/v1/keys", Some("AAAA"), Body::None).await.unwrap();
    wrong.refuses(Code::RateLimited);
    bob.get("/v1/keys").await.unwrap().yes();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_so_many_sockets() {
    let here = Here::start(|limits| limits.sockets_per_account = 3).await;
    let (alice, bob) = here.two().await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(alice.send_only().await);
    }
    let refused = Socket::refused(&here.place, &alice.token).await;
    assert_eq!(refused, Code::TooManyConnections.status());
    let _of_bob = bob.send_only().await;
    // One that is closed makes room, as soon as the relay has seen it.
    let closed = open.pop().unwrap();
    closed.close().await;
    let _again = alice.send_only().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_asked_and_then_let_go() {
    let here = Here::start(|limits| limits.idle_timeout = Duration::from_millis(200)).await;
    let (alice, bob) = here.two().await;
    // One that reads answers the pings without knowing, and stays.
    let (mut reading, _) = bob.socket().await;
    assert_eq!(reading.drain().await.unwrap(), []);
    let reading = tokio::spawn(async move { reading.receive(1).await });
    // Three that do not, one after the other: each takes as long as it may be silent.
    for _ in 0..3 {
        let bytes = alice.send_only().await.deaf().await.unwrap();
        assert_eq!(bytes[..2], [0x89, 0x00], "a ping, and only then the end");
        let why = Code::Timeout.as_str().as_bytes();
        assert!(bytes.windows(why.len()).any(|window| window == why));
    }
    let mut sending = alice.send_only().await;
    sending.send(vec![message(1, "bob", &[1], "x")]).await.unwrap()[0].accepted();
    assert_eq!(reading.await.unwrap().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_its_token() {
    let here = Here::start(|limits| limits.idle_timeout = Duration::from_millis(200)).await;
    let mut alice = here.device("alice").await;
    here.set_clock(1);
    let mut first = alice.socket().await.0;
    alice.login().await;
    let mut second = alice.send_only().await;
    // It is noticed when the relay looks whether somebody is there.
    here.set_clock(limit::TOKEN_LIFETIME);
    assert_eq!(first.closing().await.unwrap().code, Code::Unauthenticated.as_str());
    let fates = second.send(vec![message(1, "nobody", &[1], "x")]).await.unwrap();
    assert_eq!(fates[0].refused().code, Code::NotFound.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_let_go_and_misses_nothing() {
    let here = Here::start(|limits| {
        limits.window = 1_000_000;
        limits.sockets_per_account = 1;
        limits.write_timeout = Duration::from_millis(200);
    })
    .await;
    let (alice, bob) = here.two().await;
    // More than the system buffers on both sides of a connection.
    let count = 400;
    let (mut deaf, _) = bob.socket().await;
    let mut sending = alice.send_only().await;
    for number in 1..=count {
        let sent = vec![message(number, "bob", &[1], vec![7; 96 * 1024])];
        assert!(!sending.send(sent).await.unwrap()[0].accepted().duplicate);
    }
    // There is room for another once the relay has let go of the first.
    let hello = Hello { counter: 0, send_only: false };
    let (mut socket, _) = soon(async {
        loop {
            match bob.hello(hello).await {
                Ok(connected) => return connected,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
    .unwrap();
    // What the first had been sent is in the buffers; then it is over.
    let mut read = 0;
    while let Ok(frame) = deaf.next().await {
        if let from_relay::Frame::Deliver(deliver) = frame {
            read += deliver.envelopes.len() as u64;
        }
    }
    assert!(read < count, "{read}");
    let all = socket.drain().await.unwrap();
    let numbers: Vec<u64> = all.iter().map(|envelope| envelope.number).collect();
    assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
}
