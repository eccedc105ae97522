//! The OpenAPI document against the relay that serves it: no 5xx, no answer that it does not tell of.
//!
//! `cargo xtask api` runs this with schemathesis, whose program `SPRAG_SCHEMATHESIS` names.

use std::env;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::process::{GENEROUS, Process, alone, folder};
use crate::support::device::Device;

/// What schemathesis looks at.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    missing_required_header,unsupported_method,allow_header_conformance,ignored_auth";

/// What it is told besides.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/relay/schemathesis.toml");

/// Ten a second.
const PACE: Duration = Duration::from_millis(100);

/// Calls the relay in every way that the document tells of, and in some that it does not.
async fn examine(process: &Process, token: &str, choice: &[&str]) {
    let base = format!("http://{}", process.place.address);
    let program = env::var_os("SPRAG_SCHEMATHESIS").unwrap();
    let mut schemathesis = Command::new(program);
    schemathesis.args(["--config-file", CONFIG]);
    schemathesis.args(["run", &format!("{base}/docs/openapi.json"), "--url", &base]);
    schemathesis.args(["--header", &format!("Authorization: Bearer {token}")]);
    schemathesis.args(["--checks", CHECKS, "--seed=1", "--workers=1", "--no-shrink"]);
    schemathesis.args(["--suppress-health-check=all", "--warnings=off"]);
    schemathesis.args(choice).current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    let status = spawn_blocking(move || schemathesis.status()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a program that `cargo xtask api` installs"]
async fn every_answer_is_documented() {
    let _alone = alone().await;
    let folder = folder();
    let process = Process::start(&folder.path().join("data"), GENEROUS).await;
    let mut alice = Device::register(&process.place, "alice").await;
    // Whoever waits for a message gets one.
    let mut bob = Device::register(&process.place, "bob").await;
    let feeding = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(PACE);
        loop {
            ticks.tick().await;
            let number = bob.next();
            bob.post_message(number, "alice", &[1], b"something").await.unwrap().yes();
        }
    });
    // Closing the session and removing the account are for the end.
    let (session, account) = ("DELETE /v1/sessions", "DELETE /v1/accounts/{name}");
    let others = ["--exclude-name", session, "--exclude-name", account, "--max-examples=60"];
    examine(&process, &alice.token, &others).await;
    alice.get("/v1/keys").await.unwrap().yes();
    feeding.abort();
    for last in [session, account] {
        alice.login().await;
        examine(&process, &alice.token, &["--include-name", last, "--max-examples=20"]).await;
    }
    let log = process.log();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}
