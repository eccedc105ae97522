//! PostgreSQL and NATS for the tests: on loopback, each with a data folder of its own, gone with the test run.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::programs;
use crate::project::{Project, succeed};

/// How often a server is asked whether it has started, and how long apart.
const ASKED: (u32, Duration) = (1_200, Duration::from_millis(50));
/// The user that Debian's package makes; PostgreSQL does not run as root.
const USER: &str = "postgres";

/// Where the servers' programs are.
pub(crate) struct Programs {
    postgres: PathBuf,
    nats: &'static str,
}

/// Servers that run, until this is dropped.
pub(crate) struct Services {
    programs: Programs,
    postgres: Server,
    nats: Server,
}

struct Server {
    process: Child,
    address: String,
    folder: Option<PathBuf>,
}

impl Programs {
    /// Installs what is missing where root may.
    pub(crate) fn find(project: &Project) -> Result<Self> {
        Ok(Self { postgres: programs::postgres(project)?, nats: programs::nats(project)? })
    }

    /// Tells a command where they are: a test that kills servers starts its own.
    pub(crate) fn told<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("SPRAG_TEST_POSTGRES_PROGRAMS", &self.postgres)
            .env("SPRAG_TEST_NATS_PROGRAM", self.nats)
    }
}

impl Services {
    /// Finds the programs, and starts both.
    pub(crate) fn start(project: &Project) -> Result<Self> {
        let programs = Programs::find(project)?;
        let postgres = postgres(project, &programs.postgres)?;
        let nats = nats(project, programs.nats)?;
        Ok(Self { programs, postgres, nats })
    }

    /// Tells a command where they are, and their programs.
    pub(crate) fn told<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.programs
            .told(command)
            .env("SPRAG_TEST_POSTGRES", &self.postgres.address)
            .env("SPRAG_TEST_NATS", &self.nats.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that ended by itself is past stopping; the folder is in the system's temporary one.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn postgres(project: &Project, programs: &Path) -> Result<Server> {
    let folder = std::env::temp_dir().join(format!("sprag-postgres-{}", std::process::id()));
    fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
    let as_root = programs::is_root(project);
    if as_root {
        succeed(project.command("chown").arg(USER).arg(&folder))?;
    }
    let data = folder.join("data");
    let command = |name: &str| {
        let program = programs.join(name);
        let mut command =
            if as_root { unprivileged(project, &program) } else { project.command(program) };
        command.current_dir(&folder).stdout(Stdio::null());
        command
    };
    project.step("start PostgreSQL and NATS for the tests");
    let mut init = command("initdb");
    init.args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--username=postgres"]);
    succeed(init.arg("--pgdata").arg(&data))?;
    let port = free_port()?;
    let mut server = command("postgres");
    server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=400",
        "shared_buffers=256MB",
        "log_min_messages=fatal",
    ] {
        server.args(["-c", setting]);
    }
    let process = server.stderr(Stdio::null()).spawn().context("PostgreSQL does not start")?;
    let address = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    let server = Server { process, address, folder: Some(folder.clone()) };
    let ready = || {
        let mut ready = command("pg_isready");
        ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
        ready.status().is_ok_and(|status| status.success())
    };
    wait("PostgreSQL", ready)?;
    Ok(server)
}

/// A command in the name of PostgreSQL's user, whose process it becomes.
fn unprivileged(project: &Project, program: &Path) -> Command {
    let mut command = project.command("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]).arg(program);
    command
}

fn nats(project: &Project, program: &str) -> Result<Server> {
    let port = free_port()?;
    let mut server = project.command(program);
    server.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
    server.stdout(Stdio::null()).stderr(Stdio::null());
    let process = server.spawn().context("NATS does not start")?;
    let server = Server { process, address: format!("nats://127.0.0.1:{port}"), folder: None };
    wait("NATS", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
    Ok(server)
}

/// A port that nobody listens on now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of somebody else's does not say when it is ready"
)]
fn wait(server: &str, ready: impl Fn() -> bool) -> Result<()> {
    for _ in 0..ASKED.0 {
        if ready() {
            return Ok(());
        }
        sleep(ASKED.1);
    }
    bail!("{server} is not ready after a minute")
}
