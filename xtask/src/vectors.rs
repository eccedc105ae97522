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

/// Runs the generator, an example of the protocol.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let arguments = ["run", "--quiet", "--locked", "-p", "sprag-protocol", "--example", "vectors"];
    let mut generator = project.cargo(arguments);
    generator.arg("--");
    if options.check {
        generator.arg("--check");
    }
    succeed(&mut generator)
}
