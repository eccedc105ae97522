//! What else may happen in a world, beside what every network does: its manner.

use sprag_api::frame::Envelope;

use super::World;

/// What happens beside the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nothing: the relay is honest, and nobody's disk goes back in time.
    Honest,
    /// Disks become what they were.
    Forgetful,
    /// The relay changes ciphertexts, replays, gives prekeys twice, shows old lists.
    Lying,
    /// Mailboxes are small.
    Cramped,
}

impl Manner {
    pub(crate) const ALL: [Self; 4] = [Self::Honest, Self::Forgetful, Self::Lying, Self::Cramped];
}

impl World {
    pub(crate) fn behave(&mut self, manner: Manner) {
        self.manner = manner;
        // What is sent again comes later than what followed it, and what was sent for no person (a
        // receipt) is not sent again.
        self.ledger.unordered = manner != Manner::Honest;
        self.ledger.unreceipted = matches!(manner, Manner::Forgetful | Manner::Lying);
        self.relay.ciphers.only_accepted = manner == Manner::Forgetful;
    }

    /// Something that is of the world's manner.
    pub(super) fn misbehave(&mut self, which: usize) {
        match self.manner {
            Manner::Honest => {}
            Manner::Forgetful => self.forget(which),
            Manner::Lying => self.lie(which),
            Manner::Cramped => self.relay.limits.mailbox = [1, 3, 10, 10_000][which % 4],
        }
    }

    /// Keeps a copy of a disk, or brings the last one back.
    fn forget(&mut self, which: usize) {
        let index = which % self.devices.len();
        if (which / 16).is_multiple_of(2) || !self.copies.contains_key(&index) {
            let copy = self.snapshot(index);
            self.copies.insert(index, copy);
        } else if let Some(copy) = self.copies.remove(&index) {
            self.roll_back(index, &copy, (which / 32).is_multiple_of(4));
        }
    }

    fn lie(&mut self, which: usize) {
        let Some(name) = self.someone(which / 8) else { return };
        match which % 8 {
            0..=2 => self.relay.hostile.corrupts = 1 + which / 8 % 3,
            3 | 4 => self.replay_some(&name, which / 64),
            5 => self.relay.hostile.reuses_prekeys = (which / 8).is_multiple_of(2),
            6 => {
                let account = &self.relay.accounts[&name];
                let shown = (account.key.to_vec(), account.list.clone());
                self.relay.hostile.shows.insert(name, shown);
            }
            _ => self.relay.hostile.shows.clear(),
        }
    }

    /// Something that a device got comes again, under its number or another one.
    fn replay_some(&mut self, name: &str, which: usize) {
        let Some(account) = self.relay.accounts.get_mut(name) else { return };
        for mailbox in account.devices.values_mut() {
            let Some(last) = mailbox.history.len().checked_sub(1) else { continue };
            let envelope = mailbox.history[which % (last + 1)].clone();
            let number = envelope.number + [0, 0, 1, 5000][which % 4];
            mailbox.put(Envelope { number, ..envelope });
        }
        self.relay.deliver_all();
        self.relay_speaks();
    }

    /// From now on everybody is honest, and there is room.
    pub(super) fn mend(&mut self) {
        self.reachable = true;
        self.relay.hostile = crate::relay::Hostile::default();
        self.relay.limits.mailbox = 10_000;
    }
}
