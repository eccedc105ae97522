//! What goes wrong is told in a sentence, with the right exit code, and changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::world::{World, files, texts};

#[test]
fn nobody_of_this_name() {
    let world = World::new();
    world.register(&["alice"]);
    let sent = world.run("alice", &["send", "nobody", "hey", "--json"]);
    assert_eq!((sent.code, sent.error().as_str()), (Some(1), "no-such-account"));
    assert_eq!(sent.stdout, "");
    assert_eq!(world.json("alice", &["list"]), [Value::Null; 0]);
    let sent = world.run("alice", &["send", "nobody", "hey"]);
    assert_eq!(sent.stderr, "sprag: the relay has no account of this name\n");
}

#[test]
fn what_cannot_be_an_account_a_relay_or_a_profile() {
    let world = World::new();
    for (arguments, code) in [
        (&["register", "Al ice"][..], "bad-name"),
        (&["register", "alice", "--relay", "ftp://relay.example"], "bad-origin"),
        (&["register", "alice", "--relay", "relay.example"], "bad-origin"),
        (&["register", "alice", "--relay", "http://127.0.0.1:1/path"], "bad-origin"),
        (&["register", "alice", "-p", "../alice"], "usage"),
        (&["register", "alice", "-p", ".."], "usage"),
        (&["send", "bob", "hello"], "no-profile"),
        (&["recv"], "no-profile"),
        (&["register"], "usage"),
    ] {
        let outcome = world.run("alice", &[arguments, &["--json"]].concat());
        assert_eq!((outcome.code, outcome.error().as_str()), (Some(1), code), "{arguments:?}");
        assert!(!world.path("data/sprag/profiles").exists(), "{arguments:?}");
    }
    world.register(&["alice"]);
    for (arguments, code) in [
        (&["send", "B ob", "hello"][..], "bad-name"),
        (&["send", "alice", "hello"], "own-account"),
        (&["send", "bob", ""], "text-length"),
        (&["recv", "--from", "B ob"], "bad-name"),
        (&["register", "alice"], "registered"),
        (&["register", "carol"], "other-account"),
        (&["devices", "link", "sprag-link:AAAA"], "usage"),
        (&["devices", "remove", "7", "--yes"], "no-such-device"),
        (&["verify", "alice"], "own-account"),
    ] {
        let outcome = world.run("alice", &[arguments, &["--json"]].concat());
        assert_eq!((outcome.code, outcome.error().as_str()), (Some(1), code), "{arguments:?}");
    }
}

#[test]
fn a_name_that_is_taken_leaves_no_profile_behind() {
    let world = World::new();
    world.register(&["alice"]);
    let taken = world.run("other", &["register", "alice", "--json"]);
    assert_eq!((taken.code, taken.error().as_str()), (Some(1), "name-taken"));
    assert!(!world.profile("other").exists());
    world.done("other", &["register", "bob"]);
}

#[test]
fn too_much_text_and_text_that_is_none() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    let most = "x".repeat(60_000);
    let sent = world.feed("alice", &["send", "bob", "--json"], most.as_bytes());
    assert_eq!(sent.code, Some(0), "{sent:?}");
    for input in [vec![b'x'; 60_001], vec![b'x'; 5_000_000], "\u{fc}".repeat(1_000_000).into()] {
        let sent = world.feed("alice", &["send", "bob", "--json"], &input);
        assert_eq!((sent.code, sent.error().as_str()), (Some(1), "text-length"));
    }
    let sent = world.feed("alice", &["send", "bob"], b"caf\xe9\n");
    assert_eq!(sent.code, Some(1));
    let expected =
        "sprag: what came on standard input is not UTF-8 text; send it as a file: --file PATH\n";
    assert_eq!(sent.stderr, expected);
    let empty = world.file("empty", "");
    let sent = world.run("alice", &["send", "bob", "--json", "--file", empty.to_str().unwrap()]);
    assert_eq!((sent.code, sent.error().as_str()), (Some(1), "file-length"));
    let sent = world.run("alice", &["send", "bob", "--json", "--file", "/nowhere/at/all"]);
    assert_eq!((sent.code, sent.error().as_str()), (Some(2), "file"));
    assert_eq!(world.texts("bob"), [most]);
}

