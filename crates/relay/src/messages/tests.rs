//! Messages on both sides of the limits of one request, and what a refusal becomes.

use super::*;

fn code(
    number: u64,
    to: &str,
    parts: impl IntoIterator<Item = (u32, usize)>,
) -> Result<Submission, Code> {
    let parts = parts.into_iter().map(|(device, len)| (device, Bytes::from(vec![0; len])));
    submission(number, to.to_owned(), parts).map_err(|failure| failure.problem().code)
}

#[test]
fn numbers() {
    assert!(code(1, "bob", [(1, 10)]).is_ok());
    assert!(code(limit::NUMBER_MAX, "bob", [(1, 10)]).is_ok());
    assert_eq!(code(0, "bob", [(1, 10)]).unwrap_err(), Code::Malformed);
    assert_eq!(code(limit::NUMBER_MAX + 1, "bob", [(1, 10)]).unwrap_err(), Code::Malformed);
}

#[test]
fn names() {
    assert_eq!(code(1, "Bob", [(1, 10)]).unwrap_err(), Code::Malformed);
    assert_eq!(code(1, "", [(1, 10)]).unwrap_err(), Code::Malformed);
}

#[test]
fn parts() {
    let some = |count: u32| (1..=count).map(|device| (device, 10));
    assert_eq!(code(1, "bob", some(8)).unwrap().parts.len(), 8);
    assert_eq!(code(1, "bob", some(9)).unwrap_err(), Code::Malformed);
    assert_eq!(code(1, "bob", some(0)).unwrap_err(), Code::Malformed);
    assert_eq!(code(1, "bob", [(0, 10)]).unwrap_err(), Code::Malformed);
    assert_eq!(code(1, "bob", [(2, 10), (1, 10), (2, 10)]).unwrap_err(), Code::Malformed);
}

#[test]
fn ciphertexts() {
    assert!(code(1, "bob", [(1, limit::CIPHERTEXT_LEN)]).is_ok());
    assert_eq!(code(1, "bob", [(1, limit::CIPHERTEXT_LEN + 1)]).unwrap_err(), Code::TooLarge);
    assert!(code(1, "bob", [(1, 0)]).is_ok(), "what is in it is none of the relay's business");
}

#[test]
fn refusals() {
    let device = DeviceId::new(3).unwrap();
    let differ = SendRefusal::DevicesDiffer { device_list: vec![1, 2], devices: vec![device] };
    let problem = refusal(differ);
    assert_eq!(problem.code, Code::DevicesDiffer);
    assert_eq!(problem.device_list, Some(Base64(vec![1, 2])));
    assert_eq!(problem.devices, Some(vec![device]));
    let full = refusal(SendRefusal::MailboxFull);
    assert_eq!((full.code, full.retry_after), (Code::MailboxFull, Some(FULL_RETRY)));
    assert_eq!(refusal(SendRefusal::UnknownAccount).code, Code::NotFound);
    assert_eq!(refusal(SendRefusal::NumberTooOld).code, Code::NumberTooOld);
    assert_eq!(refusal(SendRefusal::SenderGone).code, Code::Unauthenticated);
}

#[test]
fn polls() {
    let poll = |after, limit, wait| Poll { after, limit, wait }.checked().is_ok();
    assert!(poll(0, 1, 0) && poll(limit::NUMBER_MAX, 100, 60));
    assert!(!poll(0, 0, 0) && !poll(0, 101, 0));
    assert!(!poll(0, 1, 61));
    assert!(!poll(limit::NUMBER_MAX + 1, 1, 0));
}
