//! The engine: what a device does, as a pure function of what it is told.

mod devices;
mod inbox;
mod keys;
mod load;
mod outbox;
mod peers;
mod queue;
mod repair;
mod said;
mod turn;
mod window;

use std::collections::VecDeque;

use rand_core::CryptoRng;
use sprag_api::frame::{self, from_relay::Frame};
use sprag_api::login::Login;
use sprag_api::name::Origin;
use sprag_api::{directory, name};
use sprag_protocol::{
    AccountKey, AccountKeyPair, AccountName, DeviceId, LocalDevice, PinnedAccount, Purpose,
    SafetyNumber, Sessions, SignedDeviceList, Timestamp, VerifiedBundle,
};
use zeroize::Zeroizing;

use crate::content::MessageId;
use crate::effects::{CallId, Effects};
use crate::input::Input;
use crate::record::Stage;
use crate::sorted::{Map, Set, by_number};
use crate::view::{Conversation, LinkCode, MessageState, OwnDevice, PeerView, Trust};

pub use load::LoadError;
use outbox::Outgoing;
use queue::Queued;
pub(crate) use queue::{history, mark};
use turn::Turn;
use window::Window;

/// One device of one account.
pub struct Engine {
    origin: Origin,
    name: AccountName,
    stage: Stage,
    /// None while a new device does not know its number.
    us: Option<LocalDevice>,
    /// The private account key, where this device holds it.
    account: Option<AccountKeyPair>,
    /// What a new device shows, and waits for.
    linking: Option<Linking>,
    /// The highest number given to a send.
    counter: u64,
    prekeys_published: bool,
    restored: bool,
    read_receipts: bool,
    invitation: Option<String>,
    /// When kept keys and old marks were last gone through.
    swept: Timestamp,
    /// For each day the highest number by its end, oldest first.
    days: Vec<(u64, u64)>,
    next: Positions,
    /// Known accounts, the own one too.
    peers: Map<AccountName, Peer>,
    sessions: Map<(AccountName, DeviceId), Peering>,
    /// What is to be said and not encrypted yet, by account, in order.
    queue: Map<AccountName, Map<u64, Queued>>,
    /// What is encrypted and not known to be accepted, by number.
    outbox: Map<u64, Outgoing>,
    /// Contents that arrived: who wrote them, where their record is, and the day.
    seen: Map<(AccountName, u64), u64>,
    held: Map<u64, Envelope>,
    live: Live,
}

/// What a new device shows, and waits for.
struct Linking {
    seed: Zeroizing<[u8; 32]>,
    secret: [u8; 16],
}

/// The next free positions of collections.
#[derive(Clone, Copy, Default)]
struct Positions {
    peer: u64,
    session: u64,
    queued: u64,
    held: u64,
}

/// What is known of an account.
struct Peer {
    position: u64,
    /// None before the first look.
    pinned: Option<PinnedAccount>,
    /// The newest list as it was signed, to hand on.
    signed_list: Vec<u8>,
    /// The key that a person has compared.
    verified: Option<[u8; 32]>,
    /// Another key that the relay offers, with its list.
    offered: Option<(AccountKey, SignedDeviceList)>,
    /// The devices that take part, as the relay last said.
    ready: Option<Set<DeviceId>>,
    next_entry: u64,
    unread: u64,
    read_below: u64,
    active: Timestamp,
    /// How often in a row the relay wanted other devices. Not kept.
    differs: u32,
    /// How many of the outbox are for it. Not kept.
    in_flight: usize,
}

/// The sessions with one device, and what is kept with them.
struct Peering {
    position: u64,
    sessions: Sessions,
    repair_asked: Timestamp,
    /// Numbers that could not be read and are not asked for yet.
    unreadable: Set<u64>,
    /// Which numbers were processed.
    window: Window,
}

/// An envelope, decoded.
#[derive(Clone, Debug)]
struct Envelope {
    seq: u64,
    sender: AccountName,
    device: DeviceId,
    number: u64,
    received: Timestamp,
    ciphertext: Vec<u8>,
}

