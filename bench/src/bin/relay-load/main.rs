//! The relay under load, beside its bare limits and a peer, in one run: `cargo xtask bench relay`.
//!
//! Each server is a process of its own on loopback; this process holds all connections, on one thread,
//! and checks that every message comes in order and exactly once. The bare limits are the transport
//! without storage (`echo`) and the storage without transport (`sqlite`); the peer is Redis, whose
//! streams keep the same promise with `appendfsync always`.
//!
//! Reading order: `run` (what is measured; of several nodes `nodes`), `subject` (how), `traffic` (what is checked), `servers`;
//! `crowd` (many connections) with `websocket`, `sockets`, `redis` and `http` on it; `report`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

use crate::run::Plan;
use crate::scale::Scale;

mod claims;
mod clock;
mod crowd;
mod device;
mod echo;
mod environment;
mod http;
mod nodes;
mod postgres;
mod process;
mod redis;
mod report;
mod run;
mod scale;
mod servers;
mod serving;
mod sockets;
mod sqlite;
mod subject;
mod traffic;
mod websocket;

/// The relay under load, beside its bare limits and a peer.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure, and print what was measured.
    Run(Options),
    /// The same for several nodes on one PostgreSQL.
    Nodes(NodesOptions),
    /// Serve the relay's frames without storing anything, until standard input ends.
    Echo,
}

#[derive(clap::Args)]
struct Options {
    /// Measure only what has this in its name: messages, latency, drain, commits, claims, idle.
    filter: Option<String>,
    /// The `sprag` program.
    #[arg(long)]
    sprag: PathBuf,
    /// The folder for all that the servers keep; on the disk to be measured. What an earlier run left
    /// in it is deleted.
    #[arg(long)]
    folder: PathBuf,
    /// A few seconds: whether everything works.
    #[arg(long)]
    quick: bool,
    /// Print JSON: seconds, bytes, per second, plain ratios.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct NodesOptions {
    /// The `sprag` program.
    #[arg(long)]
    sprag: PathBuf,
    /// The folder for all that the servers keep. What an earlier run left in it is deleted.
    #[arg(long)]
    folder: PathBuf,
    /// A database in which schemas may be made: `postgres://...`.
    #[arg(long, env = "SPRAG_TEST_POSTGRES")]
    postgres: String,
    /// `nats://...`.
    #[arg(long, env = "SPRAG_TEST_NATS")]
    nats: String,
    /// A few seconds: whether everything works.
    #[arg(long)]
    quick: bool,
    /// Print JSON: seconds, per second.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(options) => measure(options),
        Command::Nodes(options) => measure_nodes(options),
        Command::Echo => echo::serve(say),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: Options) -> Result<()> {
    let Options { filter, sprag, folder, quick, json } = options;
    let folder = prepare(&sprag, &folder)?;
    let redis = servers::find_redis();
    if redis.is_none() {
        eprintln!(
            "redis-server is not installed (`apt install redis-server`): the peer is left out"
        );
    }
    let scale = if quick { Scale::QUICK } else { Scale::WHOLE };
    let report = run::run(&Plan { sprag, folder: folder.clone(), redis, scale, filter })?;
    if !report.environment.is_durable() {
        eprintln!("{} is in memory: nothing that was measured is durable", folder.display());
    }
    say(&if json { report.json()? } else { report.text() })?;
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))
}

fn measure_nodes(options: NodesOptions) -> Result<()> {
    let NodesOptions { sprag, folder, postgres, nats, quick, json } = options;
    let folder = prepare(&sprag, &folder)?;
    let scale = if quick { Scale::QUICK } else { Scale::WHOLE };
    let report = nodes::run(&nodes::Plan { sprag, folder: folder.clone(), postgres, nats, scale })?;
    say(&if json { report.json()? } else { report.text() })?;
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))
}

/// An empty folder for the servers.
fn prepare(sprag: &Path, folder: &Path) -> Result<PathBuf> {
    ensure!(sprag.is_file(), "there is no program {}", sprag.display());
    let folder = folder.join("servers");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Writes a line to standard output.
fn say(line: &str) -> Result<()> {
    writeln!(io::stdout().lock(), "{line}").context("cannot write to standard output")
}
