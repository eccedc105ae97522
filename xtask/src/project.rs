//! The checkout a chore works in: its folder, the commands run there, the clock of its steps.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The checkout, and when the chore began.
pub(crate) struct Project {
    root: PathBuf,
    began: Instant,
}

/// What `cargo metadata --no-deps` tells that a chore needs.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    /// The members of the workspace.
    pub(crate) packages: Vec<Package>,
    /// Where cargo builds.
    pub(crate) target_directory: PathBuf,
}

/// One member of the workspace.
#[derive(Deserialize)]
pub(crate) struct Package {
    /// Its name, `sprag-` included.
    pub(crate) name: String,
    /// Its `Cargo.toml`.
    pub(crate) manifest_path: PathBuf,
    /// What it asks for: normal, build and development dependencies.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependencies.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    /// The package asked for.
    pub(crate) name: String,
}

impl Project {
    /// Finds the checkout: cargo says where this package lies, and it lies in the root.
    #[expect(clippy::disallowed_methods, reason = "a chore tells how long its steps take")]
    pub(crate) fn open() -> Result<Self> {
        let here = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here.parent().context("xtask lies in no folder")?.to_path_buf();
        Ok(Self { root, began: Instant::now() })
    }

    /// The checkout's folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Announces a step on standard error, with the seconds since the chore began.
    pub(crate) fn step(&self, what: &str) {
        eprintln!("==> [{:6.1} s] {what}", self.began.elapsed().as_secs_f64());
    }

    /// A command in the checkout's folder. It reads nothing from standard input.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        // The cargo that runs this program names itself here; a `cargo +other` must not heed it.
        command.current_dir(&self.root).stdin(Stdio::null()).env_remove("CARGO");
        command
    }

    /// `cargo` with these arguments.
    pub(crate) fn cargo<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.command("cargo");
        command.args(arguments);
        command
    }

    /// Asks cargo about the workspace.
    pub(crate) fn metadata(&self) -> Result<Metadata> {
        let mut cargo = self.cargo(["metadata", "--no-deps", "--format-version", "1"]);
        serde_json::from_str(&output(&mut cargo)?).context("cargo metadata")
    }
}

/// Runs a command; anything but success is an error that names it.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs a command and gives what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} failed ({})", shown(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} wrote no text", shown(command)))
}

/// Writes one line to standard output.
pub(crate) fn say(line: &str) -> Result<()> {
    writeln!(io::stdout().lock(), "{line}").context("cannot write to standard output")
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let mut text = String::from("`");
    text.push_str(&command.get_program().to_string_lossy());
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text.push('`');
    text
}
