//! Clients under load: what an application sees of a real relay, from `send` to `next`.
//!
//! Relay and clients are processes on the same machine, over loopback; every client has a store of its own
//! on the disk, and its connection. `cargo xtask bench client` builds and runs this.

#[path = "../relay-load/clock.rs"]
#[expect(dead_code, reason = "shared with the relay's load generator, which needs more of it")]
mod clock;
#[path = "../relay-load/process.rs"]
#[expect(dead_code, reason = "shared with the relay's load generator, which needs more of it")]
mod process;
mod relay;
mod report;
#[path = "../relay-load/serving.rs"]
#[expect(dead_code, reason = "shared with the relay's load generator, which needs more of it")]
mod serving;
mod store;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::relay::Relay;
use crate::report::Report;
use crate::work::Scale;

/// Measures clients on a relay.
#[derive(Parser)]
struct Arguments {
    /// The `sprag` program.
    #[arg(long)]
    sprag: PathBuf,
    /// Where relay and clients keep their data; what is there is removed.
    #[arg(long)]
    folder: PathBuf,
    /// Print JSON: seconds, bytes, per second.
    #[arg(long)]
    json: bool,
    /// A few seconds: whether everything works, and nothing about speed.
    #[arg(long)]
    quick: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let folder = &arguments.folder;
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let relay = Relay::start(&arguments.sprag, folder)?;
    let scale = if arguments.quick { Scale::QUICK } else { Scale::FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = Report {
        messages: runtime.block_on(work::messages(&relay, folder, scale))?,
        latency: runtime.block_on(work::latency(&relay, folder, scale))?,
        waiting: runtime.block_on(work::waiting(&relay, folder, scale))?,
    };
    relay.stop()?;
    std::fs::remove_dir_all(folder)?;
    report.print(arguments.json)
}
