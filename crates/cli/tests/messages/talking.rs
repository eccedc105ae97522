//! Two people talk: both ways, one of them offline, with files, as text and as JSON.

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use crate::world::{World, texts};

#[test]
fn both_ways_one_offline_and_the_relay_restarted_in_between() {
    let mut world = World::new();
    world.register(&["alice", "bob"]);
    for text in ["one", "two", "three"] {
        let sent = world.json("alice", &["send", "bob", text]);
        assert_eq!((&sent[0]["to"], &sent[0]["state"]), (&"bob".into(), &"sent".into()));
        assert_eq!(sent[0]["id"].as_str().unwrap().len(), 32);
    }
    world.kill_relay();
    world.start_relay(&[]);
    let received = world.json("bob", &["recv"]);
    assert_eq!(texts(&received), ["one", "two", "three"]);
    for message in &received {
        assert_eq!(message["from"], "alice");
        assert_eq!(message["device"], 1);
        assert!(message["written"].as_u64() <= message["received"].as_u64());
    }
    assert_eq!(world.texts("bob"), [""; 0]);
    world.done("bob", &["send", "alice", "four"]);
    world.done("alice", &["send", "bob", "five"]);
    assert_eq!(world.texts("alice"), ["four"]);
    assert_eq!(world.texts("bob"), ["five"]);
}

#[test]
fn who_follows_reads_what_arrives_and_ends_in_order() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "before"]);
    let mut bob = world.start("bob", &["recv", "--follow", "--json"]);
    assert_eq!(bob.json()["text"], "before");
    world.done("alice", &["send", "bob", "during"]);
    assert_eq!(bob.json()["text"], "during");
    let ended = bob.interrupt();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(world.texts("bob"), [""; 0]);
}

#[test]
fn who_follows_goes_on_when_the_relay_comes_back() {
    let mut world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "before"]);
    let mut bob = world.start("bob", &["recv", "-f", "--json"]);
    assert_eq!(bob.json()["text"], "before");
    world.kill_relay();
    world.start_relay(&[]);
    world.done("alice", &["send", "bob", "after"]);
    assert_eq!(bob.json()["text"], "after");
    assert_eq!(bob.interrupt().code, Some(0));
}

#[test]
fn a_killed_reader_loses_nothing() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "one"]);
    let mut bob = world.start("bob", &["recv", "-f", "--json", "--no-mark-read"]);
    assert_eq!(bob.json()["text"], "one");
    bob.signal(Signal::KILL);
    assert_eq!(bob.ended().code, None);
    assert_eq!(world.texts("bob"), ["one"]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure_and_the_rest_stays_unread() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "one"]);
    let mut command = world.sprag("bob", &["recv"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.texts("bob"), ["one"]);
}

#[test]
fn some_of_it_can_be_chosen_and_left_unread() {
    let world = World::new();
    world.register(&["alice", "bob", "carol"]);
    for (who, text) in [("alice", "a1"), ("carol", "c1"), ("alice", "a2"), ("carol", "c2")] {
        world.done(who, &["send", "bob", text]);
    }
    assert_eq!(texts(&world.json("bob", &["recv", "--no-mark-read", "--from", "carol"])), ["c1", "c2"]);
    let unread = |name: &str| {
        let talks = world.json("bob", &["list"]);
        talks.iter().find(|talk| talk["with"] == name).unwrap()["unread"].clone()
    };
    assert_eq!((unread("alice"), unread("carol")), (2.into(), 2.into()));
    assert_eq!(texts(&world.json("bob", &["recv", "--from", "alice", "--limit", "1"])), ["a1"]);
    assert_eq!((unread("alice"), unread("carol")), (1.into(), 2.into()));
    let mut rest = world.texts("bob");
    rest.sort();
    assert_eq!(rest, ["a2", "c1", "c2"]);
}

#[test]
fn what_was_said_can_be_listed_and_found() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "The tickets are here"]);
    world.done("bob", &["recv"]);
    world.done("bob", &["send", "alice", "Great!\nSee you"]);
    world.done("alice", &["recv"]);
    let history = world.json("alice", &["list", "bob"]);
    assert_eq!(texts(&history), ["The tickets are here", "Great!\nSee you"]);
    assert_eq!((&history[0]["own"], &history[0]["state"]), (&true.into(), &"delivered".into()));
    assert_eq!((&history[1]["own"], &history[1]["state"]), (&false.into(), &Value::Null));
    let before = history[1]["position"].to_string();
    let earlier = world.json("alice", &["list", "bob", "--before", &before]);
    assert_eq!(texts(&earlier), ["The tickets are here"]);
    assert_eq!(texts(&world.json("alice", &["list", "bob", "--limit", "1"])), ["Great!\nSee you"]);
    assert_eq!(texts(&world.json("bob", &["search", "TICKETS"])), ["The tickets are here"]);
    assert_eq!(world.json("bob", &["search", "nothing"]), [Value::Null; 0]);
    let talk = &world.json("alice", &["list"])[0];
    assert_eq!((&talk["with"], &talk["entries"]), (&"bob".into(), &2.into()));
    assert_eq!((&talk["trust"], &talk["unread"]), (&"first-use".into(), &0.into()));
    let text = world.done("alice", &["list", "bob"]).stdout;
    let lines: Vec<_> = text.lines().map(|line| line.get(17..).unwrap_or(line)).collect();
    assert_eq!(lines, ["alice: The tickets are here (delivered)", "bob: Great!", "    See you"]);
}