/// What is not kept: it begins anew with each process, and much of it with each connection.
#[derive(Default)]
struct Live {
    online: bool,
    /// The relay has delivered everything that waited when the connection began.
    empty: bool,
    inbox: VecDeque<Envelope>,
    /// The highest place of the mailbox that was delivered.
    delivered: u64,
    /// Accounts that the relay was asked about since this connection began, and what had been delivered
    /// when it was asked: an envelope that came later may be of a device that is listed since.
    looked_up: Map<AccountName, u64>,
    /// Accounts about which nothing is asked, and to which nothing is sent, before a time.
    paused: Map<AccountName, Timestamp>,
    calls: Map<CallId, turn::Pending>,
    next_call: u64,
    /// Bundles that were just claimed; gone at the end of the turn.
    bundles: Map<(AccountName, DeviceId), VerifiedBundle>,
    /// Records that were asked for and have not come yet, by their position in the queue.
    fetching: Set<u64>,
    /// When the own account is looked up next, while linking.
    look_at: Option<Timestamp>,
    /// Prekeys to publish, one upload after the other: the relay passes over ids below others.
    uploads: VecDeque<directory::PublishKeys>,
    /// Whether prekeys that were to be published since a fresh start may not have arrived.
    publish_failed: bool,
    in_flight_bytes: usize,
}

impl Engine {
    /// Takes what happened, now, and says what is to be done. Its state is that of after
    /// [`Effects::commit`] already; see there for what that asks of the caller.
    pub fn handle<R: CryptoRng>(&mut self, input: Input, now: Timestamp, rng: &mut R) -> Effects {
        let mut turn = Turn::new(now, rng);
        match input {
            Input::Command { ticket, command } => self.command(ticket, command, &mut turn),
            Input::Registered => self.registered(&mut turn),
            Input::Welcome(welcome) => self.welcome(&welcome, &mut turn),
            Input::Frame(frame) => self.frame(frame, &mut turn),
            Input::Disconnected => self.disconnected(),
            Input::Answer { call, result } => self.answer(call, result, &mut turn),
            Input::Fetched(records) => self.fetched(records, &mut turn),
            Input::LoginRefused(account) => self.login_refused(&account, &mut turn),
            Input::Tick => {}
        }
        self.go_on(&mut turn);
        self.finish(turn)
    }

