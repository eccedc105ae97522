//! `cargo xtask test`: every test of every room and of the chores, documentation examples too; those of the module for
//! JavaScript, in Node; and those of what is under `web`, in Node and in Chromium.

use anyhow::Result;

use crate::project::{Project, succeed};
use crate::{npm, programs, web};

/// Sets up what tests need, then hands over to `cargo test`, whose last lines stay the last.
pub(crate) fn run(project: &Project) -> Result<()> {
    programs::compiler(project)?;
    programs::authority(project)?;
    npm::needed(project)?;
    web::run(project)?;
    npm::build(project)?;
    project.step("build the tests");
    let selection = ["--workspace", "--locked"];
    succeed(project.cargo(["test", "--no-run"]).args(selection))?;
    vectors(project)?;
    npm::test(project)?;
    project.step("run the tests");
    succeed(project.cargo(["test", "--no-fail-fast"]).args(selection))
}

/// The module of the test vectors, in Node.
fn vectors(project: &Project) -> Result<()> {
    let module = web::module(project, web::Kind::Vectors)?;
    project.step("run the tests of the module in Node");
    let mut node = project.command("node");
    node.args(["--test", "crates/wasm/tests/node/"]).env("SPRAG_WASM", &module);
    succeed(&mut node)
}
