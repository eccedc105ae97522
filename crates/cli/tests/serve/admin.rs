//! `sprag admin`, beside a relay that runs and without one.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use crate::world::{Running, admin, serve, talk};

fn object(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", talk(output));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn an_invitation_is_shown_once_and_kept_as_a_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    let relay = Running::start(&mut serve(&folder));
    let invitation = object(&admin(&folder, &["invite", "--uses=3", "--expires=1d", "--json"]));
    assert_eq!(invitation["uses"], 3);
    assert!(invitation["expires"].is_u64());
    let code = invitation["code"].as_str().expect("a code").to_owned();
    assert_eq!(code.len(), 29);
    let text = admin(&folder, &["invite"]);
    let other = String::from_utf8(text.stdout).expect("text");
    assert_ne!(other.trim(), code);
    relay.stop();
    for file in fs::read_dir(folder.path().join("data")).expect("the folder").flatten() {
        let bytes = fs::read(file.path()).expect("read");
        let found = bytes.windows(code.len()).any(|window| window == code.as_bytes());
        assert!(!found, "{}", file.path().display());
    }
}

#[test]
fn figures_a_backup_and_its_restoration() {
    let folder = tempfile::tempdir().expect("a folder");
    let relay = Running::start(&mut serve(&folder));
    let stats = object(&admin(&folder, &["stats", "--json"]));
    let none = json!({
        "accounts": 0, "devices": 0, "envelopes": 0, "envelope_bytes": 0, "blobs": 0,
        "blob_bytes": 0, "tokens": 0,
    });
    assert_eq!(stats, none);
    let backup = folder.path().join("backup");
    let to = backup.to_str().expect("a name");
    assert_eq!(object(&admin(&folder, &["backup", to, "--json"])), json!({ "backup": to }));
    let again = admin(&folder, &["backup", to]);
    assert_eq!(again.status.code(), Some(2));
    assert!(talk(&again).contains("is not empty: name a new folder"), "{}", talk(&again));
    // Not under a relay that runs, and not over what is there.
    let busy = admin(&folder, &["restore", to]);
    assert_eq!(busy.status.code(), Some(2));
    assert!(talk(&busy).contains("another relay runs on the data folder"), "{}", talk(&busy));
    relay.stop();
    let full = admin(&folder, &["restore", to]);
    assert_eq!(full.status.code(), Some(2));
    assert!(talk(&full).contains("exists already"), "{}", talk(&full));

    fs::remove_dir_all(folder.path().join("data")).expect("removed");
    let data = folder.path().join("data");
    assert_eq!(object(&admin(&folder, &["restore", to, "--json"])), json!({ "restored": data }));
    Running::start(&mut serve(&folder)).stop();
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = admin(&folder, &["stats"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(talk(&output).contains("is no data folder of a relay"), "{}", talk(&output));
    assert!(!folder.path().join("data").exists(), "nothing is made by the way");

    let relay = Running::start(&mut serve(&folder));
    let output = admin(&folder, &["remove-account", "nobody"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(talk(&output).contains("there is no account nobody"), "{}", talk(&output));
    let output = admin(&folder, &["remove-account", "Nobody"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(talk(&output).contains("an account name is"), "{}", talk(&output));
    let output = admin(&folder, &["restore", "/nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    relay.stop();
}

/// Where there is a database for tests; the relay's own tests move what is in it.
#[test]
fn what_is_moved_is_counted_and_not_served_any_more() {
    let Ok(address) = std::env::var("SPRAG_TEST_POSTGRES") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().file_name().and_then(|name| name.to_str()).expect("a name");
    let schema = name.trim_start_matches('.').to_ascii_lowercase();
    let to = format!("{address}?options=-csearch_path%3D{schema}_{}", std::process::id());
    let running = Running::start(&mut serve(&folder));
    let busy = admin(&folder, &["migrate", "--to", &to]);
    assert_eq!(busy.status.code(), Some(2));
    assert!(talk(&busy).contains("another relay runs on the data folder"), "{}", talk(&busy));
    running.stop();
    object(&admin(&folder, &["invite", "--json"]));
    let moved = object(&admin(&folder, &["migrate", "--to", &to, "--json"]));
    assert_eq!(
        (&moved["moved"]["invitations"], &moved["moved"]["accounts"]),
        (&json!(1), &json!(0))
    );
    let old = serve(&folder).output().expect("it runs");
    assert_eq!(old.status.code(), Some(2));
    assert!(talk(&old).contains("was moved to another storage"), "{}", talk(&old));

    let back = tempfile::tempdir().expect("a folder");
    let text = admin(&back, &["migrate", "--store", &to, "--to", "sqlite"]);
    let text = String::from_utf8(text.stdout).expect("text");
    assert!(text.contains("invitations     1\n") && text.contains("start the relay"), "{text}");
    Running::start(&mut serve(&back)).stop();
}
