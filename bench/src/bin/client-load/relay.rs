//! The relay that clients are measured on.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

use crate::process::Process;

/// A relay as it is shipped, with limits that are on, but above what is measured.
pub(crate) struct Relay {
    process: Process,
    pub(crate) url: String,
}

/// What the relay says once it takes connections.
#[derive(Deserialize)]
struct Announcement {
    listening: String,
}

impl Relay {
    /// Starts it on a folder.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        /// A rate that nobody reaches.
        const RATE: &str = "1000000000+4000000000/h";
        fs::create_dir_all(folder)?;
        let mut command = Command::new(program);
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]);
        command.arg("--data").arg(folder.join("relay"));
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
        let Announcement { listening } = serde_json::from_str(&line)?;
        Ok(Self { process, url: listening })
    }

    /// The CPU time that it has used.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        self.process.cpu()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(self) -> Result<()> {
        self.process.stop()
    }
}
