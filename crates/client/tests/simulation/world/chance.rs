//! What happens next, as a number says.

use sprag_api::problem::Code;
use sprag_client::{Command, LinkOptions, MessageId};
use sprag_protocol::AccountName;

use super::{Manner, World};
use crate::device::{Link, Mishap};

/// The longest that an engine puts something off.
const DAY: u64 = 24 * 60 * 60;

const MISHAPS: [Mishap; 4] = [Mishap::Full, Mishap::Before, Mishap::After, Mishap::Amid];

impl World {
    /// Any number is something that can happen.
    pub(crate) fn step(&mut self, choice: u32) {
        let which = (choice / 100) as usize;
        match choice % 100 {
            0..=21 => {
                self.step_up(which);
            }
            22..=43 => {
                self.step_down(which);
            }
            44..=59 => {
                self.step_call(which);
            }
            60..=70 => self.someone_speaks(which),
            71..=74 => {
                self.step_fetched(which % self.devices.len());
            }
            75..=83 => {
                self.connect(which % self.devices.len());
            }
            84..=86 => self.pass_time(1 + (which % 20) as u64),
            87 => self.misbehave(which),
            other => self.mischance(other - 88, which),
        }
    }

    fn mischance(&mut self, kind: u32, which: usize) {
        let index = which % self.devices.len();
        match kind {
            0 => self.break_wire(which),
            1 | 2 => self.devices[index].mishap = Some(MISHAPS[which / 16 % MISHAPS.len()]),
            3 => self.lose_call(which),
            4 => self.relay_hiccups(which),
            5 => self.pass_time((which / 16 % 4_000) as u64),
            6 => self.someone_reads(which),
            // The network delivers a call twice.
            7 => self.do_call(which),
            8 => {
                let outcome = self.devices[index].crash();
                self.took(index, outcome);
            }
            9 => self.refuse_call(which, Code::Unavailable),
            10 => self.someone_asks(which),
            _ => self.seldom(which),
        }
    }

    /// The relay restarts, or cannot be reached for a while.
    fn relay_hiccups(&mut self, which: usize) {
        match which % 4 {
            0 => self.restart_relay(),
            1 => self.reachable = false,
            _ => self.reachable = true,
        }
    }

    /// An account that is registered, if there is any.
    pub(super) fn someone(&self, which: usize) -> Option<String> {
        let names: Vec<&String> = self.relay.accounts.keys().collect();
        Some((*names.get(which % names.len().max(1))?).clone())
    }

    fn someone_speaks(&mut self, which: usize) {
        let index = which % self.devices.len();
        let Some(to) = self.someone(which / 64) else { return };
        if self.devices[index].account != to && self.devices[index].engine.is_ready() {
            self.say(index, &to);
        }
    }

    /// Somebody reads a conversation.
    fn someone_reads(&mut self, which: usize) {
        let index = which % self.devices.len();
        let device = &self.devices[index];
        let Some(((with, _), _)) = device.log.entries.iter().nth(which / 16 % 8) else { return };
        let with = with.clone();
        let range = (with.clone(), 0)..=(with.clone(), u64::MAX);
        let shown: Vec<_> = device.log.entries.range(range).collect();
        let unread = shown.iter().filter_map(|(_, read)| read.as_ref());
        let unread = unread.filter(|read| !read.from.is_empty());
        let ids = unread.map(|read| MessageId(read.id)).collect();
        let below = shown.last().map_or(0, |((_, position), _)| position + 1);
        self.command(index, Command::SetReadReceipts(which.is_multiple_of(2)));
        let with = AccountName::new(&with).unwrap();
        self.command(index, Command::MarkRead { with, below, ids });
    }

    /// Somebody looks an account up.
    fn someone_asks(&mut self, which: usize) {
        let index = which % self.devices.len();
        let Some(name) = self.someone(which / 64) else { return };
        let name = AccountName::new(&name).unwrap();
        let command = if (which / 1024).is_multiple_of(2) {
            Command::Meet(name)
        } else {
            Command::Refresh(name)
        };
        self.command(index, command);
    }

    /// A device comes or goes, or much time passes.
    fn seldom(&mut self, which: usize) {
        let index = which % self.devices.len();
        match which / 16 % 8 {
            // What a full mailbox left out is given up after weeks.
            0 if self.manner == Manner::Cramped => {}
            0 => self.pass_time((which / 128 * 7919 % 600_000) as u64),
            1 | 2 => self.someone_links(index),
            3 if (which / 256).is_multiple_of(2) => self.someone_is_removed(index, which / 512),
            _ => {}
        }
    }

    fn someone_links(&mut self, index: usize) {
        let device = &self.devices[index];
        let waiting = |other: &usize| {
            self.devices[*other].account == device.account
                && self.devices[*other].engine.link_code().is_some()
        };
        let new = (0..self.devices.len()).find(waiting);
        let Some(new) = new else {
            if self.devices.len() < 12 {
                let name = device.account.clone();
                self.new_device(&name);
            }
            return;
        };
        let code = self.devices[new].engine.link_code().unwrap();
        let options = LinkOptions { account_key: true };
        self.command(index, Command::LinkDevice { code, options });
    }

    fn someone_is_removed(&mut self, by: usize, which: usize) {
        let devices = self.devices[by].engine.devices();
        let Some(gone) = devices.get(which % devices.len().max(1)) else { return };
        if gone.this {
            return;
        }
        let (account, number) = (self.devices[by].account.clone(), gone.id.get());
        self.command(by, Command::RemoveDevice(gone.id));
        let is = |d: &crate::device::Device| d.account == account && d.device() == Some(number);
        // Whether it is removed or not, nobody counts on it any more.
        let index = self.devices.iter().position(is);
        self.ledger.left.extend(index);
    }

    /// These things happen; then everything comes to rest, and must be as it should.
    pub(crate) fn run(mut self, manner: Manner, choices: impl Iterator<Item = u32>) {
        self.behave(manner);
        for choice in choices {
            self.step(choice);
        }
        self.come_to_rest();
        self.check_pairs();
    }

    /// The network is honest from now on, everybody is on, and everything comes to rest.
    pub(crate) fn come_to_rest(&mut self) {
        self.mend();
        for index in 0..self.devices.len() {
            self.devices[index].mishap = None;
            self.readmit(index);
        }
        self.settle_for(60);
        self.link_who_waits();
        self.settle_for(DAY);
    }

    /// Whoever shows a code is signed in at last.
    fn link_who_waits(&mut self) {
        for index in 0..self.devices.len() {
            let new = index;
            if self.devices[new].engine.link_code().is_none() || self.ledger.left.contains(&new) {
                continue;
            }
            let account = self.devices[new].account.clone();
            let by = (0..self.devices.len()).find(|other| {
                let device = &self.devices[*other];
                device.account == account
                    && device.engine.is_ready()
                    && device.engine.has_account_key()
                    && matches!(device.link, Link::Up(_))
                    && !self.ledger.left.contains(other)
            });
            let Some(by) = by else {
                self.devices[new].off = true;
                continue;
            };
            let code = self.devices[new].engine.link_code().unwrap();
            let options = LinkOptions { account_key: true };
            self.command(by, Command::LinkDevice { code, options });
            self.settle_for(120);
            let (new, by) = (self.shown(new), self.shown(by));
            assert!(self.devices[index].engine.is_ready(), "{new} is not linked by {by}");
        }
    }
}
