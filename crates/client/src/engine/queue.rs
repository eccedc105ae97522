//! What is to be said, and not encrypted yet.

use prost::Message;
use rand_core::CryptoRng;
use sprag_protocol::{AccountName, DeviceId, Timestamp};
use sprag_store::{Collection, Key};
use zeroize::Zeroizing;

use super::turn::{Turn, collection};
use super::{Engine, Peer, later};
use crate::content::{Body, MAX_LISTED, MessageId, content, wire};
use crate::effects::{Notice, Refusal, Reply};
use crate::input::{Command, Ticket};
use crate::record::{self, Stage};
use crate::view::{Event, Failed, MessageState};

/// Something to say to an account.
#[derive(Clone)]
pub(super) struct Queued {
    pub(super) id: MessageId,
    pub(super) to: AccountName,
    /// `Content`, encoded; empty where it is to be read from `sent` first.
    pub(super) content: Zeroizing<Vec<u8>>,
    /// A person wrote it: its state is shown.
    pub(super) visible: bool,
    /// It is kept for a repair.
    pub(super) keep: bool,
    /// The number under which the same was sent before; 0 where it was not.
    pub(super) again: u64,
    /// The device that asked for it again; 0 where none did.
    pub(super) asked_by: u32,
    /// It goes on a new session with this device.
    pub(super) fresh: Option<DeviceId>,
    /// It waits until this device takes part.
    pub(super) awaits: Option<DeviceId>,
    pub(super) not_before: Timestamp,
    /// How long it waited last, in seconds.
    pub(super) delay: u64,
}

impl Queued {
    pub(super) fn new(to: &AccountName, content: &wire::Content) -> Self {
        Self {
            id: id_of(content),
            to: to.clone(),
            content: Zeroizing::new(content.encode_to_vec()),
            visible: false,
            keep: false,
            again: 0,
            asked_by: 0,
            fresh: None,
            awaits: None,
            delay: 0,
            not_before: Timestamp::from_seconds(0),
        }
    }

    /// When it was written, in seconds since 1970.
    pub(super) fn written(&self) -> u64 {
        wire::Content::decode(&self.content[..]).map(|content| content.written).unwrap_or_default()
    }

    /// `Content`, encoded, with the number of the message that carries it.
    pub(super) fn carried_by(&self, number: u64) -> Zeroizing<Vec<u8>> {
        // The encodings of two messages, one after the other, are that of both in one.
        let number = wire::Content { number, ..wire::Content::default() }.encode_to_vec();
        Zeroizing::new([&self.content[..], &number].concat())
    }

    pub(super) fn kept(self) -> Self {
        Self { keep: true, ..self }
    }

    /// Tells, where a person wrote it, how far it has come.
    pub(super) fn has_come_to<R: CryptoRng>(&self, state: MessageState, turn: &mut Turn<'_, R>) {
        if self.visible {
            turn.notice(Notice::State { with: self.to.clone(), id: self.id, state });
        }
    }

    /// It will not be sent.
    pub(super) fn give_up<R: CryptoRng>(&self, why: Failed, turn: &mut Turn<'_, R>) {
        if self.visible {
            let id = self.id.0.to_vec();
            let when = turn.now.seconds();
            let kept = record::Mark { id, when, why: why.as_str().to_owned() };
            turn.put(mark("failed", &self.to, self.id), &kept);
        }
        self.has_come_to(MessageState::Failed(why), turn);
    }

    pub(super) fn record(&self) -> record::Queued {
        record::Queued {
            to: self.to.as_str().to_owned(),
            content: self.content.to_vec(),
            visible: self.visible,
            again: self.again,
            fresh: self.fresh.map(DeviceId::get).unwrap_or_default(),
            not_before: self.not_before.seconds(),
            asked_by: self.asked_by,
            keep: self.keep,
            awaits: self.awaits.map(DeviceId::get).unwrap_or_default(),
            delay: self.delay,
        }
    }

    pub(super) fn of(kept: record::Queued) -> Option<Self> {
        let decoded = wire::Content::decode(&kept.content[..]).ok()?;
        Some(Self {
            id: id_of(&decoded),
            to: AccountName::new(&kept.to).ok()?,
            content: Zeroizing::new(kept.content),
            visible: kept.visible,
            keep: kept.keep,
            again: kept.again,
            asked_by: kept.asked_by,
            fresh: DeviceId::new(kept.fresh),
            awaits: DeviceId::new(kept.awaits),
            delay: kept.delay,
            not_before: Timestamp::from_seconds(kept.not_before),
        })
    }
}

