//! `cargo xtask vectors`: writes `vectors/`, or checks that it is what the code would write.

use anyhow::Result;
use clap::Args;

use crate::project::{Project, succeed};

/// Write or check.
#[derive(Args)]
pub(crate) struct Options {
    /// Write nothing; fail if a file would change.
    #[arg(long)]
    check: bool,
}

/// Who has a generator, as an example.
const GENERATORS: [&str; 2] = ["sprag-protocol", "sprag-store"];

/// Runs the generators.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    for package in GENERATORS {
        let arguments = ["run", "--quiet", "--locked", "-p", package, "--example", "vectors"];
        let mut generator = project.cargo(arguments);
        generator.arg("--");
        if options.check {
            generator.arg("--check");
        }
        succeed(&mut generator)?;
    }
    Ok(())
}
