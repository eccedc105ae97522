//! What other devices say, once it is opened.

use prost::Message;
use rand_core::CryptoRng;
use sprag_protocol::{AccountName, DeviceId, Timestamp};

use super::queue::{history, mark};
use super::turn::{SWEEP, Turn, collection};
use super::{Engine, Envelope};
use crate::content::{Body, MessageId, Said, What, wire};
use crate::effects::Notice;
use crate::record;
use crate::view::{Entry, Event, MessageState};

/// How long it is remembered, in days, that a content has arrived: longer than a relay keeps an
/// envelope and a sender what it sent, together.
const SEEN_DAYS: u64 = 62;

impl Engine {
    /// Acts on a content.
    pub(super) fn hear<R: CryptoRng>(
        &mut self,
        envelope: &Envelope,
        said: Said,
        turn: &mut Turn<'_, R>,
    ) {
        let from = &envelope.sender;
        let own = *from == self.name;
        let Said { id, written, what, .. } = said;
        match what {
            What::Body(body) if !own => self.hear_message(envelope, (id, written), body, turn),
            What::Receipt { ids, read } if !own => self.hear_receipt(from, &ids, read, turn),
            What::Repair { device, numbers } if self.is_us(device) => {
                self.repair((from, envelope.device), &numbers, turn);
            }
            What::Gone { device, numbers } if self.is_us(device) => {
                self.hear_gone(envelope, &numbers, turn);
            }
            What::Devices(signed) if !own => {
                self.learn_list(from, &signed, turn);
            }
            What::Copy { to, message } if own && to != self.name => {
                if let Some((id, written, body)) = message.message() {
                    self.hear_copy(envelope, &to, (id, written, body), turn);
                }
            }
            What::Link { device, secret, account_seed } if own && self.is_us(device) => {
                self.hear_link(&secret, account_seed.as_deref(), turn);
            }
            What::Contact(contact) if own && self.is_us(contact.device) => {
                self.hear_contact(*contact, turn);
            }
            What::Past { device, with, entries } if own && self.is_us(device) => {
                self.hear_past(&with, entries, turn);
            }
            What::ReadElsewhere { with, ids } if own => self.hear_read(&with, &ids, turn),
            // For another device, from somebody who has no say in it, or of a later version.
            What::Body(_)
            | What::Receipt { .. }
            | What::Repair { .. }
            | What::Gone { .. }
            | What::Devices(_)
            | What::Copy { .. }
            | What::Link { .. }
            | What::Contact(_)
            | What::Past { .. }
            | What::ReadElsewhere { .. }
            | What::Unknown => {}
        }
    }

    fn is_us(&self, device: u32) -> bool {
        self.device().is_some_and(|us| us.get() == device)
    }

    fn hear_message<R: CryptoRng>(
        &mut self,
        envelope: &Envelope,
        (id, written): (MessageId, Timestamp),
        body: Body,
        turn: &mut Turn<'_, R>,
    ) {
        let from = envelope.sender.clone();
        // Also where it was seen: the first receipt may have been lost.
        turn.arrived.entry(from.clone()).or_default().push(id);
        if !self.see(&from, id, turn) {
            return;
        }
        let event = Event::Message { id, written, body };
        let author = (Some(&from), envelope.device);
        let entry = self.append(&from, author, event, turn);
        let peer = self.meet(&from, turn);
        peer.unread += 1;
        turn.notice(Notice::Entry { with: from, entry: Box::new(entry) });
    }

    /// Another own device has said this to somebody.
    fn hear_copy<R: CryptoRng>(
        &mut self,
        envelope: &Envelope,
        to: &AccountName,
        (id, written, body): (MessageId, Timestamp, Body),
        turn: &mut Turn<'_, R>,
    ) {
        if self.see(&envelope.sender, id, turn) {
            let event = Event::Message { id, written, body };
            let entry = self.append(to, (None, envelope.device), event, turn);
            turn.notice(Notice::Entry { with: to.clone(), entry: Box::new(entry) });
        }
    }

    /// Takes note of a content; whether it is new.
    pub(super) fn see<R: CryptoRng>(
        &mut self,
        from: &AccountName,
        id: MessageId,
        turn: &mut Turn<'_, R>,
    ) -> bool {
        let day = turn.now.seconds() / SWEEP;
        let new = self.seen.insert((from.clone(), id.position()), day).is_none();
        if new {
            let kept = record::Seen { day, from: from.as_str().to_owned() };
            turn.put(collection("seen").at(id.position()), &kept);
        }
        new
    }

