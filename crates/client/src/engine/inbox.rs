//! What the relay delivers: opened in its order, each once, and acknowledged with the commit that holds it.

use rand_core::CryptoRng;
use sprag_api::frame::{self, Deliver};
use sprag_protocol::sessions::DecryptError;
use sprag_protocol::{AccountName, DeviceId, DeviceIdentity, Timestamp};

use super::turn::{Turn, collection};
use super::{Engine, Envelope, Peering};
use crate::content::Said;
use crate::effects::Notice;
use crate::record::{self, Stage};

/// How many envelopes are held for a person's decision: of one account, and of all.
const HELD_PER_ACCOUNT: usize = 200;
const HELD: usize = 2000;

/// How many numbers that could not be read are noted for each device: as many as a mailbox holds.
const UNREADABLE: usize = 10_000;

/// What became of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is done with, and can be acknowledged.
    Done,
    /// The relay is asked about its sender first.
    Wait,
}

impl Envelope {
    /// Takes what the relay delivers; `None` where no device could have sent it.
    fn of(envelope: frame::Envelope) -> Option<Self> {
        Some(Self {
            seq: envelope.seq,
            sender: AccountName::new(&envelope.sender).ok()?,
            device: DeviceId::new(envelope.sender_device)?,
            number: envelope.number,
            received: Timestamp::from_seconds(envelope.received),
            ciphertext: envelope.ciphertext.into(),
        })
    }

    /// Whether it is a first message of another device: the sender's identity key is at its front
    /// (PROTOCOL.md, section 7).
    fn is_of_another_than(&self, identity: &DeviceIdentity) -> bool {
        match self.ciphertext.as_slice() {
            [1, 1, rest @ ..] => !rest.starts_with(identity.identity_key.as_bytes()),
            _ => false,
        }
    }

    pub(super) fn held(position: u64, kept: record::Held) -> Option<Self> {
        Self::of(frame::Envelope {
            seq: position,
            sender: kept.sender,
            sender_device: kept.device,
            number: kept.number,
            received: kept.received,
            ciphertext: kept.ciphertext.into(),
        })
    }
}

impl Engine {
    pub(super) fn deliver<R: CryptoRng>(&mut self, deliver: Deliver, turn: &mut Turn<'_, R>) {
        for envelope in deliver.envelopes {
            let seq = envelope.seq;
            self.live.delivered = self.live.delivered.max(seq);
            match Envelope::of(envelope) {
                Some(envelope) => self.live.inbox.push_back(envelope),
                // Nothing waits before it: it can be acknowledged at once.
                None if self.live.inbox.is_empty() => turn.processed = Some(seq),
                None => {}
            }
        }
    }

