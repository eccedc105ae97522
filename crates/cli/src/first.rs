//! `sprag` alone: what there is to do first.

use std::io::{self, Write};

use anyhow::Result;

use crate::profile::{Choice, Profile};
use crate::running::Begun;

/// Explains itself.
pub(crate) fn steps(begun: Begun) -> Result<()> {
    let profile = Profile::of(&Choice { profile: begun.profile, ..Choice::default() })?;
    let steps = if profile.exists() { AT_HOME } else { NEW };
    let text = steps.replace("{sprag}", &profile.command());
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
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