#[test]
fn text_from_standard_input_is_sent_as_it_is() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    for (arguments, input) in [
        (&["send", "bob"][..], &b"one\ntwo\n"[..]),
        (&["send", "bob", "-"], b"no end"),
        (&["send", "bob"], "Gr\u{fc}\u{df}e\r\n".as_bytes()),
    ] {
        let sent = world.feed("alice", arguments, input);
        assert_eq!(sent.code, Some(0), "{sent:?}");
    }
    assert_eq!(world.texts("bob"), ["one\ntwo", "no end", "Gr\u{fc}\u{df}e"]);
}

#[test]
fn what_others_write_does_nothing_to_a_terminal() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    let evil = "\u{1b}[2Jclear\u{9b}31m \u{202e}turned\u{7}\nalice: forged";
    world.done("alice", &["send", "bob", evil]);
    let shown = world.done("bob", &["recv", "--no-mark-read"]).stdout;
    assert_eq!(shown.get(17..), Some("alice: clear turned\n    alice: forged\n"));
    let coloured = world.done("bob", &["recv", "--no-mark-read", "--color", "always"]).stdout;
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    assert!(!coloured.contains("[2J") && !coloured.contains('\u{9b}'), "{coloured:?}");
    let json = world.done("bob", &["recv", "--json"]).stdout;
    assert!(!json.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}'), "{json:?}");
    let read: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["text"], evil);
}

#[test]
fn files_arrive_as_they_were_and_overwrite_nothing() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    let content: Vec<u8> = (0..700_000_u32).flat_map(|n| n.to_be_bytes()).collect();
    let file = world.file("trip.jpg", &content);
    let file = file.to_str().unwrap();
    let sent = world.json("alice", &["send", "bob", "look", "--file", file, "--caption", "the trip"]);
    assert_eq!(sent.iter().map(|sent| &sent["state"]).collect::<Vec<_>>(), ["sent", "sent"]);
    world.done("alice", &["send", "bob", "--file", file]);
    let saved = world.path("saved");
    let folder = saved.to_str().unwrap();
    let received = world.json("bob", &["recv", "--save-files", folder]);
    assert_eq!(received[0]["text"], "look");
    let [first, second] = [&received[1]["file"], &received[2]["file"]];
    assert_eq!((&first["name"], &first["media_type"]), (&"trip.jpg".into(), &"image/jpeg".into()));
    assert_eq!((&first["caption"], &first["length"]), (&"the trip".into(), &content.len().into()));
    assert_eq!(first["saved"], saved.join("trip.jpg").to_str().unwrap());
    assert_eq!(second["saved"], saved.join("trip (2).jpg").to_str().unwrap());
    for file in ["trip.jpg", "trip (2).jpg"] {
        assert!(fs::read(saved.join(file)).unwrap() == content, "{file}");
    }
    // Once read, it is still to be had.
    world.done("bob", &["list", "alice", "--limit", "1", "--save-files", folder]);
    assert!(fs::read(saved.join("trip (3).jpg")).unwrap() == content);
}

#[test]
fn who_sends_can_wait_until_it_was_delivered_and_read() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    world.done("bob", &["settings", "read-receipts", "on"]);
    let mut bob = world.start("bob", &["recv", "--follow", "--json"]);
    let sent = world.json("alice", &["send", "bob", "one", "--wait", "delivered"]);
    assert!(["delivered", "read"].contains(&sent[0]["state"].as_str().unwrap()), "{sent:?}");
    assert_eq!(bob.json()["text"], "one");
    let sent = world.json("alice", &["send", "bob", "two", "--wait", "read"]);
    assert_eq!(sent[0]["state"], "read");
    assert_eq!(bob.json()["text"], "two");
    assert_eq!(bob.interrupt().code, Some(0));
    let late = world.run("alice", &["send", "bob", "three", "--wait", "read", "--timeout", "1s", "--json"]);
    assert_eq!((late.code, late.error().as_str()), (Some(3), "timeout"));
    assert_eq!(late.json()[0]["state"], "sent");
}