    /// Opens what was delivered, as far as its senders are known.
    pub(super) fn process_inbox<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        while let Some(envelope) = self.live.inbox.pop_front() {
            if self.take_in(&envelope, turn) == Fate::Wait {
                self.live.inbox.push_front(envelope);
                self.ask_ahead(turn);
                return;
            }
            turn.processed = Some(envelope.seq);
        }
    }

    /// Asks about all unknown senders at once, and not one after the other.
    fn ask_ahead<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        let of_unknown =
            |envelope: &&Envelope| self.identity(envelope).is_none() && !self.has_asked(envelope);
        let unknown = self.live.inbox.iter().filter(of_unknown).map(|e| e.sender.clone());
        let unknown: crate::sorted::Set<_> = unknown.take(64).collect();
        for name in unknown.into_iter().take(16) {
            self.look_up(&name, turn);
        }
    }

    /// The sender, where it is a device of a list that was checked.
    fn identity(&self, envelope: &Envelope) -> Option<DeviceIdentity> {
        self.pinned(&envelope.sender)?.device(envelope.device)
    }

    fn take_in<R: CryptoRng>(&mut self, envelope: &Envelope, turn: &mut Turn<'_, R>) -> Fate {
        let Some(us) = &self.us else { return Fate::Done };
        let own_address = &us.public().address;
        if (&own_address.account, own_address.device) == (&envelope.sender, envelope.device) {
            return Fate::Done;
        }
        if self.stage == Stage::Joining && envelope.sender != self.name {
            return self.hold(envelope, turn);
        }
        match self.identity(envelope) {
            Some(identity) => self.open(envelope, identity, self.has_asked(envelope), turn),
            None if !self.has_asked(envelope) => self.ask(envelope, turn),
            None if self.is_blocked(&envelope.sender) => self.hold(envelope, turn),
            // Of a device that nobody vouches for.
            None => Fate::Done,
        }
    }

    fn has_asked(&self, envelope: &Envelope) -> bool {
        let noted = self.live.looked_up.get(&envelope.sender);
        noted.is_some_and(|delivered| *delivered >= envelope.seq)
    }

    fn ask<R: CryptoRng>(&mut self, envelope: &Envelope, turn: &mut Turn<'_, R>) -> Fate {
        self.look_up(&envelope.sender, turn);
        Fate::Wait
    }

    fn open<R: CryptoRng>(
        &mut self,
        envelope: &Envelope,
        identity: DeviceIdentity,
        asked: bool,
        turn: &mut Turn<'_, R>,
    ) -> Fate {
        if envelope.is_of_another_than(&identity) {
            return self.meet_another(envelope, asked, turn);
        }
        let key = (envelope.sender.clone(), envelope.device);
        let Some(us) = &mut self.us else { return Fate::Done };
        let next = &mut self.next.session;
        let peering = self.sessions.entry(key).or_insert_with(|| {
            *next += 1;
            turn.device_changed = true;
            Peering::with(identity, *next)
        });
        let opened = peering.sessions.decrypt(us, &envelope.ciphertext, &mut turn.env());
        match opened {
            Ok(received) => {
                turn.local_changed |= received.started.is_some();
                // What is no content is from a device that speaks something else.
                let said = Said::decode(&received.plaintext);
                let number = said.as_ref().and_then(|said| said.number).unwrap_or(envelope.number);
                peering.window.insert(number);
                peering.unreadable.remove(&number);
                turn.sessions_changed(&envelope.sender, envelope.device);
                if let Some(said) = said {
                    self.hear(envelope, said, turn);
                }
                Fate::Done
            }
            Err(DecryptError::Malformed | DecryptError::Duplicate) => Fate::Done,
            // Read on a session that is no more. The number is the relay's word: what can be read is read.
            Err(_) if peering.window.contains(envelope.number) => Fate::Done,
            // Perhaps the account has another key now; then nothing here is to be repaired.
            Err(_) if !asked => self.ask(envelope, turn),
            Err(_) if self.is_blocked(&envelope.sender) => self.hold(envelope, turn),
            Err(_) => {
                self.is_unreadable(envelope, turn);
                Fate::Done
            }
        }
    }

    /// A first message of another identity key than the listed one: a device that took the number of this
    /// one, or of an account that took the name. It numbers from 1 again, so what was processed says
    /// nothing of it; whether there is one, the relay is asked.
    fn meet_another<R: CryptoRng>(
        &mut self,
        envelope: &Envelope,
        asked: bool,
        turn: &mut Turn<'_, R>,
    ) -> Fate {
        if !asked {
            return self.ask(envelope, turn);
        }
        if self.is_blocked(&envelope.sender) { self.hold(envelope, turn) } else { Fate::Done }
    }

    /// Keeps an envelope that cannot be opened before a person, or a link, decides.
    fn hold<R: CryptoRng>(&mut self, envelope: &Envelope, turn: &mut Turn<'_, R>) -> Fate {
        let same = |held: &&Envelope| held.sender == envelope.sender;
        let known =
            |held: &Envelope| (held.device, held.number) == (envelope.device, envelope.number);
        let of_account = self.held.values().filter(same);
        if of_account.clone().any(known)
            || of_account.count() >= HELD_PER_ACCOUNT
            || self.held.len() >= HELD
        {
            return Fate::Done;
        }
        self.next.held += 1;
        turn.device_changed = true;
        let kept = record::Held {
            sender: envelope.sender.as_str().to_owned(),
            device: envelope.device.get(),
            number: envelope.number,
            received: envelope.received.seconds(),
            ciphertext: envelope.ciphertext.clone(),
        };
        turn.put(collection("held").at(self.next.held), &kept);
        self.held.insert(self.next.held, envelope.clone());
        Fate::Done
    }

    /// Opens what was held of an account, now that it is known who it is.
    pub(super) fn release_held<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        turn: &mut Turn<'_, R>,
    ) {
        if self.stage == Stage::Joining && *name != self.name {
            return;
        }
        let of_account = self.held.iter().filter(|(_, held)| held.sender == *name);
        let positions: Vec<u64> = of_account.map(|(position, _)| *position).collect();
        for position in positions {
            let Some(envelope) = self.held.remove(&position) else { continue };
            turn.remove(collection("held").at(position));
            if let Some(identity) = self.identity(&envelope) {
                let _done_or_held_again = self.open(&envelope, identity, true, turn);
            }
        }
    }

    fn is_unreadable<R: CryptoRng>(&mut self, envelope: &Envelope, turn: &mut Turn<'_, R>) {
        let key = (envelope.sender.clone(), envelope.device);
        let Some(peering) = self.sessions.get_mut(&key) else { return };
        if peering.unreadable.len() < UNREADABLE && peering.unreadable.insert(envelope.number) {
            turn.sessions_changed(&envelope.sender, envelope.device);
            let (from, device) = key;
            turn.notice(Notice::Unreadable { from, device });
        }
    }
}
