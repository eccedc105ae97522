//! `cargo xtask test`: every test of every room and of the chores, documentation examples too; those of the relay once
//! more on PostgreSQL; those of the module for JavaScript, in Node; and those of what is under `web`, in Node and in
//! Chromium.

use anyhow::Result;

use crate::project::{Project, succeed};
use crate::services::Services;
use crate::{npm, programs, web};

/// The tests that a relay passes whatever it keeps everything in.
const ON_POSTGRES: [&[&str]; 2] = [
    &["--package", "sprag-relay", "--test", "promises", "--test", "http", "--test", "server"],
    &["--package", "sprag-cli", "--test", "relay", "--", "crash", "stopping"],
];

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
    let services = Services::start(project)?;
    for tests in ON_POSTGRES {
        project.step(&format!("run tests on PostgreSQL: {}", tests.join(" ")));
        let mut cargo = project.cargo(["test", "--no-fail-fast", "--locked"]);
        succeed(services.told(cargo.args(tests)).env("SPRAG_TEST_STORE", "postgres"))?;
    }
    project.step("run the tests");
    let mut cargo = project.cargo(["test", "--no-fail-fast"]);
    succeed(services.told(cargo.args(selection)))
}

/// The module of the test vectors, in Node.
fn vectors(project: &Project) -> Result<()> {
    let module = web::module(project, web::Kind::Vectors)?;
    project.step("run the tests of the module in Node");
    let mut node = project.command("node");
    node.args(["--test", "crates/wasm/tests/node/"]).env("SPRAG_WASM", &module);
    succeed(&mut node)
}
