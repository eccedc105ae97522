//! What `sprag serve` takes, and from where.

use std::fs;

use crate::world::{Running, serve, talk};

/// How it ends where it does not start.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = serve(&folder).args(arguments).output().expect("it runs");
    assert!(output.stdout.is_empty());
    (output.status.code(), talk(&output))
}

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sprag.toml");
    let origin = |of: &str| format!("http://{of}.example.org");
    fs::write(&file, format!("origin = \"{}\"\n", origin("file"))).expect("written");
    let with_file = || {
        let mut command = serve(&folder);
        command.env("SPRAG_CONFIG", &file);
        command
    };
    let relay = Running::start(&mut with_file());
    assert_eq!(relay.ready["origin"], origin("file"));
    relay.stop();
    let relay = Running::start(with_file().env("SPRAG_ORIGIN", origin("variable")));
    assert_eq!(relay.ready["origin"], origin("variable"));
    relay.stop();
    let mut all = with_file();
    all.env("SPRAG_ORIGIN", origin("variable")).args(["--origin", &origin("flag")]);
    let relay = Running::start(&mut all);
    assert_eq!(relay.ready["origin"], origin("flag"));
    relay.stop();
}

#[test]
fn wrong_settings_are_wrong_usage() {
    for (arguments, said) in [
        (["--window", "0"], "give a number from 1"),
        (["--config", "/nowhere.toml"], "cannot read the configuration /nowhere.toml"),
        (["--tls-key", "key.pem"], "add --tls-certificate"),
        (["--wndow", "1"], "unexpected argument"),
    ] {
        let (code, talk) = refused(&arguments);
        assert_eq!(code, Some(1), "{talk}");
        assert!(talk.contains(said), "{talk}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let output = serve(&folder).env("SPRAG_WINDOW", "none").output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(talk(&output).contains("give a number from 1"), "{}", talk(&output));
}

#[test]
fn what_keeps_it_from_starting_is_told_with_what_helps() {
    for (arguments, said) in [
        (["--listen", "0.0.0.0:0"], "(see --origin)"),
        (["--data", "/proc/sprag"], "(see --data)"),
        (["--listen", "192.0.2.1:7474"], "this machine has no such address"),
        (["--listen", "192.0.2.1:7474"], "(see --listen, --ops-listen)"),
    ] {
        let (code, talk) = refused(&arguments);
        assert_eq!(code, Some(2), "{talk}");
        assert!(talk.contains(said), "{talk}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let relay = Running::start(&mut serve(&folder));
    let second = serve(&folder).output().expect("it runs");
    assert_eq!(second.status.code(), Some(2));
    assert!(talk(&second).contains("another relay runs on the data folder"), "{}", talk(&second));
    relay.stop();
}

#[test]
fn without_a_word_data_lies_in_the_xdg_data_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    for (variable, below) in
        [("HOME", ".local/share/sprag/relay"), ("XDG_DATA_HOME", "sprag/relay")]
    {
        let mut command = serve(&folder);
        command.env_remove("SPRAG_DATA").env("HOME", folder.path()).env(variable, folder.path());
        Running::start(&mut command).stop();
        assert!(folder.path().join(below).join("relay.sqlite").exists(), "{variable}");
    }
}