#[test]
fn without_a_relay_what_was_written_waits_and_then_goes_in_order() {
    let mut world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "one"]);
    world.kill_relay();
    let sent = world.run("alice", &["send", "bob", "two", "--json"]);
    assert_eq!((sent.code, sent.error().as_str()), (Some(3), "unreachable"));
    assert!(sent.is_retryable());
    assert_eq!(sent.json()[0]["state"], "queued");
    let sent =
        world.json("alice", &["send", "bob", "three", "--wait", "queued", "--timeout", "1h"]);
    assert_eq!(sent[0]["state"], "queued");
    assert_eq!(world.json("alice", &["list"])[0]["queued"], 2);
    let received = world.run("bob", &["recv", "--json"]);
    assert_eq!((received.code, received.error().as_str()), (Some(3), "unreachable"));
    world.start_relay(&[]);
    world.done("alice", &["send", "bob", "four"]);
    assert_eq!(world.texts("bob"), ["one", "two", "three", "four"]);
}

#[test]
fn without_a_relay_nobody_registers_and_nothing_is_left() {
    let mut world = World::new();
    world.kill_relay();
    let outcome = world.run("alice", &["register", "alice", "--json"]);
    assert_eq!((outcome.code, outcome.error().as_str()), (Some(3), "unreachable"));
    assert!(!world.profile("alice").exists());
}

#[test]
fn a_relay_that_takes_nobody_says_so() {
    let world = World::with(&["--registration=closed"]);
    let outcome = world.run("alice", &["register", "alice", "--json"]);
    assert_eq!((outcome.code, outcome.error().as_str()), (Some(3), "registration-closed"));
    assert!(!world.profile("alice").exists());
    let world = World::with(&["--registration=invitation"]);
    let outcome = world.run("alice", &["register", "alice", "--json"]);
    assert_eq!((outcome.code, outcome.error().as_str()), (Some(3), "invitation-invalid"));
    let data = world.path("relay");
    let invite = world.done("alice", &["admin", "invite", "--data", data.to_str().unwrap()]);
    world.done("alice", &["register", "alice", "--invitation", invite.stdout.trim()]);
}

#[test]
fn too_much_in_too_short_a_time() {
    let world = World::with(&["--registrations-per-address=1+1/h"]);
    world.register(&["alice"]);
    let outcome = world.run("bob", &["register", "bob", "--json"]);
    assert_eq!((outcome.code, outcome.error().as_str()), (Some(5), "rate-limited"));
    assert!(!world.profile("bob").exists());
}

#[test]
fn a_profile_is_one_processes_at_a_time() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    world.done("bob", &["send", "alice", "hello"]);
    let mut first = world.start("alice", &["recv", "--follow", "--json"]);
    assert_eq!(first.json()["text"], "hello");
    let second = world.run("alice", &["send", "bob", "hello"]);
    assert_eq!(second.code, Some(2));
    assert!(second.stderr.contains(&format!("({})", first.id())), "{second:?}");
    assert_eq!(world.run("alice", &["list", "--json"]).error(), "in-use");
    let doctor = world.run("alice", &["doctor", "--json"]);
    assert_eq!(doctor.code, Some(2));
    let failed = doctor.json().into_iter().find(|check| check["result"] == "fail").unwrap();
    assert_eq!(failed["check"], "process");
    assert_eq!(first.interrupt().code, Some(0));
    world.done("alice", &["send", "bob", "hello"]);
    assert_eq!(world.texts("bob"), ["hello"]);
}

