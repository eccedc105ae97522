//! The npm packages under `web`: set up, checked, built and tested. Node is the only thing that is not installed here.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::project::{Project, output, succeed};

/// Where Debian's Chromium is.
const CHROMIUM: [&str; 2] = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];

/// Installs what the lock file names, where that was not done yet.
pub(crate) fn install(project: &Project) -> Result<()> {
    node(project)?;
    let web = web(project);
    let (lock, done) = (web.join("package-lock.json"), web.join("node_modules/.package-lock.json"));
    let modified = |path: PathBuf| path.metadata().and_then(|file| file.modified()).ok();
    if modified(done).is_some_and(|done| modified(lock).is_some_and(|lock| lock <= done)) {
        return Ok(());
    }
    project.step("install the npm packages of web/package-lock.json");
    succeed(project.command("npm").current_dir(web).args(["ci", "--no-audit", "--no-fund"]))
}

/// Builds the package `sprag`, out of the module that `cargo xtask web` has made.
pub(crate) fn build(project: &Project) -> Result<()> {
    install(project)?;
    project.step("build the npm package");
    for script in ["inline", "build"] {
        succeed(&mut script_of(project, "sdk", script))?;
    }
    Ok(())
}

/// Types, lint and tests of everything under `web`. The program of the relay must be built.
pub(crate) fn test(project: &Project) -> Result<()> {
    build(project)?;
    project.step("check the types and the style of web");
    let web = web(project);
    for arguments in [["run", "types"], ["run", "lint"]] {
        succeed(project.command("npm").current_dir(&web).args(arguments))?;
    }
    chromium(project)?;
    project.step("test web, in Node and in Chromium");
    let program = project.metadata()?.target_directory.join("debug/sprag");
    succeed(project.command("npm").current_dir(&web).arg("test").env("SPRAG", program))
}

fn script_of(project: &Project, package: &str, script: &str) -> std::process::Command {
    let mut npm = project.command("npm");
    npm.current_dir(web(project)).args(["run", "--silent", script, "--workspace", package]);
    npm
}

fn web(project: &Project) -> PathBuf {
    project.root().join("web")
}

fn node(project: &Project) -> Result<()> {
    let mut command = project.command("node");
    let version = output(command.arg("--version")).unwrap_or_default();
    let major =
        version.trim().trim_start_matches('v').split('.').next().and_then(|text| text.parse().ok());
    match major {
        Some(20_u32..) => Ok(()),
        Some(_) => bail!("Node is {}; the npm packages need version 20 or later", version.trim()),
        None => bail!("there is no Node; install version 20 or later (https://nodejs.org)"),
    }
}

/// Installs Chromium where it is missing and Debian's packages can be installed.
fn chromium(project: &Project) -> Result<()> {
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
