//! `cargo xtask deny`: licences, bans and sources of all dependencies, by the rules of `deny.toml`.

use anyhow::Result;
use clap::Args;

use crate::project::{Project, succeed};
use crate::tools;

/// What to check besides.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Check for published vulnerabilities too (fetches the database from GitHub).
    #[arg(long)]
    advisories: bool,
}

/// Runs cargo-deny, installed first if it is missing.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let program = tools::ensure(project, "cargo-deny", "0.20.2")?;
    project.step("check the dependencies");
    let mut deny = project.command(program);
    deny.args(["--locked", "--all-features", "check", "--hide-inclusion-graph"]);
    deny.args(["bans", "licenses", "sources"]);
    if options.advisories {
        deny.arg("advisories");
    }
    succeed(&mut deny)
}
