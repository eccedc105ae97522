//! `cargo xtask fuzz`: the targets of `fuzz/`, each for a while, on the nightly toolchain.

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
    /// The targets to run; all of them if none is named.
    targets: Vec<String>,
}

/// Runs the targets one after the other; stops at the first that finds something.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
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
    if let Some(name) = options.targets.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no fuzz target `{name}`; there are: {}", known.join(", "));
    }
    let named = options.targets.iter().map(String::as_str);
    let chosen: Vec<&str> = if options.targets.is_empty() { known } else { named.collect() };
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
