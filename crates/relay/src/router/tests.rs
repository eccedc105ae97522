//! The documents agree with the code: the `OpenAPI` document, and `docs/API.md`.

use std::collections::BTreeSet;
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use serde_json::Value;
use sprag_api::limit;
use sprag_api::login::Login;
use sprag_api::name::{AccountName, Address, DeviceId, Origin};
use sprag_api::problem::Code;

use super::*;
use crate::config::{Limits, Rate};

const API_MD: &str = include_str!("../../../../docs/API.md");
const FRAMES: &str = include_str!("../../../api/proto/frames.proto");

fn document() -> Value {
    serde_json::to_value(calls().1).unwrap()
}

/// Every call: its method and path, and what is documented of it.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(operation) = item.get(method) {
                operations.push((format!("{} {path}", method.to_uppercase()), operation));
            }
        }
    }
    operations
}

fn statuses(operation: &Value) -> BTreeSet<&str> {
    operation["responses"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_call_is_documented_with_what_any_call_may_answer() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let operations = operations(&document);
    assert_eq!(operations.len(), 18);
    for (call, operation) in operations {
        let statuses = statuses(operation);
        let mut expected = vec!["429", "500", "503"];
        if operation.get("security").is_some() || call.ends_with("/socket") {
            expected.push("401");
        }
        if operation.get("requestBody").is_some() {
            expected.extend(["400", "408", "413", "415"]);
        }
        if operation.get("parameters").is_some() {
            expected.push("400");
        }
        for status in expected {
            assert!(statuses.contains(status), "{call} does not document {status}");
        }
        assert!(statuses.iter().any(|status| status.starts_with('2') || *status == "101"));
        for status in statuses.iter().filter(|status| **status >= "400") {
            let content = &operation["responses"][*status]["content"];
            let schema = &content["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{call}, {status}");
        }
        assert!(operation["summary"].is_string(), "{call} has no summary");
    }
}

#[test]
fn the_document_refers_to_nothing_that_it_does_not_hold() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|field| references(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let target = document.pointer(reference.strip_prefix('#').unwrap());
        assert!(target.is_some(), "{reference}");
    }
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(document["components"]["schemas"]["Code"]["enum"], serde_json::json!(codes));
}

#[test]
fn api_md_has_a_section_for_every_call_and_no_other() {
    let document = document();
    let mut calls: BTreeSet<String> =
        operations(&document).into_iter().map(|call| call.0).collect();
    assert!(calls.remove("GET /v1/socket"), "it has a chapter of its own");
    let sections: BTreeSet<String> =
        API_MD.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect();
    let sections: BTreeSet<_> =
        sections.into_iter().filter(|section| section.contains(" /v1/")).collect();
    assert_eq!(sections, calls);
}

#[test]
fn api_md_holds_the_frames_and_every_error() {
    assert!(API_MD.contains(FRAMES.trim_end()));
    for code in Code::ALL {
        let row = format!("| `{}` | {} |", code.as_str(), code.status());
        assert_eq!(API_MD.matches(&row).count(), 1, "{row}");
    }
}

/// A number with commas.
fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().ok().unwrap().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn holds(row: &str) {
    assert!(API_MD.contains(row), "API.md does not say: {row}");
}

#[test]
fn api_md_names_the_limits_of_one_request() {
    holds(&format!("| a JSON body, a frame | {} bytes |", grouped(limit::FRAME_LEN)));
    holds(&format!("| a ciphertext | {} bytes |", grouped(limit::CIPHERTEXT_LEN)));
    holds(&format!("| parts of a message | {} |", limit::DEVICES));
    holds(&format!("| messages in one `Submit` | {} |", limit::SENDS_PER_FRAME));
    holds(&format!("| numbers below the mark | {} |", grouped(limit::NUMBER_WINDOW - 1)));
    holds(&format!("of a kind in one upload | {} |", limit::PREKEYS_PER_UPLOAD));
    holds(&format!("of a kind held for a device | {} |", grouped(limit::PREKEYS_HELD)));
    holds(&format!("| 16, for {} h |", limit::TOKEN_LIFETIME / 3600));
    holds(&format!("| a login's time | {} s off |", limit::LOGIN_CLOCK_SKEW));
    holds(&format!("| envelopes in one poll | {}, or 1 MiB |", limit::ENVELOPES_PER_POLL));
    holds(&format!("| seconds of a poll | {} |", limit::POLL_WAIT));
    holds(&format!("| a blob | {} bytes |", grouped(limit::BLOB_LEN)));
    holds(&format!("| a part of a blob | {} bytes |", grouped(limit::BLOB_PART_LEN)));
}

