//! `cargo xtask web`: the rooms of a browser build for WebAssembly, where there is no operating system.

use anyhow::Result;

use crate::project::{Project, output, succeed};

/// What is built, and how.
const ROOMS: [&[&str]; 2] =
    [&["-p", "sprag-protocol"], &["-p", "sprag-store", "--no-default-features"]];

const TARGET: &str = "wasm32-unknown-unknown";

/// Finds or prepares a toolchain that builds for WebAssembly, and builds with it.
pub(crate) fn run(project: &Project) -> Result<()> {
    project.step("find a toolchain for WebAssembly");
    let mut script = project.command("bash");
    let cargo = output(script.arg(project.root().join("xtask/wasm-toolchain.sh")))?;
    // The script answers `cargo`, or `cargo +NAME` for a toolchain of its own making. That one
    // may be older than the workspace's `rust-version`; whether it can build, the build tells.
    let other = cargo.trim().strip_prefix("cargo").unwrap_or_default().trim_start();
    for room in ROOMS {
        project.step(&format!("build for {TARGET}: {}", room.join(" ")));
        let mut build = project.command("cargo");
        if other.is_empty() {
            build.arg("build");
        } else {
            build.args([other, "build", "--ignore-rust-version"]);
        }
        succeed(build.args(["--release", "--locked", "--target", TARGET]).args(room))?;
    }
    Ok(())
}
