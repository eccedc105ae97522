//! The own account's devices: taking one in, being taken in, removing one.

use prost::Message;
use rand_core::CryptoRng;
use sprag_api::directory::{Account, PutDevices};
use sprag_api::problem::Code;
use sprag_protocol::secret::Secret;
use sprag_protocol::{
    AccountKey, AccountKeyPair, AccountName, Address, Device, DeviceId, DeviceList, IdentityKey,
    IdentityKeyPair, Left, LocalDevice, MAX_DEVICES, PinnedAccount, SignedDeviceList, Timestamp,
};
use subtle::ConstantTimeEq;

use super::queue::Queued;
use super::turn::{Pending, Turn};
use super::{Engine, Linking};
use crate::content::{Contact, MessageId, Past, content, wire};
use crate::effects::{Call, Notice, Refusal, Reply};
use crate::input::{Answer, Failure, LinkOptions, Ticket};
use crate::record::Stage;
use crate::view::{Entry, Event, LinkCode};

/// How many bytes of a history go into one message.
const PAST_BYTES: usize = 48 * 1024;

/// A change of the own device list that the relay is asked to take.
pub(super) struct Change {
    ticket: Ticket,
    what: What,
    signed_list: Vec<u8>,
    /// Whether it was made again already, on top of a newer list.
    again: bool,
}

#[derive(Clone)]
enum What {
    Link { code: LinkCode, options: LinkOptions },
    Remove(DeviceId),
}

pub(super) fn identity_of(linking: &Linking) -> IdentityKey {
    IdentityKeyPair::from_seed(Secret::copy_of(&linking.seed)).public()
}