#[test]
fn a_passphrase_opens_what_it_locks_and_no_other_does() {
    let world = World::new();
    let right = world.file("right", "correct horse battery\nstaple\n");
    let right = right.to_str().unwrap();
    let wrong = world.file("wrong", "incorrect horse\n");
    let short = world.file("short", "horse\n");
    let made = world
        .json("alice", &["register", "alice", "--lock", "passphrase", "--passphrase-file", right]);
    assert_eq!(made[0]["lock"], "passphrase");
    assert!(!world.profile("alice").join("profile.key").exists());
    world.done("alice", &["list", "--passphrase-file", right]);
    let from_stdin =
        world.feed("alice", &["list", "--passphrase-file", "-"], b"correct horse battery\n");
    assert_eq!(from_stdin.code, Some(0), "{from_stdin:?}");
    for (arguments, code) in [
        (&["--passphrase-file", wrong.to_str().unwrap()][..], "wrong-key"),
        (&["--passphrase-file", "/nowhere"], "usage"),
        (&[], "usage"),
    ] {
        let outcome = world.run("alice", &[&["list", "--json"], arguments].concat());
        assert_eq!((outcome.code, outcome.error().as_str()), (Some(1), code), "{arguments:?}");
    }
    let short = short.to_str().unwrap();
    let outcome =
        world.run("bob", &["register", "bob", "--lock", "passphrase", "--passphrase-file", short]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(!world.profile("bob").exists());
}

#[test]
fn a_keyring_that_is_not_there_is_told_with_what_there_is_instead() {
    let world = World::new();
    let outcome = world.run("alice", &["register", "alice", "--lock", "keyring"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("--lock key-file or --lock passphrase"), "{outcome:?}");
    assert!(!world.profile("alice").exists());
}

#[test]
fn a_damaged_store_is_told_and_left_as_it_is() {
    let world = World::new();
    world.register(&["alice"]);
    let path = world.profile("alice").join("profile.db");
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[100..length].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&path, &bytes).unwrap();
    for command in ["list", "recv"] {
        let outcome = world.run("alice", &[command, "--json"]);
        assert_eq!(
            (outcome.code, outcome.error().as_str()),
            (Some(2), "store-damaged"),
            "{command}"
        );
    }
    let doctor = world.run("alice", &["doctor", "--json"]);
    assert_eq!(doctor.code, Some(2), "{doctor:?}");
    assert!(fs::read(&path).unwrap() == bytes);
    fs::write(&path, "this is no store").unwrap();
    let outcome = world.run("alice", &["list", "--json"]);
    assert_ne!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn a_key_file_is_its_owners_alone() {
    let world = World::new();
    world.register(&["alice"]);
    for file in files(&world.profile("alice")) {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(fs::metadata(world.profile("alice")).unwrap().permissions().mode() & 0o777, 0o700);
    let key = world.profile("alice").join("profile.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(world.run("alice", &["list", "--json"]).error(), "key-exposed");
    fs::remove_file(&key).unwrap();
    let outcome = world.run("alice", &["list"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("put it back"), "{outcome:?}");
}

#[test]
fn the_doctor_looks_at_everything() {
    let mut world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "hello"]);
    let checks = world.json("alice", &["doctor"]);
    let names: Vec<_> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
    let expected = [
        "profile", "files", "lock", "store", "account", "tls", "relay", "clock", "device",
        "prekeys", "outbox",
    ];
    assert_eq!(names, expected);
    assert!(checks.iter().all(|check| check["result"] == "ok"), "{checks:?}");
    world.kill_relay();
    let doctor = world.run("alice", &["doctor", "--json"]);
    assert_eq!(doctor.code, Some(3));
    let relay = doctor.json().into_iter().find(|check| check["check"] == "relay").unwrap();
    assert_eq!(relay["result"], "fail");
    assert_eq!(world.run("nobody", &["doctor"]).code, Some(2));
}

#[test]
fn a_file_that_is_gone_is_told_and_the_rest_arrives() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "before"]);
    world.done("bob", &["recv"]);
    let file = world.file("a.txt", "content");
    world.done("alice", &["send", "bob", "--file", file.to_str().unwrap()]);
    world.done("alice", &["send", "bob", "after"]);
    // Whoever runs the relay removes the account, and with it what it sent.
    let data = world.path("relay");
    world.done("alice", &["admin", "remove-account", "alice", "--data", data.to_str().unwrap()]);
    let saved = world.path("saved");
    let received = world.done("bob", &["recv", "--json", "--save-files", saved.to_str().unwrap()]);
    assert!(received.stderr.contains("ask for it again"), "{received:?}");
    assert_eq!(texts(&received.json()[1..]), ["after"]);
    assert!(!saved.join("a.txt").exists());
}