    /// Everything that can be done now, whatever happened.
    fn go_on<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        let now = turn.now;
        self.live.paused.retain(|_, until| now < *until);
        self.keep_up(turn);
        self.process_inbox(turn);
        self.queue_receipts(turn);
        self.look_for_held(turn);
        self.ask_for_repairs(turn);
        self.pump(turn);
        self.live.bundles.clear();
    }

    fn welcome<R: CryptoRng>(&mut self, welcome: &frame::Welcome, turn: &mut Turn<'_, R>) {
        self.live.online = true;
        self.live.empty = false;
        self.live.delivered = 0;
        self.live.uploads.clear();
        self.live.inbox.clear();
        self.live.looked_up.clear();
        self.live.paused.clear();
        self.live.fetching.clear();
        self.peers.values_mut().for_each(|peer| peer.differs = 0);
        if self.restored || welcome.mark > self.counter {
            self.start_afresh(welcome.mark, turn);
        } else {
            self.publish_prekeys(turn);
        }
        self.resubmit_all();
        self.count_prekeys(turn);
        let own = self.name.clone();
        self.look_up(&own, turn);
    }

    fn disconnected(&mut self) {
        self.live.online = false;
        self.live.inbox.clear();
    }

    fn frame<R: CryptoRng>(&mut self, frame: Frame, turn: &mut Turn<'_, R>) {
        match frame {
            Frame::Welcome(welcome) => self.welcome(&welcome, turn),
            Frame::Accepted(accepted) => self.accepted(&accepted, turn),
            Frame::Refused(refused) => self.refused(&refused, turn),
            Frame::Deliver(deliver) => self.deliver(deliver, turn),
            Frame::Empty(_) => self.live.empty = true,
            Frame::PrekeysLow(_) => self.count_prekeys(turn),
            Frame::DevicesChanged(changed) => {
                let own = self.name.clone();
                self.learn_list(&own, &changed.device_list, turn);
            }
            Frame::Acknowledged(_) | Frame::Closing(_) => {}
        }
    }

    /// A request for the relay to take the account, with a new login; `None` where it has, or where
    /// this device waits to be signed into one. Answered by [`Input::Registered`].
    pub fn registration<R: CryptoRng>(
        &self,
        now: Timestamp,
        rng: &mut R,
    ) -> Option<directory::Register> {
        let (Stage::Registering, Some(us)) = (self.stage, &self.us) else { return None };
        let own = self.peers.get(&self.name)?;
        Some(directory::Register {
            name: api_name(&self.name)?,
            account_key: us.public().account_key.as_bytes().to_vec().into(),
            device_list: own.signed_list.clone().into(),
            keys: keys::signed_prekeys(us),
            login: self.signed_login(now, rng)?,
            invitation: self.invitation.clone(),
        })
    }

    /// A request to log in; `None` where this device has no number yet, or was removed.
    pub fn login<R: CryptoRng>(
        &self,
        now: Timestamp,
        rng: &mut R,
    ) -> Option<directory::OpenSession> {
        if self.stage == Stage::Removed {
            return None;
        }
        Some(directory::OpenSession {
            name: api_name(&self.name)?,
            device: api_device(self.device()?)?,
            login: self.signed_login(now, rng)?,
        })
    }

    fn signed_login<R: CryptoRng>(&self, now: Timestamp, rng: &mut R) -> Option<Login> {
        let us = self.us.as_ref()?;
        let address =
            name::Address { account: api_name(&self.name)?, device: api_device(self.device()?)? };
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        let body = Login::body(&address, &self.origin, now.seconds(), &nonce);
        Some(Login {
            origin: self.origin.clone(),
            time: now.seconds(),
            nonce: nonce.to_vec().into(),
            signature: us.identity().sign(Purpose::Login, &body).0.to_vec().into(),
        })
    }

    /// The highest number given to a send, for `Hello`.
    #[must_use]
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// The own account.
    #[must_use]
    pub fn account(&self) -> &AccountName {
        &self.name
    }

    /// The relay.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// This device's number; `None` while it waits to be signed into an account.
    #[must_use]
    pub fn device(&self) -> Option<DeviceId> {
        self.us.as_ref().map(|us| us.public().address.device)
    }

    /// Whether this device is part of its account, as far as it knows: not while it registers or links,
    /// and not once it was removed.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Whether the account has removed this device.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.stage == Stage::Removed
    }

    /// What a new device shows, while it waits to be signed into its account.
    #[must_use]
    pub fn link_code(&self) -> Option<LinkCode> {
        self.linking.as_ref().map(|linking| LinkCode {
            identity: *devices::identity_of(linking).as_bytes(),
            secret: linking.secret,
        })
    }

    /// Whether this device holds the private account key, and so can link and remove others.
    #[must_use]
    pub fn has_account_key(&self) -> bool {
        self.account.is_some()
    }

    /// Whether others are told what was read.
    #[must_use]
    pub fn read_receipts(&self) -> bool {
        self.read_receipts
    }

    /// Whether everything that waited when the connection began has been processed.
    #[must_use]
    pub fn caught_up(&self) -> bool {
        self.live.online && self.live.empty && self.live.inbox.is_empty()
    }

    /// How many things are to be said and not encrypted yet, and how many are on their way.
    #[must_use]
    pub fn unsettled(&self) -> (usize, usize) {
        (self.queue.values().map(Map::len).sum(), self.outbox.len())
    }

    /// Whether nothing of what a person wrote is still to be sent, but for what waits for a person or
    /// for a time.
    #[must_use]
    pub fn is_settled(&self, now: Timestamp) -> bool {
        let stuck = |name: &AccountName| self.is_blocked(name) || self.is_paused(name, now);
        let queued = self.queue.iter().filter(|(name, _)| !stuck(name));
        let due = |item: &Queued| item.visible && item.not_before <= now;
        !queued.into_iter().any(|(_, items)| items.values().any(due))
            && !self.outbox.values().any(|out| out.queued.visible && !stuck(&out.queued.to))
    }

    /// Whether there is nothing to do before this time but what waits for a person: nothing that anybody is
    /// to be told, such as receipts, repairs and what other own devices are to get, and no prekeys.
    #[must_use]
    pub fn is_at_rest(&self, until: Timestamp) -> bool {
        let queued = self.queue.iter().filter(|(name, _)| !self.is_blocked(name));
        let repairs = self.sessions.iter().filter(|((name, _), _)| !self.is_blocked(name));
        let due = |item: &Queued| item.not_before <= until;
        !queued.into_iter().any(|(_, items)| items.values().any(due))
            && !repairs.filter_map(|(_, peering)| peering.repair_due()).any(|due| due <= until)
            && self.outbox.is_empty()
            && !self.restored
            && self.live.uploads.is_empty()
            && self.live.calls.is_empty()
    }

    /// How far a message of the own account has come, as long as it is not sent; `None` afterwards.
    #[must_use]
    pub fn progress(&self, with: &AccountName, id: MessageId) -> Option<MessageState> {
        let is_it = |item: &Queued| item.id == id && item.again == 0;
        if self.outbox.values().any(|out| is_it(&out.queued) && out.queued.to == *with) {
            return Some(MessageState::Sending);
        }
        let queued = self.queue.get(with)?.values().any(is_it);
        queued.then_some(MessageState::Queued)
    }

    /// The conversations, the one in which something happened last first.
    #[must_use]
    pub fn conversations(&self) -> Vec<Conversation> {
        let others = self.peers.iter().filter(|(name, _)| **name != self.name);
        let all = others
            .map(|(name, peer)| Conversation {
                with: name.clone(),
                entries: peer.next_entry,
                unread: peer.unread,
                read_below: peer.read_below,
                active: peer.active,
                trust: peer.trust(),
                waiting: self.waiting(name),
            })
            .collect();
        // The highest number first.
        by_number(all, |talk| !talk.active.seconds())
    }

    /// The position below which everything in a conversation is read.
    pub(crate) fn read_below(&self, with: &AccountName) -> u64 {
        self.peers.get(with).map_or(0, |peer| peer.read_below)
    }

    fn waiting(&self, name: &AccountName) -> u64 {
        let visible = |items: &Map<u64, Queued>| items.values().filter(|i| i.visible).count();
        self.queue.get(name).map_or(0, visible).try_into().unwrap_or(u64::MAX)
    }

    /// An account as it is known here; `None` where the relay has not been asked about it.
    #[must_use]
    pub fn peer(&self, name: &AccountName) -> Option<PeerView> {
        let peer = self.peers.get(name)?;
        let pinned = peer.pinned.as_ref()?;
        Some(PeerView {
            name: name.clone(),
            key: *pinned.key(),
            offered: peer.offered.as_ref().map(|(key, _)| *key),
            devices: pinned.list().devices().iter().map(|device| device.id).collect(),
            trust: peer.trust(),
        })
    }

    /// The safety number with another account; with `offered`, that of the key which the relay offers
    /// now. `None` where it is not known.
    #[must_use]
    pub fn safety_number(&self, with: &AccountName, offered: bool) -> Option<SafetyNumber> {
        let peer = self.peer(with)?;
        let key = if offered { peer.offered? } else { peer.key };
        let own = self.us.as_ref()?.public().account_key;
        Some(SafetyNumber::new((&self.name, &own), (with, &key)))
    }

    /// The devices of the own account.
    #[must_use]
    pub fn devices(&self) -> Vec<OwnDevice> {
        let list = self.peers.get(&self.name).and_then(|own| own.pinned.as_ref());
        let devices = list.map(|pinned| pinned.list().devices()).unwrap_or_default();
        devices
            .iter()
            .map(|device| OwnDevice {
                id: device.id,
                created: device.created,
                this: Some(device.id) == self.device(),
            })
            .collect()
    }
}

