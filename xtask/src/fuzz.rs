//! `cargo xtask fuzz`: the targets of `fuzz/`, each for a while, on the nightly toolchain; and the worlds of the
//! client's simulation, ten thousand of them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use clap::Args;

use crate::project::{Project, output, succeed};
use crate::{programs, tools};

/// Which targets, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds to spend on each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Random worlds of the simulation, which is the target `simulation`.
    #[arg(long, default_value_t = 10_000)]
    worlds: u32,
    /// The targets to run; all of them if none is named.
    targets: Vec<String>,
}

/// The target that needs no fuzzer: a seed is all that it takes.
const SIMULATION: &str = "simulation";

/// Runs the targets one after the other; stops at the first that finds something.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    if options.targets.is_empty() || options.targets.iter().any(|name| name == SIMULATION) {
        simulate(project, options.worlds)?;
    }
    if options.targets.iter().any(|name| name != SIMULATION) || options.targets.is_empty() {
        fuzz_all(project, options)?;
    }
    Ok(())
}

/// Runs so many random worlds; one that fails prints its seed.
fn simulate(project: &Project, worlds: u32) -> Result<()> {
    programs::compiler(project)?;
    project.step(&format!("simulate {worlds} worlds"));
    let arguments = ["test", "--release", "--locked", "-p", "sprag-client", "--test", SIMULATION];
    let mut cargo = project.cargo(arguments);
    cargo.arg("seeds").env("SPRAG_SIMULATION_SEEDS", worlds.to_string());
    succeed(&mut cargo)
}

fn fuzz_all(project: &Project, options: &Options) -> Result<()> {
    if !project.root().join("fuzz/Cargo.toml").is_file() {
        bail!("there is nothing to fuzz: fuzz/Cargo.toml is missing");
    }
    if !has_nightly(project) {
        bail!("fuzzing needs a nightly toolchain: `rustup toolchain install nightly`");
    }
    programs::compiler(project)?;
    let program = tools::ensure(project, "cargo-fuzz", "0.13.2")?;
    let listed = output(fuzz(project, &program).arg("list"))?;
    let known: Vec<&str> = listed.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    let wanted = || options.targets.iter().map(String::as_str).filter(|name| *name != SIMULATION);
    if let Some(name) = wanted().find(|name| !known.contains(name)) {
        bail!("there is no fuzz target `{name}`; there are: {}", known.join(", "));
    }
    let chosen: Vec<&str> = if options.targets.is_empty() { known } else { wanted().collect() };
    for target in chosen {
        project.step(&format!("fuzz {target} for {} s", options.seconds));
        let limit = format!("-max_total_time={}", options.seconds);
        succeed(fuzz(project, &program).args(["run", target, "--", &limit]))?;
    }
    Ok(())
}

/// `cargo +nightly fuzz`, with the pinned cargo-fuzz and not one that happens to be installed.
/// The variable outranks `rust-toolchain.toml`, as `+nightly` does.
fn fuzz(project: &Project, program: &Path) -> Command {
    let mut command = project.command(program);
    command.env("RUSTUP_TOOLCHAIN", "nightly");
    command
}

fn has_nightly(project: &Project) -> bool {
    let mut rustc = project.command("rustup");
    rustc.args(["run", "nightly", "rustc", "--version"]);
    rustc.stdout(Stdio::null()).stderr(Stdio::null());
    rustc.status().is_ok_and(|status| status.success())
}
