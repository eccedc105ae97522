//! Signals as lines, and what waits to be sent.

use futures_util::FutureExt as _;

use super::*;

const ALL: [Signal; 5] = [
    Signal::Arrived(MailboxId(1)),
    Signal::TakenOver(MailboxId(22), Fence(7)),
    Signal::PreKeysLow(MailboxId(i64::MAX)),
    Signal::DevicesChanged(MailboxId(4)),
    Signal::Removed(MailboxId(5)),
];

#[test]
fn signals_come_back_from_lines_of_any_length() {
    for longest in [1, 10, 25, 1_000] {
        let lines = lines(&ALL, longest);
        let read = lines.iter().flat_map(|line| line.split(' ')).map(Signal::read);
        assert_eq!(read.collect::<Option<Vec<_>>>().unwrap(), ALL);
        let words = lines.iter().filter(|line| line.contains(' '));
        assert!(words.into_iter().all(|line| line.len() <= longest));
    }
    assert_eq!(lines(&ALL, 1_000).len(), 1);
}

#[test]
fn what_is_no_signal_is_passed_over() {
    for word in ["", "a", "ax", "a1.", "t1", "t1.x", "z9", "é", "a99999999999999999999"] {
        assert_eq!(Signal::read(word), None, "{word}");
    }
}

#[test]
fn a_signal_waits_once_and_so_many_at_the_most() {
    let outbox = Outbox::default();
    assert!(outbox.take().now_or_never().is_none());
    outbox.put(ALL[0]);
    outbox.put(ALL[0]);
    assert_eq!(outbox.take().now_or_never().unwrap(), [ALL[0]]);
    assert!(outbox.take().now_or_never().is_none());
    for id in 0..=WAITING {
        outbox.put(Signal::Arrived(MailboxId(i64::try_from(id).unwrap())));
    }
    assert_eq!(outbox.take().now_or_never().unwrap().len(), WAITING);
}