    /// Forgets what was seen long ago.
    pub(super) fn forget_seen<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        let today = turn.now.seconds() / SWEEP;
        self.seen.retain(|(_, position), day| {
            let keep = today.saturating_sub(*day) <= SEEN_DAYS;
            if !keep {
                turn.remove(collection("seen").at(*position));
            }
            keep
        });
    }

    /// A new entry at the end of a conversation. Without an author it is the own account's.
    pub(super) fn append<R: CryptoRng>(
        &mut self,
        with: &AccountName,
        (author, device): (Option<&AccountName>, DeviceId),
        event: Event,
        turn: &mut Turn<'_, R>,
    ) -> Entry {
        self.append_at(with, (author, device, turn.now), event, turn)
    }

    /// The same for an entry that arrived elsewhere, earlier.
    pub(super) fn append_at<R: CryptoRng>(
        &mut self,
        with: &AccountName,
        (author, device, received): (Option<&AccountName>, DeviceId, Timestamp),
        event: Event,
        turn: &mut Turn<'_, R>,
    ) -> Entry {
        let from = author.unwrap_or(&self.name).clone();
        let own = author.is_none();
        let now = turn.now;
        let peer = self.meet(with, turn);
        let position = peer.next_entry;
        peer.next_entry += 1;
        peer.active = peer.active.max(received).min(now);
        turn.peer_changed(with);
        let kept = record::Entry {
            from: author.map(|name| name.as_str().to_owned()).unwrap_or_default(),
            device: device.get(),
            content: event.content().map(|c| c.encode_to_vec()).unwrap_or_default(),
            received: received.seconds(),
            event: event.record().into(),
        };
        turn.put(history(with).at(position), &kept);
        let state = own.then_some(MessageState::Sent);
        Entry { position, from, device, own, received, event, state }
    }

    /// The conversation says that its other account has another key now.
    pub(super) fn note_key_change<R: CryptoRng>(
        &mut self,
        with: &AccountName,
        turn: &mut Turn<'_, R>,
    ) {
        let device = self.device().unwrap_or(DeviceId::FIRST);
        let entry = self.append(with, (Some(with), device), Event::KeyChanged, turn);
        turn.notice(Notice::Entry { with: with.clone(), entry: Box::new(entry) });
    }

    fn hear_receipt<R: CryptoRng>(
        &mut self,
        from: &AccountName,
        ids: &[MessageId],
        read: bool,
        turn: &mut Turn<'_, R>,
    ) {
        if self.peers.get(from).is_none_or(|peer| peer.next_entry == 0) {
            return;
        }
        let (name, state) = if read {
            ("read", MessageState::Read)
        } else {
            ("delivered", MessageState::Delivered)
        };
        for id in ids {
            let when = turn.now.seconds();
            let kept = record::Mark { id: id.0.to_vec(), when, why: String::new() };
            turn.put(mark(name, from, *id), &kept);
            turn.notice(Notice::State { with: from.clone(), id: *id, state });
        }
    }

    /// These will not come again.
    fn hear_gone<R: CryptoRng>(
        &mut self,
        envelope: &Envelope,
        numbers: &[u64],
        turn: &mut Turn<'_, R>,
    ) {
        let key = (envelope.sender.clone(), envelope.device);
        if let Some(peering) = self.sessions.get_mut(&key) {
            peering.unreadable.retain(|number| !numbers.contains(number));
            turn.sessions_changed(&envelope.sender, envelope.device);
        }
    }

    fn hear_read<R: CryptoRng>(
        &mut self,
        with: &AccountName,
        ids: &[MessageId],
        turn: &mut Turn<'_, R>,
    ) {
        let Some(peer) = self.peers.get_mut(with) else { return };
        peer.read(0, ids.len());
        turn.peer_changed(with);
        turn.notice(Notice::Conversation(with.clone()));
    }
}

impl Event {
    fn content(&self) -> Option<wire::Content> {
        match self {
            Self::Message { id, written, body } => Some(body.content(*id, *written)),
            Self::KeyChanged => None,
        }
    }

    fn record(&self) -> record::Event {
        match self {
            Self::Message { .. } => record::Event::None,
            Self::KeyChanged => record::Event::KeyChanged,
        }
    }
}
