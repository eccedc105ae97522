//! `cargo xtask bench web`: the npm package in Node and in Chromium, beside Olm for browsers.

use anyhow::Result;

use super::relay::PrintOptions;
use crate::npm;
use crate::project::{Project, succeed};
use crate::{programs, web};

/// The peer, which nothing of ours depends on: npm brings it for the measurement.
const PEER: &str = "@matrix-org/matrix-sdk-crypto-wasm@18.9.0";

/// Builds, installs the peer, measures, prints. The progress goes to standard error.
pub(super) fn run(project: &Project, options: &PrintOptions) -> Result<()> {
    programs::compiler(project)?;
    npm::needed(project)?;
    web::run(project)?;
    npm::build(project)?;
    npm::chromium(project)?;
    project.step("build sprag");
    succeed(&mut project.cargo([
        "build",
        "--release",
        "--locked",
        "-p",
        "sprag-cli",
        "--bin",
        "sprag",
    ]))?;
    let target = project.metadata()?.target_directory;
    let peer = target.join("bench-web");
    std::fs::create_dir_all(&peer)?;
    std::fs::write(peer.join("package.json"), "{ \"private\": true }")?;
    project.step(&format!("npm install {PEER}, in target/bench-web"));
    let mut install = npm::npm(project, &peer);
    succeed(install.args(["install", "--no-audit", "--no-fund", "--silent", PEER]))?;
    project.step("measure");
    let mut node = project.command("node");
    node.arg("web/sdk/bench/run.mjs").arg(&peer).env("SPRAG", target.join("release/sprag"));
    for (flag, wanted) in [("--json", options.json), ("--quick", options.quick)] {
        node.args(wanted.then_some(flag));
    }
    succeed(&mut node)
}
