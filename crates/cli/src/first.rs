//! `sprag` alone: what there is to do first.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;

use crate::profile::{Choice, Profile};
use crate::running::Begun;

/// Explains itself.
pub(crate) fn steps(begun: Begun) -> Result<()> {
    let profiles = env::var_os("SPRAG_PROFILES").map(PathBuf::from);
    let choice = Choice { profile: begun.profile, profiles, ..Choice::default() };
    // Where there is no place for profiles, there is none.
    let profile = Profile::of(&choice).ok();
    let known = profile.as_ref().is_some_and(Profile::exists);
    let (commands, closing) = if known { (AT_HOME, MORE) } else { (NEW, NEW_MORE) };
    let sprag = profile.map_or_else(|| "sprag".into(), |profile| profile.command());
    let lines = commands.iter().map(|(command, what)| {
        let command = command.replace("{sprag}", &sprag);
        format!("  {command:<34} {what}")
    });
    let lines = lines.collect::<Vec<_>>().join("\n");
    let text = format!("{TITLE}\n\n{lines}\n\n{}\n", closing.replace("{sprag}", &sprag));
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

const TITLE: &str =
    "Sprag: end-to-end encrypted messages, through a relay that you can run yourself.";

const NEW: &[(&str, &str)] = &[
    ("sprag serve", "run a relay here, at http://127.0.0.1:7474"),
    ("{sprag} register NAME", "make an account there (elsewhere: --relay URL)"),
    ("{sprag} send SOMEBODY \"Hello\"", "write"),
    ("{sprag} recv", "read"),
    ("{sprag} chat", "both, on the whole screen"),
    ("{sprag} verify SOMEBODY", "make sure of who it is"),
];

const NEW_MORE: &str = "\
You have an account elsewhere? {sprag} devices new NAME makes this another device of it.
How it works, step by step with real keys: sprag learn. Everything else: sprag help.";

const AT_HOME: &[(&str, &str)] = &[
    ("{sprag} chat", "everything on the whole screen"),
    ("{sprag} list", "conversations"),
    ("{sprag} send SOMEBODY \"Hello\"", "write"),
    ("{sprag} recv", "read what is unread; --follow goes on"),
    ("{sprag} verify SOMEBODY", "make sure of who it is"),
    ("{sprag} doctor", "look whether all is well"),
];

const MORE: &str = "Everything else: sprag help.";
