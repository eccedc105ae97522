//! `cargo xtask up`: from a bare checkout to a relay that runs, and what to try next.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::programs;
use crate::project::{Project, say, succeed};

/// What becomes of the relay's folder and its address is up to `sprag serve`; these go to it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Further arguments of `sprag serve`.
    #[arg(last = true)]
    serve: Vec<String>,
}

/// Builds `sprag`, says what to try, and becomes the relay.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    programs::compiler(project)?;
    project.step("build sprag (the first time this takes a few minutes)");
    succeed(&mut project.cargo(["build", "--locked", "--package", "sprag-cli"]))?;
    let folder = project.metadata()?.target_directory.join("debug");
    let binary = folder.join(format!("sprag{}", std::env::consts::EXE_SUFFIX));
    invite(project.root(), &binary)?;
    let mut relay = Command::new(&binary);
    relay.arg("serve").args(&options.serve);
    become_it(&mut relay).with_context(|| format!("cannot run {}", binary.display()))
}

fn invite(root: &Path, binary: &Path) -> Result<()> {
    let sprag = binary.strip_prefix(root).unwrap_or(binary).display();
    say(
        "The relay runs in this terminal, on http://127.0.0.1:7474, until Ctrl-C. In another one, try:",
    )?;
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
