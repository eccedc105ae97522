//! The relay that clients are measured on.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::process::Process;
use crate::serving::{Announcement, serve};

/// A relay, and where it answers.
pub(crate) struct Relay {
    process: Process,
    pub(crate) url: String,
}

impl Relay {
    /// Starts it on a folder.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let (process, Announcement { listening, .. }) = serve(program, folder, &[])?;
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
