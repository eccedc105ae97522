//! Holding a world against the reference model.

use std::collections::{BTreeMap, BTreeSet};

use crate::records::{Mark, Read, place};
use crate::world::World;

impl World {
    /// What must hold at every moment: nothing is read twice, nothing that nobody said, nothing out of
    /// order; no key was used twice; the disk says what the model saw.
    pub(crate) fn check_safety(&mut self) {
        assert_eq!(self.relay.ciphers.reused, [], "a message key or number was used twice");
        for index in 0..self.devices.len() {
            self.check_log(index);
        }
    }

    fn check_log(&mut self, index: usize) {
        let log = self.devices[index].log.clone();
        let mut seen = BTreeSet::new();
        let mut last = BTreeMap::new();
        for ((with, position), read) in &log.entries {
            let Some(read) = read else { continue };
            let place = self.check_entry(index, with, read);
            assert!(seen.insert(&read.text), "device {index} reads {} twice", read.text);
            let message = &self.ledger.said[place];
            let before = last.insert((with, message.device), place);
            let in_order = before.is_none_or(|before| before < place);
            assert!(
                in_order || self.ledger.unordered,
                "device {index} reads {} at {position} out of order",
                read.text
            );
        }
    }

    /// Whether somebody said this, to this device's account or from it; its place in the ledger.
    fn check_entry(&self, index: usize, with: &str, read: &Read) -> usize {
        let Some((place, message)) = self.ledger.of(&read.text) else {
            panic!("device {index} reads {}, which nobody said", read.text)
        };
        let account = &self.devices[index].account;
        assert_eq!(read.id, message.id, "{}", read.text);
        if read.from.is_empty() {
            assert_eq!((&message.from, message.to.as_str()), (account, with), "{}", read.text);
        } else {
            assert_eq!((message.from.as_str(), &message.to), (with, account), "{}", read.text);
            assert_eq!((read.from.as_str(), read.device), (with, message.number));
        }
        place
    }

    /// What must hold once everything is quiet: everything has been read by everybody who should, the
    /// senders know it, and nothing is left on its way.
    pub(crate) fn check_liveness(&mut self) {
        self.check_safety();
        for index in 0..self.devices.len() {
            if self.ledger.left.contains(&index) || self.devices[index].off {
                continue;
            }
            let conversations: BTreeSet<String> =
                self.devices[index].log.entries.keys().map(|(with, _)| with.clone()).collect();
            for with in conversations {
                let stored = self.devices[index].stored(&with);
                let log = &self.devices[index].log.entries;
                let logged: Vec<_> = log
                    .range((with.clone(), 0)..=(with.clone(), u64::MAX))
                    .map(|((_, at), read)| (*at, read.clone()))
                    .collect();
                assert_eq!(stored, logged, "the disk of device {index}");
            }
            let unsettled = self.devices[index].engine.unsettled();
            assert_eq!(unsettled, (0, 0), "{} has something left to send", self.shown(index));
        }
        for message in self.ledger.said.clone() {
            self.check_message(&message);
        }
    }

    /// A device, for who looks into a failure.
    pub(crate) fn shown(&self, index: usize) -> String {
        let device = &self.devices[index];
        let (number, link, ready) = (device.device(), &device.link, device.engine.is_ready());
        format!("device {index} ({} {number:?}, ready: {ready}, {link:?})", device.account)
    }

    fn check_message(&self, message: &crate::ledger::Message) {
        let text = &message.text;
        let has = |index: &usize| {
            let log = &self.devices[*index].log.entries;
            log.values().flatten().any(|read| read.text == *text)
        };
        let excused = self.ledger.excused.contains(text);
        if excused || self.ledger.left.contains(&message.device) {
            return;
        }
        assert!(has(&message.device), "{text} is gone from device {}", message.device);
        for reader in message.readers.difference(&self.ledger.left) {
            assert!(has(reader), "device {reader} has not read {text}");
        }
        let others = message.readers.difference(&self.ledger.left);
        let of_recipient = |index: &&usize| self.devices[**index].account == message.to;
        if !self.ledger.unreceipted && others.into_iter().any(|index| of_recipient(&index)) {
            let sender = &self.devices[message.device];
            let mark = (Mark::Delivered, message.to.clone(), place(&message.id));
            assert!(sender.log.marks.contains(&mark), "{text} is not known to be delivered");
        }
    }

    /// Every pair of devices can talk, both ways.
    pub(crate) fn check_pairs(&mut self) {
        let live: Vec<usize> = (0..self.devices.len())
            .filter(|index| !self.devices[*index].off && !self.ledger.left.contains(index))
            .collect();
        let accounts: BTreeSet<String> =
            live.iter().map(|index| self.devices[*index].account.clone()).collect();
        for index in live {
            for to in &accounts {
                if self.devices[index].account != *to {
                    self.say(index, to);
                }
            }
        }
        self.settle();
        self.check_liveness();
    }
}
