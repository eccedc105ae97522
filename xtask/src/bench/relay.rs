//! `cargo xtask bench relay`: the relay under load, beside its bare limits and a peer.
//!
//! The load generator measures and prints; this builds it, and the `sprag` program as it is shipped.

use std::env::consts::EXE_SUFFIX;

use anyhow::Result;
use clap::Args;

use crate::programs;
use crate::project::{Project, succeed};

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

/// Builds, measures, prints. The progress goes to standard error.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    programs::compiler(project)?;
    // One after the other, so that neither changes what the other is built of.
    for (package, binary) in [("sprag-cli", "sprag"), ("sprag-bench", "relay-load")] {
        project.step(&format!("build {binary}"));
        let arguments = ["build", "--release", "--locked", "-p", package, "--bin", binary];
        succeed(&mut project.cargo(arguments))?;
    }
    project.step("measure");
    let target = project.metadata()?.target_directory;
    let built = |binary: &str| target.join("release").join(format!("{binary}{EXE_SUFFIX}"));
    let mut generator = project.command(built("relay-load"));
    generator.arg("run").args(&options.filter).arg("--sprag").arg(built("sprag"));
    generator.arg("--folder").arg(target.join("relay-load"));
    for (flag, wanted) in [("--json", options.json), ("--quick", options.quick)] {
        generator.args(wanted.then_some(flag));
    }
    succeed(&mut generator)
}