impl Peer {
    fn at(position: u64) -> Self {
        Self {
            position,
            pinned: None,
            signed_list: Vec::new(),
            verified: None,
            offered: None,
            ready: None,
            next_entry: 0,
            unread: 0,
            read_below: 0,
            active: Timestamp::from_seconds(0),
            differs: 0,
            in_flight: 0,
        }
    }

    fn trust(&self) -> Trust {
        let Some(pinned) = &self.pinned else { return Trust::Unknown };
        let was_verified = self.verified.as_ref() == Some(pinned.key().as_bytes());
        match (&self.offered, was_verified) {
            (Some(_), was_verified) => Trust::KeyChanged { was_verified },
            (None, true) => Trust::Verified,
            (None, false) => Trust::FirstUse,
        }
    }
}

/// The relay's type for the same name; they agree (`crates/api/tests/agreement.rs`).
fn api_name(name: &AccountName) -> Option<name::AccountName> {
    name::AccountName::new(name.as_str()).ok()
}

fn api_device(id: DeviceId) -> Option<name::DeviceId> {
    name::DeviceId::new(id.get())
}

/// `seconds` later.
fn later(now: Timestamp, seconds: u64) -> Timestamp {
    Timestamp::from_seconds(now.seconds().saturating_add(seconds))
}