impl Engine {
    pub(super) fn link_device<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        code: &LinkCode,
        options: LinkOptions,
        turn: &mut Turn<'_, R>,
    ) {
        let what = What::Link { code: code.clone(), options };
        self.change_devices(ticket, what, false, turn);
    }

    pub(super) fn remove_device<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        device: DeviceId,
        turn: &mut Turn<'_, R>,
    ) {
        self.change_devices(ticket, What::Remove(device), false, turn);
    }

    fn change_devices<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        what: What,
        again: bool,
        turn: &mut Turn<'_, R>,
    ) {
        match self.changed_list(&what, turn.now) {
            Ok(signed_list) => {
                let list = PutDevices { device_list: signed_list.clone().into() };
                let change = Change { ticket, what, signed_list, again };
                self.call(Call::PutDevices(list), Pending::PutDevices(Box::new(change)), turn);
            }
            // Its link message may have been lost with the process that was to send it.
            Err(Refusal::AlreadyLinked) => self.list_is_changed(ticket, &what, turn),
            Err(refusal) => turn.reply(ticket, Err(refusal)),
        }
    }

    /// The own list with this change, one version higher, signed.
    fn changed_list(&self, what: &What, now: Timestamp) -> Result<Vec<u8>, Refusal> {
        if self.stage != Stage::Ready {
            return Err(Refusal::NotReady);
        }
        if !self.live.online {
            return Err(Refusal::Unreachable);
        }
        let account = self.account.as_ref().ok_or(Refusal::NoAccountKey)?;
        let list = self.pinned(&self.name).ok_or(Refusal::NotReady)?.list();
        let mut devices = list.devices().to_vec();
        match what {
            What::Link { code, .. } => {
                if self.linked_as(code).is_some() {
                    return Err(Refusal::AlreadyLinked);
                }
                if devices.len() >= MAX_DEVICES {
                    return Err(Refusal::TooManyDevices);
                }
                let identity_key =
                    IdentityKey::from_bytes(&code.identity).map_err(|_| Refusal::NoSuchDevice)?;
                let highest = devices.last().map_or(0, |device| device.id.get());
                let id = DeviceId::new(highest.saturating_add(1)).ok_or(Refusal::TooManyDevices)?;
                devices.push(Device { id, identity_key, created: now });
            }
            What::Remove(id) => {
                let count = devices.len();
                devices.retain(|device| device.id != *id);
                if devices.len() == count || Some(*id) == self.device() {
                    return Err(Refusal::NoSuchDevice);
                }
            }
        }
        let list = DeviceList::new(list.version().saturating_add(1), self.name.clone(), devices)
            .map_err(|_| Refusal::TooManyDevices)?;
        Ok(list.sign(account).to_bytes())
    }

    /// The number of the device with this code, where it is in the list.
    fn linked_as(&self, code: &LinkCode) -> Option<DeviceId> {
        let devices = self.pinned(&self.name)?.list().devices();
        let same = |device: &&Device| *device.identity_key.as_bytes() == code.identity;
        devices.iter().find(same).map(|device| device.id)
    }

    pub(super) fn devices_put<R: CryptoRng>(
        &mut self,
        change: Change,
        result: Result<Answer, Failure>,
        turn: &mut Turn<'_, R>,
    ) {
        let own = self.name.clone();
        match result {
            Ok(_) => {
                self.learn_list(&own, &change.signed_list, turn);
                self.list_is_changed(change.ticket, &change.what, turn);
            }
            Err(Failure::Unreachable) => {
                self.look_up(&own, turn);
                turn.reply(change.ticket, Err(Refusal::Unreachable));
            }
            Err(Failure::Problem(problem)) => {
                let current = problem.device_list.as_ref().filter(|_| !change.again);
                match (problem.code, current) {
                    (Code::VersionConflict, Some(current)) => {
                        self.learn_list(&own, &current.0, turn);
                        self.change_devices(change.ticket, change.what, true, turn);
                    }
                    (code, _) => turn.reply(change.ticket, Err(Refusal::Refused(code))),
                }
            }
        }
    }

    /// The list is what it should be: a new device is told who it is, and contacts learn the list.
    fn list_is_changed<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        what: &What,
        turn: &mut Turn<'_, R>,
    ) {
        self.tell_contacts(turn);
        match what {
            What::Remove(_) => turn.reply(ticket, Ok(Reply::Done)),
            What::Link { code, options } => match self.linked_as(code) {
                Some(device) => {
                    self.take_in_device(device, code, *options, turn);
                    turn.reply(ticket, Ok(Reply::Linked(device)));
                }
                None => turn.reply(ticket, Err(Refusal::NoSuchDevice)),
            },
        }
    }

    /// The new list to everybody known, so that it does not depend on the relay when they hear of it.
    fn tell_contacts<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        let Some(own) = self.peers.get(&self.name) else { return };
        let signed_list = own.signed_list.clone();
        let met = self.peers.iter().filter(|(name, peer)| {
            **name != self.name && peer.pinned.is_some() && peer.ready.is_some()
        });
        let names: Vec<_> = met.map(|(name, _)| name.clone()).collect();
        for name in names {
            let devices = wire::Devices { signed_list: signed_list.clone() };
            let body = wire::content::Body::Devices(devices);
            let said = content(MessageId::random(turn.rng), turn.now, body);
            self.enqueue(Queued::new(&name, &said), turn);
        }
    }

    /// The link message, then everybody known.
    fn take_in_device<R: CryptoRng>(
        &mut self,
        device: DeviceId,
        code: &LinkCode,
        options: LinkOptions,
        turn: &mut Turn<'_, R>,
    ) {
        let seed = self.account.as_ref().filter(|_| options.account_key);
        let link = wire::Link {
            device: device.get(),
            secret: code.secret.to_vec(),
            account_seed: seed.map(|seed| seed.seed().expose().to_vec()).unwrap_or_default(),
        };
        self.tell_device(device, wire::content::Body::Link(link), true, turn);
        let contacts: Vec<_> = self
            .peers
            .iter()
            .filter(|(name, _)| **name != self.name)
            .filter_map(|(name, peer)| {
                let pinned = peer.pinned.as_ref()?;
                Some(wire::Contact {
                    device: device.get(),
                    name: name.as_str().to_owned(),
                    account_key: pinned.key().as_bytes().to_vec(),
                    signed_list: peer.signed_list.clone(),
                    verified: peer.verified.as_ref() == Some(pinned.key().as_bytes()),
                })
            })
            .collect();
        for contact in contacts {
            self.tell_device(device, wire::content::Body::Contact(contact), false, turn);
        }
    }

    /// To one of the own other devices; all get it, and the others pass it over.
    fn tell_device<R: CryptoRng>(
        &mut self,
        device: DeviceId,
        body: wire::content::Body,
        fresh: bool,
        turn: &mut Turn<'_, R>,
    ) {
        let said = content(MessageId::random(turn.rng), turn.now, body);
        let own = self.name.clone();
        let fresh = fresh.then_some(device);
        let item = Queued { fresh, awaits: Some(device), ..Queued::new(&own, &said).kept() };
        self.enqueue(item, turn);
    }

    pub(super) fn share_history<R: CryptoRng>(
        &mut self,
        device: DeviceId,
        with: &AccountName,
        entries: &[Entry],
        turn: &mut Turn<'_, R>,
    ) -> Result<Reply, Refusal> {
        let own = self.pinned(&self.name).ok_or(Refusal::NotReady)?;
        if Some(device) == self.device() || own.device(device).is_none() {
            return Err(Refusal::NoSuchDevice);
        }
        let mut part = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            let Event::Message { id, written, body } = &entry.event else { continue };
            let one = wire::PastEntry {
                own: entry.own,
                content: Some(body.content(*id, *written)),
                received: entry.received.seconds(),
            };
            let len = one.encoded_len();
            if bytes + len > PAST_BYTES && !part.is_empty() {
                self.tell_past(device, with, std::mem::take(&mut part), turn);
                bytes = 0;
            }
            bytes += len;
            part.push(one);
        }
        if !part.is_empty() {
            self.tell_past(device, with, part, turn);
        }
        Ok(Reply::Done)
    }

    fn tell_past<R: CryptoRng>(
        &mut self,
        device: DeviceId,
        with: &AccountName,
        entries: Vec<wire::PastEntry>,
        turn: &mut Turn<'_, R>,
    ) {
        let with = with.as_str().to_owned();
        let past = wire::Past { device: device.get(), with, entries };
        self.tell_device(device, wire::content::Body::Past(past), false, turn);
    }

    /// A new device looks whether it is in the list. What it finds is only believed once somebody who
    /// saw its code says so (`Link`).
    pub(super) fn look_for_us<R: CryptoRng>(&mut self, account: &Account, turn: &mut Turn<'_, R>) {
        let Some(linking) = &self.linking else { return };
        let identity = IdentityKeyPair::from_seed(Secret::copy_of(&linking.seed));
        let key = account.account_key.array().and_then(|key| AccountKey::from_bytes(&key).ok());
        let (Some(key), Ok(list)) = (key, SignedDeviceList::from_bytes(&account.device_list.0))
        else {
            return;
        };
        let Ok(pinned) = PinnedAccount::first_use(&self.name, key, list) else { return };
        let listed = pinned.list().devices().iter();
        let Some(us) = listed.into_iter().find(|d| d.identity_key == identity.public()) else {
            return;
        };
        let address = Address { account: self.name.clone(), device: us.id };
        let us = LocalDevice::with_identity(identity, address, key, &mut turn.env());
        self.us = Some(us);
        self.stage = Stage::Joining;
        self.live.look_at = None;
        let own = self.name.clone();
        let signed_list = account.device_list.0.clone();
        let peer = self.meet(&own, turn);
        (peer.pinned, peer.signed_list) = (Some(pinned), signed_list);
        turn.peer_changed(&own);
        (turn.device_changed, turn.local_changed) = (true, true);
    }

    /// Somebody who saw this device's code has taken it in.
    pub(super) fn hear_link<R: CryptoRng>(
        &mut self,
        secret: &[u8; 16],
        account_seed: Option<&[u8; 32]>,
        turn: &mut Turn<'_, R>,
    ) {
        let Some(linking) = &self.linking else { return };
        if self.stage != Stage::Joining || !bool::from(linking.secret.ct_eq(secret)) {
            return;
        }
        let account = account_seed.map(|seed| AccountKeyPair::from_seed(Secret::copy_of(seed)));
        let pinned = self.pinned(&self.name).map(|own| *own.key());
        self.account = account.filter(|account| Some(account.public()) == pinned);
        self.linking = None;
        self.stage = Stage::Ready;
        turn.device_changed = true;
        turn.notice(Notice::Linked);
    }

    /// Asks who sent what was held while this device was taken in, once the own other device has told
    /// whom it knows.
    pub(super) fn look_for_held<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        if self.held.is_empty() || self.stage != Stage::Ready || !self.caught_up() {
            return;
        }
        let unknown = |name: &&AccountName| {
            self.pinned(name).is_none() && !self.live.looked_up.contains_key(*name)
        };
        let names: crate::sorted::Set<_> =
            self.held.values().map(|held| &held.sender).filter(unknown).cloned().collect();
        for name in names {
            self.look_up(&name, turn);
        }
    }

    /// Somebody whom the own other device knows.
    pub(super) fn hear_contact<R: CryptoRng>(&mut self, contact: Contact, turn: &mut Turn<'_, R>) {
        let Contact { name, key, list, signed_list, verified, .. } = contact;
        let Ok(pinned) = PinnedAccount::first_use(&name, key, list) else { return };
        if name == self.name {
            return;
        }
        let peer = self.meet(&name, turn);
        match &peer.pinned {
            Some(known) if *known.key() == key => {}
            // A person has compared the key that is known here.
            Some(_) if peer.verified.is_some() => return,
            // The own other device knows better than a first look at the directory.
            Some(_) | None => {
                (peer.pinned, peer.signed_list) = (Some(pinned), signed_list);
                peer.offered = None;
            }
        }
        self.drop_unvouched(&name, turn);
        let peer = self.meet(&name, turn);
        if verified {
            peer.verified = Some(*key.as_bytes());
        }
        turn.peer_changed(&name);
        turn.notice(Notice::Conversation(name.clone()));
        self.release_held(&name, turn);
    }

    /// What was said before this device was taken in.
    pub(super) fn hear_past<R: CryptoRng>(
        &mut self,
        with: &AccountName,
        entries: Vec<Past>,
        turn: &mut Turn<'_, R>,
    ) {
        if *with == self.name {
            return;
        }
        let device = self.device().unwrap_or(DeviceId::FIRST);
        for Past { own, received, said } in entries {
            let Some((id, written, body)) = said.message() else { continue };
            let author = if own { self.name.clone() } else { with.clone() };
            if !self.see(&author, id, turn) {
                continue;
            }
            let event = Event::Message { id, written, body };
            let author = (!own).then_some(with);
            self.append_at(with, (author, device, received), event, turn);
        }
        let peer = self.meet(with, turn);
        if peer.unread == 0 {
            peer.read_below = peer.next_entry;
        }
        turn.peer_changed(with);
        turn.notice(Notice::Conversation(with.clone()));
    }

    /// The own list has changed: is this device still in it?
    pub(super) fn look_at_own_list<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        let listed = match (&self.us, self.pinned(&self.name)) {
            (Some(us), Some(own)) => own.vouches_for(us.public()),
            _ => true,
        };
        if !listed {
            self.removed(turn);
        }
        if let Some(own) = self.peers.get_mut(&self.name.clone()) {
            // Who takes part is to be asked anew.
            own.ready = None;
            turn.peer_changed(&self.name);
        }
    }
}

