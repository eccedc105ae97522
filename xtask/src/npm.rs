//! What is for browsers, built with Node: the npm package, and the web chat that the binary carries; and their tests.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::project::{Project, succeed};

/// The oldest Node.js that builds it, as the packages ask for.
const OLDEST: (u32, u32) = (20, 19);

/// The packages, each after those that it is made of, with what builds it.
const PACKAGES: [(&str, &[&str]); 2] = [("sdk", &["inline", "build"]), ("app", &["build"])];

/// Where Debian's Chromium is.
const CHROMIUM: [&str; 2] = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];

/// What a machine has for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Node {
    There,
    /// Its version, as it says it.
    TooOld(String),
    Missing,
}

/// Whether there is a Node.js, and a new enough one.
pub(crate) fn node(project: &Project) -> Node {
    let mut node = project.command("node");
    let answer = node.arg("--version").stderr(Stdio::null()).output();
    let Some(answer) = answer.ok().filter(|answer| answer.status.success()) else {
        return Node::Missing;
    };
    judge(String::from_utf8_lossy(&answer.stdout).trim())
}

fn judge(version: &str) -> Node {
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST => Node::There,
        _ => Node::TooOld(version.to_owned()),
    }
}

/// Installs what the packages need, where that is not done, and builds them in their order. The module for
/// WebAssembly is built before (`cargo xtask web`).
pub(crate) fn build(project: &Project) -> Result<()> {
    let web = project.root().join("web");
    install(project, &web)?;
    for (package, scripts) in PACKAGES {
        for script in scripts {
            project.step(&format!("npm run {script}, in web/{package}"));
            let mut npm = npm(project, &web);
            succeed(npm.args(["run", "--silent", script, "--workspace", package]))?;
        }
    }
    Ok(())
}

/// `npm ci`, unless what the lock file says is there already.
fn install(project: &Project, web: &Path) -> Result<()> {
    let lock = web.join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| lock.display().to_string())?;
    // npm's own record of what it installed says nothing of where it came from; a copy does.
    let done = web.join("node_modules/.installed-package-lock.json");
    if fs::read(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    project.step("npm ci, in web");
    succeed(npm(project, web).args(["ci", "--no-audit", "--no-fund"])).context(
        "the packages from npm cannot be installed; `cargo xtask up --no-web` goes without them",
    )?;
    fs::write(&done, wanted).with_context(|| done.display().to_string())
}

/// What tests need of Node.js: that it is there.
pub(crate) fn needed(project: &Project) -> Result<()> {
    let (major, minor) = OLDEST;
    match node(project) {
        Node::There => Ok(()),
        Node::TooOld(version) => {
            bail!("Node.js is {version}; the tests need {major}.{minor} or newer")
        }
        Node::Missing => {
            bail!(
                "there is no Node.js; the tests need {major}.{minor} or newer (https://nodejs.org)"
            )
        }
    }
}

/// Types, lint and tests of everything under `web`, which is built. The program of the relay must be too.
pub(crate) fn test(project: &Project) -> Result<()> {
    let web = project.root().join("web");
    project.step("check the types and the style of web");
    for script in ["types", "lint"] {
        succeed(npm(project, &web).args(["run", "--silent", script]))?;
    }
    chromium(project)?;
    project.step("test web, in Node and in Chromium");
    let program = project.metadata()?.target_directory.join("debug/sprag");
    succeed(npm(project, &web).arg("test").env("SPRAG", program))
}

/// Installs Chromium where it is missing and Debian's packages can be installed.
pub(crate) fn chromium(project: &Project) -> Result<()> {
    let named = env::var_os("CHROMIUM").map(PathBuf::from);
    if named.into_iter().chain(CHROMIUM.map(PathBuf::from)).any(|path| path.exists()) {
        return Ok(());
    }
    project.step("install Chromium (once)");
    let install = ["install", "--yes", "--no-install-recommends", "chromium"];
    succeed(project.command("apt-get").arg("update"))?;
    succeed(project.command("apt-get").args(install))
        .context("Chromium could not be installed; install it, or name it in CHROMIUM")
}

pub(crate) fn npm(project: &Project, web: &Path) -> Command {
    let mut npm = project.command(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(web);
    npm
}

#[cfg(test)]
mod tests;