#[test]
fn api_md_names_the_defaults() {
    let limits = Limits::default();
    let days = |time: Duration| time.as_secs() / 86_400;
    holds(&format!(
        "| {}, or {} bytes of ciphertext |",
        grouped(limits.mailbox_envelopes),
        grouped(limits.mailbox_bytes)
    ));
    holds(&format!("| an envelope waits | {} days |", days(limits.envelope_lifetime)));
    holds(&format!("| a blob is kept | {} days |", days(limits.blob_lifetime)));
    holds(&format!("| {} bytes in all |", grouped(limits.blob_bytes_per_account)));
    for (what, Rate { burst, per_hour }) in [
        ("registrations from one address", limits.registrations_per_address),
        ("calls without a token, from one address", limits.calls_per_address),
        ("calls with a token, of one account", limits.calls_per_account),
        ("sends of one account, also on the socket", limits.sends_per_account),
        ("claims of one account's keys by another account", limits.claims_per_pair),
        ("claims of one account's one-time prekeys by all", limits.claims_per_target),
    ] {
        let (burst, per_hour) = (grouped(burst), grouped(per_hour));
        holds(&format!("| {what} | {burst} at once, {per_hour} an hour |"));
    }
    holds(&format!(
        "| connections | {} in all, {} from one address |",
        grouped(limits.connections),
        limits.connections_per_address
    ));
    holds(&format!("| sockets of one account | {} |", limits.sockets_per_account));
    holds(&format!("| envelopes ahead of their acknowledgement | {} |", limits.window));
    for (what, time) in [
        ("the head of a request", limits.header_timeout),
        ("the body of a request", limits.body_timeout),
        ("a connection without a request", limits.keep_alive),
        ("a socket from which nothing comes", limits.idle_timeout),
        ("a client that does not read", limits.write_timeout),
    ] {
        holds(&format!("| {what} | {} s |", time.as_secs()));
    }
}

#[test]
fn api_mds_worked_login_is_one() {
    let address =
        Address { account: AccountName::new("alice").unwrap(), device: DeviceId::new(1).unwrap() };
    let origin = Origin::new("http://127.0.0.1:7474").unwrap();
    let nonce: [u8; 16] = std::array::from_fn(|at| u8::try_from(at).unwrap());
    let body = Login::body(&address, &origin, 1_800_000_000, &nonce);
    let message = [b"Sprag v1 login\0", body.as_slice()].concat();
    assert_eq!(message.len(), 72);
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let parts: String = API_MD
        .lines()
        .skip_while(|line| !line.starts_with("\"Sprag v1 login\" || 0x00"))
        .take_while(|line| !line.starts_with("```"))
        .filter_map(|line| line.split_whitespace().next_back())
        .collect();
    assert_eq!(parts, hex(&message));
    let key = SigningKey::from_bytes(&[1; 32]);
    let signature = key.sign(&message).to_bytes();
    holds(&hex(key.verifying_key().as_bytes()));
    holds(&hex(&signature));
    holds(&data_encoding::BASE64URL_NOPAD.encode(&signature));
}

#[test]
fn api_mds_list_is_one() {
    let account = SigningKey::from_bytes(&[2; 32]).verifying_key();
    let account = sprag_api::signature::VerifyKey::from_bytes(account.as_bytes()).unwrap();
    let field = |name: &str| {
        let start = API_MD.find(&format!("\"{name}\": \"AAAAAAAAAAEFY")).unwrap();
        let value = API_MD[start..].split('"').nth(3).unwrap();
        sprag_api::base64::Base64::parse(value).unwrap().0
    };
    let list = sprag_api::device_list::DeviceList::verify(&field("device_list"), &account).unwrap();
    assert_eq!((list.version, list.account.as_str(), list.devices.len()), (1, "alice", 1));
    let device = SigningKey::from_bytes(&[1; 32]).verifying_key();
    assert_eq!(list.devices[0].identity_key.as_bytes(), device.as_bytes());
    holds(&data_encoding::BASE64URL_NOPAD.encode(account.as_bytes()));
}