/// Zeros where there is none: a content that is still to be read.
pub(super) fn id_of(content: &wire::Content) -> MessageId {
    MessageId(content.id.as_slice().try_into().unwrap_or_default())
}

/// Where the history of a conversation lies.
pub(crate) fn history(with: &AccountName) -> Collection {
    Collection::of("history", with.as_str())
}

/// Where it lies that a message was delivered, read, or given up.
pub(crate) fn mark(state: &str, with: &AccountName, id: MessageId) -> Key {
    Collection::of(state, with.as_str()).at(id.position())
}

impl Engine {
    pub(super) fn command<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        command: Command,
        turn: &mut Turn<'_, R>,
    ) {
        let done = match command {
            Command::Send { to, body, id } => self.send(&to, &body, id, turn),
            Command::Retry { with, content: (id, body) } => self.retry(&with, id, &body, turn),
            Command::MarkRead { with, below, ids } => self.mark_read(&with, below, &ids, turn),
            Command::SetVerified { with, verified } => self.set_verified(&with, verified, turn),
            Command::AcceptKey(with) => self.accept_key(&with, turn),
            Command::SetReadReceipts(on) => {
                (self.read_receipts, turn.device_changed) = (on, true);
                Ok(Reply::Done)
            }
            Command::ShareHistory { device, with, entries } => {
                self.share_history(device, &with, &entries, turn)
            }
            Command::Meet(name) if self.pinned(&name).is_some() => {
                if self.is_blocked(&name) {
                    Err(Refusal::KeyChanged)
                } else {
                    Ok(Reply::Done)
                }
            }
            Command::Meet(name) | Command::Refresh(name) => {
                return self.look_up_for(name, ticket, turn);
            }
            Command::LinkDevice { code, options } => {
                return self.link_device(ticket, &code, options, turn);
            }
            Command::RemoveDevice(device) => return self.remove_device(ticket, device, turn),
        };
        turn.reply(ticket, done);
    }

    /// A message of a person: into the history, into the queue, and to the own other devices.
    fn send<R: CryptoRng>(
        &mut self,
        to: &AccountName,
        body: &Body,
        id: Option<MessageId>,
        turn: &mut Turn<'_, R>,
    ) -> Result<Reply, Refusal> {
        if !body.fits() {
            return Err(Refusal::TooLong);
        }
        if *to == self.name {
            return Err(Refusal::OwnAccount);
        }
        if !matches!(self.stage, Stage::Ready | Stage::Registering) {
            return Err(Refusal::NotReady);
        }
        let id = id.unwrap_or_else(|| MessageId::random(turn.rng));
        let device = self.device().unwrap_or(DeviceId::FIRST);
        let event = Event::Message { id, written: turn.now, body: body.clone() };
        let position = self.append(to, (None, device), event, turn).position;
        self.say(to, body.content(id, turn.now), turn);
        turn.notice(Notice::State { with: to.clone(), id, state: MessageState::Queued });
        Ok(Reply::Queued { id, position })
    }

    /// Queues a message and its copies.
    fn say<R: CryptoRng>(&mut self, to: &AccountName, said: wire::Content, turn: &mut Turn<'_, R>) {
        self.enqueue(Queued { visible: true, ..Queued::new(to, &said).kept() }, turn);
        let copy = wire::Copy { to: to.as_str().to_owned(), content: Some(Box::new(said)) };
        self.tell_own_devices(wire::content::Body::Copy(Box::new(copy)), turn);
    }

    /// To the own other devices, if there are any.
    pub(super) fn tell_own_devices<R: CryptoRng>(
        &mut self,
        body: wire::content::Body,
        turn: &mut Turn<'_, R>,
    ) {
        let others = self.pinned(&self.name).is_some_and(|own| own.list().devices().len() > 1);
        if others {
            let said = content(MessageId::random(turn.rng), turn.now, body);
            let own = self.name.clone();
            self.enqueue(Queued::new(&own, &said).kept(), turn);
        }
    }

    pub(super) fn enqueue<R: CryptoRng>(&mut self, item: Queued, turn: &mut Turn<'_, R>) {
        self.next.queued += 1;
        turn.device_changed = true;
        self.enqueue_at(self.next.queued, item, turn);
    }

    /// Puts something back to where it was.
    pub(super) fn enqueue_at<R: CryptoRng>(
        &mut self,
        position: u64,
        item: Queued,
        turn: &mut Turn<'_, R>,
    ) {
        turn.put(collection("queue").at(position), &item.record());
        self.queue.entry(item.to.clone()).or_default().insert(position, item);
    }

    /// Takes something out of the queue.
    pub(super) fn dequeue<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        position: u64,
        turn: &mut Turn<'_, R>,
    ) -> Option<Queued> {
        let items = self.queue.get_mut(name)?;
        let item = items.remove(&position)?;
        if items.is_empty() {
            self.queue.remove(name);
        }
        turn.remove(collection("queue").at(position));
        Some(item)
    }

    fn retry<R: CryptoRng>(
        &mut self,
        with: &AccountName,
        id: MessageId,
        body: &Body,
        turn: &mut Turn<'_, R>,
    ) -> Result<Reply, Refusal> {
        if !self.peers.contains_key(with) {
            return Err(Refusal::UnknownAccount);
        }
        if self.progress(with, id).is_some() {
            return Ok(Reply::Done);
        }
        turn.remove(mark("failed", with, id));
        self.live.paused.remove(with);
        let said = body.content(id, turn.now);
        self.enqueue(Queued { visible: true, ..Queued::new(with, &said).kept() }, turn);
        turn.notice(Notice::State { with: with.clone(), id, state: MessageState::Queued });
        Ok(Reply::Done)
    }

    fn mark_read<R: CryptoRng>(
        &mut self,
        with: &AccountName,
        below: u64,
        ids: &[MessageId],
        turn: &mut Turn<'_, R>,
    ) -> Result<Reply, Refusal> {
        let peer = self.peers.get_mut(with).ok_or(Refusal::UnknownAccount)?;
        if below > peer.read_below {
            peer.read(below, ids.len());
            turn.peer_changed(with);
            turn.notice(Notice::Conversation(with.clone()));
        }
        for ids in ids.chunks(MAX_LISTED) {
            let ids: Vec<_> = ids.iter().map(|id| id.0.to_vec()).collect();
            if self.read_receipts {
                self.receipt(with, ids.clone(), true, turn);
            }
            let read = wire::ReadElsewhere { with: with.as_str().to_owned(), ids };
            self.tell_own_devices(wire::content::Body::ReadElsewhere(read), turn);
        }
        Ok(Reply::Done)
    }

    fn receipt<R: CryptoRng>(
        &mut self,
        to: &AccountName,
        ids: Vec<Vec<u8>>,
        read: bool,
        turn: &mut Turn<'_, R>,
    ) {
        let body = wire::content::Body::Receipt(wire::Receipt { ids, read });
        let said = content(MessageId::random(turn.rng), turn.now, body);
        self.enqueue(Queued::new(to, &said), turn);
    }

    /// Lets the senders know what arrived in this turn.
    pub(super) fn queue_receipts<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        for (from, arrived) in std::mem::take(&mut turn.arrived) {
            for ids in arrived.chunks(MAX_LISTED) {
                let ids = ids.iter().map(|id| id.0.to_vec()).collect();
                self.receipt(&from, ids, false, turn);
            }
        }
    }

    /// Nothing that waits for this account will be sent.
    pub(super) fn give_up_all<R: CryptoRng>(&mut self, name: &AccountName, turn: &mut Turn<'_, R>) {
        for (position, item) in self.queue.remove(name).unwrap_or_default() {
            turn.remove(collection("queue").at(position));
            item.give_up(Failed::NoSuchAccount, turn);
        }
        let numbers: Vec<u64> =
            self.outbox.iter().filter(|(_, out)| out.queued.to == *name).map(|(n, _)| *n).collect();
        for number in numbers {
            if let Some(out) = self.settle(number, turn) {
                out.queued.give_up(Failed::NoSuchAccount, turn);
            }
        }
    }

    /// The same again, later, for a device whose mailbox was full.
    pub(super) fn again_later<R: CryptoRng>(
        &mut self,
        (number, to): (u64, &AccountName),
        delay: u64,
        turn: &mut Turn<'_, R>,
    ) {
        let not_before = later(turn.now, delay);
        let item = Queued::new(to, &wire::Content::default()).kept();
        let item =
            Queued { again: number, not_before, delay, content: Zeroizing::default(), ..item };
        self.enqueue(item, turn);
    }
}

impl Peer {
    /// So many more are read, and everything below this position.
    pub(super) fn read(&mut self, below: u64, many: usize) {
        let many = u64::try_from(many).unwrap_or(u64::MAX);
        self.unread = self.unread.saturating_sub(many);
        self.read_below = self.read_below.max(below.min(self.next_entry));
        if self.read_below == self.next_entry {
            self.unread = 0;
        }
        if self.unread == 0 {
            self.read_below = self.next_entry;
        }
    }
}

impl Failed {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoSuchAccount => "no-such-account",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn parse(code: &str) -> Self {
        if code == "no-such-account" { Self::NoSuchAccount } else { Self::Refused }
    }
}
