//! A relay that runs: its line, its log, its files, and no file descriptor left.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::{Running, get, serve, sprag, talk};

#[test]
fn when_it_is_ready_it_says_so_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let relay = Running::start(&mut serve(&folder));
    let keys: Vec<_> = relay.ready.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["listening", "ops", "origin"]);
    assert_eq!(relay.ready["listening"], relay.ready["origin"]);
    relay.stop();
    let relay = Running::start(serve(&folder).args(["--ops-listen", "off"]));
    assert_eq!(relay.ready["ops"], Value::Null);
    relay.stop();
}

#[test]
fn its_log_is_json_where_asked_and_holds_no_address_of_a_client() {
    let folder = tempfile::tempdir().expect("a folder");
    let relay = Running::start(serve(&folder).args(["--log-format", "json"]));
    let client = relay.connect();
    let from = client.local_addr().expect("its address");
    let answer = get(relay.operations(), "/healthz");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    relay.signal(rustix::process::Signal::TERM);
    let (_, log) = relay.ended();
    assert!(!log.is_empty());
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).expect("each line is JSON");
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        assert!(line["message"].is_string(), "{line}");
    }
    assert!(!log.contains(&from.port().to_string()), "{log}");
}

#[test]
fn nobody_else_can_read_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    // A folder that was there before, open to everybody, as a volume may be.
    fs::create_dir(&data).expect("made");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("set");
    let relay = Running::start(&mut serve(&folder));
    let files: Vec<_> = fs::read_dir(&data).expect("the folder").flatten().collect();
    assert!(files.len() > 2);
    for file in files {
        let mode = file.metadata().expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
    relay.stop();
}

#[test]
fn without_file_descriptors_it_waits_for_some_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut few = Command::new("sh");
    few.args(["-c", "ulimit -n 80 && exec \"$0\" serve \"$@\"", env!("CARGO_BIN_EXE_sprag")]);
    few.env("SPRAG_DATA", folder.path().join("data")).stdin(Stdio::null());
    few.env("SPRAG_LISTEN", "127.0.0.1:0").env("SPRAG_OPS_LISTEN", "127.0.0.1:0");
    let mut relay = Running::start(&mut few);
    relay.logged("fewer files may be open than there may be connections");
    let many: Vec<_> = (0..100).map(|_| relay.connect()).collect();
    relay.logged("cannot accept connections for now");
    drop(many);
    let metrics = get(relay.operations(), "/metrics");
    let errors = metrics.lines().find_map(|line| line.strip_prefix("sprag_accept_errors_total "));
    let errors: u32 = errors.and_then(|errors| errors.parse().ok()).expect("they are counted");
    assert!((1..1000).contains(&errors), "{errors}: it does not pause");
    relay.stop();
}

#[test]
fn open_to_other_machines_without_encryption_it_warns() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(&folder);
    command.args(["--listen", "0.0.0.0:0", "--origin", "http://chat.example.org"]);
    let mut relay = Running::start(&mut command);
    relay.logged("tokens can be read on the way");
    relay.stop();
}

#[test]
fn health_is_asked_for_on_the_operations_port() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = sprag().args(["admin", "health", "--ops-listen", "127.0.0.1:1"]).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(talk(&output).contains("is it running?"), "{}", talk(&output));
    let relay = Running::start(&mut serve(&folder));
    let ops = relay.operations().to_string();
    let output = sprag().args(["admin", "health", "--ops-listen", &ops]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"ready\n");
    relay.stop();
}

#[test]
fn browsers_get_a_page_whether_or_not_the_chat_was_built() {
    let folder = tempfile::tempdir().expect("a folder");
    let relay = Running::start(&mut serve(&folder));
    let address = relay.connect().peer_addr().expect("its address");
    let page = get(address, "/");
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    let head = page.to_ascii_lowercase();
    for header in [
        "content-type: text/html; charset=utf-8",
        "cache-control: no-cache",
        "x-content-type-options: nosniff",
        "trusted-types 'none'",
    ] {
        assert!(head.contains(header), "{header} is missing: {page}");
    }
    assert!(head.contains("<title>sprag"), "{page}");
    for path in ["/../Cargo.toml", "/assets/../../Cargo.toml", "/%2e%2e/Cargo.toml", "/nothing"] {
        let answer = get(address, path);
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(answer.contains("application/problem+json"), "{path}: {answer}");
    }
    relay.stop();
}
