//! Settings from flags and files, what they come to, and that all their forms are there.

use std::fs;

use clap::{Arg, CommandFactory, Parser};

use super::*;
use crate::arguments::Arguments;

/// The settings, as a command of their own.
#[derive(Debug, Parser)]
struct Only {
    #[command(flatten)]
    settings: Settings,
}

fn flags(arguments: &[&str]) -> Settings {
    let arguments = ["sprag"].iter().chain(arguments);
    Only::try_parse_from(arguments).expect("valid flags").settings
}

fn file(text: &str) -> Result<Settings> {
    with_file(Settings::default(), text)
}

fn with_file(settings: Settings, text: &str) -> Result<Settings> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sprag.toml");
    fs::write(&path, text).expect("written");
    settings.completed(Some(&path))
}

/// With a data folder, so that nothing depends on the machine.
fn config(arguments: &[&str]) -> Result<Config> {
    flags(&[&["--data", "data"], arguments].concat()).config()
}

fn refusal(arguments: &[&str]) -> String {
    config(arguments).expect_err("it makes no sense").to_string()
}

/// Every setting: its flag's name, or its place's, and what clap knows of it.
fn all() -> Vec<(String, Arg)> {
    let command = Only::command();
    let of = |arg: &Arg| arg.get_long().unwrap_or(arg.get_id().as_str()).to_owned();
    let settings = command.get_arguments().filter(|arg| arg.get_id() != "help");
    settings.map(|arg| (of(arg), arg.clone())).collect()
}

/// What the help says is the default, where that is a value.
fn told_default(arg: &Arg) -> Option<String> {
    let help = arg.get_help()?.to_string();
    let (_, default) = help.split_once("[default: ")?;
    Some(default.trim_end_matches(']').split([',', ';']).next()?.to_owned())
}

#[test]
fn without_anything_said_the_defaults_are_those_of_the_relay() {
    let mut expected = Config::new("data");
    expected.ops_listen = Some(SocketAddr::from(([127, 0, 0, 1], 7475)));
    assert_eq!(config(&[]).expect("defaults"), expected);
}

#[test]
fn the_help_tells_the_true_defaults() {
    let mut said = 0;
    for (name, arg) in all() {
        // These are described, not valued.
        if ["data", "origin", "acme-directory"].contains(&name.as_str()) {
            continue;
        }
        let Some(default) = told_default(&arg) else { continue };
        let flag = format!("--{name}={default}");
        assert_eq!(config(&[&flag]).expect(&flag), config(&[]).expect("defaults"), "{flag}");
        said += 1;
    }
    assert_eq!(said, 27);
}

#[test]
fn every_setting_is_a_flag_a_variable_and_a_key() {
    for (name, arg) in all() {
        let variable = format!("SPRAG_{}", name.to_ascii_uppercase().replace('-', "_"));
        assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(variable.as_str()), "{name}");
        // A key that there is not would be told as unknown.
        let error = file(&format!("{name} = {{}}")).expect_err("no setting is a table").to_string();
        assert!(!error.contains("unknown field"), "{error}");
    }
}

#[test]
fn the_operations_guide_has_a_row_for_each() {
    let guide = include_str!("../../../../../docs/OPERATIONS.md");
    let example = include_str!("../../../../../packaging/sprag.toml");
    for (name, arg) in all() {
        let variable = arg.get_env().and_then(|env| env.to_str()).expect("a variable");
        let flag = if name == "domain" { "[DOMAIN]...".into() } else { format!("--{name}") };
        let row = format!("| `{flag}` | `{variable}` | `{name}` | ");
        let row = guide.lines().find_map(|line| line.strip_prefix(&row)).expect(&name);
        assert!(example.contains(&format!("# {name} = ")) || name.starts_with("acme-d"), "{name}");
        let limit = arg.get_help_heading().is_some();
        if let Some(default) = told_default(&arg).filter(|_| limit) {
            assert_eq!(row, format!("`{default}` |"), "{name}");
        }
    }
}

#[test]
fn the_example_file_is_valid_as_it_is_and_with_everything_uncommented() {
    let example = include_str!("../../../../../packaging/sprag.toml");
    assert_eq!(file(example).expect("valid"), Settings::default());
    let mut seen = Vec::new();
    for line in example.lines().filter_map(|line| line.strip_prefix("# ")) {
        let Some((key, _)) = line.split_once(" = ") else { continue };
        file(line).expect(line);
        seen.push(key);
    }
    assert!(seen.len() >= all().len(), "{seen:?}");
}

