//! One turn of the engine: what it has gathered so far, and how that becomes [`Effects`].

use std::mem;

use prost::Message;
use rand_core::CryptoRng;
use sprag_api::frame::{Acknowledge, Send, Submit, to_relay::Frame};
use sprag_api::{directory, limit};
use sprag_protocol::{AccountName, DeviceId, Env, Timestamp};
use sprag_store::{Collection, Key};
use zeroize::Zeroizing;

use super::{Engine, Peer, Peering, devices, later};
use crate::content::MessageId;
use crate::effects::{Call, CallId, Effects, Notice, Refusal, Reply};
use crate::input::{Answer, Failure, Ticket};
use crate::record;
use crate::sorted::{Map, Set};

/// How many bytes of messages go into one frame, at most; one message always fits.
const FRAME_BYTES: usize = limit::FRAME_LEN - 300 * 1024;
/// Where, in the collection `device`, the device's record and its private prekeys are.
pub(super) const DEVICE: u64 = 0;
pub(super) const LOCAL: u64 = 1;
/// How often kept keys are gone through.
pub(super) const SWEEP: u64 = 24 * 60 * 60;

pub(super) struct Turn<'a, R> {
    pub(super) now: Timestamp,
    pub(super) rng: &'a mut R,
    pub(super) effects: Effects,
    submits: Vec<Send>,
    /// Everything up to here is processed, and can be acknowledged.
    pub(super) processed: Option<u64>,
    pub(super) device_changed: bool,
    /// Private prekeys have changed.
    pub(super) local_changed: bool,
    peers_changed: Set<AccountName>,
    sessions_changed: Set<(AccountName, DeviceId)>,
    /// What arrived from whom.
    pub(super) arrived: Map<AccountName, Vec<MessageId>>,
}

/// A call that is under way.
pub(super) enum Pending {
    Lookup { asked: Asked, ticket: Option<Ticket> },
    Claim(Asked),
    Publish { signed: bool },
    Count,
    PutDevices(Box<devices::Change>),
}

/// An account that the relay is asked about, and what was known when it was asked.
pub(super) struct Asked {
    pub(super) name: AccountName,
    /// The highest place of the mailbox that was delivered.
    pub(super) delivered: u64,
    /// The version of the known list.
    pub(super) version: u64,
}

impl<'a, R: CryptoRng> Turn<'a, R> {
    pub(super) fn new(now: Timestamp, rng: &'a mut R) -> Self {
        Self {
            now,
            rng,
            effects: Effects::default(),
            submits: Vec::new(),
            processed: None,
            device_changed: false,
            local_changed: false,
            peers_changed: Set::new(),
            sessions_changed: Set::new(),
            arrived: Map::new(),
        }
    }

    pub(super) fn env(&mut self) -> Env<'_, R> {
        Env::new(self.now, self.rng)
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.effects.notices.push(notice);
    }

    pub(super) fn reply(&mut self, ticket: Ticket, result: Result<Reply, Refusal>) {
        self.notice(Notice::Reply { ticket, result });
    }

    pub(super) fn peer_changed(&mut self, name: &AccountName) {
        if !self.peers_changed.contains(name) {
            self.peers_changed.insert(name.clone());
        }
    }

    pub(super) fn sessions_changed(&mut self, name: &AccountName, device: DeviceId) {
        self.sessions_changed.insert((name.clone(), device));
    }

    pub(super) fn submit(&mut self, send: Send) {
        self.submits.push(send);
    }

    pub(super) fn put(&mut self, key: Key, record: &impl Message) {
        self.effects.commit.put(key, Zeroizing::new(record.encode_to_vec()));
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.effects.commit.remove(key);
    }
}

/// The collections that the engine keeps wholly in memory.
pub(super) fn collection(name: &str) -> Collection {
    Collection::new(name)
}

impl Engine {
    /// A call that is answered later.
    pub(super) fn call<R: CryptoRng>(
        &mut self,
        call: Call,
        pending: Pending,
        turn: &mut Turn<'_, R>,
    ) {
        let id = CallId(self.live.next_call);
        self.live.next_call += 1;
        self.live.calls.insert(id, pending);
        turn.effects.calls.push((id, call));
    }

    pub(super) fn is_pending(&self, which: impl Fn(&Pending) -> bool) -> bool {
        self.live.calls.values().any(which)
    }

    pub(super) fn answer<R: CryptoRng>(
        &mut self,
        call: CallId,
        result: Result<Answer, Failure>,
        turn: &mut Turn<'_, R>,
    ) {
        let Some(pending) = self.live.calls.remove(&call) else { return };
        match pending {
            Pending::Lookup { asked, ticket } => self.looked_up(&asked, ticket, result, turn),
            Pending::Claim(asked) => self.claimed(&asked, result, turn),
            Pending::Publish { signed } => self.published(signed, &result, turn),
            Pending::Count => self.counted(&result, turn),
            Pending::PutDevices(change) => self.devices_put(*change, result, turn),
        }
    }

    /// Ends a turn: what changed goes into the commit, what is to be said into frames.
    pub(super) fn finish<R: CryptoRng>(&mut self, mut turn: Turn<'_, R>) -> Effects {
        self.save(&mut turn);
        for sends in frames(mem::take(&mut turn.submits)) {
            turn.effects.frames.push(Frame::Submit(Submit { sends }));
        }
        if let (Some(through), true) = (turn.processed, self.live.online) {
            turn.effects.frames.push(Frame::Acknowledge(Acknowledge { through }));
        }
        turn.effects.wake_at = self.wake_at(turn.now);
        turn.effects
    }

