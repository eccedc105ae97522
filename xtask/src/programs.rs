//! Programs of the system: a C compiler, with which `aws-lc-sys` and SQLite are built, Pebble, the
//! authority that the relay's tests get certificates from, PostgreSQL and NATS.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Result, bail};

use crate::project::{Project, output, succeed};

/// Makes sure that there is a C compiler; installs Debian's where root may, else says what to do.
pub(crate) fn compiler(project: &Project) -> Result<()> {
    let compiler = env::var_os("CC").unwrap_or_else(|| OsString::from("cc"));
    if cfg!(windows) || answers(project, &compiler) || install(project, "build-essential")? {
        return Ok(());
    }
    bail!(
        "no C compiler answers to `{}`: install one (Debian and Ubuntu: `apt-get install \
         build-essential`; Fedora: `dnf install gcc make`; macOS: `xcode-select --install`)",
        compiler.to_string_lossy()
    )
}

/// Makes sure that there is Pebble, likewise.
pub(crate) fn authority(project: &Project) -> Result<()> {
    // It knows no `--version`: that it can be started is enough.
    let mut pebble = project.command("pebble");
    let there = pebble.arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if there || install(project, "pebble")? {
        return Ok(());
    }
    bail!(
        "there is no `pebble`, which a test of the relay needs: install it (Debian: `apt-get \
         install pebble`; elsewhere from https://github.com/letsencrypt/pebble)"
    )
}

/// The folder of PostgreSQL's programs, likewise. Debian keeps them where no search path leads.
pub(crate) fn postgres(project: &Project) -> Result<PathBuf> {
    let newest = || {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
        let folders = versions.map(|version| version.path().join("bin"));
        folders.filter(|folder| folder.join("initdb").exists()).max()
    };
    let on_path = || {
        let path = env::var_os("PATH")?;
        env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    let found = || newest().or_else(on_path);
    if let Some(folder) = found() {
        return Ok(folder);
    }
    if install(project, "postgresql")?
        && let Some(folder) = found()
    {
        return Ok(folder);
    }
    bail!(
        "there is no PostgreSQL, which tests of the relay need: install it (Debian: `apt-get install postgresql`)"
    )
}

/// NATS's server, likewise.
pub(crate) fn nats(project: &Project) -> Result<&'static str> {
    let program = "nats-server";
    if answers(project, &OsString::from(program)) || install(project, program)? {
        return Ok(program);
    }
    bail!(
        "there is no `nats-server`, which tests of the relay need: install it (Debian: `apt-get install nats-server`)"
    )
}

/// Installs one of Debian's packages; `false` where that cannot be done here.
fn install(project: &Project, package: &str) -> Result<bool> {
    if !answers(project, &OsString::from("apt-get")) || !is_root(project) {
        return Ok(false);
    }
    project.step(&format!("apt-get install {package}"));
    let mut update = project.command("apt-get");
    succeed(update.args(["update", "-q"]))?;
    let mut install = project.command("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    succeed(install.args(["install", "-y", "-q", "--no-install-recommends", package]))?;
    Ok(true)
}

fn answers(project: &Project, program: &OsString) -> bool {
    let mut command = project.command(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

pub(crate) fn is_root(project: &Project) -> bool {
    output(project.command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
