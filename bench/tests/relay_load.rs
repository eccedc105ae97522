//! The load generator against a real relay: everything that it sends is accepted, delivered in order and
//! exactly once, and acknowledged; each one-time prekey is handed out once. It stops at the first breach.

use std::env::consts::EXE_SUFFIX;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn a_quick_run_delivers_everything_once_and_in_order() {
    let generator = Path::new(env!("CARGO_BIN_EXE_relay-load"));
    // The tests of the whole workspace build it beside this one.
    let sprag = generator.with_file_name(format!("sprag{EXE_SUFFIX}"));
    assert!(sprag.is_file(), "run `cargo build -p sprag-cli` first");
    let mut command = Command::new(generator);
    command.args(["run", "--quick", "--json", "--sprag"]).arg(sprag);
    command.arg("--folder").arg(env!("CARGO_TARGET_TMPDIR"));
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");

    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    for work in ["messages, 1 in flight", "messages, 16 in flight", "drain", "claims", "latency"] {
        let has_work = |row: &&Value| row["work"].as_str().unwrap().starts_with(work);
        let row = rows.iter().find(has_work).unwrap();
        assert!(row["sprag"].as_f64().unwrap() > 0.0, "{row}");
    }
}
