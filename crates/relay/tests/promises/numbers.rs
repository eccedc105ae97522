//! Numbers of sends: which are taken, and how a device learns that its state was rolled back.

use sprag_api::frame::Hello;
use sprag_api::limit::{NUMBER_MAX, NUMBER_WINDOW};
use sprag_api::problem::Code;

use crate::here::Here;
use crate::support::device::Device;
use crate::support::socket::{Fate, Socket, message};

async fn send(socket: &mut Socket, number: u64) -> Fate {
    let sent = vec![message(number, "bob", &[1], number.to_string())];
    socket.send(sent).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_taken_down_to_1023_below_the_highest() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let mut socket = alice.send_only().await;
    let highest = 5_000;
    let lowest = highest - (NUMBER_WINDOW - 1);
    for number in [highest, lowest, highest - 1, lowest + 1] {
        assert!(!send(&mut socket, number).await.accepted().duplicate, "{number}");
        assert!(send(&mut socket, number).await.accepted().duplicate, "{number}");
    }
    for number in [lowest - 1, lowest - NUMBER_WINDOW, 1] {
        let fate = send(&mut socket, number).await;
        assert_eq!(fate.refused().code, Code::NumberTooOld.as_str(), "{number}");
        let answer = alice.post_message(number, "bob", &[1], b"no").await.unwrap();
        answer.refuses(Code::NumberTooOld);
    }
    // One more, and the lowest is too old, though it was accepted.
    assert!(!send(&mut socket, highest + 1).await.accepted().duplicate);
    assert_eq!(send(&mut socket, lowest).await.refused().code, Code::NumberTooOld.as_str());
    // A jump over more than the window: everything below is new or too old, nothing a duplicate.
    let far = highest + 10 * NUMBER_WINDOW + 7;
    assert!(!send(&mut socket, far).await.accepted().duplicate);
    for number in [far - 1, far - NUMBER_WINDOW + 1] {
        assert!(!send(&mut socket, number).await.accepted().duplicate, "{number}");
    }
    assert_eq!(send(&mut socket, highest + 1).await.refused().code, Code::NumberTooOld.as_str());
    let arrived: Vec<u64> =
        bob.waiting().await.envelopes.iter().map(|envelope| envelope.number).collect();
    let expected = [
        highest,
        lowest,
        highest - 1,
        lowest + 1,
        highest + 1,
        far,
        far - 1,
        far - NUMBER_WINDOW + 1,
    ];
    assert_eq!(arrived, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_from_1_to_what_63_bits_hold() {
    let here = Here::plain().await;
    let (mut alice, _bob) = here.two().await;
    let mut socket = alice.send_only().await;
    for number in [0, NUMBER_MAX + 1, u64::MAX] {
        let fate = send(&mut socket, number).await;
        assert_eq!(fate.refused().code, Code::Malformed.as_str(), "{number}");
        let answer = alice.post_message(number, "bob", &[1], b"no").await.unwrap();
        answer.refuses(Code::Malformed);
    }
    assert!(!send(&mut socket, 1).await.accepted().duplicate);
    assert!(!send(&mut socket, NUMBER_MAX).await.accepted().duplicate);
    assert!(send(&mut socket, NUMBER_MAX).await.accepted().duplicate);
    assert_eq!(alice.login().await, NUMBER_MAX);
}

/// Hello with this counter: the mark, and whether it says that the state was rolled back.
async fn hello(device: &Device, counter: u64) -> (u64, bool) {
    let hello = Hello { counter, send_only: true };
    let (_, welcome) = device.hello(hello).await.unwrap();
    (welcome.mark, welcome.rolled_back)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_comes_back_with_an_older_state_is_told() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    assert_eq!(hello(&alice, 0).await, (0, false));
    assert_eq!(alice.login().await, 0);
    let mut socket = alice.send_only().await;
    // The mark is the highest, not the last.
    for number in [41, 42, 40] {
        assert!(!send(&mut socket, number).await.accepted().duplicate);
    }
    assert_eq!(hello(&alice, 0).await, (42, true));
    assert_eq!(hello(&alice, 41).await, (42, true));
    assert_eq!(hello(&alice, 42).await, (42, false));
    assert_eq!(hello(&alice, 43).await, (42, false));
    assert_eq!(alice.login().await, 42);
    // A refused send does not raise it, and nobody else's does.
    let refused = socket.send(vec![message(99, "nobody", &[1], "no")]).await.unwrap();
    assert_eq!(refused[0].refused().code, Code::NotFound.as_str());
    bob.post_message(77, "alice", &[1], b"hi").await.unwrap().yes();
    assert_eq!(alice.login().await, 42);
    // It survives a restart.
    let here = here.restart().await;
    alice.move_to(&here.place);
    assert_eq!(hello(&alice, 41).await, (42, true));
}
