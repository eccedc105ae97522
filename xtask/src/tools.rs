//! Tools that a chore needs, each at a pinned version, installed inside the checkout.

use std::env::consts::EXE_SUFFIX;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;

use crate::project::{Project, succeed};

/// The quickest build of a tool, as it runs for seconds: no optimisation, no LTO.
const QUICK: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

/// The path of the tool; installs it under `target/tools` if this version is not there.
pub(crate) fn ensure(project: &Project, name: &str, version: &str) -> Result<PathBuf> {
    let tools = project.root().join("target/tools");
    let program = tools.join("bin").join(format!("{name}{EXE_SUFFIX}"));
    if is_version(project, &program, version) {
        return Ok(program);
    }
    project.step(&format!("install {name} {version} in target/tools (once, about a minute)"));
    let mut install = project.cargo(["install", "--quiet", "--locked", "--force", name]);
    install.args(["--version", version, "--root"]).arg(&tools);
    succeed(install.envs(QUICK).env_remove("CARGO_TARGET_DIR"))?;
    Ok(program)
}

fn is_version(project: &Project, program: &PathBuf, version: &str) -> bool {
    let mut command = project.command(program);
    command.arg("--version").stderr(Stdio::null());
    command.output().is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        output.status.success() && text.split_whitespace().any(|word| word == version)
    })
}
