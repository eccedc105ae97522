//! A C compiler: `aws-lc-sys` builds its library from C.

use std::env;
use std::ffi::OsString;
use std::process::Stdio;

use anyhow::{Result, bail};

use crate::project::{Project, output, succeed};

/// Makes sure that there is a C compiler; installs Debian's where root may, else says what to do.
pub(crate) fn ensure(project: &Project) -> Result<()> {
    let compiler = env::var_os("CC").unwrap_or_else(|| OsString::from("cc"));
    if cfg!(windows) || answers(project, &compiler) {
        return Ok(());
    }
    if !answers(project, &OsString::from("apt-get")) || !is_root(project) {
        bail!(
            "no C compiler answers to `{}`: install one (Debian and Ubuntu: `apt-get install \
             build-essential`; Fedora: `dnf install gcc make`; macOS: `xcode-select --install`)",
            compiler.to_string_lossy()
        );
    }
    project.step("apt-get install build-essential");
    let mut update = project.command("apt-get");
    succeed(update.args(["update", "-q"]))?;
    let mut install = project.command("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    succeed(install.args(["install", "-y", "-q", "--no-install-recommends", "build-essential"]))
}

fn answers(project: &Project, program: &OsString) -> bool {
    let mut command = project.command(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_root(project: &Project) -> bool {
    output(project.command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
