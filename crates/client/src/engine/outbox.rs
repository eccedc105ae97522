//! Encrypting what waits, sending it, and what the relay answers.

use rand_core::CryptoRng;
use sprag_api::frame::{self, Accepted, Refused};
use sprag_api::problem::Code;
use sprag_protocol::{AccountName, DeviceId, DeviceIdentity, Sessions, Timestamp};

use super::queue::Queued;
use super::turn::{Turn, collection};
use super::window::Window;
use super::{Engine, Peering, later};
use crate::effects::Notice;
use crate::record::{self, Stage};
use crate::sorted::Set;
use crate::view::{Failed, MessageState};

/// How many messages to one account are on their way at the same time, at most.
const IN_FLIGHT_PER_ACCOUNT: usize = 128;
/// The same, to all accounts.
const IN_FLIGHT: usize = 512;
/// How many bytes of ciphertext are on their way, at most; one message always may.
const IN_FLIGHT_BYTES: usize = 4 * 1024 * 1024;
/// How far apart the numbers of unsettled messages are, at most; the relay tells 1,024 apart.
const SPREAD: u64 = 1000;
/// How long to wait, in seconds, where the relay wants other devices again and again.
const DIFFERS_AGAIN: u64 = 60;
/// How long to wait, in seconds, before a device whose mailbox was full gets it again: at first, doubled each
/// time, and at most.
const LEFT_OUT: u64 = 600;
const LEFT_OUT_MOST: u64 = 7 * 24 * 60 * 60;
/// How long something waits for a device that was just taken in, at most.
const AWAITED: u64 = 7 * 24 * 60 * 60;
/// What was sent is kept so long, in days, and for so many numbers, for a repair.
const KEPT_DAYS: u64 = 30;
const KEPT_NUMBERS: u64 = 20_000;

/// A message on its way.
pub(super) struct Outgoing {
    pub(super) queued: Queued,
    /// Where it stood in the queue.
    position: u64,
    parts: Vec<(DeviceId, Vec<u8>)>,
    flight: Flight,
    /// How often it may have been sent.
    tries: u32,
}

/// Where a message is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flight {
    /// Submitted on an earlier connection, perhaps: only the relay knows.
    Unknown,
    /// To be completed and submitted; the relay does not have it.
    Due,
    /// Submitted on this connection.
    Flying,
    /// Refused; to be submitted at this time.
    Waiting(Timestamp),
}

/// Whether sending to an account can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

impl Outgoing {
    pub(super) fn of(kept: record::Outgoing) -> Option<Self> {
        let part =
            |part: record::OutgoingPart| Some((DeviceId::new(part.device)?, part.ciphertext));
        Some(Self {
            queued: Queued::of(kept.queued?)?,
            position: kept.position,
            parts: kept.parts.into_iter().map(part).collect::<Option<_>>()?,
            flight: Flight::Unknown,
            tries: 1,
        })
    }

    fn record(&self) -> record::Outgoing {
        let part = |(device, ciphertext): &(DeviceId, Vec<u8>)| record::OutgoingPart {
            device: device.get(),
            ciphertext: ciphertext.clone(),
        };
        record::Outgoing {
            queued: Some(self.queued.record()),
            parts: self.parts.iter().map(part).collect(),
            position: self.position,
        }
    }

    pub(super) fn due_at(&self) -> Option<Timestamp> {
        match self.flight {
            Flight::Waiting(until) => Some(until),
            Flight::Unknown | Flight::Due | Flight::Flying => None,
        }
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, ciphertext)| ciphertext.len()).sum()
    }
}

