//! `sprag completions` and `sprag man`: what a shell and a reader of manuals want to know of this command.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct CompletionsOptions {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ManOptions {
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

/// Prints what makes a shell complete this command.
pub(crate) fn completions(options: CompletionsOptions) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "sprag", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}

/// Prints the manual's page, or writes all of them.
pub(crate) fn manual(options: &ManOptions) -> Result<()> {
    let command = Arguments::command();
    if let Some(folder) = &options.out {
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(command, folder));
        return written.with_context(|| format!("cannot write into {}", folder.display()));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(io::stdout().lock().write_all(&page)?)
}
