//! A relay in a process of its own, and what one sees of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// What should happen must happen within this.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// `sprag`, which knows nothing of this machine's settings.
pub(crate) fn sprag() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sprag"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// The same, with a data folder in this one, and free ports.
pub(crate) fn serve(folder: &TempDir) -> Command {
    let mut command = sprag();
    command.arg("serve").env("SPRAG_DATA", folder.path().join("data"));
    command.env("SPRAG_LISTEN", "127.0.0.1:0").env("SPRAG_OPS_LISTEN", "127.0.0.1:0");
    command
}

/// `sprag admin` beside it.
pub(crate) fn admin(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = sprag();
    command.arg("admin").args(arguments).env("SPRAG_DATA", folder.path().join("data"));
    command.output().expect("it runs")
}

/// What it wrote to standard error.
pub(crate) fn talk(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// A relay that is ready.
pub(crate) struct Running {
    child: Child,
    /// What it said of itself.
    pub(crate) ready: Value,
    log: BufReader<ChildStderr>,
    _stdout: ChildStdout,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("it runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        let mut log = BufReader::new(child.stderr.take().expect("its log"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        if line.is_empty() {
            let mut why = String::new();
            let _ = log.read_to_string(&mut why);
            panic!("it does not start: {why}");
        }
        let ready = serde_json::from_str(&line).expect("JSON");
        Self { child, ready, log, _stdout: stdout.into_inner() }
    }

    fn address(&self, of: &str) -> SocketAddr {
        let url = self.ready[of].as_str().expect("a URL");
        url.rsplit('/').next().and_then(|address| address.parse().ok()).expect("an address")
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address("listening")).expect("a connection");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        stream
    }

    pub(crate) fn listens(&self) -> bool {
        TcpStream::connect(self.address("listening")).is_ok()
    }

    pub(crate) fn operations(&self) -> SocketAddr {
        self.address("ops")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(id, signal).expect("it is there");
    }

    /// The next line of the log that has this in it.
    pub(crate) fn logged(&mut self, what: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(
                self.log.read_line(&mut line).expect("a line") > 0,
                "the log ends without {what}"
            );
            if line.contains(what) {
                return line;
            }
        }
    }

    /// How it ended, and what it logged since.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("it ends");
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("text");
        (status, rest)
    }

    pub(crate) fn stop(self) {
        self.signal(Signal::TERM);
        let (status, log) = self.ended();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The whole answer to `GET`.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(SOON)).expect("a timeout");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n")
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
