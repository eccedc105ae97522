//! Everybody: devices, a relay, and a network between them that loses, delays, reorders and breaks, in
//! virtual time. What happens next is always somebody's choice: a seed's, a fuzzer's, or a scenario's.

mod chance;
mod manners;
mod network;
mod people;
mod quiet;

use std::collections::BTreeMap;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_api::name::Origin;
use sprag_client::{Engine, Input, LinkOptions, Notice, Refusal, Reply, Ticket};
use sprag_protocol::AccountName;

use crate::device::{Device, Kept, Link, Log, Outcome, Snapshot};
use crate::ledger::Ledger;
use crate::relay::Relay;
pub(crate) use manners::Manner;
pub(crate) use network::Request;
use network::{Pending, Wire};

pub(crate) const ORIGIN: &str = "http://127.0.0.1:7474";
/// When it begins.
pub(crate) const BEGINNING: u64 = 1_800_000_000;

/// A world that is quiet, to begin others from.
pub(crate) struct Beginning {
    relay: Relay,
    devices: Vec<Kept>,
    ledger: Ledger,
    now: u64,
    next_text: u64,
}

impl Beginning {
    pub(crate) fn of(mut world: World) -> Self {
        world.settle();
        world.restart_relay();
        Self {
            devices: world.devices.iter_mut().map(Device::keep).collect(),
            relay: world.relay,
            ledger: world.ledger,
            now: world.now,
            next_text: world.next_text,
        }
    }

    /// The same world again, which goes on by other chance. Nobody is connected yet.
    pub(crate) fn world(&self, seed: u64) -> World {
        let mut world = World::empty(seed);
        world.devices = self.devices.iter().map(|kept| kept.start(&mut world.rng)).collect();
        world.relay = self.relay.clone();
        world.ledger = self.ledger.clone();
        (world.now, world.next_text) = (self.now, self.next_text);
        world
    }
}

pub(crate) struct World {
    pub(crate) relay: Relay,
    pub(crate) devices: Vec<Device>,
    pub(crate) ledger: Ledger,
    pub(crate) now: u64,
    pub(crate) rng: ChaCha20Rng,
    /// What was announced, since somebody last looked.
    pub(crate) notices: Vec<(usize, Notice)>,
    pub(crate) replies: BTreeMap<u64, Result<Reply, Refusal>>,
    /// Whether the relay can be reached.
    pub(crate) reachable: bool,
    manner: Manner,
    /// Copies of disks, by device.
    copies: BTreeMap<usize, (Snapshot, Log)>,
    wires: BTreeMap<u64, Wire>,
    calls: Vec<Pending>,
    next_wire: u64,
    next_ticket: u64,
    next_text: u64,
}

impl World {
    /// Nobody yet.
    pub(crate) fn empty(seed: u64) -> Self {
        Self {
            relay: Relay::new(ORIGIN),
            devices: Vec::new(),
            ledger: Ledger::default(),
            now: BEGINNING,
            rng: ChaCha20Rng::seed_from_u64(seed),
            notices: Vec::new(),
            replies: BTreeMap::new(),
            reachable: true,
            manner: Manner::Honest,
            copies: BTreeMap::new(),
            wires: BTreeMap::new(),
            calls: Vec::new(),
            next_wire: 1,
            next_ticket: 1,
            next_text: 1,
        }
    }

    /// These accounts, each with so many devices, on an honest network. The devices come in the order of
    /// the accounts, the first of each before the others.
    pub(crate) fn with(seed: u64, accounts: &[(&str, usize)]) -> Self {
        let mut world = Self::empty(seed);
        for (name, _) in accounts {
            world.register(name);
        }
        world.settle();
        for (name, devices) in accounts {
            let first = world.first(name);
            for _ in 1..*devices {
                world.link(first, true);
            }
        }
        world.settle();
        world.notices.clear();
        world
    }

    pub(crate) fn first(&self, name: &str) -> usize {
        self.devices.iter().position(|device| device.account == name).unwrap()
    }

    /// A new account with its first device; its index.
    pub(crate) fn register(&mut self, name: &str) -> usize {
        let name = AccountName::new(name).unwrap();
        let now = sprag_protocol::Timestamp::from_seconds(self.now);
        let who = (Origin::new(ORIGIN).unwrap(), name.clone());
        let made = Engine::register(who, None, now, &mut self.rng);
        self.add(&name, made)
    }

