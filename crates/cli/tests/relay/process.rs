//! `sprag serve`, started for a test and gone with it.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sprag_relay::clock::SystemClock;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::spawn_blocking;

use crate::support::Place;

/// How clients reach it, wherever it listens.
pub(crate) const ORIGIN: &str = "https://relay.example";

/// Limits that a test which is about something else never meets.
pub(crate) const GENEROUS: &[&str] = &[
    "--registrations-per-address=1000000+1000000/h",
    "--calls-per-address=1000000+1000000/h",
    "--calls-per-account=1000000+1000000/h",
    "--sends-per-account=1000000+1000000/h",
    "--claims-per-pair=1000000+1000000/h",
    "--claims-per-target=1000000+1000000/h",
];

/// One test at a time has the machine for itself: what they measure, and what must happen in a time,
/// is not about each other.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::const_new(());
    MACHINE.lock().await
}

/// A folder on a disk, gone with the test.
pub(crate) fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// The program, as nobody's settings change it.
pub(crate) fn sprag() -> Command {
    let mut sprag = Command::new(env!("CARGO_BIN_EXE_sprag"));
    sprag.env_clear().stdin(Stdio::null());
    sprag
}

/// Where this run of the tests is about PostgreSQL (`SPRAG_TEST_STORE`), a schema for each data folder.
fn store(data: &Path) -> Option<String> {
    let wanted = env::var("SPRAG_TEST_STORE").is_ok_and(|store| store == "postgres");
    wanted.then(|| {
        let database = env::var("SPRAG_TEST_POSTGRES").unwrap();
        let letters = data.to_str().unwrap().chars().filter(char::is_ascii_alphanumeric);
        let letters: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
        let schema = &letters[letters.len().saturating_sub(40)..];
        format!("--store={database}?options=-csearch_path%3Dtest_{schema}")
    })
}

/// A running relay.
pub(crate) struct Process {
    /// `None` once it has been waited for.
    child: Option<Child>,
    id: u32,
    pub(crate) place: Place,
    log: PathBuf,
}

impl Process {
    /// Starts a relay on a data folder. Its log is a file beside that folder.
    pub(crate) async fn start(data: &Path, flags: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let log = data.with_extension(format!("{number}.log"));
        let mut serve = sprag();
        serve.args(["serve", "--json", "--listen=127.0.0.1:0", "--ops-listen=off"]);
        serve.arg(format!("--origin={ORIGIN}")).arg("--data").arg(data).args(flags);
        serve.args(store(data));
        serve.stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = serve.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let line = spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = line.await.unwrap().unwrap();
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            panic!("{line:?} {}", fs::read_to_string(&log).unwrap());
        };
        let listening = ready["listening"].as_str().unwrap().strip_prefix("http://").unwrap();
        let address: SocketAddr = listening.parse().unwrap();
        let from = Ipv4Addr::LOCALHOST.into();
        let place = Place { address, origin: ORIGIN.into(), clock: Arc::new(SystemClock), from };
        Self { id: child.id(), child: Some(child), place, log }
    }

    /// `kill -9`: nothing that the process still meant to do is done.
    pub(crate) async fn kill(self) {
        self.signal(Signal::KILL);
        self.wait().await;
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn terminate(self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait().await
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.id.try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    async fn wait(mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        spawn_blocking(move || child.wait()).await.unwrap().unwrap()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Where its log is.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.log.clone()
    }

    /// The memory that it uses now, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most memory that it ever used, in bytes.
    pub(crate) fn most_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// The time that it has run on a processor.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id)).unwrap();
        // The name of the program, in parentheses, is the one field that may have spaces in it.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks = |field: &str| field.parse::<u32>().unwrap();
        let ticks: u32 = fields.split(' ').skip(11).take(2).map(ticks).sum();
        Duration::from_secs(1) * ticks / u32::try_from(clock_ticks_per_second()).unwrap()
    }

    fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        let kibibytes: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        kibibytes * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that failed leaves none behind.
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
