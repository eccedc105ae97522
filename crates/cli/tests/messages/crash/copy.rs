//! An older copy of a profile is put back and used: it starts afresh, says so, and talks on.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::Talk;
use crate::world::texts;

/// Copies a folder of files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn an_older_copy_of_a_profile_talks_on_and_uses_no_key_again() {
    let mut talk = Talk::new(1);
    let (profile, kept) = (talk.world.profile("alice"), talk.world.path("kept"));
    talk.world.done("alice", &["send", "bob", "one"]);
    talk.world.done("bob", &["send", "alice", "two"]);
    assert_eq!(talk.world.texts("alice"), ["two"]);
    // The copy is made while something is queued that goes afterwards.
    talk.world.done("alice", &["send", "bob", "three", "--wait", "queued"]);
    copy(&profile, &kept);
    talk.world.done("alice", &["send", "bob", "four"]);
    assert_eq!(talk.world.texts("bob"), ["one", "three", "four"]);
    talk.world.done("bob", &["send", "alice", "five"]);
    assert_eq!(talk.world.texts("alice"), ["five"]);
    talk.world.done("bob", &["send", "alice", "six"]);

    fs::remove_dir_all(&profile).unwrap();
    copy(&kept, &profile);
    // It still has the third in its queue, and sends it again; who has it already does not read it twice.
    let sent = talk.world.done("alice", &["send", "bob", "seven", "--json"]);
    assert!(sent.stderr.contains("older copy"), "{sent:?}");
    assert_eq!(sent.json()[0]["state"], "sent");
    assert_eq!(talk.world.texts("bob"), ["seven"]);
    // What waited for the newer copy was for its keys: it is asked for and sent again.
    talk.people[0].look(&talk.world);
    for _ in 0..super::LOOKS {
        if talk.people[0].heard.printed.values().any(|text| text == "six") {
            break;
        }
        talk.people[1].look(&talk.world);
        talk.people[0].look(&talk.world);
    }
    let printed: Vec<_> = talk.people[0].heard.printed.values().collect();
    assert_eq!(printed, ["six"]);
    let again = talk.world.done("alice", &["recv", "--json"]);
    assert!(!again.stderr.contains("older copy"), "{again:?}");
    talk.people.iter_mut().for_each(|person| person.stop_reading(Signal::INT));
    let bobs = texts(&talk.world.json("bob", &["list", "alice"]));
    assert_eq!(bobs, ["one", "two", "three", "four", "five", "six", "seven"]);
    talk.is_not_wedged();
}
