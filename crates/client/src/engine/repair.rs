//! Messages that could not be read: asking for them again, and sending them again.

use prost::Message;
use rand_core::CryptoRng;
use sprag_protocol::{AccountName, DeviceId, Timestamp};
use sprag_store::Key;
use zeroize::Zeroizing;

use super::queue::{Queued, id_of};
use super::turn::{Turn, collection};
use super::{Engine, Peering, later};
use crate::content::{MessageId, content, wire};
use crate::record;

/// How often a device is asked for a repair, at most, in seconds.
const REPAIR_EVERY: u64 = 60 * 60;

impl Peering {
    /// When a repair is to be asked for.
    pub(super) fn repair_due(&self) -> Option<Timestamp> {
        let asked = self.repair_asked.seconds() > 0;
        let due = if asked { later(self.repair_asked, REPAIR_EVERY) } else { self.repair_asked };
        (!self.unreadable.is_empty()).then_some(due)
    }
}

impl Engine {
    /// Asks for what could not be read, on a new session, at most once an hour.
    pub(super) fn ask_for_repairs<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        if !self.caught_up() {
            return;
        }
        let now = turn.now;
        let due = |peering: &Peering| {
            // A clock that was far ahead when it was asked must not put it off for long.
            peering.repair_due().is_some_and(|due| due <= now || peering.repair_asked > now)
        };
        let due: Vec<_> = self
            .sessions
            .iter()
            .filter(|((name, _), peering)| due(peering) && !self.is_blocked(name))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            self.ask_for_repair(&key, turn);
        }
    }

    fn ask_for_repair<R: CryptoRng>(
        &mut self,
        key: &(AccountName, DeviceId),
        turn: &mut Turn<'_, R>,
    ) {
        let Some(peering) = self.sessions.get_mut(key) else { return };
        let numbers: Vec<u64> = std::mem::take(&mut peering.unreadable).into_iter().collect();
        peering.repair_asked = turn.now;
        let (name, device) = key;
        turn.sessions_changed(name, *device);
        let mut fresh = Some(*device);
        for numbers in numbers.chunks(crate::content::MAX_LISTED) {
            let repair = wire::Repair { device: device.get(), numbers: numbers.to_vec() };
            let body = wire::content::Body::Repair(repair);
            let said = content(MessageId::random(turn.rng), turn.now, body);
            // Kept: where the request cannot be read either, it is asked for in turn.
            let item = Queued::new(name, &said).kept();
            self.enqueue(Queued { fresh: fresh.take(), ..item }, turn);
        }
    }

    /// Another device could not read these of ours, and asks for them again.
    pub(super) fn repair<R: CryptoRng>(
        &mut self,
        (name, device): (&AccountName, DeviceId),
        numbers: &[u64],
        turn: &mut Turn<'_, R>,
    ) {
        for number in numbers {
            let same = |item: &Queued| item.again == *number;
            let queued = self.queue.get(name).is_some_and(|items| items.values().any(same));
            if queued || *number == 0 || *number > self.counter {
                continue;
            }
            let item = Queued::new(name, &wire::Content::default()).kept();
            let content = Zeroizing::default();
            let item = Queued { again: *number, asked_by: device.get(), content, ..item };
            self.enqueue(item, turn);
        }
    }

    /// What was sent came out of the store, or is not there any more.
    pub(super) fn fetched<R: CryptoRng>(
        &mut self,
        records: Vec<(Key, Option<Zeroizing<Vec<u8>>>)>,
        turn: &mut Turn<'_, R>,
    ) {
        let mut gone: Vec<(AccountName, u32, u64)> = Vec::new();
        for (key, value) in records {
            if key.collection != collection("sent") {
                continue;
            }
            let sent = value.and_then(|value| record::Sent::decode(&value[..]).ok());
            for (name, position) in self.waiting_for(key.position) {
                let asked_by = self.asked_by(&name, position);
                let found = sent.as_ref().filter(|sent| self.may_have(&name, asked_by, sent));
                if let Some(found) = found {
                    self.fill(&name, position, found);
                } else {
                    self.dequeue(&name, position, turn);
                    gone.push((name, asked_by, key.position));
                }
            }
        }
        self.live.fetching.clear();
        self.say_gone(gone, turn);
    }

    /// The content of what is sent again.
    fn fill(&mut self, name: &AccountName, position: u64, sent: &record::Sent) {
        let item = self.queue.get_mut(name).and_then(|items| items.get_mut(&position));
        if let Some(item) = item {
            let decoded = wire::Content::decode(&sent.content[..]);
            item.id = decoded.map_or(item.id, |content| id_of(&content));
            item.content = Zeroizing::new(sent.content.clone());
        }
    }

    fn asked_by(&self, name: &AccountName, position: u64) -> u32 {
        let item = self.queue.get(name).and_then(|items| items.get(&position));
        item.map(|item| item.asked_by).unwrap_or_default()
    }

    /// Whether this went to the device that asks for it again (0: to any of the account's), with the
    /// same identity key.
    fn may_have(&self, name: &AccountName, device: u32, sent: &record::Sent) -> bool {
        let Some(pinned) = self.pinned(name).filter(|_| sent.to == name.as_str()) else {
            return false;
        };
        let mut devices = pinned.list().devices().iter();
        devices.any(|known| {
            let key = known.identity_key.as_bytes();
            (device == 0 || known.id.get() == device)
                && sent.identity_keys.iter().any(|went_to| went_to == key)
        })
    }

    /// What in the queue waits for the content of an earlier number.
    fn waiting_for(&self, number: u64) -> Vec<(AccountName, u64)> {
        let waits = |item: &Queued| item.again == number && item.content.is_empty();
        let items = self.queue.iter().flat_map(|(name, items)| {
            items.iter().map(move |(position, item)| (name, *position, item))
        });
        items
            .filter(|(_, _, item)| waits(item))
            .map(|(n, position, _)| (n.clone(), position))
            .collect()
    }

    /// Tells who asked that these will not come again.
    fn say_gone<R: CryptoRng>(
        &mut self,
        gone: Vec<(AccountName, u32, u64)>,
        turn: &mut Turn<'_, R>,
    ) {
        let mut by_device = crate::sorted::Map::<_, Vec<u64>>::new();
        for (name, device, number) in gone.into_iter().filter(|(_, device, _)| *device != 0) {
            by_device.entry((name, device)).or_default().push(number);
        }
        for ((name, device), numbers) in by_device {
            for numbers in numbers.chunks(crate::content::MAX_LISTED) {
                let gone = wire::Gone { device, numbers: numbers.to_vec() };
                let body = wire::content::Body::Gone(gone);
                let said = content(MessageId::random(turn.rng), turn.now, body);
                self.enqueue(Queued::new(&name, &said), turn);
            }
        }
    }
}
