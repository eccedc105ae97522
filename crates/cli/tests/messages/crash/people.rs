//! Who talks: what they tried to say, what they were told of it, what they read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::Instant;

use super::proxy::Event;
use crate::world::World;

/// Somebody, and the profile of that name.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) other: &'static str,
    /// Whatever was attempted, in order.
    pub(super) said: Vec<Said>,
    pub(super) heard: Heard,
    pub(super) reader: Option<Reader>,
    pub(super) killed_readers: u32,
}

/// An attempt to say something.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) text: String,
    /// The id and the state that the command told; nothing where it was killed before that.
    pub(super) told: Option<(String, String)>,
    pub(super) killed: bool,
    pub(super) took: Duration,
}

/// What was printed as read.
#[derive(Default)]
pub(super) struct Heard {
    /// Texts by id.
    pub(super) printed: BTreeMap<String, String>,
    /// Those that were printed by a command that ended in order: they must not come again.
    done: BTreeSet<String>,
    /// How many came again, because the command that had printed them was killed.
    pub(super) again: usize,
}

impl Person {
    pub(super) fn new(name: &'static str, other: &'static str) -> Self {
        let (said, heard) = (Vec::new(), Heard::default());
        Self { name, other, said, heard, reader: None, killed_readers: 0 }
    }

    pub(super) fn goes_on_reading(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.follow)
    }

    /// Begins to read, and goes on with `--follow`.
    pub(super) fn read(&mut self, world: &World, follow: bool) {
        assert!(self.reader.is_none());
        let arguments: &[&str] =
            if follow { &["recv", "--follow", "--json"] } else { &["recv", "--json"] };
        let mut command = world.sprag(self.name, arguments);
        let file = |end: &str| world.path(&format!("{}.{end}", self.name));
        let (printed, talk) = (file("printed"), file("talk"));
        command.stdout(File::create(&printed).unwrap()).stderr(File::create(&talk).unwrap());
        let child = command.spawn().unwrap();
        self.reader = Some(Reader { child, follow, printed, talk });
    }

    /// Ends whoever reads, in one way or the other, and takes what was printed.
    pub(super) fn stop_reading(&mut self, signal: Signal) {
        let Some(mut reader) = self.reader.take() else { return };
        let ended = reader.child.try_wait().unwrap();
        let talk = || fs::read_to_string(&reader.talk).unwrap();
        assert!(ended.is_none() || !reader.follow, "{} reads no more: {}", self.name, talk());
        if ended.is_none() && (reader.follow || signal == Signal::KILL) {
            send_signal(&reader.child, signal);
        }
        let ended = reader.child.wait().unwrap();
        let killed = ended.code().is_none();
        self.killed_readers += u32::from(killed);
        let talk = talk();
        assert!(killed || is_well(ended), "{ended} {talk}");
        assert!(killed || !reader.follow || ended.success(), "{ended} {talk}");
        // No crash loses the state of a session.
        assert!(!talk.contains("could not be read"), "{}: {talk}", self.name);
        self.heard.takes(&fs::read_to_string(&reader.printed).unwrap(), killed);
    }

    /// Looks once, with nobody in between.
    pub(super) fn look(&mut self, world: &World) {
        self.heard.takes(&world.done(self.name, &["recv", "--json"]).stdout, false);
    }
}

/// Whether a command did what it should, or could not reach the relay.
fn is_well(ended: ExitStatus) -> bool {
    matches!(ended.code(), Some(0 | 3))
}

fn send_signal(child: &Child, signal: Signal) {
    let id = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    // It is not waited for yet: the number is still its own.
    kill_process(id, signal).unwrap();
}

impl Heard {
    fn takes(&mut self, printed: &str, killed: bool) {
        let mut ids = BTreeSet::new();
        let mut position = None;
        for line in printed.split_inclusive('\n') {
            if !line.ends_with('\n') {
                assert!(killed, "the end of {line:?} is missing");
                continue;
            }
            let message: Value = serde_json::from_str(line).expect("JSON");
            let field = |name: &str| message[name].as_str().expect("a text").to_owned();
            let (id, text) = (field("id"), field("text"));
            let behind = position.replace(message["position"].as_u64().unwrap());
            assert!(behind < position, "{text} is out of order");
            assert!(ids.insert(id.clone()), "{text} was printed twice by one command");
            assert!(!self.done.contains(&id), "{text} was read, and came again");
            if let Some(before) = self.printed.insert(id, text.clone()) {
                assert_eq!(before, text);
                self.again += 1;
            }
        }
        if !killed {
            self.done.extend(ids);
        }
    }
}

/// A `recv` that runs.
pub(super) struct Reader {
    child: Child,
    follow: bool,
    printed: PathBuf,
    talk: PathBuf,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // A test that failed leaves none behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What somebody is to say in a round, one command after the other.
pub(super) struct Plan(Vec<(String, Command)>);

/// The `send` that runs now.
#[derive(Clone, Default)]
pub(super) struct Sending(Arc<Mutex<Option<Child>>>);

impl Plan {
    pub(super) fn new(texts: Vec<(String, bool)>, person: &Person, world: &World) -> Self {
        let command = |(text, queue): (String, bool)| {
            let wait = if queue { "queued" } else { "sent" };
            let arguments = ["send", person.other, &text, "--json", "--wait", wait];
            let mut command = world.sprag(person.name, &arguments);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            (text, command)
        };
        Self(texts.into_iter().map(command).collect())
    }

    /// Says it all in a thread, and tells when that is done.
    pub(super) fn begin(self, done: Sender<Event>) -> (Sending, JoinHandle<Vec<Said>>) {
        let sending = Sending::default();
        let now = sending.clone();
        let at_work = thread::spawn(move || {
            let said = self.carry_out(&now);
            // Whoever waited for this may have had enough.
            let _ = done.send(Event::SaidAll);
            said
        });
        (sending, at_work)
    }

    /// A command that is killed was the last try for its text.
    fn carry_out(self, sending: &Sending) -> Vec<Said> {
        self.0.into_iter().map(|(text, command)| sending.one(text, command)).collect()
    }
}

impl Sending {
    /// Kills the `send` that runs now, if one does.
    pub(super) fn kill(&self) -> bool {
        let child = self.0.lock().unwrap();
        child.iter().for_each(|child| send_signal(child, Signal::KILL));
        child.is_some()
    }

    fn one(&self, text: String, mut command: Command) -> Said {
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        *self.0.lock().unwrap() = Some(child);
        let (mut printed, mut talk) = (String::new(), String::new());
        stdout.read_to_string(&mut printed).unwrap();
        stderr.read_to_string(&mut talk).unwrap();
        // While it is waited for nobody kills it: its number could be another's then.
        let ended = self.0.lock().unwrap().take().expect("it was started").wait().unwrap();
        let killed = ended.code().is_none();
        assert!(killed || is_well(ended), "{text}: {ended} {talk}");
        let line = printed.lines().next().filter(|_| printed.ends_with('\n'));
        let told = line.map(|line| {
            let told: Value = serde_json::from_str(line).expect("JSON");
            let field = |name: &str| told[name].as_str().expect("a text").to_owned();
            (field("id"), field("state"))
        });
        assert!(told.is_some() || !ended.success(), "{text}: {talk}");
        Said { text, told, killed, took: began.elapsed() }
    }
}
