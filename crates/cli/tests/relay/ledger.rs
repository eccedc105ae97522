//! What was promised to senders and receivers, held against what is delivered.

use std::collections::BTreeMap;

use sprag_api::frame::Envelope;

use crate::support::socket::Fate;

/// What one sender was told.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// The highest number that was submitted.
    pub(crate) submitted: u64,
    /// The highest up to which everything was accepted.
    pub(crate) accepted: u64,
}

impl Sent {
    /// The numbers to submit now: those without an answer again, then new ones.
    pub(crate) fn next(&mut self, new: u64) -> std::ops::RangeInclusive<u64> {
        self.submitted += new;
        self.accepted + 1..=self.submitted
    }

    /// An answer. They come in the order of the sends.
    pub(crate) fn hears(&mut self, fate: &Fate) {
        let receipt = fate.accepted();
        assert_eq!(receipt.number, self.accepted + 1, "answers come in order");
        assert_eq!(receipt.left_out, [0_u32; 0]);
        self.accepted = receipt.number;
    }
}

/// What one receiver got, by the place in its mailbox.
#[derive(Debug, Default)]
pub(crate) struct Received {
    envelopes: BTreeMap<u64, (String, u64)>,
    /// The place up to which the relay has confirmed the acknowledgement.
    pub(crate) confirmed: u64,
    /// The place of the last envelope on the present connection.
    last: u64,
}

impl Received {
    /// A new connection begins.
    pub(crate) fn connects(&mut self) {
        self.last = 0;
    }

    /// Envelopes arrive: in order, none that was confirmed, each place the same as before.
    pub(crate) fn take(&mut self, envelopes: &[Envelope]) {
        for envelope in envelopes {
            let Envelope { seq, sender, number, ciphertext, .. } = envelope;
            assert!(
                *seq > self.confirmed,
                "{seq} came back after {} was confirmed",
                self.confirmed
            );
            assert!(*seq > self.last, "{seq} came after {}", self.last);
            self.last = *seq;
            assert_eq!(ciphertext.as_ref(), text(sender, *number).as_bytes());
            let now = (sender.clone(), *number);
            let before = self.envelopes.entry(*seq).or_insert_with(|| now.clone());
            assert_eq!(*before, now, "place {seq} has changed");
        }
    }

    /// The place of the last envelope on the present connection.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The numbers of one sender, in the order of the mailbox.
    pub(crate) fn of(&self, sender: &str) -> Vec<u64> {
        let from_it = self.envelopes.values().filter(|(name, _)| name == sender);
        from_it.map(|(_, number)| *number).collect()
    }

    /// Every message of a sender up to this number is there, in order, once.
    pub(crate) fn has_all(&self, sender: &str, through: u64) {
        assert_eq!(self.of(sender), (1..=through).collect::<Vec<_>>(), "from {sender}");
    }
}

/// The text of a message, as nobody else would send it.
pub(crate) fn text(sender: &str, number: u64) -> String {
    format!("{sender} says {number}")
}
