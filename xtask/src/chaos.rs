//! `cargo xtask chaos`: three nodes of one relay, their PostgreSQL and their NATS, links that break, clients with their
//! stores; round after round some of them are killed, and every promise is checked.

use anyhow::Result;
use clap::Args;

use crate::programs;
use crate::project::{Project, succeed};
use crate::services::Programs;

/// How often, and what chance decides.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds; one takes about seven seconds.
    #[arg(long, default_value_t = 200)]
    rounds: u64,
    /// Who is killed when, and which links break, is drawn from this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// In the last round PostgreSQL is away for so many seconds.
    #[arg(long, default_value_t = 30)]
    away: u64,
}

/// Runs the rounds; the first promise that is broken ends them.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    programs::compiler(project)?;
    let programs = Programs::find(project)?;
    project.step(&format!("{} rounds, seed {}", options.rounds, options.seed));
    let mut cargo = project.cargo(["test", "--locked", "-p", "sprag-cli", "--test", "chaos"]);
    cargo.args(["--", "--nocapture", "every_promise_holds"]);
    cargo.env("SPRAG_CHAOS_ROUNDS", options.rounds.to_string());
    cargo.env("SPRAG_CHAOS_SEED", options.seed.to_string());
    cargo.env("SPRAG_CHAOS_AWAY", options.away.to_string());
    succeed(programs.told(&mut cargo))
}
