//! Where it was measured: figures mean little without it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::clock::now;

/// The machine, as far as it tells.
#[derive(Serialize)]
pub(crate) struct Environment {
    cores: usize,
    cpu: Option<String>,
    kernel: Option<String>,
    /// How many processes wanted to run in the minute before, ours not among them.
    load: Option<f64>,
    file_system: Option<String>,
    /// The median time to append 1 KiB to a file and make it durable.
    fsync_seconds: f64,
    redis: Option<String>,
    open_files: usize,
}

/// How often the disk is asked.
const SYNCS: usize = 200;

impl Environment {
    /// Looks around.
    pub(crate) fn look(folder: &Path, redis: Option<String>, open_files: usize) -> Result<Self> {
        let read = |path| fs::read_to_string(path).ok();
        let model = |text: String| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(": ")?.1.to_owned())
        };
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: read("/proc/cpuinfo").and_then(model),
            load: read("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()),
            kernel: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
            file_system: read("/proc/mounts").and_then(|mounts| file_system(&mounts, folder)),
            fsync_seconds: fsync(folder)?.as_secs_f64(),
            redis,
            open_files,
        })
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        let or_unknown =
            |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        let load = self.load.map(|load| format!(", load {load:.2} before"));
        format!(
            "{} cores ({}){}, kernel {}, {}, fsync {:.2} ms, Redis {}",
            self.cores,
            or_unknown(&self.cpu),
            load.unwrap_or_default(),
            or_unknown(&self.kernel),
            or_unknown(&self.file_system),
            self.fsync_seconds * 1e3,
            self.redis.as_deref().unwrap_or("not installed"),
        )
    }

    /// Whether what is written there outlives a power cut; else nothing that is measured has a price.
    pub(crate) fn is_durable(&self) -> bool {
        !matches!(self.file_system.as_deref(), Some("tmpfs" | "ramfs"))
    }
}

/// The type of the file system with the longest mount point above a folder.
fn file_system(mounts: &str, folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = mounts.filter(|(point, _)| folder.starts_with(point));
    above.max_by_key(|(point, _)| point.len()).map(|(_, kind)| kind.to_owned())
}

fn fsync(folder: &Path) -> Result<Duration> {
    let path = folder.join("fsync");
    let mut file =
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begin = now();
        file.write_all(&[0x5A; 1024])?;
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    fs::remove_file(&path)?;
    times.get(SYNCS / 2).copied().context("nothing was measured")
}