impl Engine {
    /// A new account with this as its first device. Persist the effects' commit, then register
    /// ([`Engine::registration`]).
    pub fn register<R: CryptoRng>(
        (origin, name): (sprag_api::name::Origin, AccountName),
        invitation: Option<String>,
        now: Timestamp,
        rng: &mut R,
    ) -> (Self, crate::Effects) {
        let mut turn = Turn::new(now, rng);
        let account = AccountKeyPair::generate(turn.rng);
        let address = Address { account: name.clone(), device: DeviceId::FIRST };
        let us = LocalDevice::generate(address, account.public(), &mut turn.env());
        let device =
            Device { id: DeviceId::FIRST, identity_key: us.public().identity_key, created: now };
        let mut engine = Self::empty(origin, name, Stage::Registering);
        let own = engine.name.clone();
        let list = DeviceList::new(1, own.clone(), vec![device]).ok().map(|l| l.sign(&account));
        let peer = engine.meet(&own, &mut turn);
        if let Some(list) = list {
            peer.signed_list = list.to_bytes();
            peer.pinned = PinnedAccount::first_use(&own, account.public(), list).ok();
        }
        (engine.us, engine.account, engine.invitation) = (Some(us), Some(account), invitation);
        engine.swept = now;
        (turn.device_changed, turn.local_changed) = (true, true);
        let effects = engine.finish(turn);
        (engine, effects)
    }

    /// A new device of an account that exists. Persist the effects' commit, show
    /// [`Engine::link_code`], and do what the effects ask for.
    pub fn link<R: CryptoRng>(
        origin: sprag_api::name::Origin,
        name: AccountName,
        now: Timestamp,
        rng: &mut R,
    ) -> (Self, crate::Effects) {
        let mut turn = Turn::new(now, rng);
        let mut engine = Self::empty(origin, name, Stage::Linking);
        let mut linking = Linking { seed: zeroize::Zeroizing::new([0; 32]), secret: [0; 16] };
        turn.rng.fill_bytes(&mut *linking.seed);
        turn.rng.fill_bytes(&mut linking.secret);
        engine.linking = Some(linking);
        engine.swept = now;
        turn.device_changed = true;
        engine.go_on(&mut turn);
        let effects = engine.finish(turn);
        (engine, effects)
    }

    /// One-time prekeys for the first publication are made when the relay is asked how many it has.
    #[must_use]
    pub fn prekeys_held(&self) -> Option<Left> {
        self.us.as_ref().map(|us| us.prekeys().held())
    }
}
