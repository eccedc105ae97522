//! A relay and profiles in a folder, gone with the test.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Limits that a test which is about something else never meets.
pub(crate) const GENEROUS: [&str; 7] = [
    "--registrations-per-address=1000000+1000000/h",
    "--calls-per-address=1000000+1000000/h",
    "--calls-per-account=1000000+1000000/h",
    "--sends-per-account=1000000+1000000/h",
    "--claims-per-pair=1000000+1000000/h",
    "--claims-per-target=1000000+1000000/h",
    "--mailbox-envelopes=100000",
];

/// A folder, and a relay in it.
pub(crate) struct World {
    folder: TempDir,
    relay: Option<Child>,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// With a relay that runs.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With a relay that is told this too.
    pub(crate) fn with(flags: &[&str]) -> Self {
        let mut world = Self::without_relay();
        world.start_relay(flags);
        world
    }

    /// With nothing that runs.
    pub(crate) fn without_relay() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self { folder, relay: None, url: "http://127.0.0.1:0".into() }
    }

    /// Starts the relay, where it was if it ran before.
    pub(crate) fn start_relay(&mut self, flags: &[&str]) {
        let mut serve = self.command();
        let listen = self.url.trim_start_matches("http://");
        serve.args(["serve", "--json", "--ops-listen=off", "--listen", listen]);
        let name = |flag: &str| flag.split('=').next().map(str::to_owned);
        let said = |limit: &&str| flags.iter().any(|flag| name(flag) == name(limit));
        serve.arg("--data").arg(self.path("relay")).args(flags);
        serve.args(GENEROUS.iter().filter(|limit| !said(limit)));
        let mut child =
            serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).expect("the relay starts");
        ready["listening"].as_str().unwrap().clone_into(&mut self.url);
        self.relay = Some(child);
    }

    /// Ends the relay, without a warning.
    pub(crate) fn kill_relay(&mut self) {
        if let Some(mut relay) = self.relay.take() {
            relay.kill().unwrap();
            relay.wait().unwrap();
        }
    }

    pub(crate) fn has_relay(&self) -> bool {
        self.relay.is_some()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file with this in it.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The folder of a profile.
    pub(crate) fn profile(&self, name: &str) -> PathBuf {
        self.path("data").join("sprag/profiles").join(name)
    }

    /// `sprag`, which knows nothing of this machine's settings.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sprag"));
        command.env_clear().stdin(Stdio::null());
        command.env("TZ", "UTC").env("HOME", self.folder.path());
        command.env("XDG_DATA_HOME", self.path("data")).env("SPRAG_RELAY", &self.url);
        command
    }

    /// The same, on a profile.
    pub(crate) fn sprag(&self, profile: &str, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command.args(["-p", profile]).args(arguments);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, profile: &str, arguments: &[&str]) -> Outcome {
        outcome(&mut self.sprag(profile, arguments))
    }

    /// The same, with something on standard input.
    pub(crate) fn feed(&self, profile: &str, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut command = self.sprag(profile, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        // A command that has seen enough does not read the rest.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Outcome::of(output)
    }

    /// Runs it, and it does what it is told.
    pub(crate) fn done(&self, profile: &str, arguments: &[&str]) -> Outcome {
        let outcome = self.run(profile, arguments);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
        outcome
    }

    /// The same with `--json`: the objects that it prints.
    pub(crate) fn json(&self, profile: &str, arguments: &[&str]) -> Vec<Value> {
        self.done(profile, &[arguments, &["--json"]].concat()).json()
    }

    /// Accounts with profiles of the same names.
    pub(crate) fn register(&self, names: &[&str]) {
        for name in names {
            self.done(name, &["register", name]);
        }
    }

    /// What somebody reads who looks now.
    pub(crate) fn texts(&self, profile: &str) -> Vec<String> {
        texts(&self.json(profile, &["recv"]))
    }

    /// Starts it, and leaves it running.
    pub(crate) fn start(&self, profile: &str, arguments: &[&str]) -> Running {
        let mut command = self.sprag(profile, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { child: Some(child), lines }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_relay();
    }
}

/// The texts of messages.
pub(crate) fn texts(messages: &[Value]) -> Vec<String> {
    let text = |message: &Value| message["text"].as_str().expect("a text").to_owned();
    messages.iter().map(text).collect()
}

/// What comes of a command.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    Outcome::of(command.output().expect("it runs"))
}

impl Outcome {
    fn of(output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The objects that it printed.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The code of the error that it told, where it was asked for JSON.
    pub(crate) fn error(&self) -> String {
        self.told()["code"].as_str().expect("a code").to_owned()
    }

    /// Whether it said that the same may work later, where it was asked for JSON.
    pub(crate) fn is_retryable(&self) -> bool {
        self.told()["retryable"] == true
    }

    fn told(&self) -> Value {
        let told = |line: &str| serde_json::from_str::<Value>(line).ok();
        let told = self.stderr.lines().find_map(told);
        let told = told.unwrap_or_else(|| panic!("no error in JSON: {self:?}"));
        let error = &told["error"];
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()));
        assert!(error["retryable"].is_boolean());
        error.clone()
    }
}

/// A command that goes on.
pub(crate) struct Running {
    child: Option<Child>,
    lines: BufReader<ChildStdout>,
}

impl Running {
    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it ended: {}", self.complaint());
        line
    }

    /// The same as an object.
    pub(crate) fn json(&mut self) -> Value {
        serde_json::from_str(&self.line()).expect("JSON")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// What it said, now that it has ended.
    fn complaint(&mut self) -> String {
        let mut said = String::new();
        let child = self.child.as_mut().unwrap();
        let _ = child.stderr.take().unwrap().read_to_string(&mut said);
        said
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.id().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// How it ends by itself, and what it still printed.
    pub(crate) fn ended(mut self) -> Outcome {
        let mut stdout = String::new();
        self.lines.read_to_string(&mut stdout).unwrap();
        let stderr = self.complaint();
        let code = self.child.take().unwrap().wait().unwrap().code();
        Outcome { code, stdout, stderr }
    }

    /// Asks it to end, as Ctrl-C does.
    pub(crate) fn interrupt(self) -> Outcome {
        self.signal(Signal::INT);
        self.ended()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}
