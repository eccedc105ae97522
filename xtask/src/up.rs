//! `cargo xtask up`: from a bare checkout to a relay that runs, and what to try next.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::npm::{self, Node};
use crate::project::{Project, say, succeed};
use crate::{programs, web};

/// What becomes of the relay's folder and its address is up to `sprag serve`; these go to it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out what is for browsers: it needs Node.js.
    #[arg(long)]
    no_web: bool,
    /// Further arguments of `sprag serve`.
    #[arg(last = true)]
    serve: Vec<String>,
}

/// Builds `sprag`, says what to try, and becomes the relay.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    programs::compiler(project)?;
    let has_web = !options.no_web && browsers(project)?;
    project.step("build sprag (the first time this takes a few minutes)");
    succeed(&mut project.cargo(["build", "--locked", "--package", "sprag-cli"]))?;
    let folder = project.metadata()?.target_directory.join("debug");
    let binary = folder.join(format!("sprag{}", std::env::consts::EXE_SUFFIX));
    invite(project.root(), &binary, has_web)?;
    let mut relay = Command::new(&binary);
    relay.arg("serve").args(&options.serve);
    become_it(&mut relay).with_context(|| format!("cannot run {}", binary.display()))
}

/// Builds what the binary carries for browsers. Whether it was built: a machine without Node.js goes without.
fn browsers(project: &Project) -> Result<bool> {
    let why = match npm::node(project) {
        Node::There => {
            web::run(project)?;
            npm::build(project)?;
            return Ok(true);
        }
        Node::TooOld(version) => format!("Node.js {version} is too old"),
        Node::Missing => "there is no Node.js".to_owned(),
    };
    project.step(&format!("{why} (20.19 or newer builds the web chat): the relay goes without it"));
    Ok(false)
}

fn invite(root: &Path, binary: &Path, has_web: bool) -> Result<()> {
    let sprag = binary.strip_prefix(root).unwrap_or(binary).display();
    say("The relay runs in this terminal, on http://127.0.0.1:7474, until Ctrl-C.")?;
    if has_web {
        say("Open that address in a browser for the web chat. Or, in another terminal, try:")?;
    } else {
        say("In another terminal, try:")?;
    }
    say("")?;
    say(&format!("    {sprag} -p alice register alice && {sprag} -p bob register bob"))?;
    say(&format!("    {sprag} -p alice send bob \"Hello, Bob!\" && {sprag} -p bob recv"))?;
    say(&format!("    {sprag} -p bob chat"))?;
    say("")
}

/// The relay takes the place of this process, so that signals reach it and nothing else is left.
#[cfg(unix)]
fn become_it(relay: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(relay.exec().into())
}

#[cfg(not(unix))]
fn become_it(relay: &mut Command) -> Result<()> {
    succeed(relay)
}
