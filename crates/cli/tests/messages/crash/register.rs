//! Registering is killed, or its relay: the same command goes on, whatever there is of the profile already.

use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use super::{Talk, rounds, seed};

/// About how many pieces go over the wire for it.
const PIECES: u32 = 10;

#[test]
fn a_registration_that_was_killed_goes_on() {
    let mut talk = Talk::new(seed());
    let mut unfinished = 0;
    for round in 0..rounds() {
        let name = format!("user{round}");
        talk.register_and_kill(&name);
        let register = ["register", &name, "--json", "--relay", &talk.proxy.url];
        let again = talk.world.run(&name, &register);
        if again.code == Some(0) {
            unfinished += 1;
        } else {
            assert_eq!(again.error(), "registered", "{again:?}");
        }
        talk.world.done("alice", &["send", &name, "welcome"]);
        assert_eq!(talk.world.texts(&name), ["welcome"]);
    }
    println!("{unfinished} of {} registrations were unfinished", rounds());
}

impl Talk {
    /// Registers until a moment at which it, or the relay, or both are killed.
    fn register_and_kill(&mut self, name: &str) {
        let (victims, pieces) = (1 + self.below(3), 1 + self.below(PIECES));
        let most = 2 * u32::try_from(self.typical.as_micros()).unwrap();
        let limit = Duration::from_micros(self.below(most).into());
        let (sender, burnt) = mpsc::channel();
        if self.below(2) == 0 {
            self.proxy.light(pieces, sender.clone());
        }
        let register = ["register", name, "--relay", &self.proxy.url];
        let mut command = self.world.sprag(name, &register);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // Whichever moment comes first.
        let _ = burnt.recv_timeout(limit);
        if victims & 1 > 0 {
            child.kill().unwrap();
        }
        if victims & 2 > 0 {
            self.world.kill_relay();
        }
        let ended = child.wait().unwrap();
        assert!(matches!(ended.code(), None | Some(0 | 3)), "{ended}");
        if !self.world.has_relay() {
            self.start_relay();
        }
    }
}
