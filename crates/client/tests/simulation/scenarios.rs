//! What the issue names, one by one.

mod accounts;
mod clocks;
mod devices;
mod hostile;
mod mailboxes;
mod repairs;
mod rollback;
mod together;

use sprag_client::{Command, Notice, Refusal, Reply};
use sprag_protocol::AccountName;

use crate::world::World;

fn name(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

/// Two people who have talked, both ways.
fn acquainted(seed: u64) -> (World, usize, usize) {
    let mut world = World::with(seed, &[("alice", 1), ("bob", 1)]);
    let (alice, bob) = (world.first("alice"), world.first("bob"));
    world.say(alice, "bob");
    world.say(bob, "alice");
    world.settle();
    world.check_liveness();
    world.notices.clear();
    (world, alice, bob)
}

impl World {
    fn has_read(&self, index: usize, text: &str) -> bool {
        self.devices[index].log.texts().any(|read| read == text)
    }

    fn was_told(&self, index: usize, what: impl Fn(&Notice) -> bool) -> bool {
        self.notices.iter().any(|(told, notice)| *told == index && what(notice))
    }

    /// How often nothing alarming was announced: nothing but what is expected.
    fn alarms(&self) -> Vec<&(usize, Notice)> {
        self.notices.iter().filter(|(_, notice)| crate::is_alarm(notice)).collect()
    }

    /// A command, and its answer once everything is quiet.
    fn ask(&mut self, index: usize, command: Command) -> Result<Reply, Refusal> {
        let ticket = self.command(index, command);
        self.drain();
        self.replies.get(&ticket).expect("answered").clone()
    }
}
