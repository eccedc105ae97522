//! `cargo xtask test`: every test of every room and of the chores, documentation examples too.

use anyhow::Result;

use crate::programs;
use crate::project::{Project, succeed};

/// Sets up what tests need, then hands over to `cargo test`, whose last lines stay the last.
pub(crate) fn run(project: &Project) -> Result<()> {
    programs::compiler(project)?;
    programs::authority(project)?;
    project.step("build the tests");
    let selection = ["--workspace", "--locked"];
    succeed(project.cargo(["test", "--no-run"]).args(selection))?;
    project.step("run the tests");
    succeed(project.cargo(["test", "--no-fail-fast"]).args(selection))
}
