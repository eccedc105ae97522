//! `cargo xtask tidy`: what no compiler checks. Every breach is listed; one is enough to fail.

mod layout;
mod requirements;
mod rooms;
mod threats;

use std::fmt::{self, Display};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::project::{Project, say};

/// The folders that hold the project's Rust code.
const FOLDERS: [&str; 4] = ["bench", "crates", "fuzz", "xtask"];

/// One text file of the project.
struct Source {
    /// From the root, with `/` between folders.
    path: String,
    text: String,
}

/// A breach of a rule, and where.
#[derive(Debug, PartialEq)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: String) -> Self {
        Self { path: path.to_owned(), line, message }
    }
}

impl Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Runs every check and lists what each found.
pub(crate) fn run(project: &Project) -> Result<()> {
    let mut sources = Vec::new();
    for folder in FOLDERS {
        gather(project.root(), folder, &mut sources)?;
    }
    let mut findings = rooms::check(project)?;
    findings.extend(layout::check(&sources));
    for (path, check) in [
        ("docs/PROTOCOL.md", requirements::check as fn(&Source, &[Source]) -> Vec<Finding>),
        ("docs/THREATS.md", threats::check),
    ] {
        match fs::read_to_string(project.root().join(path)) {
            Ok(text) => findings.extend(check(&Source { path: path.to_owned(), text }, &sources)),
            Err(error) => findings.push(Finding::new(path, 1, format!("cannot be read: {error}"))),
        }
    }
    for finding in &findings {
        say(&finding.to_string())?;
    }
    match findings.len() {
        0 => Ok(()),
        1 => bail!("tidy found one breach"),
        many => bail!("tidy found {many} breaches"),
    }
}

/// Reads every `.rs` file below a folder, in order of their paths.
fn gather(root: &Path, folder: &str, sources: &mut Vec<Source>) -> Result<()> {
    let place = root.join(folder);
    if !place.is_dir() {
        return Ok(());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(&place).with_context(|| format!("cannot list {folder}"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names {
        let path = format!("{folder}/{name}");
        let full = place.join(&name);
        if full.is_dir() {
            if name != "target" && !name.starts_with('.') {
                gather(root, &path, sources)?;
            }
        } else if full.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&full).with_context(|| format!("cannot read {path}"))?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}

#[cfg(test)]
fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}
