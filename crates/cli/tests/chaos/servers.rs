//! PostgreSQL and NATS as processes that can be killed and started again, gone with the test.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, getuid, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::wait_until;

/// How long a server may take to start, with all that it has to recover.
const WITHIN: Duration = Duration::from_mins(1);
/// PostgreSQL does not run as root: this is the user that Debian's package makes.
const USER: &str = "postgres";

/// Where the programs are.
pub(crate) struct Programs {
    postgres: PathBuf,
    nats: PathBuf,
}

impl Programs {
    /// What the environment tells; nothing where it does not.
    pub(crate) fn told() -> Option<Self> {
        let told = |name: &str| {
            let place = env::var_os(name).map(PathBuf::from);
            if place.is_none() {
                eprintln!("not run: {name} does not say where the programs are");
            }
            place
        };
        Some(Self {
            postgres: told("SPRAG_TEST_POSTGRES_PROGRAMS")?,
            nats: told("SPRAG_TEST_NATS_PROGRAM")?,
        })
    }
}

/// A database on a folder of its own, as safe as PostgreSQL is by itself.
pub(crate) struct Postgres {
    programs: PathBuf,
    process: Option<Child>,
    folder: TempDir,
}

impl Postgres {
    /// Makes an empty one, which does not run yet.
    pub(crate) fn new(programs: &Programs) -> Self {
        let folder = tempfile::Builder::new().prefix("sprag-chaos-").tempdir().unwrap();
        if getuid().is_root() {
            succeed(Command::new("chown").arg(USER).arg(folder.path()));
        }
        let postgres = Self { programs: programs.postgres.clone(), process: None, folder };
        let mut init = postgres.command("initdb");
        init.args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--username=postgres"]);
        init.stdout(Stdio::null());
        succeed(init.arg("--pgdata").arg(postgres.folder.path().join("data")));
        postgres
    }

    /// One of its programs, in the name of its user.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if getuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Starts it, which recovers what was committed; where it listens.
    pub(crate) fn start(&mut self) -> SocketAddr {
        assert!(self.process.is_none());
        let address = free_address();
        let port = address.port().to_string();
        let mut server = self.command("postgres");
        server.arg("-D").arg(self.folder.path().join("data")).args(["-p", &port]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "shared_buffers=32MB",
            "log_min_messages=panic",
        ] {
            server.args(["-c", setting]);
        }
        server.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(server.spawn().unwrap());
        let ready = || {
            let mut ready = self.command("pg_isready");
            ready.args(["-q", "-h", "127.0.0.1", "-p", &port]);
            ready.status().unwrap().success()
        };
        assert!(wait_until(WITHIN, ready), "PostgreSQL does not start");
        address
    }

    /// `kill -9` of all its processes: the first one, which starts no more of them while it is stopped, last.
    pub(crate) fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let first = pid(process.id());
        kill_process(first, Signal::STOP).unwrap();
        assert!(wait_until(WITHIN, || state(first) == Some('T')), "PostgreSQL does not stop");
        let id = process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let children = children.split_whitespace().map(|child| pid(child.parse().unwrap()));
        let children: Vec<_> = children.collect();
        for child in &children {
            // It is still the number of a child: whose end the first process has not seen.
            kill_process(*child, Signal::KILL).unwrap();
        }
        process.kill().unwrap();
        process.wait().unwrap();
        let gone = |child: &Pid| matches!(state(*child), None | Some('Z' | 'X'));
        assert!(wait_until(WITHIN, || children.iter().all(gone)), "something is left");
    }

    /// An immediate shutdown: all processes end at once, and nothing is written any more.
    pub(crate) fn quit(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        kill_process(pid(process.id()), Signal::QUIT).unwrap();
        process.wait().unwrap();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.quit();
    }
}

/// A server that keeps nothing.
pub(crate) struct Nats {
    program: PathBuf,
    process: Option<Child>,
}

impl Nats {
    pub(crate) fn new(programs: &Programs) -> Self {
        Self { program: programs.nats.clone(), process: None }
    }

    /// Starts it; where it listens.
    pub(crate) fn start(&mut self) -> SocketAddr {
        assert!(self.process.is_none());
        let address = free_address();
        let mut server = Command::new(&self.program);
        server.args(["--addr", "127.0.0.1", "--port", &address.port().to_string()]);
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(server.spawn().unwrap());
        let ready = || TcpStream::connect(address).is_ok();
        assert!(wait_until(WITHIN, ready), "NATS does not start");
        address
    }

    pub(crate) fn kill(&mut self) {
        end(&mut self.process);
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A relay's node: `sprag serve`.
pub(crate) struct Node {
    process: Option<Child>,
    log: PathBuf,
}

impl Node {
    /// One that does not run yet.
    pub(crate) fn new(log: PathBuf) -> Self {
        Self { process: None, log }
    }

    /// What it has logged since it was started for the first time.
    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Starts it; where it listens. Nothing where it did not get through to its database.
    pub(crate) fn start(&mut self, serve: &mut Command) -> Option<SocketAddr> {
        assert!(self.process.is_none());
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut child = serve.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        self.process = Some(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let ready = serde_json::from_str::<Value>(&line).ok();
        let listening = ready.as_ref().and_then(|ready| ready["listening"].as_str());
        let listening = listening.map(|url| url.trim_start_matches("http://").parse().unwrap());
        if listening.is_none() {
            self.kill();
        }
        listening
    }

    pub(crate) fn kill(&mut self) {
        end(&mut self.process);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn end(process: &mut Option<Child>) {
    if let Some(mut process) = process.take() {
        // One that ended by itself is past killing.
        let _ = process.kill();
        process.wait().unwrap();
    }
}

fn succeed(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(id.try_into().unwrap()).unwrap()
}

/// What a process does, as the kernel says it; nothing where there is none.
fn state(id: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero())).ok()?;
    // The name of the program, in parentheses, may have anything in it.
    stat.rsplit_once(") ")?.1.chars().next()
}

/// A port that nobody listens on now; another one each time, for it may be taken while its server is away.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
