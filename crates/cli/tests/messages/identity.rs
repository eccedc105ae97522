//! Who somebody is: numbers, comparison, keys that change.

use crate::world::World;

#[test]
fn both_see_one_number_and_can_compare_it_by_text() {
    let world = World::new();
    world.register(&["alice", "bob", "eve"]);
    let alices = &world.json("alice", &["verify", "bob"])[0];
    let bobs = &world.json("bob", &["verify", "alice"])[0];
    assert_eq!(alices["safety_number"], bobs["safety_number"]);
    assert_eq!(alices["safety_number"].as_str().unwrap().split(' ').count(), 12);
    assert_eq!((&alices["trust"], &alices["offered"]), (&"first-use".into(), &().into()));
    let text = bobs["payload"].as_str().unwrap();
    let eves = world.json("eve", &["verify", "alice"])[0]["payload"].clone();
    let eves = eves.as_str().unwrap();
    let compared = &world.json("alice", &["verify", "bob", "--compare", text])[0];
    assert_eq!(compared["comparison"], "match");
    assert_eq!(world.json("alice", &["list"])[0]["trust"], "first-use");
    let wrong = world.run("alice", &["verify", "bob", "--compare", eves, "--confirm", "--json"]);
    assert_eq!((wrong.code, wrong.error().as_str()), (Some(4), "untrusted"));
    assert_eq!(world.json("alice", &["list"])[0]["trust"], "first-use");
    let none = world.run("alice", &["verify", "bob", "--compare", "hello", "--json"]);
    assert_eq!((none.code, none.error().as_str()), (Some(1), "not-a-code"));
    let confirmed = &world.json("alice", &["verify", "bob", "--compare", text, "--confirm"])[1];
    assert_eq!(confirmed["trust"], "verified");
    assert_eq!(world.json("alice", &["verify", "bob"])[0]["trust"], "verified");
    world.done("alice", &["verify", "bob", "--unconfirm"]);
    assert_eq!(world.json("alice", &["verify", "bob"])[0]["trust"], "first-use");
}

#[test]
fn for_people_there_are_a_grid_a_code_and_what_to_do() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    let number = world.json("alice", &["verify", "bob"])[0]["safety_number"].clone();
    let shown = world.done("alice", &["verify", "bob"]);
    let grid: Vec<_> = shown.stdout.lines().filter(|line| line.starts_with("    ")).collect();
    assert_eq!(grid.len(), 3, "{shown:?}");
    let digits = grid.join(" ");
    let digits: Vec<_> = digits.split_whitespace().collect();
    assert_eq!(digits.join(" "), number.as_str().unwrap());
    assert!(shown.stdout.contains("\u{2588}\u{2588}\u{2588}\u{2588}"));
    assert!(shown.stdout.contains("sprag-safety:"));
    assert!(shown.stderr.contains("sprag -p alice verify bob --confirm"), "{shown:?}");
}

#[test]
fn a_changed_key_stops_everything_until_somebody_decides() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "one"]);
    world.done("alice", &["verify", "bob", "--confirm"]);
    let old = world.json("alice", &["verify", "bob"])[0]["safety_number"].clone();
    // Somebody else has the name now.
    let data = world.path("relay");
    world.done("bob", &["admin", "remove-account", "bob", "--data", data.to_str().unwrap()]);
    world.done("new-bob", &["register", "bob"]);
    world.done("new-bob", &["send", "alice", "it is me, bob"]);
    assert_eq!(world.texts("alice"), [""; 0]);
    let sent = world.run("alice", &["send", "bob", "two", "--json"]);
    assert_eq!((sent.code, sent.error().as_str()), (Some(4), "key-changed"), "{sent:?}");
    let refused = world.run("alice", &["send", "bob", "three", "--json"]);
    assert_eq!((refused.code, refused.error().as_str()), (Some(4), "key-changed"));
    assert_eq!(world.texts("new-bob"), [""; 0]);
    let now = &world.json("alice", &["verify", "bob"])[0];
    assert_eq!((&now["trust"], &now["safety_number"]), (&"key-changed".into(), &old));
    let news = now["offered"].clone();
    assert_ne!(news, old);
    let asked = world.run("alice", &["verify", "bob", "--accept-new-key", "--json"]);
    assert_eq!((asked.code, asked.error().as_str()), (Some(1), "usage"));
    let accepted = &world.json("alice", &["verify", "bob", "--accept-new-key", "--yes"])[0];
    assert_eq!(accepted["safety_number"], news);
    assert_eq!(world.json("alice", &["verify", "bob"])[0]["trust"], "first-use");
    world.done("alice", &["send", "bob", "four"]);
    assert_eq!(world.texts("new-bob").last().unwrap(), "four");
    assert_eq!(world.texts("alice"), ["it is me, bob"]);
    let nothing = world.run("alice", &["verify", "bob", "--accept-new-key", "--json"]);
    assert_eq!((nothing.code, nothing.error().as_str()), (Some(1), "nothing-offered"));
}
