//! Answers, whole and in pieces.

use super::*;

const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";

#[test]
fn an_answer_is_taken_once_it_is_whole() {
    for cut in 0..ANSWER.len() {
        assert!(response(&ANSWER[..cut]).unwrap().is_none(), "{cut}");
    }
    let bytes = [ANSWER, b"HTTP/1.1 "].concat();
    let (answer, used) = response(&bytes).unwrap().unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice(), used),
        (201, b"{}".as_slice(), ANSWER.len())
    );
}

#[test]
fn what_is_no_answer_is_an_error() {
    assert!(response(b"SSH-2.0\r\n\r\n").is_err());
    assert!(response(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n").is_err());
    assert!(response(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
}

#[test]
fn each_answer_goes_to_its_call() {
    let request = |text: &str| Request(text.into());
    let mut calls = Calls {
        waiting: [(0, request("a")), (1, request("b")), (2, request("c"))].into(),
        answers: vec![None, None, None],
        done: 0,
    };
    let (mut one, mut other, mut out) = (Caller::default(), Caller::default(), Vec::new());
    one.speak(&mut out, &mut calls).unwrap();
    other.speak(&mut out, &mut calls).unwrap();
    assert!(!one.is_ready());
    other.take(ANSWER, &mut out, &mut calls).unwrap();
    assert_eq!(out, b"abc");
    let answered: Vec<bool> = calls.answers.iter().map(Option::is_some).collect();
    assert_eq!((answered, calls.done), (vec![false, true, false], 1));
    assert!(Caller::default().take(ANSWER, &mut out, &mut calls).is_err(), "an answer to nothing");
}
