//! The project's chores, run as `cargo xtask NAME`. One file a chore; each says what it does.

mod api;
mod bench;
mod chaos;
mod deny;
mod fuzz;
mod lint;
mod npm;
mod programs;
mod project;
mod services;
mod test;
mod tidy;
mod tools;
mod up;
mod vectors;
mod web;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::project::Project;

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build everything, start a relay on this machine, and say what to try.
    Up(up::Options),
    /// Run every test, documentation examples included.
    Test,
    /// Run every gate that is not a test: format, tidy, clippy, docs, web, deny.
    Lint,
    /// Run `lint`, then `test`: what the continuous integration runs.
    Ci,
    /// Check what no compiler checks: walls between rooms, file sizes, requirements, threats.
    Tidy,
    /// Build what a browser runs for WebAssembly, and the module in web/sdk/wasm.
    Web,
    /// Check licences, bans and sources of the dependencies.
    Deny(deny::Options),
    /// Run the fuzz targets, each for a given time.
    Fuzz(fuzz::Options),
    /// Kill the nodes of a relay, their database, their bus and clients, round after round.
    Chaos(chaos::Options),
    /// Write the test vectors.
    Vectors(vectors::Options),
    /// Hold a relay against its OpenAPI document (needs Python 3).
    Api,
    /// Measure the protocol, or the relay, beside a peer and the bare limits; the best samples count.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<()> {
    let project = Project::open()?;
    match chore {
        Chore::Up(options) => up::run(&project, &options),
        Chore::Test => test::run(&project),
        Chore::Lint => lint::run(&project),
        Chore::Ci => lint::ci(&project),
        Chore::Tidy => tidy::run(&project),
        Chore::Web => web::run(&project),
        Chore::Deny(options) => deny::run(&project, &options),
        Chore::Fuzz(options) => fuzz::run(&project, &options),
        Chore::Chaos(options) => chaos::run(&project, &options),
        Chore::Vectors(options) => vectors::run(&project, &options),
        Chore::Api => api::run(&project),
        Chore::Bench(options) => bench::run(&project, &options),
    }
}
