//! Nothing that was said, nor who said it, nor a key is in a profile's files or in what a command logs.

use std::fs;

use memchr::memmem;

use crate::world::{World, files};

const TEXTS: [&str; 10] = [
    "Attack at dawn, by the old mill",
    "The password is swordfish-4711",
    "Grandmother's recipe: three eggs",
    "Invoice 2027-0815 is still unpaid",
    "Meet me at pier nineteen",
    "The result was positive",
    "Quartz glyph jobs vex dwarf",
    "I will quit on Monday",
    "Chrysanthemum bouquet for Thursday",
    "Do not tell Theodora",
];

#[test]
fn profiles_and_logs_hold_none_of_what_was_planted() {
    let world = World::new();
    let passphrase = world.file("passphrase", "Tr0ub4dor-and-three-staples\n");
    let locked = ["--passphrase-file", passphrase.to_str().unwrap()];
    let mut said = String::new();
    let mut run = |profile: &str, arguments: &[&str]| {
        let mut command = world.sprag(profile, arguments);
        command.env("RUST_LOG", "trace").env("SPRAG_LOG", "trace").env("RUST_BACKTRACE", "1");
        let outcome = crate::world::outcome(&mut command);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
        said.push_str(&outcome.stderr);
        outcome
    };
    run("one", &["register", "aurelia-prime"]);
    run("two", &[&["register", "bartholomew-q", "--lock", "passphrase"][..], &locked].concat());
    for text in TEXTS {
        run("one", &["send", "bartholomew-q", text, "--json"]);
    }
    let file = world.file("zeppelin-plans.txt", "hydrogen instead of helium");
    let caption = "blueprint caption one-two";
    run("one", &["send", "bartholomew-q", "--json", "--caption", caption, "--file", file.to_str().unwrap()]);
    let received = run("two", &[&["recv", "--json"][..], &locked].concat()).stdout;
    assert!(TEXTS.iter().all(|text| received.contains(text)));
    let shown = run("two", &[&["verify", "aurelia-prime", "--json"][..], &locked].concat());
    let number = shown.json()[0]["safety_number"].as_str().unwrap().to_owned();
    run("one", &["doctor", "--json"]);

    let key = fs::read(world.profile("one").join("profile.key")).unwrap();
    let hex = data_encoding::HEXLOWER.encode(&key);
    let mut planted: Vec<&[u8]> = TEXTS.iter().map(|text| text.as_bytes()).collect();
    planted.extend([
        &b"aurelia-prime"[..],
        b"bartholomew-q",
        b"zeppelin-plans",
        b"hydrogen instead",
        caption.as_bytes(),
        b"Tr0ub4dor-and-three",
        number.as_bytes(),
        &key,
        hex.as_bytes(),
        b"sprag-safety",
    ]);
    assert_eq!(planted.len(), 20);
    let mut looked_at = 0;
    for path in files(&world.path("data")) {
        let bytes = fs::read(&path).unwrap();
        looked_at += bytes.len();
        for secret in &planted {
            let its_own = path.ends_with("one/profile.key") && *secret == key.as_slice();
            let found = memmem::find(&bytes, secret).is_some();
            assert!(!found || its_own, "{} has {}", path.display(), String::from_utf8_lossy(secret));
        }
    }
    assert!(looked_at > 50_000, "{looked_at} bytes");
    for secret in &planted {
        let found = memmem::find(said.as_bytes(), secret).is_some();
        assert!(!found, "{said} has {}", String::from_utf8_lossy(secret));
    }
}
