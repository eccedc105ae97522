//! `cargo xtask test`: every test of every room and of the chores, documentation examples too, and those of the module for
//! JavaScript, in Node.

use anyhow::Result;

use crate::project::{Project, succeed};
use crate::{programs, web};

/// Sets up what tests need, then hands over to `cargo test`, whose last lines stay the last.
pub(crate) fn run(project: &Project) -> Result<()> {
    programs::compiler(project)?;
    programs::authority(project)?;
    programs::node(project)?;
    let module = web::module(project, web::Kind::Vectors)?;
    project.step("run the tests of the module in Node");
    let mut node = project.command("node");
    node.args(["--test", "crates/wasm/tests/node/"]).env("SPRAG_WASM", &module);
    succeed(&mut node)?;
    project.step("build the tests");
    let selection = ["--workspace", "--locked"];
    succeed(project.cargo(["test", "--no-run"]).args(selection))?;
    project.step("run the tests");
    succeed(project.cargo(["test", "--no-fail-fast"]).args(selection))
}
