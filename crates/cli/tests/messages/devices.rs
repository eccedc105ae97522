//! A second device, one removed, and a profile that comes back from a backup.

use std::fs;

use crate::world::{Running, World, texts};

/// Makes `laptop` a second device of alice, who has `phone`.
fn link(world: &World, flags: &[&str]) {
    let mut laptop: Running = world.start("laptop", &["devices", "new", "alice", "--json"]);
    let code = laptop.json()["code"].as_str().unwrap().to_owned();
    let linked = world.json("phone", &[&["devices", "link", &code], flags].concat());
    assert_eq!(linked[0]["linked"], 2);
    let linked = laptop.ended();
    assert_eq!(linked.code, Some(0), "{linked:?}");
    let linked = &linked.json()[0];
    assert_eq!((&linked["account"], &linked["device"]), (&"alice".into(), &2.into()));
}

#[test]
fn a_second_device_takes_part_and_a_removed_one_does_not() {
    let world = World::new();
    world.done("phone", &["register", "alice"]);
    world.register(&["bob"]);
    world.done("phone", &["send", "bob", "before"]);
    world.done("phone", &["verify", "bob", "--confirm"]);
    link(&world, &["--history"]);
    let devices = world.json("phone", &["devices"]);
    assert_eq!(devices.len(), 2);
    assert_eq!((&devices[0]["this"], &devices[1]["this"]), (&true.into(), &false.into()));
    world.json("laptop", &["recv"]);
    assert_eq!(texts(&world.json("laptop", &["list", "bob"])), ["before"]);
    assert_eq!(world.json("laptop", &["list"])[0]["trust"], "verified");
    world.done("bob", &["recv"]);
    world.done("bob", &["send", "alice", "to both"]);
    assert_eq!(world.texts("phone"), ["to both"]);
    assert_eq!(world.texts("laptop"), ["to both"]);
    world.done("laptop", &["send", "bob", "from the laptop"]);
    assert_eq!(world.json("bob", &["recv"])[0]["device"], 2);
    world.json("phone", &["recv"]);
    assert_eq!(texts(&world.json("phone", &["list", "bob", "--limit", "1"])), ["from the laptop"]);
    let not_its_to_do = world.run("laptop", &["devices", "remove", "1", "--yes", "--json"]);
    assert_eq!((not_its_to_do.code, not_its_to_do.error().as_str()), (Some(1), "no-account-key"));
    world.done("phone", &["devices", "remove", "2", "--yes"]);
    assert_eq!(world.json("phone", &["devices"]).len(), 1);
    world.done("bob", &["send", "alice", "to the phone"]);
    let removed = world.run("laptop", &["recv", "--json"]);
    assert_eq!((removed.code, removed.error().as_str()), (Some(2), "removed"), "{removed:?}");
    assert_eq!(removed.stdout, "");
    assert_eq!(world.texts("phone"), ["to the phone"]);
}

#[test]
fn a_new_device_that_was_interrupted_goes_on_waiting() {
    let world = World::new();
    world.done("phone", &["register", "alice"]);
    let mut laptop = world.start("laptop", &["devices", "new", "alice", "--json"]);
    let code = laptop.json()["code"].clone();
    let ended = laptop.interrupt();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let mut laptop = world.start("laptop", &["devices", "new", "alice", "--json"]);
    assert_eq!(laptop.json()["code"], code);
    let code = code.as_str().unwrap();
    let linked = world.feed("phone", &["devices", "link", "-", "--json"], code.as_bytes());
    assert_eq!(linked.code, Some(0), "{linked:?}");
    assert_eq!(laptop.ended().code, Some(0));
}

#[test]
fn a_backup_comes_back_and_the_talk_goes_on() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "one"]);
    world.done("bob", &["recv"]);
    world.done("bob", &["send", "alice", "two"]);
    world.done("alice", &["recv"]);
    let passphrase = world.file("passphrase", "a backup's own passphrase");
    let passphrase = ["--backup-passphrase-file", passphrase.to_str().unwrap()];
    let file = world.path("alice.backup");
    let backup = [&["backup", file.to_str().unwrap()], &passphrase[..]].concat();
    world.done("alice", &backup);
    let before = fs::read(&file).unwrap();
    let again = world.run("alice", &[&backup[..], &["--json"]].concat());
    assert_eq!((again.code, again.error().as_str()), (Some(1), "file-exists"));
    assert!(fs::read(&file).unwrap() == before);

    let restore = ["backup", "restore", file.to_str().unwrap(), "--json"];
    let wrong = world.file("wrong", "another passphrase");
    let wrong = ["--backup-passphrase-file", wrong.to_str().unwrap()];
    let refused = world.run("new", &[&restore[..], &wrong].concat());
    assert_eq!((refused.code, refused.error().as_str()), (Some(1), "wrong-key"), "{refused:?}");
    assert!(!world.profile("new").exists());
    let refused = world.run("alice", &[&restore[..], &passphrase].concat());
    assert_eq!((refused.code, refused.error().as_str()), (Some(1), "profile-exists"));
    let cut = world.file("cut.backup", &before[..before.len() / 2]);
    let cut = ["backup", "restore", cut.to_str().unwrap(), "--json"];
    let refused = world.run("new", &[&cut[..], &passphrase].concat());
    assert_eq!((refused.code, refused.error().as_str()), (Some(2), "store-damaged"), "{refused:?}");
    assert!(!world.profile("new").exists());

    world.done("bob", &["send", "alice", "three"]);
    fs::remove_dir_all(world.profile("alice")).unwrap();
    let restored = world.done("new", &[&restore[..], &passphrase].concat()).json();
    assert_eq!((&restored[0]["account"], &restored[0]["relay"]), (&"alice".into(), &world.url.clone().into()));
    assert_eq!(texts(&world.json("new", &["list", "bob"])), ["one", "two"]);
    world.done("new", &["send", "bob", "four"]);
    assert_eq!(world.texts("bob"), ["four"]);
    world.done("bob", &["send", "alice", "five"]);
    let mut read = world.texts("new");
    read.sort();
    assert_eq!(read, ["five", "three"]);
}
