//! The reference model: what each person should have read.
//!
//! A message counts once it is durable on the device that it is said on. Every device that takes part
//! at that moment (it is ready, and the relay has its keys), of the account that it goes to and of the
//! own one, must read it exactly once, unless it or the sender's device leaves; every other device reads
//! it at most once. Messages that one device says to one account are read in the order in which they
//! were said.

use std::collections::{BTreeMap, BTreeSet};

use crate::device::Log;

/// Something that was said.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) text: String,
    /// The device that said it, and its number in its account.
    pub(crate) device: usize,
    pub(crate) number: u32,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) id: [u8; 16],
    /// The devices that must read it.
    pub(crate) readers: BTreeSet<usize>,
}

#[derive(Clone, Default)]
pub(crate) struct Ledger {
    /// In the order in which they were said.
    pub(crate) said: Vec<Message>,
    by_text: BTreeMap<String, usize>,
    /// Devices that left: they owe nothing, and what they said may be lost.
    pub(crate) left: BTreeSet<usize>,
    /// Messages that may be lost: of a state that was rolled back, or given up.
    pub(crate) excused: BTreeSet<String>,
    /// Messages that may be read out of order: they were sent again.
    pub(crate) unordered: bool,
    /// Senders may not know that a message was delivered: receipts are not sent again.
    pub(crate) unreceipted: bool,
}

impl Ledger {
    pub(super) fn said(&mut self, message: Message) {
        let before = self.by_text.insert(message.text.clone(), self.said.len());
        assert_eq!(before, None, "{} was said twice", message.text);
        self.said.push(message);
    }

    /// A device need not read this.
    pub(super) fn excuse(&mut self, text: &str, reader: usize) {
        if let Some(place) = self.by_text.get(text) {
            self.said[*place].readers.remove(&reader);
        }
    }

    /// A device has forgotten what it had read and said since `then`.
    pub(super) fn roll_back(&mut self, index: usize, now: &Log, then: &Log) {
        let kept: BTreeSet<&str> = then.texts().collect();
        let lost: BTreeSet<&str> = now.texts().filter(|text| !kept.contains(text)).collect();
        for message in self.said.iter_mut().filter(|m| lost.contains(m.text.as_str())) {
            if message.device == index {
                self.excused.insert(message.text.clone());
            }
            message.readers.remove(&index);
        }
        self.unordered = true;
    }

    pub(crate) fn of(&self, text: &str) -> Option<(usize, &Message)> {
        let place = *self.by_text.get(text)?;
        Some((place, self.said.get(place)?))
    }
}
