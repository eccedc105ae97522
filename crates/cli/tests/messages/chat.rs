//! `sprag chat` on a real terminal: what is on its screen, and how it is left behind.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::world::World;

/// How long something may take that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// A chat on a terminal of its own.
struct Chat {
    child: Child,
    keys: File,
    /// The chat's end of the terminal, kept open to see how it was left.
    end: OwnedFd,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Chat {
    fn start(mut command: Command) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let main = openpt(flags).unwrap();
        grantpt(&main).unwrap();
        unlockpt(&main).unwrap();
        let name = ptsname(&main, Vec::new()).unwrap();
        let end = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&end, size).unwrap();
        let stdio = || Stdio::from(end.try_clone().unwrap());
        command.stdin(stdio()).stdout(stdio()).stderr(stdio());
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        let child = command.spawn().unwrap();
        let keys = File::from(main);
        let mut reads = keys.try_clone().unwrap();
        let (chunks, output) = channel();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = reads.read(&mut chunk) {
                if chunks.send(chunk[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        let screen = vt100::Parser::new(cells(24), cells(80), 0);
        Self { child, keys, end: end.into(), output, screen }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen is so.
    #[expect(clippy::disallowed_methods, reason = "the chat has so much time, and not more")]
    #[expect(clippy::panic, reason = "the screen is what tells why")]
    fn wait(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(self.screen.screen()) {
            match self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(chunk) => self.screen.process(&chunk),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no {what}:\n{}", self.text())
                }
            }
        }
    }

    fn shows(&mut self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    fn resize(&mut self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.end, size).unwrap();
        self.screen.screen_mut().set_size(cells(rows), cells(columns));
        self.signal(Signal::WINCH);
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits for its end, and sees that the terminal is as it was before.
    fn ends(mut self) -> ExitStatus {
        self.wait("end of the screen", |screen| !screen.alternate_screen());
        let status = self.child.wait().unwrap();
        while let Ok(chunk) = self.output.recv_timeout(Duration::from_millis(200)) {
            self.screen.process(&chunk);
        }
        let modes = tcgetattr(&self.end).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
        let screen = self.screen.screen();
        assert!(!screen.hide_cursor() && !screen.bracketed_paste() && !screen.alternate_screen());
        status
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        // A test that failed leaves none behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_people_talk_on_terminals() {
    let world = World::new();
    world.register(&["alice", "bob"]);
    let mut alice = Chat::start(world.sprag("alice", &["chat"]));
    alice.shows("online");
    alice.shows("No conversations yet.");
    alice.press("nbob\r");
    alice.shows("Nothing was said yet.");
    alice.press("Hello, Bob!\x1b\rA second line\r");
    alice.shows("sent");

    let mut bob = Chat::start(world.sprag("bob", &["chat"]));
    bob.shows("(1)");
    bob.press("\r");
    bob.shows("A second line");
    alice.shows("delivered");
    // Many lines at once are pasted, not sent one by one.
    bob.press("\x1b[200~one\rtwo\rthree\x1b[201~\r");
    alice.shows("three");
    let text = alice.text();
    assert!(text.contains("one") && text.contains("two"), "{text}");

    bob.resize(5, 20);
    bob.shows("online");
    bob.resize(3, 10);
    bob.shows("Too small");
    bob.resize(40, 120);
    bob.shows("Hello, Bob!");
    // Twice the same key is pressed in quick order: everything is sent, in order.
    bob.press("a\rb\rc\r");
    alice.wait("order", |screen| {
        let text = screen.contents();
        let rows: Vec<_> = text.lines().filter_map(|row| row.split('│').nth(1)).collect();
        let at = |letter: &str| rows.iter().position(|row| row.trim() == letter);
        matches!((at("a"), at("b"), at("c")), (Some(a), Some(b), Some(c)) if a < b && b < c)
    });
    alice.press("\x03");
    assert!(alice.ends().success());
    bob.press("not sent\x03");
    bob.shows("is not sent. Quit all the same?");
    bob.press("\x03");
    assert!(bob.ends().success());
}

#[test]
fn the_terminal_is_given_back_on_every_way_out() {
    let world = World::new();
    world.register(&["alice"]);
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut chat = Chat::start(world.sprag("alice", &["chat"]));
        chat.shows("alice");
        chat.signal(signal);
        assert!(!chat.ends().success(), "{signal:?}");
    }
    let mut chat = Chat::start(world.sprag("alice", &["chat"]));
    chat.shows("alice");
    chat.press("q");
    assert!(chat.ends().success());
}

#[test]
fn what_is_written_without_a_relay_waits() {
    let mut world = World::new();
    world.register(&["alice", "bob"]);
    world.done("alice", &["send", "bob", "Hello"]);
    world.kill_relay();
    let mut alice = Chat::start(world.sprag("alice", &["chat"]));
    alice.shows("again in");
    alice.press("\rlater\r");
    alice.shows("queued");
    world.start_relay(&[]);
    alice.press("\x12");
    alice.shows("online");
    alice.wait("sent twice", |screen| screen.contents().matches("sent").count() >= 2);
    alice.press("\x03");
    assert!(alice.ends().success());
    assert_eq!(world.texts("bob"), ["Hello", "later"]);
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let world = World::new();
    world.register(&["alice"]);
    let outcome = world.run("alice", &["chat"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("chat needs a terminal"), "{}", outcome.stderr);
    let outcome = world.run("alice", &["chat", "--json"]);
    assert_eq!(outcome.code, Some(1));
}
