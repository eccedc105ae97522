//! How a relay ends, and what else it is told while it runs.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rcgen::generate_simple_self_signed;
use rustix::process::Signal;

use crate::world::{Running, get, serve};

/// A request whose body is waited for.
fn unfinished(relay: &Running) -> TcpStream {
    let mut stream = relay.connect();
    let head = "POST /v1/sessions HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n\
                Content-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer.as_slice(), b"HTTP/1.1 100");
    stream
}

#[test]
fn either_signal_ends_it_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut relay = Running::start(&mut serve(&folder));
        let idle = relay.connect();
        assert!(get(relay.operations(), "/readyz").starts_with("HTTP/1.1 200 "));
        relay.signal(signal);
        relay.logged("stopping");
        let (status, log) = relay.ended();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains("stopped"), "{log}");
        drop(idle);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the promise is a time")]
fn within_ten_seconds_it_ends_whatever_a_client_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let relay = Running::start(&mut serve(&folder));
    let _stuck = unfinished(&relay);
    let asked = Instant::now();
    relay.signal(Signal::TERM);
    let (status, log) = relay.ended();
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("stopped"), "{log}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut relay = Running::start(&mut serve(&folder));
    let _stuck = unfinished(&relay);
    relay.signal(Signal::TERM);
    relay.logged("stopping");
    while relay.listens() {}
    relay.signal(Signal::TERM);
    let (status, log) = relay.ended();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("at the second signal"), "{log}");
    assert!(!log.contains("in time"), "it waited: {log}");
}

#[test]
fn a_hangup_reads_certificates_again_and_a_bad_one_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    let made = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(&chain, made.cert.pem()).expect("written");
    fs::write(&key, made.key_pair.serialize_pem()).expect("written");
    let mut command = serve(&folder);
    command.arg("--tls-certificate").arg(&chain).arg("--tls-key").arg(&key);
    let mut relay = Running::start(&mut command);
    assert!(relay.ready["listening"].as_str().is_some_and(|url| url.starts_with("https://")));
    assert_eq!(relay.ready["origin"], relay.ready["listening"]);
    relay.signal(Signal::HUP);
    relay.logged("certificates reloaded");
    fs::write(&key, "damaged").expect("written");
    relay.signal(Signal::HUP);
    let line = relay.logged("the certificates of before go on");
    assert!(line.contains("key.pem holds no usable private key"), "{line}");
    relay.stop();
}
