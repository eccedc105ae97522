//! `cargo xtask bench`: measures each piece of work three ways in one run (ours, a peer's, and
//! the bare primitives, the floor) and prints one table. `cargo xtask bench relay` does so for the relay,
//! `cargo xtask bench nodes` for several nodes, `cargo xtask bench client` for clients on one, `cargo xtask bench web` for
//! the npm package.

mod estimates;
mod relay;
mod table;
mod web;

use std::io;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::programs;
use crate::project::{Project, say, succeed};

/// What to measure, and how to print it.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    other: Option<Other>,
    /// Measure only what has this in its name.
    filter: Option<String>,
    /// Print JSON: nanoseconds and plain ratios.
    #[arg(long)]
    json: bool,
}

/// What there is to measure but the protocol.
#[derive(Subcommand)]
enum Other {
    /// Measure the relay under load, beside its bare limits and Redis; the best rounds count.
    Relay(relay::Options),
    /// Measure clients on a relay: from sending to reading, and 2,000 messages that waited.
    Client(relay::PrintOptions),
    /// Measure several nodes on one PostgreSQL, beside one relay on SQLite.
    Nodes(relay::PrintOptions),
    /// Measure the npm package in Node and in Chromium, beside Olm for browsers.
    Web(relay::PrintOptions),
}

/// Measures, then prints what this run measured. The progress goes to standard error.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    match &options.other {
        Some(Other::Relay(options)) => return relay::run(project, options),
        Some(Other::Client(options)) => return relay::clients(project, options),
        Some(Other::Nodes(options)) => return relay::nodes(project, options),
        Some(Other::Web(options)) => return web::run(project, options),
        None => {}
    }
    programs::compiler(project)?;
    let figures = project.metadata()?.target_directory.join("criterion");
    let before = estimates::stamps(&figures)?;
    project.step("measure");
    let arguments = ["bench", "--locked", "-p", "sprag-bench", "--bench", "protocol", "--"];
    let mut bench = project.cargo(arguments);
    bench.args(&options.filter).env("CRITERION_HOME", &figures).stdout(io::stderr());
    succeed(&mut bench)?;
    let rows = table::rows(&estimates::changed(&figures, &before)?);
    if rows.is_empty() {
        bail!("nothing was measured");
    }
    say(&if options.json { table::json(&rows)? } else { table::text(&rows) })
}