    fn save<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        for name in mem::take(&mut turn.peers_changed) {
            if let Some(peer) = self.peers.get(&name) {
                turn.put(collection("peers").at(peer.position), &peer.record(&name));
            }
        }
        for (name, device) in mem::take(&mut turn.sessions_changed) {
            let key = (name, device);
            if let Some(peering) = self.sessions.get(&key) {
                turn.put(collection("sessions").at(peering.position), &peering.record(&key));
            }
        }
        if turn.device_changed {
            turn.put(collection("device").at(DEVICE), &self.record());
        }
        if let (Some(us), true) = (&self.us, turn.local_changed) {
            let value = Zeroizing::new(us.to_bytes().expose().to_vec());
            turn.effects.commit.put(collection("device").at(LOCAL), value);
        }
    }

    /// The next moment at which something is to be done that no input announces.
    fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let queued = self.queue.values().flat_map(|items| items.values().map(|i| i.not_before));
        let not_before = queued.filter(|time| *time > now);
        let waiting = self.outbox.values().filter_map(super::outbox::Outgoing::due_at);
        let paused = self.live.paused.values().copied();
        let rotation = self.us.as_ref().map(sprag_protocol::LocalDevice::rotation_due);
        let swept = [later(self.swept, SWEEP)];
        let may_ask = |name: &AccountName| self.caught_up() && !self.is_blocked(name);
        let repairs = self.sessions.iter().filter(|((name, _), _)| may_ask(name));
        let repairs = repairs.filter_map(|(_, peering)| peering.repair_due());
        let online = not_before.chain(waiting).chain(paused).chain(repairs);
        let online = online.take_while(|_| self.live.online);
        let all = online.chain(rotation).chain(swept).chain(self.live.look_at);
        all.min().map(|at| at.max(later(now, 1)))
    }
}

/// Splits messages into frames that a relay takes.
fn frames(sends: Vec<Send>) -> Vec<Vec<Send>> {
    let mut frames: Vec<Vec<Send>> = Vec::new();
    let mut bytes = 0;
    for send in sends {
        let len = send.encoded_len();
        match frames.last_mut() {
            Some(frame) if frame.len() < limit::SENDS_PER_FRAME && bytes + len <= FRAME_BYTES => {
                frame.push(send);
                bytes += len;
            }
            _ => {
                frames.push(vec![send]);
                bytes = len;
            }
        }
    }
    frames
}

impl Peer {
    fn record(&self, name: &AccountName) -> record::Peer {
        let pinned = self.pinned.as_ref().map(|p| p.to_bytes().expose().to_vec());
        let ready = self.ready.iter().flatten().map(|device| device.get()).collect();
        record::Peer {
            name: name.as_str().to_owned(),
            pinned: pinned.unwrap_or_default(),
            signed_list: self.signed_list.clone(),
            verified_key: self.verified.map(|key| key.to_vec()).unwrap_or_default(),
            offered_key: self
                .offered
                .as_ref()
                .map(|(key, _)| key.as_bytes().to_vec())
                .unwrap_or_default(),
            offered_list: self
                .offered
                .as_ref()
                .map(|(_, list)| list.to_bytes())
                .unwrap_or_default(),
            ready,
            ready_known: self.ready.is_some(),
            next_entry: self.next_entry,
            unread: self.unread,
            read_below: self.read_below,
            active: self.active.seconds(),
        }
    }
}

impl Peering {
    fn record(&self, (name, device): &(AccountName, DeviceId)) -> record::Sessions {
        let (highest, window) = self.window.parts();
        record::Sessions {
            name: name.as_str().to_owned(),
            device: device.get(),
            sessions: self.sessions.to_bytes().expose().to_vec(),
            repair_asked: self.repair_asked.seconds(),
            unread_numbers: self.unreadable.iter().copied().collect(),
            highest,
            window,
        }
    }
}

impl Engine {
    fn record(&self) -> record::Device {
        let seed = self.account.as_ref().map(|account| account.seed().expose().to_vec());
        let linking = self.linking.as_ref();
        record::Device {
            origin: self.origin.as_str().to_owned(),
            account: self.name.as_str().to_owned(),
            stage: self.stage.into(),
            account_seed: seed.unwrap_or_default(),
            counter: self.counter,
            prekeys_published: self.prekeys_published,
            restored: self.restored,
            read_receipts: self.read_receipts,
            invitation: self.invitation.clone().unwrap_or_default(),
            linking_seed: linking.map(|linking| linking.seed.to_vec()).unwrap_or_default(),
            linking_secret: linking.map(|linking| linking.secret.to_vec()).unwrap_or_default(),
            days: self.days.iter().map(|&(day, counter)| record::Day { day, counter }).collect(),
            next_peer: self.next.peer,
            next_session: self.next.session,
            next_queued: self.next.queued,
            next_held: self.next.held,
            swept: self.swept.seconds(),
        }
    }

    /// An upload of one-time prekeys, in parts that a relay takes.
    pub(super) fn uploads(upload: &sprag_protocol::OneTimeUpload) -> Vec<directory::PublishKeys> {
        let most = limit::PREKEYS_PER_UPLOAD;
        let mut one_time = upload.one_time.chunks(most);
        let mut kem = upload.kem.chunks(most);
        let parts = upload.one_time.len().max(upload.kem.len()).div_ceil(most);
        (0..parts)
            .map(|_| directory::PublishKeys {
                one_time: one_time
                    .next()
                    .into_iter()
                    .flatten()
                    .map(|k| k.to_bytes().into())
                    .collect(),
                one_time_kem: kem
                    .next()
                    .into_iter()
                    .flatten()
                    .map(|k| k.to_bytes().into())
                    .collect(),
                ..directory::PublishKeys::default()
            })
            .collect()
    }
}