#[test]
fn a_file_sets_everything_that_flags_do() {
    let text = r#"
        domain = ["chat.example.org", "other.example.org"]
        listen = "[::1]:443"
        ops-listen = "off"
        data = "/srv/sprag"
        origin = "https://chat.example.org"
        registration = "invitation"
        behind-proxy = true
        acme-contact = "admin@example.org"
        log = "debug"
        log-format = "json"
        mailbox-envelopes = 100
        mailbox-bytes = "1MiB"
        sends-per-account = "5+6/h"
        body-timeout = "1m"
    "#;
    let said = flags(&[
        "chat.example.org",
        "other.example.org",
        "--listen=[::1]:443",
        "--ops-listen=off",
        "--data=/srv/sprag",
        "--origin=https://chat.example.org",
        "--registration=invitation",
        "--behind-proxy",
        "--acme-contact=admin@example.org",
        "--log=debug",
        "--log-format=json",
        "--mailbox-envelopes=100",
        "--mailbox-bytes=1MiB",
        "--sends-per-account=5+6/h",
        "--body-timeout=1m",
    ]);
    assert_eq!(file(text).expect("a valid file"), said);
}

#[test]
fn a_flag_goes_before_the_file() {
    let text = "window = 7\nconnections = 8\nacme-contact = [\"file@example.org\"]";
    let flags = flags(&["--window=9", "--acme-contact=flag@example.org"]);
    let settings = with_file(flags, text).expect("a valid file");
    assert_eq!(settings.window, Some(Count(9)));
    assert_eq!(settings.connections, Some(Count(8)));
    assert_eq!(settings.acme_contact, ["flag@example.org"]);
}

#[test]
fn what_is_wrong_in_a_file_is_shown_there() {
    for (text, line, said) in [
        ("listen = \"127.0.0.1:1\"\nlistn = 1", "line 2", "unknown field `listn`"),
        ("\nwindow = 0", "line 2", "give a number from 1"),
        ("window = \"many\"", "line 1", "give a number from 1"),
        ("mailbox-bytes = \"64MB\"", "line 1", "give bytes, or a size such as"),
        ("idle-timeout = 30", "line 1", "give a time such as"),
        ("sends-per-account = 5", "line 1", "give how many at once"),
        ("registration = \"everyone\"", "line 1", "give open, invitation or closed"),
        ("origin = \"https://chat.example.org/\"", "line 1", "an origin is"),
        ("listen = \"localhost\"", "line 1", "give an IP address and a port"),
        ("behind-proxy = \"perhaps\"", "line 1", "provided string was not"),
        ("domain = [1.5]", "line 1", "a text or a list of texts"),
        ("window = {}", "line 1", "a text, a number, or true or false"),
        ("window", "line 1", "expected"),
    ] {
        let error = file(text).expect_err(text).to_string();
        assert!(error.contains("sprag.toml is wrong"), "{error}");
        assert!(error.contains(line), "{error}");
        assert!(error.contains(said), "{error}");
    }
    let missing = Settings::default().completed(Some(Path::new("/nowhere/sprag.toml")));
    let missing = missing.expect_err("it is not there").to_string();
    assert!(missing.contains("cannot read the configuration /nowhere/sprag.toml"), "{missing}");
}

#[test]
fn a_domain_means_https_for_everybody_with_certificates_by_acme() {
    let config = config(&["Chat.Example.org", "--acme-contact", "admin@example.org"]).expect("ok");
    assert_eq!(config.listen, "[::]:443".parse().expect("an address"));
    let Tls::Acme(acme) = config.tls else { panic!("no ACME") };
    assert_eq!(acme.domains, ["chat.example.org"]);
    assert_eq!(acme.contacts, ["mailto:admin@example.org"]);
    assert_eq!(acme.directory, Acme::LETS_ENCRYPT);
    assert_eq!(acme.directory_root, None);
}

#[test]
fn what_makes_no_sense_together_is_refused() {
    let error = refusal(&["--tls-certificate", "chain.pem"]);
    assert!(error.contains("add --tls-key"), "{error}");
    let error = refusal(&["--tls-key", "key.pem"]);
    assert!(error.contains("add --tls-certificate"), "{error}");
    let files = ["--tls-certificate", "chain.pem", "--tls-key", "key.pem"];
    let error = refusal(&[&["chat.example.org"], files.as_slice()].concat());
    assert!(error.contains("leave out either the domain or"), "{error}");
    for acme in ["--acme-contact=a@b.c", "--acme-directory=https://b.c", "--acme-directory-root=f"]
    {
        let error = refusal(&[acme]);
        assert!(error.contains("need a domain to certify"), "{error}");
        let error = refusal(&[&[acme], files.as_slice()].concat());
        assert!(error.contains("need a domain to certify"), "{error}");
    }
    let error = refusal(&["chat.example.org", "--origin", "http://chat.example.org"]);
    assert!(error.contains("make it https://"), "{error}");
    assert!(config(&["--mailbox-bytes", "98304"]).is_ok());
    let error = refusal(&["--mailbox-bytes", "98303"]);
    assert!(error.contains("at least 96KiB"), "{error}");
}

#[test]
fn behind_a_proxy_is_said_with_or_without_a_value() {
    let said = |arguments: &[&str]| config(arguments).expect("ok").behind_proxy;
    assert!(!said(&[]));
    assert!(said(&["--behind-proxy"]));
    assert!(said(&["--behind-proxy=true"]));
    assert!(!said(&["--behind-proxy=false"]));
}

#[test]
fn the_command_line_is_in_order() {
    Arguments::command().debug_assert();
}
