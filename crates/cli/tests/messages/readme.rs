//! The README's commands, as they stand there.

use std::env;
use std::path::PathBuf;

use crate::world::{World, outcome};

const README: &str = include_str!("../../../../README.md");

/// The block of commands that a new user types.
fn block() -> &'static str {
    let blocks = README.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut wanted = blocks.filter(|block| block.contains("register alice"));
    let block = wanted.next().expect("the README has commands to try");
    assert!(wanted.next().is_none());
    block
}

#[test]
fn what_the_readme_says_works() {
    let world = World::new();
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_sprag"));
    // The block is run where `target/debug/sprag` is, as in a checkout.
    let checkout = world.path("checkout");
    std::fs::create_dir_all(checkout.join("target")).unwrap();
    let profile = binary.parent().unwrap();
    std::os::unix::fs::symlink(profile, checkout.join("target/debug")).unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-ec", block()]).current_dir(&checkout).stdin(std::process::Stdio::null());
    shell.env_clear().env("PATH", env::var_os("PATH").unwrap()).env("HOME", world.path("home"));
    shell.env("SPRAG_RELAY", &world.url);
    let outcome = outcome(&mut shell);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for expected in ["alice: Hello, Bob!", "bob: Hello, Alice!", "sprag-safety:", "Step 9 of 9"] {
        assert!(outcome.stdout.contains(expected), "{expected}: {outcome:?}");
    }
}
