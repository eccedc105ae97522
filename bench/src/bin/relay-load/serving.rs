//! The relay as it is shipped: `sprag serve` on a folder, with limits that are on, but above what is measured.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde::Deserialize;

use crate::process::Process;

/// A rate that nobody reaches.
const RATE: &str = "1000000000+4000000000/h";

/// What the relay says once it takes connections.
#[derive(Deserialize)]
pub(crate) struct Announcement {
    pub(crate) listening: String,
    pub(crate) ops: String,
}

/// Starts it, with these further arguments.
pub(crate) fn serve(
    program: &Path,
    folder: &Path,
    further: &[&str],
) -> Result<(Process, Announcement)> {
    fs::create_dir_all(folder)?;
    let mut command = Command::new(program);
    command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]);
    command.arg("--data").arg(folder.join("data")).args(further);
    for limit in [
        "--registrations-per-address",
        "--calls-per-address",
        "--calls-per-account",
        "--sends-per-account",
        "--claims-per-pair",
        "--claims-per-target",
    ] {
        command.args([limit, RATE]);
    }
    let log = folder.join("relay.log");
    let (process, line) = Process::start(&mut command, &log, |line| line.starts_with('{'))?;
    Ok((process, serde_json::from_str(&line)?))
}
