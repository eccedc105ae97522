//! `cargo xtask lint` and `ci`: every gate; a closed one does not hide those behind it.

use anyhow::{Result, bail};

use crate::project::{Project, succeed};
use crate::{deny, programs, test, tidy, web};

type Gate = fn(&Project) -> Result<()>;

const GATES: [(&str, Gate); 6] = [
    ("format", format),
    ("tidy", tidy::run),
    ("clippy", clippy),
    ("docs", docs),
    ("web", web::run),
    ("deny", |project| deny::run(project, &deny::Options::default())),
];

/// Every gate that is not a test.
pub(crate) fn run(project: &Project) -> Result<()> {
    pass(project, &GATES)
}

/// `lint`, then `test`.
pub(crate) fn ci(project: &Project) -> Result<()> {
    pass(project, &[("lint", run), ("test", test::run)])
}

fn pass(project: &Project, gates: &[(&str, Gate)]) -> Result<()> {
    let mut closed = Vec::new();
    for (name, gate) in gates {
        project.step(name);
        if let Err(error) = gate(project) {
            eprintln!("error: {name}: {error:#}");
            closed.push(*name);
        }
    }
    if !closed.is_empty() {
        bail!("not passed: {}", closed.join(", "));
    }
    Ok(())
}

fn format(project: &Project) -> Result<()> {
    succeed(&mut project.cargo(["fmt", "--all", "--check"]))
}

fn clippy(project: &Project) -> Result<()> {
    programs::compiler(project)?;
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked"];
    succeed(project.cargo(arguments).args(["--", "-D", "warnings"]))
}

fn docs(project: &Project) -> Result<()> {
    let arguments = ["doc", "--workspace", "--exclude", "sprag-bench", "--no-deps", "--locked"];
    let mut cargo = project.cargo(arguments);
    succeed(cargo.arg("--document-private-items").env("RUSTDOCFLAGS", "-D warnings"))
}