    /// A new device that shows a code and waits; its index.
    pub(crate) fn new_device(&mut self, name: &str) -> usize {
        let name = AccountName::new(name).unwrap();
        let now = sprag_protocol::Timestamp::from_seconds(self.now);
        let origin = Origin::new(ORIGIN).unwrap();
        let made = Engine::link(origin, name.clone(), now, &mut self.rng);
        self.add(&name, made)
    }

    fn add(&mut self, name: &AccountName, made: (Engine, sprag_client::Effects)) -> usize {
        let (device, outcome) = Device::new(name, made, &mut self.rng);
        let index = self.devices.len();
        self.devices.push(device);
        self.took(index, outcome);
        index
    }

    /// A new device of the account of this one, signed in by it, on a quiet network; its index.
    pub(crate) fn link(&mut self, by: usize, account_key: bool) -> usize {
        let name = self.devices[by].account.clone();
        let new = self.new_device(&name);
        // It looks every two seconds whether it was signed in.
        self.settle_for(5);
        let code = self.devices[new].engine.link_code().unwrap();
        let options = LinkOptions { account_key };
        let reply = self.command(by, sprag_client::Command::LinkDevice { code, options });
        self.settle_for(60);
        assert!(matches!(self.replies.get(&reply), Some(Ok(Reply::Linked(_)))));
        assert!(self.devices[new].engine.is_ready());
        new
    }

    /// Its process ends, and does not begin again before somebody switches it on.
    pub(crate) fn switch_off(&mut self, index: usize) {
        let outcome = self.devices[index].crash();
        self.took(index, outcome);
        self.devices[index].off = true;
    }

    pub(crate) fn switch_on(&mut self, index: usize) {
        self.devices[index].off = false;
    }

    /// A second process with the same content as a device's; its index.
    pub(crate) fn clone_device(&mut self, index: usize) -> usize {
        let copy = self.devices[index].keep().start(&mut self.rng);
        self.devices.push(copy);
        self.devices.len() - 1
    }

    /// A device's disk becomes what it was. What it has said since may be lost, and what it has read.
    pub(crate) fn roll_back(&mut self, index: usize, then: &(Snapshot, Log), backup: bool) {
        self.hang_up(index);
        let before = std::mem::take(&mut self.devices[index].log);
        self.devices[index].restore(then, backup, &mut self.rng);
        self.ledger.roll_back(index, &before, &then.1);
    }

    /// A copy of a device's disk as it is now, and what the model knows of it.
    pub(crate) fn snapshot(&mut self, index: usize) -> (Snapshot, Log) {
        let device = &mut self.devices[index];
        (device.snapshot(), device.log.clone())
    }

    /// A device is told something, and does what comes of it.
    pub(crate) fn tell(&mut self, index: usize, input: Input) {
        let device = &mut self.devices[index];
        if device.off {
            return;
        }
        let outcome = device.handle(input, self.now, &mut self.rng);
        self.took(index, outcome);
    }

    /// A person's command; what its reply is known by.
    pub(crate) fn command(&mut self, index: usize, command: sprag_client::Command) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.tell(index, Input::Command { ticket: Ticket(ticket), command });
        ticket
    }

    /// What comes of an input leaves the device.
    pub(crate) fn took(&mut self, index: usize, outcome: Outcome) {
        for (with, read) in outcome.entries {
            self.note(index, &with, read);
        }
        let wire = match self.devices[index].link {
            Link::Up(wire) => Some(wire),
            Link::Down | Link::Knocking | Link::Ousted => None,
        };
        // After a crash the link is down already, but what was said is on its way.
        let wire = wire.or_else(|| self.wire_of(index));
        if let Some(wire) = wire.and_then(|id| self.wires.get_mut(&id)) {
            wire.up.extend(outcome.frames);
        }
        for (id, call) in outcome.calls {
            let device = &self.devices[index];
            let request = Request::Engine(id, call, device.token.clone());
            self.calls.push(Pending::new(index, device.life, request));
        }
        for notice in outcome.notices {
            if let Notice::Reply { ticket, result } = &notice {
                let before = self.replies.insert(ticket.0, result.clone());
                assert_eq!(before, None, "a command is answered once");
            }
            self.notices.push((index, notice));
        }
        if outcome.crashed {
            self.hang_up(index);
        }
    }
}
