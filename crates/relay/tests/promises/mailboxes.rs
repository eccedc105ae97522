//! Mailboxes: durable once accepted, at least once and in order until acknowledged, to all devices or to
//! none, one consumer.

use hyper::Method;
use sprag_api::directory::PutDevices;
use sprag_api::frame::Envelope;
use sprag_api::frame::from_relay::Frame;
use sprag_api::problem::Code;
use sprag_relay::config::Store;

use crate::here::{Here, START};
use crate::support::device::{Account, Device};
use crate::support::http::Body;
use crate::support::socket::{Socket, message};
use crate::support::soon;

/// So many messages, each with its number as its text.
async fn send(socket: &mut Socket, to: &str, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers.clone() {
        let text = number.to_string();
        socket.submit(vec![message(number, to, &[1], text)]).await.unwrap();
    }
    let numbers: Vec<u64> = numbers.collect();
    for (number, fate) in numbers.iter().zip(socket.fates(&numbers).await.unwrap()) {
        let receipt = fate.accepted();
        assert_eq!((receipt.number, receipt.duplicate), (*number, false));
        assert_eq!(receipt.left_out, [0_u32; 0]);
    }
}

/// What arrived, by the numbers in the texts; places rise by one.
fn read(envelopes: &[Envelope]) -> Vec<u64> {
    for pair in envelopes.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq + 1);
    }
    envelopes
        .iter()
        .map(|envelope| {
            let number = std::str::from_utf8(&envelope.ciphertext).unwrap().parse().unwrap();
            assert_eq!(envelope.number, number);
            number
        })
        .collect()
}

fn numbers(range: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    range.collect()
}

