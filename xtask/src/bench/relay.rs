//! `cargo xtask bench relay`, `bench nodes` and `bench client`: the relay under load, beside its bare limits and a
//! peer; several nodes on one PostgreSQL; clients of a relay.
//!
//! The load generators measure and print; this builds them, and the `sprag` program as it is shipped.

use std::env::consts::EXE_SUFFIX;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::programs;
use crate::project::{Project, succeed};
use crate::services::Services;

/// What to measure, and how to print it.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure only what has this in its name: messages, latency, drain, commits, claims, idle.
    filter: Option<String>,
    /// Print JSON: seconds, bytes, per second, plain ratios.
    #[arg(long)]
    json: bool,
    /// A few seconds: whether everything works, and nothing about speed.
    #[arg(long)]
    quick: bool,
}

/// How to print what was measured.
#[derive(Args)]
pub(crate) struct PrintOptions {
    /// Print JSON: seconds, bytes, per second, shares.
    #[arg(long)]
    pub(super) json: bool,
    /// A few seconds: whether everything works, and nothing about speed.
    #[arg(long)]
    pub(super) quick: bool,
}

/// Builds, measures, prints. The progress goes to standard error.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let mut generator = built(project, "relay-load", Some("run"))?;
    generator.args(&options.filter);
    measure(&mut generator, options.json, options.quick)
}

/// The same for several nodes, on a PostgreSQL and a NATS of their own.
pub(crate) fn nodes(project: &Project, options: &PrintOptions) -> Result<()> {
    let services = Services::start(project)?;
    let mut generator = built(project, "relay-load", Some("nodes"))?;
    measure(services.told(&mut generator), options.json, options.quick)
}

/// The same for clients.
pub(crate) fn clients(project: &Project, options: &PrintOptions) -> Result<()> {
    let mut generator = built(project, "client-load", None)?;
    measure(&mut generator, options.json, options.quick)
}

fn measure(generator: &mut Command, json: bool, quick: bool) -> Result<()> {
    for (flag, wanted) in [("--json", json), ("--quick", quick)] {
        generator.args(wanted.then_some(flag));
    }
    succeed(generator)
}

/// A load generator, with what it needs.
fn built(project: &Project, generator: &str, command_of_it: Option<&str>) -> Result<Command> {
    programs::compiler(project)?;
    // One after the other, so that neither changes what the other is built of.
    for (package, binary) in [("sprag-cli", "sprag"), ("sprag-bench", generator)] {
        project.step(&format!("build {binary}"));
        let arguments = ["build", "--release", "--locked", "-p", package, "--bin", binary];
        succeed(&mut project.cargo(arguments))?;
    }
    project.step("measure");
    let target = project.metadata()?.target_directory;
    let program = |binary: &str| target.join("release").join(format!("{binary}{EXE_SUFFIX}"));
    let mut command = project.command(program(generator));
    command.args(command_of_it);
    command.arg("--sprag").arg(program("sprag")).arg("--folder").arg(target.join(generator));
    Ok(command)
}
