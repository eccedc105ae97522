//! `sprag learn --json`: one document, the same for the same seed.

#![expect(clippy::expect_used, reason = "a test may fail anywhere")]

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 of the document for seed 7. It changes with the script, never with the machine.
const SEVENTH: &str = "a0f4aca9346ced1b1190149bae0bffff1fe64215d863923b085371b6aca916e4";

/// What can happen, and to which keys.
const KINDS: [&str; 5] = ["derived", "used", "kept", "erased", "dh-step"];
const KEYS: [&str; 10] = [
    "agreement",
    "ephemeral",
    "one-time-prekey",
    "one-time-kem-prekey",
    "ratchet-key",
    "shared-secret",
    "root",
    "header",
    "chain",
    "message",
];

fn sprag(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sprag"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the command runs")
}

fn document(arguments: &[&str]) -> Value {
    let output = sprag(&[&["learn", "--json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[test]
fn a_seed_gives_the_same_bytes() {
    let output = sprag(&["learn", "--seed", "7", "--json"]).stdout;
    let digest = Sha256::digest(&output);
    let digest = digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(digest, SEVENTH);
}

#[test]
fn no_seed_gives_other_keys() {
    let [one, other] = [document(&[]), document(&[])];
    assert_ne!(one["seed"], other["seed"]);
    assert_ne!(one["steps"][0], other["steps"][0]);
}

#[test]
fn every_part_has_the_documented_fields() {
    let document = document(&["--seed", "7"]);
    assert_eq!(document["format"], "sprag-learn");
    assert_eq!(document["version"], 1);
    assert_eq!(document["seed"], "7");
    let steps = document["steps"].as_array().expect("steps");
    let numbers: Vec<_> = steps.iter().filter_map(|step| step["number"].as_u64()).collect();
    assert_eq!(numbers, (1..=9).collect::<Vec<_>>());
    for part in steps.iter().flat_map(|step| step["parts"].as_array().expect("parts")) {
        let fields: &[&str] = match part["type"].as_str().expect("a type") {
            "text" => &["text"],
            "value" => &["party", "name", "hex"],
            "events" => &["title", "events"],
            "both" => &["place", "alice", "bob", "equal"],
            "wire" => &["message", "from", "hex", "fields"],
            "check" => &["what", "holds"],
            "seen" => &["message", "mode", "ratchet_key", "previous", "n"],
            "cost" => &["mode", "outcome", "dh", "chain_steps", "header_trials", "unchanged"],
            "theft" => &["stolen", "rows", "healed", "headers"],
            other => panic!("{other} is not documented"),
        };
        for event in part["events"].as_array().into_iter().flatten() {
            let kind = event["kind"].as_str().expect("a kind");
            assert!(KINDS.contains(&kind), "{kind} is not documented");
            let key = event["place"]["key"].as_str().expect("a key");
            assert!(KEYS.contains(&key), "{key} is not documented");
        }
        let part = part.as_object().expect("an object");
        let mut names: Vec<_> = part.keys().map(String::as_str).collect();
        names.retain(|name| *name != "type");
        names.sort_unstable();
        let mut fields = fields.to_vec();
        fields.sort_unstable();
        assert_eq!(names, fields);
    }
}

#[test]
fn a_later_step_starts_there() {
    let document = document(&["--seed", "7", "--step", "9"]);
    let steps = document["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0]["number"], 9);
}

#[test]
fn a_reader_that_stops_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sprag"))
        .args(["learn", "--seed", "7", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
