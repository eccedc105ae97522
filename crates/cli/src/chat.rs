//! `sprag chat`: conversations in a terminal.
//!
//! The state ([`app`]) takes what happens ([`input::Input`]) and gives what is to be done
//! ([`input::Action`]); it knows no terminal, no client and no clock. [`draw`] makes a picture of it.
//! [`going`] is the loop between the two, the [`terminal`] and the client ([`work`]).
//!
//! Reading order: `input`, `app`, `keys`, `news`, `outcomes`; `talk`, `entry`, `text`; `draw`; `going`,
//! `work`, `terminal`.

use std::env;
use std::io::{self, IsTerminal};

use anyhow::{Result, anyhow};
use clap::Args;
use sprag_client::Client;

use crate::failure::usage;
use crate::running::{self, Manner, Place, Reach};
use signs::Signs;

mod app;
mod clock;
mod draw;
mod editor;
mod entry;
mod going;
mod input;
mod keys;
mod layout;
mod news;
mod notices;
mod outcomes;
mod people;
mod prompt;
mod search;
mod signs;
mod talk;
mod terminal;
mod text;
mod verify;
mod work;
#[cfg(test)]
mod world;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Draw with ASCII signs only; so it is where the terminal has no others, as far as that is known
    #[arg(long)]
    pub(crate) ascii: bool,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// Runs the chat on this terminal until the person ends it.
pub(crate) async fn run(options: &Options, place: &Place) -> Result<()> {
    if place.out.is_json() || options.manner.no_input {
        let why = anyhow!("chat is for people; programs use send and recv --follow --json");
        return Err(usage(why));
    }
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let why = "chat needs a terminal for its input and its output; elsewhere use send and recv";
        return Err(usage(anyhow!(why)));
    }
    let signs = Signs { color: place.out.has_color(), ascii: options.ascii || !has_unicode() };
    let act = async |client: &Client| {
        going::run(client, signs, &place.stop).await?;
        // What was written goes out, where it can; a signal ends the waiting.
        tokio::select! {
            () = running::settle(client) => {}
            () = place.stop.asked() => {}
        }
        Ok(())
    };
    place.with_patient_client(Reach::Relay, act).await
}

/// Whether the terminal has more signs than ASCII, as far as its settings tell.
fn has_unicode() -> bool {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    let locale = locale.unwrap_or_default().to_lowercase();
    let is_console = set("TERM").is_some_and(|terminal| terminal == "linux");
    cfg!(not(unix)) || (!is_console && (locale.contains("utf-8") || locale.contains("utf8")))
}
