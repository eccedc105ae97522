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
    let steps = if profile.as_ref().is_some_and(Profile::exists) { AT_HOME } else { NEW };
    let command = profile.map_or_else(|| "sprag".into(), |profile| profile.command());
    Ok(io::stdout().lock().write_all(steps.replace("{sprag}", &command).as_bytes())?)
}

const NEW: &str = "\
Sprag: end-to-end encrypted messages, through a relay that you can run yourself.

Begin:
  sprag serve                        run a relay here, at http://127.0.0.1:7474
  {sprag} register NAME              make an account there (elsewhere: --relay URL)
  {sprag} send SOMEBODY \"Hello\"      write
  {sprag} recv                       read
  {sprag} verify SOMEBODY            make sure of who it is

You have an account elsewhere? {sprag} devices new NAME makes this another device of it.
How it works, step by step with real keys: sprag learn. Everything else: sprag help.
";

const AT_HOME: &str = "\
Sprag: end-to-end encrypted messages, through a relay that you can run yourself.

  {sprag} list                       conversations
  {sprag} send SOMEBODY \"Hello\"      write
  {sprag} recv                       read what is unread; --follow goes on
  {sprag} verify SOMEBODY            make sure of who it is
  {sprag} doctor                     look whether all is well

Everything else: sprag help.
";
