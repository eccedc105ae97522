//! Servers as processes of their own: start, CPU time, memory, end.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A process that ends when this is dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a program, and waits for the line of its output that says it is ready. What it says on
    /// standard error goes to a file.
    pub(crate) fn start(
        command: &mut Command,
        log: &Path,
        ready: impl Fn(&str) -> bool,
    ) -> Result<(Self, String)> {
        let program = command.get_program().to_string_lossy().into_owned();
        let errors =
            File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().with_context(|| format!("cannot run {program}"))?;
        let output = child.stdout.take().context("a process has an output")?;
        let process = Self { child };
        let mut lines = BufReader::new(output).lines();
        for line in &mut lines {
            let line = line.with_context(|| format!("cannot read what {program} says"))?;
            if ready(&line) {
                // What else it says is read too, else it would wait for room.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok((process, line));
            }
        }
        bail!("{program} did not start; it says:\n{}", fs::read_to_string(log).unwrap_or_default())
    }

    /// The CPU time that it has used, where the system tells.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        cpu(&self.child.id().to_string())
    }

    /// The memory that it holds now, in bytes, where the system tells.
    pub(crate) fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        terminate(&mut self.child)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Our own CPU time.
pub(crate) fn own_cpu() -> Option<Duration> {
    cpu("self")
}

/// `utime` and `stime` of proc(5), the 14th and 15th field of `stat`.
#[cfg(unix)]
fn cpu(process: &str) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is a name in brackets, with whatever in it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?;
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
    Some(Duration::from_secs(1) * ticks / per_second)
}

#[cfg(not(unix))]
fn cpu(_process: &str) -> Option<Duration> {
    None
}

#[cfg(unix)]
fn terminate(child: &mut Child) -> Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.context("a process has a number")?;
    Ok(rustix::process::kill_process(pid, rustix::process::Signal::TERM)?)
}

#[cfg(not(unix))]
fn terminate(child: &mut Child) -> Result<()> {
    Ok(child.kill()?)
}

/// How many connections one process can hold, after asking for as many as allowed.
#[cfg(unix)]
pub(crate) fn raise_open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current =
        if setrlimit(Resource::Nofile, raised).is_ok() { raised.current } else { limit.current };
    current.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
pub(crate) fn raise_open_files() -> usize {
    usize::MAX
}
