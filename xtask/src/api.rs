//! `cargo xtask api`: calls a relay in every way that its OpenAPI document tells of, and in some that it
//! does not, by schemathesis (from PyPI, in a virtual environment inside the checkout).

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::programs;
use crate::project::{Project, succeed};

const VERSION: &str = "4.32.5";

/// Installs schemathesis where it is missing, then runs the one test that needs it.
pub(crate) fn run(project: &Project) -> Result<()> {
    programs::compiler(project)?;
    let program = schemathesis(project)?;
    project.step("build the relay and its tests");
    let selection = ["test", "--locked", "-p", "sprag-cli", "--test", "relay"];
    succeed(project.cargo(selection).arg("--no-run"))?;
    project.step("call the relay (about a minute)");
    let mut test = project.cargo(selection);
    test.args([
        "--",
        "--ignored",
        "--exact",
        "document::every_answer_is_documented",
        "--nocapture",
    ]);
    succeed(test.env("SPRAG_SCHEMATHESIS", program))
}

/// The path of the program, at the pinned version.
fn schemathesis(project: &Project) -> Result<PathBuf> {
    let folder = project.root().join(format!("target/tools/schemathesis-{VERSION}"));
    let program = folder.join("bin/schemathesis");
    if program.is_file() {
        return Ok(program);
    }
    project.step(&format!("install schemathesis {VERSION} in target/tools (once)"));
    let mut environment = project.command("python3");
    succeed(environment.args(["-m", "venv", "--clear"]).arg(&folder))
        .context("this takes Python 3 with venv (on Debian: python3-venv)")?;
    let mut install = project.command(folder.join("bin/pip"));
    succeed(install.args(["install", "--quiet", &format!("schemathesis=={VERSION}")]))?;
    Ok(program)
}