/// The texts that wait for a device, by plain HTTP.
async fn texts(device: &mut Device) -> Vec<String> {
    let waiting = device.waiting().await;
    assert!(!waiting.more);
    waiting
        .envelopes
        .into_iter()
        .map(|envelope| String::from_utf8(envelope.ciphertext.0).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_is_durable_before_the_sender_hears_of_it() {
    // What PostgreSQL does for it, it promises itself (`synchronous_commit`).
    let here = Here::configured(|config| config.store = Store::Folder).await;
    let (mut alice, mut bob) = here.two().await;
    let mut socket = alice.send_only().await;
    for round in 1..=20 {
        let (number, text) = (alice.next(), format!("round {round}"));
        let sent = vec![message(number, "bob", &[1], text.clone())];
        assert!(!socket.send(sent).await.unwrap()[0].accepted().duplicate);
        let number = alice.next();
        alice.post_message(number, "bob", &[1], b"by HTTP").await.unwrap().yes();

        // The files as they are at this moment are all that there is after a crash.
        let after = here.copy().await;
        bob.move_to(&after.place);
        assert_eq!(texts(&mut bob).await, [text, "by HTTP".into()]);
        bob.move_to(&here.place);
        let through = bob.waiting().await.envelopes.last().unwrap().seq;
        acknowledge(&mut bob, through).await;
    }
}

async fn acknowledge(device: &mut Device, through: u64) {
    let path = format!("/v1/messages?through={through}");
    device.call(Method::DELETE, &path, Body::None).await.unwrap().yes();
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_come_in_order_and_again_until_they_are_acknowledged() {
    let mut here = Here::plain().await;
    let (alice, mut bob) = here.two().await;
    let mut sending = alice.send_only().await;
    send(&mut sending, "bob", 1..=300).await;

    // Twice the same, since nothing was acknowledged; also when the relay was stopped in between.
    for _ in 0..2 {
        let (mut socket, _) = bob.socket().await;
        let envelopes = socket.drain().await.unwrap();
        assert_eq!(read(&envelopes), numbers(1..=300));
        assert_eq!((envelopes[0].sender.as_str(), envelopes[0].sender_device), ("alice", 1));
        assert_eq!(envelopes[0].received, START);
        drop(socket);
        here = here.restart().await;
        bob.move_to(&here.place);
    }
    let (mut socket, _) = bob.socket().await;
    let envelopes = socket.drain().await.unwrap();
    socket.confirm(envelopes[99].seq).await.unwrap();
    drop(socket);
    let (mut socket, _) = bob.socket().await;
    assert_eq!(read(&socket.drain().await.unwrap()), numbers(101..=300));

    // By plain HTTP it is the same mailbox: 100 at a time.
    let waiting = bob.waiting().await;
    assert_eq!((waiting.envelopes.len(), waiting.more), (100, true));
    assert_eq!(waiting.envelopes[0].seq, envelopes[100].seq);
    acknowledge(&mut bob, waiting.envelopes[99].seq).await;
    let waiting = bob.waiting().await;
    assert_eq!((waiting.envelopes.len(), waiting.more), (100, false));
    assert_eq!(waiting.envelopes[0].seq, envelopes[200].seq);
    let path = format!("/v1/messages?after={}&limit=3", waiting.envelopes[9].seq);
    let some: sprag_api::mailbox::Waiting = bob.get(&path).await.unwrap().json();
    assert_eq!(some.envelopes, waiting.envelopes[10..13]);
    assert!(some.more);
    acknowledge(&mut bob, waiting.envelopes[99].seq).await;
    assert_eq!(bob.waiting().await.envelopes, []);
    // Places are not used again.
    let mut alice = alice;
    alice.move_to(&here.place);
    let mut sending = alice.send_only().await;
    send(&mut sending, "bob", 301..=301).await;
    assert_eq!(bob.waiting().await.envelopes[0].seq, envelopes[299].seq + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_consumer_gets_what_arrives_and_nothing_twice() {
    let here = Here::plain().await;
    let (alice, bob) = here.two().await;
    let (mut receiving, _) = bob.socket().await;
    assert_eq!(receiving.drain().await.unwrap(), []);
    let mut sending = alice.send_only().await;
    send(&mut sending, "bob", 1..=400).await;
    let envelopes = receiving.receive(400).await.unwrap();
    assert_eq!(read(&envelopes), numbers(1..=400));
    receiving.confirm(envelopes[399].seq).await.unwrap();
    send(&mut sending, "bob", 401..=401).await;
    assert_eq!(read(&receiving.receive(1).await.unwrap()), [401]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_sent_again_is_stored_once() {
    let mut here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let mut socket = alice.send_only().await;
    let first = message(1, "bob", &[1], "1");
    assert!(!socket.send(vec![first.clone()]).await.unwrap()[0].accepted().duplicate);
    // Before it is acknowledged: on this connection, on another, by HTTP, after a restart.
    assert!(socket.send(vec![first.clone()]).await.unwrap()[0].accepted().duplicate);
    let mut other = alice.send_only().await;
    assert!(
        other
            .send(vec![first.clone(), first.clone()])
            .await
            .unwrap()
            .iter()
            .all(|fate| fate.accepted().duplicate)
    );
    let receipt: sprag_api::mailbox::Receipt =
        alice.post_message(1, "bob", &[1], b"1").await.unwrap().json();
    assert!(receipt.duplicate && receipt.number == 1);
    here = here.restart().await;
    for device in [&mut alice, &mut bob] {
        device.move_to(&here.place);
    }
    let mut socket = alice.send_only().await;
    assert!(socket.send(vec![first.clone()]).await.unwrap()[0].accepted().duplicate);
    assert_eq!(texts(&mut bob).await, ["1"]);
    // And after it is acknowledged.
    let through = bob.waiting().await.envelopes[0].seq;
    acknowledge(&mut bob, through).await;
    assert!(socket.send(vec![first.clone()]).await.unwrap()[0].accepted().duplicate);
    here = here.restart().await;
    for device in [&mut alice, &mut bob] {
        device.move_to(&here.place);
    }
    let mut socket = alice.send_only().await;
    assert!(socket.send(vec![first]).await.unwrap()[0].accepted().duplicate);
    assert_eq!(bob.waiting().await.envelopes, []);
    // Two of one number in one frame: the second is the duplicate.
    let twice = vec![message(2, "bob", &[1], "2"), message(2, "bob", &[1], "2")];
    let fates = socket.send(twice).await.unwrap();
    let mut duplicates: Vec<_> = fates.iter().map(|fate| fate.accepted().duplicate).collect();
    duplicates.sort_unstable();
    assert_eq!(duplicates, [false, true]);
    assert_eq!(texts(&mut bob).await, ["2"]);
}

/// Bob's account with a second device that has published keys, and the current list.
pub(crate) async fn with_two_devices(
    here: &Here,
    name: &str,
) -> (Account, Device, Device, Vec<u8>) {
    let account = Account::new(name);
    let mut first = account.device(&here.place, 1);
    first.join(&account).await;
    let mut second = account.device(&here.place, 2);
    let list = account.list(2, &[&first.local, &second.local]);
    let put = PutDevices { device_list: list.clone() };
    first.put(&format!("/v1/accounts/{name}/devices"), &put).await.unwrap().yes();
    second.login().await;
    let keys = second.standing_keys();
    second.publish(&keys).await;
    (account, first, second, list.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_other_devices_than_there_are_is_stored_for_none() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let (_, mut first, mut second, list) = with_two_devices(&here, "bob").await;
    let mut socket = alice.send_only().await;
    for devices in [[1].as_slice(), &[2], &[1, 3], &[1, 2, 3]] {
        let sent = vec![message(1, "bob", devices, "no")];
        let fates = socket.send(sent).await.unwrap();
        let refused = fates[0].refused();
        assert_eq!(refused.code, Code::DevicesDiffer.as_str());
        assert_eq!((refused.device_list.to_vec(), &refused.devices), (list.clone(), &vec![1, 2]));
        let problem = alice.post_message(1, "bob", devices, b"no").await.unwrap();
        let problem = problem.refuses(Code::DevicesDiffer);
        assert_eq!(problem.device_list.unwrap().0, list);
        let devices: Vec<u32> = problem.devices.unwrap().into_iter().map(u32::from).collect();
        assert_eq!(devices, [1, 2]);
    }
    assert_eq!(texts(&mut first).await, [""; 0]);
    assert_eq!(texts(&mut second).await, [""; 0]);
    // The same number is free: it names the right devices now, in any order.
    let sent = vec![message(1, "bob", &[2, 1], "yes")];
    assert!(!socket.send(sent).await.unwrap()[0].accepted().duplicate);
    assert_eq!(texts(&mut first).await, ["yes"]);
    assert_eq!(texts(&mut second).await, ["yes"]);
    // To the own account: all devices but the one that sends.
    let mut own = first.send_only().await;
    let fates = own.send(vec![message(1, "bob", &[1, 2], "no")]).await.unwrap();
    assert_eq!(fates[0].refused().devices, [2]);
    let fates = own.send(vec![message(1, "bob", &[2], "own")]).await.unwrap();
    assert!(!fates[0].accepted().duplicate);
    assert_eq!(texts(&mut second).await, ["yes", "own"]);
    // One that does not exist.
    let fates = socket.send(vec![message(2, "nobody", &[1], "no")]).await.unwrap();
    assert_eq!(fates[0].refused().code, Code::NotFound.as_str());
    alice.post_message(2, "nobody", &[1], b"no").await.unwrap().refuses(Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_leaves_is_told_and_its_mailbox_goes_with_it() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let (account, mut first, mut second, _) = with_two_devices(&here, "bob").await;
    let (mut of_first, _) = first.socket().await;
    let (mut of_second, _) = second.socket().await;
    assert_eq!(of_first.drain().await.unwrap(), []);
    assert_eq!(of_second.drain().await.unwrap(), []);
    let list = account.list(3, &[&first.local]);
    let put = PutDevices { device_list: list.clone() };
    first.put("/v1/accounts/bob/devices", &put).await.unwrap().yes();
    // Among several nodes, news of the list before may come late.
    of_first
        .find(|frame| match frame {
            Frame::DevicesChanged(changed) if changed.device_list == list.0 => Some(()),
            _ => None,
        })
        .await
        .unwrap();
    assert_eq!(of_second.closing().await.unwrap().code, Code::Unauthenticated.as_str());
    of_second.ended().await;
    second.get("/v1/messages").await.unwrap().refuses(Code::Unauthenticated);
    let login = second.sign_login();
    second.try_login(login).await.unwrap().refuses(Code::BadSignature);
    alice.post_message(1, "bob", &[1, 2], b"no").await.unwrap().refuses(Code::DevicesDiffer);
    alice.post_message(1, "bob", &[1], b"yes").await.unwrap().yes();
    assert_eq!(texts(&mut first).await, ["yes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_connection_takes_over_and_the_older_is_told_why() {
    let here = Here::plain().await;
    let (alice, bob) = here.two().await;
    let (mut older, _) = bob.socket().await;
    assert_eq!(older.drain().await.unwrap(), []);
    let mut sending = alice.send_only().await;
    send(&mut sending, "bob", 1..=1).await;
    assert_eq!(read(&older.receive(1).await.unwrap()), [1]);
    // One that only sends takes nothing over.
    let _beside = bob.send_only().await;
    send(&mut sending, "bob", 2..=2).await;
    assert_eq!(read(&older.receive(1).await.unwrap()), [2]);
    let (mut newer, _) = bob.socket().await;
    let closing = older.closing().await.unwrap();
    assert_eq!((closing.code.as_str(), closing.retry_after), (Code::TakenOver.as_str(), 0));
    older.ended().await;
    assert_eq!(read(&newer.drain().await.unwrap()), [1, 2]);
    send(&mut sending, "bob", 3..=3).await;
    assert_eq!(read(&newer.receive(1).await.unwrap()), [3]);
}

/// Many take-overs while messages arrive: each connection but the last is told, and the last misses
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_between_two_connections() {
    let here = Here::plain().await;
    let (alice, bob) = here.two().await;
    let mut sending = alice.send_only().await;
    let sender = tokio::spawn(async move {
        for number in 1..=200 {
            send(&mut sending, "bob", number..=number).await;
        }
    });
    let (mut current, _) = bob.socket().await;
    for _ in 0..20 {
        let (newer, _) = bob.socket().await;
        let mut older = std::mem::replace(&mut current, newer);
        assert_eq!(older.closing().await.unwrap().code, Code::TakenOver.as_str());
    }
    sender.await.unwrap();
    let mut envelopes = current.drain().await.unwrap();
    while envelopes.len() < 200 {
        envelopes.extend(current.receive(1).await.unwrap());
    }
    assert_eq!(read(&envelopes), numbers(1..=200));
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_envelopes_are_delivered_ahead_of_their_acknowledgement() {
    let here = Here::start(|limits| limits.window = 10).await;
    let (alice, bob) = here.two().await;
    let mut sending = alice.send_only().await;
    send(&mut sending, "bob", 1..=13).await;
    let (mut socket, welcome) = bob.socket().await;
    assert_eq!(welcome.window, 10);
    let first = socket.receive(10).await.unwrap();
    assert_eq!(read(&first), numbers(1..=10));
    send(&mut sending, "bob", 14..=25).await;
    nothing_comes(&mut socket, 1).await;
    // As many as are acknowledged, those that waited before those that arrived.
    socket.confirm(first[2].seq).await.unwrap();
    assert_eq!(read(&socket.receive(3).await.unwrap()), numbers(11..=13));
    nothing_comes(&mut socket, 2).await;
    socket.confirm(first[9].seq).await.unwrap();
    assert_eq!(read(&socket.receive(7).await.unwrap()), numbers(14..=20));
    nothing_comes(&mut socket, 3).await;
    socket.confirm(first[9].seq + 10).await.unwrap();
    assert_eq!(read(&socket.receive(5).await.unwrap()), numbers(21..=25));
}

/// Everything that the relay had to say before it stores this device's own message has been said.
async fn nothing_comes(socket: &mut Socket, number: u64) {
    let fates = socket.send(vec![message(number, "alice", &[1], "x")]).await.unwrap();
    assert!(!fates[0].accepted().duplicate);
    let come = socket.find_now(|frame| matches!(frame, Frame::Deliver(_)));
    assert_eq!(come, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_is_answered_once_something_arrives() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let poll = tokio::spawn(async move {
        let answer = bob.get("/v1/messages?wait=60").await.unwrap();
        (answer.json::<sprag_api::mailbox::Waiting>(), bob)
    });
    // Whether the poll is there before or after this, it is answered with it.
    alice.post_message(1, "bob", &[1], b"1").await.unwrap().yes();
    let (waiting, mut bob) = poll.await.unwrap();
    assert_eq!(waiting.envelopes.len(), 1);
    // A poll does not take over from a socket, and a socket not from a poll.
    let (mut socket, _) = bob.socket().await;
    assert_eq!(socket.drain().await.unwrap().len(), 1);
    assert_eq!(bob.waiting().await.envelopes.len(), 1);
    alice.post_message(2, "bob", &[1], b"2").await.unwrap().yes();
    assert_eq!(socket.receive(1).await.unwrap()[0].number, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acknowledges_what_was_not_delivered() {
    let here = Here::plain().await;
    let (alice, mut bob) = here.two().await;
    let mut sending = alice.send_only().await;
    send(&mut sending, "bob", 1..=3).await;
    let (mut socket, _) = bob.socket().await;
    let envelopes = socket.drain().await.unwrap();
    socket.acknowledge(envelopes[2].seq + 1).await.unwrap();
    assert_eq!(socket.closing().await.unwrap().code, Code::Malformed.as_str());
    assert_eq!(texts(&mut bob).await, ["1", "2", "3"]);
    let mut sending = bob.send_only().await;
    sending.acknowledge(1).await.unwrap();
    assert_eq!(sending.closing().await.unwrap().code, Code::Malformed.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_in_quick_succession_are_obeyed_also_when_the_connection_ends() {
    let here = Here::plain().await;
    let (alice, mut bob) = here.two().await;
    let mut sending = alice.send_only().await;
    send(&mut sending, "bob", 1..=40).await;
    let (mut socket, _) = bob.socket().await;
    let places: Vec<u64> = socket.drain().await.unwrap().iter().map(|one| one.seq).collect();
    for place in &places[..30] {
        socket.acknowledge(*place).await.unwrap();
    }
    // One answer may stand for several; the last comes in any case.
    socket.confirm(places[30]).await.unwrap();
    assert_eq!(
        texts(&mut bob).await,
        (32..=40).map(|number| number.to_string()).collect::<Vec<_>>()
    );
    // So few that the relay would wait for more.
    for place in &places[31..36] {
        socket.acknowledge(*place).await.unwrap();
    }
    // One that says less than those before it takes nothing back.
    socket.acknowledge(places[33]).await.unwrap();
    socket.close().await;
    soon(async { while texts(&mut bob).await != ["37", "38", "39", "40"] {} }).await.unwrap();
}
