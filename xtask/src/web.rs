//! `cargo xtask web`: the protocol builds for WebAssembly, where there is no operating system.

use anyhow::Result;

use crate::project::{Project, output, succeed};

const TARGET: &str = "wasm32-unknown-unknown";

/// Finds or prepares a toolchain that builds for WebAssembly, and builds the protocol with it.
pub(crate) fn run(project: &Project) -> Result<()> {
    project.step("find a toolchain for WebAssembly");
    let mut script = project.command("bash");
    let cargo = output(script.arg(project.root().join("xtask/wasm-toolchain.sh")))?;
    // The script answers `cargo`, or `cargo +NAME` for a toolchain of its own making. That one
    // may be older than the workspace's `rust-version`; whether it can build, the build tells.
    let other = cargo.trim().strip_prefix("cargo").unwrap_or_default().trim_start();
    project.step(&format!("build sprag-protocol for {TARGET}"));
    let mut build = project.command("cargo");
    if other.is_empty() {
        build.arg("build");
    } else {
        build.args([other, "build", "--ignore-rust-version"]);
    }
    succeed(build.args(["--release", "--locked", "--target", TARGET, "-p", "sprag-protocol"]))
}