impl Engine {
    /// Sends what can be sent.
    pub(super) fn pump<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        if !self.live.online || self.stage != Stage::Ready {
            return;
        }
        self.submit_unknown(turn);
        let on_their_way = self.outbox.values().map(|out| &out.queued.to);
        let names: Set<_> = self.queue.keys().chain(on_their_way).collect();
        let names: Vec<_> = names.into_iter().cloned().collect();
        for name in names {
            if !self.is_blocked(&name) && !self.is_paused(&name, turn.now) {
                self.pump_account(&name, turn);
            }
        }
    }

    fn pump_account<R: CryptoRng>(&mut self, name: &AccountName, turn: &mut Turn<'_, R>) {
        if self.resume(name, turn) == Next::Stop {
            return;
        }
        while self.has_room(name, turn) {
            let Some(position) = self.next_queued(name, turn) else { return };
            if self.send_queued(name, position, turn) == Next::Stop {
                return;
            }
        }
    }

    fn has_room<R: CryptoRng>(&mut self, name: &AccountName, turn: &mut Turn<'_, R>) -> bool {
        let of_account = self.peers.get(name).map_or(0, |peer| peer.in_flight);
        self.outbox.len() < IN_FLIGHT
            && of_account < IN_FLIGHT_PER_ACCOUNT
            && self.live.in_flight_bytes < IN_FLIGHT_BYTES
            && self.keep_together(turn)
    }

    /// Whether the next number is near enough to those that are unsettled. What the relay has refused
    /// for too long goes back to the queue, to get a new number.
    fn keep_together<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) -> bool {
        while let Some((&lowest, out)) = self.outbox.first_key_value() {
            if self.counter - lowest < SPREAD {
                return true;
            }
            if !matches!(out.flight, Flight::Due | Flight::Waiting(_)) {
                return false;
            }
            self.requeue(lowest, turn);
        }
        true
    }

    /// Takes a message that is not on its way any more back into the queue.
    fn requeue<R: CryptoRng>(&mut self, number: u64, turn: &mut Turn<'_, R>) {
        if let Some(out) = self.settle(number, turn) {
            self.enqueue_at(out.position, out.queued, turn);
        }
    }

    /// The next thing to say to an account that can be said now.
    fn next_queued<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        turn: &mut Turn<'_, R>,
    ) -> Option<u64> {
        let items = self.queue.get(name)?;
        // What follows for a device that is awaited must not overtake.
        let mut awaited = Set::new();
        for (position, item) in items {
            if item.awaits.is_some_and(|device| awaited.contains(&device)) {
                continue;
            }
            if item.not_before > turn.now {
                awaited.extend(item.awaits);
                continue;
            }
            if item.content.is_empty() {
                if self.live.fetching.insert(*position) {
                    turn.effects.fetch.push(collection("sent").at(item.again));
                }
                continue;
            }
            return Some(*position);
        }
        None
    }

    /// Encrypts one thing for every device of its account, and submits it.
    fn send_queued<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        position: u64,
        turn: &mut Turn<'_, R>,
    ) -> Next {
        let Some(item) = self.queue.get(name).and_then(|items| items.get(&position)) else {
            return Next::Stop;
        };
        let (fresh, awaits) = (item.fresh, item.awaits);
        let Some(targets) = self.targets(name) else {
            self.claim(name, turn);
            return Next::Stop;
        };
        if let Some(device) = awaits.or(fresh).filter(|device| !targets.contains(device)) {
            return self.absent(name, (position, device), turn);
        }
        if targets.is_empty() {
            return self.nobody(name, position, turn);
        }
        if !targets.iter().all(|device| self.can_encrypt(name, *device, fresh, turn)) {
            self.claim(name, turn);
            return Next::Stop;
        }
        let Some(queued) = self.dequeue(name, position, turn) else { return Next::Stop };
        self.counter += 1;
        turn.device_changed = true;
        let out = Outgoing { queued, position, parts: Vec::new(), flight: Flight::Due, tries: 0 };
        let number = self.counter;
        self.launch(number, out, turn);
        self.complete(number, &targets, turn)
    }

    /// The first steps of a message that got its number.
    fn launch<R: CryptoRng>(&mut self, number: u64, out: Outgoing, turn: &mut Turn<'_, R>) {
        let queued = &out.queued;
        queued.has_come_to(MessageState::Sending, turn);
        if let Some(peer) = self.peers.get_mut(&queued.to) {
            peer.in_flight += 1;
        }
        self.outbox.insert(number, out);
        self.forget_sent(number, turn);
    }

    /// What was sent long ago is not kept any longer.
    fn forget_sent<R: CryptoRng>(&mut self, number: u64, turn: &mut Turn<'_, R>) {
        let today = turn.now.seconds() / (24 * 60 * 60);
        match self.days.last_mut() {
            Some((day, counter)) if *day >= today => *counter = number,
            _ => self.days.push((today, number)),
        }
        let old = self.days.iter().take_while(|(day, _)| day + KEPT_DAYS < today).count();
        let by_day = self.days.drain(..old).next_back().map(|(_, counter)| counter);
        let by_number = number.is_multiple_of(256).then(|| number.saturating_sub(KEPT_NUMBERS));
        if let Some(through) = by_day.max(by_number).filter(|through| *through > 0) {
            turn.effects.commit.remove_range(collection("sent"), 0, through);
        }
    }

    /// Every device that a message to the account must name; `None` where the relay has not said.
    fn targets(&self, name: &AccountName) -> Option<Vec<DeviceId>> {
        let peer = self.peers.get(name)?;
        let (ready, pinned) = (peer.ready.as_ref()?, peer.pinned.as_ref()?);
        let us = self.device().filter(|_| *name == self.name);
        let named = ready.iter().copied().filter(|device| Some(*device) != us);
        Some(named.filter(|device| pinned.device(*device).is_some()).collect())
    }

    /// A device does not take part that this is for, or that a new session should be with.
    fn absent<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        (position, device): (u64, DeviceId),
        turn: &mut Turn<'_, R>,
    ) -> Next {
        let is_listed = self.pinned(name).is_some_and(|pinned| pinned.device(device).is_some());
        let item = self.queue.get_mut(name).and_then(|items| items.get_mut(&position));
        let Some(item) = item else { return Next::Stop };
        // A device that was just taken in has still to publish its keys: its delay grows with its age.
        let delay = (item.delay * 5 / 4 + 1).clamp(2, 600);
        let waited =
            item.not_before.seconds().max(turn.now.seconds()).saturating_sub(item.written());
        if item.awaits.is_none() || !is_listed || waited > AWAITED {
            self.dequeue(name, position, turn);
            return Next::GoOn;
        }
        (item.not_before, item.delay) = (later(turn.now, delay), delay);
        if let Some(peer) = self.peers.get_mut(name) {
            peer.ready = None;
        }
        Next::GoOn
    }

    /// No device takes part.
    fn nobody<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        position: u64,
        turn: &mut Turn<'_, R>,
    ) -> Next {
        if *name == self.name {
            self.dequeue(name, position, turn);
            return Next::GoOn;
        }
        if let Some(peer) = self.peers.get_mut(name) {
            peer.ready = None;
        }
        self.pause(name, DIFFERS_AGAIN, turn);
        Next::Stop
    }

    /// Whether there is a session to encrypt on, or a bundle to start one from.
    fn can_encrypt<R>(
        &self,
        name: &AccountName,
        device: DeviceId,
        fresh: Option<DeviceId>,
        turn: &Turn<'_, R>,
    ) -> bool {
        let key = (name.clone(), device);
        let usable = || self.sessions.get(&key).is_some_and(|p| p.sessions.can_send(turn.now));
        self.live.bundles.contains_key(&key) || fresh != Some(device) && usable()
    }

    /// Adds the parts that a message still needs, and submits it.
    fn complete<R: CryptoRng>(
        &mut self,
        number: u64,
        targets: &[DeviceId],
        turn: &mut Turn<'_, R>,
    ) -> Next {
        let Some(mut out) = self.outbox.remove(&number) else { return Next::Stop };
        out.parts.retain(|(device, _)| targets.contains(device));
        let name = out.queued.to.clone();
        let mut complete = true;
        for device in targets {
            if out.parts.iter().any(|(named, _)| named == device) {
                continue;
            }
            match self.encrypt((&name, *device), (number, &out.queued), turn) {
                Some(ciphertext) => out.parts.push((*device, ciphertext)),
                None => complete = false,
            }
        }
        turn.put(collection("outbox").at(number), &out.record());
        self.keep_sent(number, &out, turn);
        if complete {
            self.submit(number, &mut out, turn);
        } else {
            self.claim(&name, turn);
        }
        self.outbox.insert(number, out);
        if complete { Next::GoOn } else { Next::Stop }
    }

    /// Keeps what was said, and to whom, for a repair.
    fn keep_sent<R: CryptoRng>(&self, number: u64, out: &Outgoing, turn: &mut Turn<'_, R>) {
        let Outgoing { queued, parts, .. } = out;
        let Some(pinned) = self.pinned(&queued.to).filter(|_| queued.keep) else { return };
        let devices = parts.iter().filter_map(|(device, _)| pinned.device(*device));
        let kept = record::Sent {
            to: queued.to.as_str().to_owned(),
            content: queued.content.to_vec(),
            identity_keys: devices.map(|device| device.identity_key.as_bytes().to_vec()).collect(),
        };
        turn.put(collection("sent").at(number), &kept);
    }

    /// Encrypts for one device; `None` where a bundle is needed first.
    fn encrypt<R: CryptoRng>(
        &mut self,
        (name, device): (&AccountName, DeviceId),
        (number, queued): (u64, &Queued),
        turn: &mut Turn<'_, R>,
    ) -> Option<Vec<u8>> {
        let identity = self.pinned(name)?.device(device)?;
        let key = (name.clone(), device);
        let usable = self.sessions.get(&key).is_some_and(|p| p.sessions.can_send(turn.now));
        let bundle = if !usable || queued.fresh == Some(device) {
            self.live.bundles.remove(&key)
        } else {
            None
        };
        let us = self.us.as_ref()?;
        let next = &mut self.next.session;
        let peering = self.sessions.entry(key).or_insert_with(|| {
            *next += 1;
            Peering::with(identity, *next)
        });
        turn.device_changed = true;
        turn.sessions_changed(name, device);
        if let Some(bundle) = bundle {
            peering.sessions.initiate(us, bundle, &mut turn.env()).ok()?;
        }
        peering.sessions.encrypt(&queued.carried_by(number), &mut turn.env()).ok()
    }

    fn submit<R: CryptoRng>(&mut self, number: u64, out: &mut Outgoing, turn: &mut Turn<'_, R>) {
        let part = |(device, ciphertext): &(DeviceId, Vec<u8>)| frame::Part {
            device: device.get(),
            ciphertext: ciphertext.clone().into(),
        };
        let parts = out.parts.iter().map(part).collect();
        turn.submit(frame::Send { number, to: out.queued.to.as_str().to_owned(), parts });
        if out.flight != Flight::Flying {
            self.live.in_flight_bytes += out.bytes();
        }
        out.flight = Flight::Flying;
        out.tries += 1;
    }

    /// Submits again what waits for that; whether more can be sent to this account.
    fn resume<R: CryptoRng>(&mut self, name: &AccountName, turn: &mut Turn<'_, R>) -> Next {
        if self.peers.get(name).is_none_or(|peer| peer.in_flight == 0) {
            return Next::GoOn;
        }
        let of_account = self.outbox.iter().filter(|(_, out)| out.queued.to == *name);
        let grounded =
            of_account.filter(|(_, out)| matches!(out.flight, Flight::Due | Flight::Waiting(_)));
        let numbers: Vec<_> = grounded.map(|(number, out)| (*number, out.flight)).collect();
        for (number, flight) in numbers {
            if matches!(flight, Flight::Waiting(until) if until > turn.now) {
                return Next::Stop;
            }
            let Some(targets) = self.targets(name) else {
                self.claim(name, turn);
                return Next::Stop;
            };
            if targets.is_empty() && *name == self.name {
                // The own other devices are gone: nobody needs a copy any more.
                self.settle(number, turn);
                continue;
            }
            if targets.is_empty() {
                self.outbox.get_mut(&number).into_iter().for_each(|out| out.wait(turn));
                return Next::Stop;
            }
            if self.complete(number, &targets, turn) == Next::Stop {
                return Next::Stop;
            }
        }
        Next::GoOn
    }

    /// A connection has begun: whatever was on its way may or may not have arrived.
    pub(super) fn resubmit_all(&mut self) {
        self.live.in_flight_bytes = 0;
        for out in self.outbox.values_mut().filter(|out| out.flight == Flight::Flying) {
            out.flight = Flight::Unknown;
        }
    }

    /// Submits the same again, byte for byte; the relay knows whether it has it.
    fn submit_unknown<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        let unknown = |out: &Outgoing| out.flight == Flight::Unknown;
        let numbers: Vec<u64> =
            self.outbox.iter().filter(|(_, out)| unknown(out)).map(|(number, _)| *number).collect();
        for number in numbers {
            let Some(mut out) = self.outbox.remove(&number) else { continue };
            if out.parts.is_empty() {
                out.flight = Flight::Due;
            } else {
                self.submit(number, &mut out, turn);
            }
            self.outbox.insert(number, out);
        }
    }

    /// A message is off the way: accepted, or given up.
    pub(super) fn settle<R: CryptoRng>(
        &mut self,
        number: u64,
        turn: &mut Turn<'_, R>,
    ) -> Option<Outgoing> {
        let out = self.outbox.remove(&number)?;
        if let Some(peer) = self.peers.get_mut(&out.queued.to) {
            peer.in_flight = peer.in_flight.saturating_sub(1);
        }
        if out.flight == Flight::Flying {
            self.live.in_flight_bytes = self.live.in_flight_bytes.saturating_sub(out.bytes());
        }
        turn.remove(collection("outbox").at(number));
        Some(out)
    }

    pub(super) fn accepted<R: CryptoRng>(&mut self, accepted: &Accepted, turn: &mut Turn<'_, R>) {
        let mut cloned = None;
        for receipt in &accepted.receipts {
            let number = receipt.number;
            let Some(out) = self.settle(number, turn) else { continue };
            if receipt.duplicate && out.tries == 1 {
                self.enqueue_at(out.position, out.queued, turn);
                cloned = cloned.max(Some(number));
                continue;
            }
            if let Some(peer) = self.peers.get_mut(&out.queued.to) {
                peer.differs = 0;
            }
            let delay = (out.queued.delay * 2).max(LEFT_OUT);
            if !receipt.left_out.is_empty() && out.queued.keep && delay <= LEFT_OUT_MOST {
                self.again_later((number, &out.queued.to), delay, turn);
            }
            out.queued.has_come_to(MessageState::Sent, turn);
        }
        if let Some(number) = cloned {
            // Somebody else has used these numbers: what they named is not what was to be sent.
            turn.notice(Notice::Cloned);
            self.start_afresh(number, turn);
        }
    }

    pub(super) fn refused<R: CryptoRng>(&mut self, refused: &Refused, turn: &mut Turn<'_, R>) {
        let Some(out) = self.outbox.get_mut(&refused.number) else { return };
        if out.flight == Flight::Flying {
            self.live.in_flight_bytes = self.live.in_flight_bytes.saturating_sub(out.bytes());
        }
        out.flight = Flight::Due;
        let name = out.queued.to.clone();
        match Code::parse(&refused.code) {
            Some(Code::DevicesDiffer) => self.devices_differ(&name, refused, turn),
            Some(Code::NotFound) => self.no_such_account(&name, turn),
            // It was settled before the 1,024 numbers that followed it.
            Some(Code::NumberTooOld) => {
                if let Some(out) = self.settle(refused.number, turn) {
                    out.queued.has_come_to(MessageState::Sent, turn);
                }
            }
            Some(Code::Malformed | Code::TooLarge) => {
                if let Some(out) = self.settle(refused.number, turn) {
                    out.queued.give_up(Failed::Refused, turn);
                }
            }
            _ => {
                out.flight =
                    Flight::Waiting(later(turn.now, u64::from(refused.retry_after).max(1)));
            }
        }
    }

    /// The relay names the devices that it wants now: what is missing is encrypted in this turn.
    fn devices_differ<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        refused: &Refused,
        turn: &mut Turn<'_, R>,
    ) {
        self.learn_list(name, &refused.device_list, turn);
        let ready = refused.devices.iter().filter_map(|device| DeviceId::new(*device)).collect();
        let peer = self.meet(name, turn);
        if peer.ready.as_ref() == Some(&ready) {
            // Not for the first of those that were on their way together.
            peer.differs += 1;
        } else {
            (peer.ready, peer.differs) = (Some(ready), peer.differs + 1);
            turn.peer_changed(name);
        }
        let most = u32::try_from(IN_FLIGHT_PER_ACCOUNT).unwrap_or(u32::MAX) * 4;
        if peer.differs > most || refused.devices.is_empty() {
            peer.differs = 0;
            self.pause(name, DIFFERS_AGAIN, turn);
        }
    }

    /// What was encrypted for a device that is gone is not sent.
    pub(super) fn drop_parts<R: CryptoRng>(
        &mut self,
        (name, device): &(AccountName, DeviceId),
        turn: &mut Turn<'_, R>,
    ) {
        for (number, out) in &mut self.outbox {
            let before = out.parts.len();
            if out.queued.to == *name {
                out.parts.retain(|(named, _)| named != device);
            }
            if out.parts.len() != before {
                turn.put(collection("outbox").at(*number), &out.record());
            }
        }
    }
}

impl Outgoing {
    fn wait<R>(&mut self, turn: &Turn<'_, R>) {
        self.flight = Flight::Waiting(later(turn.now, DIFFERS_AGAIN));
    }
}

impl Peering {
    /// No sessions yet.
    pub(super) fn with(identity: DeviceIdentity, position: u64) -> Self {
        Self {
            position,
            sessions: Sessions::with(identity),
            repair_asked: Timestamp::from_seconds(0),
            unreadable: Set::new(),
            window: Window::default(),
        }
    }
}
