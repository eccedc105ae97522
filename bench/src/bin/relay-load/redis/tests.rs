//! What Redis answers, whole and in pieces.

use super::*;

fn text(out: &[u8]) -> String {
    String::from_utf8_lossy(out).replace("\r\n", " ")
}

/// An answer of `XREAD` with these messages.
fn entries(numbers: &[u64], ciphertext: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    resp::array(&mut out, 1);
    resp::array(&mut out, 2);
    resp::bulk(&mut out, b"mailbox-0");
    resp::array(&mut out, numbers.len());
    for number in numbers {
        resp::array(&mut out, 2);
        resp::bulk(&mut out, format!("{number}-0").as_bytes());
        resp::array(&mut out, 2);
        resp::bulk(&mut out, b"m");
        let message = [&number.to_be_bytes(), &ciphertext[NUMBER_LEN..]].concat();
        resp::bulk(&mut out, &message);
    }
    out
}

#[test]
fn a_sender_adds_and_counts_the_answers() {
    let mut traffic = Traffic::new(1);
    let mut sender = Client::sender(0, &traffic.ciphertext);
    let mut out = Vec::new();
    traffic.open(2);
    sender.speak(&mut out, &mut traffic).unwrap();
    let head = "*5 $4 XADD $9 mailbox-0 $1 * $1 m $1024 ";
    assert_eq!(text(&out).matches(head).count(), 2);
    traffic.close();
    let answers = b"$3\r\n1-0\r\n$3\r\n2-0\r\n";
    let used = sender.take(&answers[..12], &mut out, &mut traffic).unwrap();
    assert_eq!((used, traffic.is_accepted()), (9, false));
    sender.take(&answers[9..], &mut out, &mut traffic).unwrap();
    assert!(traffic.is_accepted());
    assert!(sender.take(b"-ERR full\r\n", &mut out, &mut traffic).is_err());
}

#[test]
fn a_receiver_deletes_what_it_has_and_reads_on() {
    let mut traffic = Traffic::new(1);
    traffic.open(2);
    traffic.submit(0, 2).unwrap();
    traffic.close();
    traffic.accept(0, 1).unwrap();
    traffic.accept(0, 2).unwrap();
    let mut receiver = Client::receiver(0, &traffic.ciphertext);
    let mut out = Vec::new();
    receiver.speak(&mut out, &mut traffic).unwrap();
    assert!(!receiver.is_ready());
    assert_eq!(receiver.take(b"+PONG\r\n", &mut out, &mut traffic).unwrap(), 7);
    assert!(receiver.is_ready());
    assert!(
        text(&out).ends_with("XREAD $5 COUNT $3 512 $5 BLOCK $1 0 $7 STREAMS $9 mailbox-0 $3 0-0 ")
    );
    out.clear();

    let answer = entries(&[1, 2], &traffic.ciphertext);
    for cut in 0..answer.len() {
        assert_eq!(receiver.take(&answer[..cut], &mut out, &mut traffic).unwrap(), 0, "{cut}");
    }
    assert_eq!((traffic.waiting(), out.len()), (2, 0));
    assert_eq!(receiver.take(&answer, &mut out, &mut traffic).unwrap(), answer.len());
    assert_eq!(traffic.waiting(), 0);
    assert!(text(&out).starts_with("*4 $5 XTRIM $9 mailbox-0 $5 MINID $3 2-1 *8 $5 XREAD "));
    assert!(text(&out).ends_with("mailbox-0 $3 2-0 "));
    assert!(!traffic.is_settled());
    receiver.take(b":2\r\n", &mut out, &mut traffic).unwrap();
    assert!(traffic.is_settled());
}

#[test]
fn an_entry_that_is_not_deleted_is_an_error() {
    let mut traffic = Traffic::new(1);
    traffic.open(1);
    traffic.submit(0, 1).unwrap();
    let mut receiver = Client::receiver(0, &traffic.ciphertext);
    let mut out = Vec::new();
    receiver.speak(&mut out, &mut traffic).unwrap();
    receiver.take(b"+PONG\r\n", &mut out, &mut traffic).unwrap();
    let answer = entries(&[1], &traffic.ciphertext);
    receiver.take(&answer, &mut out, &mut traffic).unwrap();
    assert!(receiver.take(b":0\r\n", &mut out, &mut traffic).is_err());
}

#[test]
fn an_entry_with_another_text_is_an_error() {
    let mut traffic = Traffic::new(1);
    traffic.open(1);
    traffic.submit(0, 1).unwrap();
    let mut receiver = Client::receiver(0, &traffic.ciphertext);
    let mut out = Vec::new();
    receiver.speak(&mut out, &mut traffic).unwrap();
    receiver.take(b"+PONG\r\n", &mut out, &mut traffic).unwrap();
    let answer = entries(&[1], &[0; CIPHERTEXT_LEN]);
    assert!(receiver.take(&answer, &mut out, &mut traffic).is_err());
}
