//! An engine out of what was kept.

use prost::Message;
use sprag_api::name::Origin;
use sprag_protocol::secret::Secret;
use sprag_protocol::{
    AccountKeyPair, AccountName, DeviceId, LocalDevice, Sessions, StateError, Timestamp,
};
use sprag_store::{Batch, Key, Value};
use zeroize::Zeroizing;

use super::outbox::Outgoing;
use super::queue::Queued;
use super::turn::{DEVICE, LOCAL, collection};
use super::window::Window;
use super::{Engine, Envelope, Linking, Live, Peer, Peering, Positions};
use crate::record::{self, Stage};
use crate::sorted::{Map, Set};

/// Why records are no engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// There is no device in them.
    #[error("there is no device in this profile")]
    Empty,
    /// A newer version wrote them.
    #[error("a newer version wrote this profile; update first")]
    Newer,
    /// One of them is damaged.
    #[error("this profile is damaged; restore a backup")]
    Damaged,
}

impl From<prost::DecodeError> for LoadError {
    fn from(_: prost::DecodeError) -> Self {
        Self::Damaged
    }
}

impl From<StateError> for LoadError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::UnknownVersion(_) => Self::Newer,
            StateError::WrongKind | StateError::Damaged => Self::Damaged,
        }
    }
}

impl Engine {
    /// The collections that [`Engine::load`] needs, each wholly. What else there is (histories, what was
    /// sent) is read when it is needed.
    pub const COLLECTIONS: [&str; 7] =
        ["device", "peers", "sessions", "queue", "outbox", "seen", "held"];

    /// An engine out of the records of its [`COLLECTIONS`](Self::COLLECTIONS).
    ///
    /// # Errors
    /// Every [`LoadError`].
    pub fn load(records: impl IntoIterator<Item = (Key, Value)>) -> Result<Self, LoadError> {
        let mut others = Vec::new();
        let mut device = None;
        let mut local = None;
        for (key, value) in records {
            match (key.collection == collection("device"), key.position) {
                (true, DEVICE) => device = Some(record::Device::decode(&value[..])?),
                (true, LOCAL) => local = Some(LocalDevice::from_bytes(&value)?),
                _ => others.push((key, value)),
            }
        }
        let mut engine = Self::of(device.ok_or(LoadError::Empty)?, local)?;
        for (key, value) in others {
            engine.take(&key, &value)?;
        }
        engine.count_in_flight();
        Ok(engine)
    }

    /// What a restored backup needs: a change that lets the engine which is loaded from it start all
    /// sessions afresh.
    ///
    /// # Errors
    /// [`LoadError::Damaged`] where this is not the record of a device.
    pub fn mark_restored(device: &[u8]) -> Result<Batch, LoadError> {
        let mut device = record::Device::decode(device)?;
        device.restored = true;
        let mut batch = Batch::new();
        let value = Zeroizing::new(device.encode_to_vec());
        batch.put(collection("device").at(DEVICE), value);
        Ok(batch)
    }

    pub(super) fn empty(origin: Origin, name: AccountName, stage: Stage) -> Self {
        Self {
            origin,
            name,
            stage,
            us: None,
            account: None,
            linking: None,
            counter: 0,
            prekeys_published: false,
            restored: false,
            read_receipts: false,
            invitation: None,
            swept: Timestamp::from_seconds(0),
            days: Vec::new(),
            next: Positions::default(),
            peers: Map::new(),
            sessions: Map::new(),
            queue: Map::new(),
            outbox: Map::new(),
            seen: Map::new(),
            held: Map::new(),
            live: Live::default(),
        }
    }

    fn of(kept: record::Device, us: Option<LocalDevice>) -> Result<Self, LoadError> {
        let damaged = LoadError::Damaged;
        let stage = kept.stage();
        if stage == Stage::Unknown {
            return Err(LoadError::Newer);
        }
        let origin = Origin::new(kept.origin.clone()).map_err(|_| damaged)?;
        let name = AccountName::new(&kept.account).map_err(|_| damaged)?;
        let account = match &kept.account_seed[..] {
            [] => None,
            seed => Some(AccountKeyPair::from_seed(Secret::copy_of(
                seed.try_into().map_err(|_| damaged)?,
            ))),
        };
        let linking = match (&kept.linking_seed[..], &kept.linking_secret[..]) {
            ([], []) => None,
            (seed, secret) => Some(Linking {
                seed: Zeroizing::new(seed.try_into().map_err(|_| damaged)?),
                secret: secret.try_into().map_err(|_| damaged)?,
            }),
        };
        if us.is_none() && (linking.is_none() || stage != Stage::Linking) {
            return Err(damaged);
        }
        Ok(Self {
            us,
            account,
            linking,
            counter: kept.counter,
            prekeys_published: kept.prekeys_published,
            restored: kept.restored,
            read_receipts: kept.read_receipts,
            invitation: Some(kept.invitation).filter(|code| !code.is_empty()),
            swept: Timestamp::from_seconds(kept.swept),
            days: kept.days.iter().map(|day| (day.day, day.counter)).collect(),
            next: Positions {
                peer: kept.next_peer,
                session: kept.next_session,
                queued: kept.next_queued,
                held: kept.next_held,
            },
            ..Self::empty(origin, name, stage)
        })
    }

    fn take(&mut self, key: &Key, value: &[u8]) -> Result<(), LoadError> {
        let damaged = LoadError::Damaged;
        let position = key.position;
        match key.collection.name() {
            b"peers" => {
                let kept = record::Peer::decode(value)?;
                let (name, peer) = Peer::of(position, kept).ok_or(damaged)?;
                self.peers.insert(name, peer);
            }
            b"sessions" => {
                let kept = record::Sessions::decode(value)?;
                let (key, peering) = Peering::of(position, kept)?;
                self.sessions.insert(key, peering);
            }
            b"queue" => {
                let item = Queued::of(record::Queued::decode(value)?).ok_or(damaged)?;
                self.queue.entry(item.to.clone()).or_default().insert(position, item);
            }
            b"outbox" => {
                let out = Outgoing::of(record::Outgoing::decode(value)?).ok_or(damaged)?;
                self.outbox.insert(position, out);
            }
            b"seen" => {
                let kept = record::Seen::decode(value)?;
                let from = AccountName::new(&kept.from).map_err(|_| damaged)?;
                self.seen.insert((from, position), kept.day);
            }
            b"held" => {
                let kept = record::Held::decode(value)?;
                let envelope = Envelope::held(position, kept).ok_or(damaged)?;
                self.held.insert(position, envelope);
            }
            _ => {}
        }
        Ok(())
    }

    fn count_in_flight(&mut self) {
        for out in self.outbox.values() {
            if let Some(peer) = self.peers.get_mut(&out.queued.to) {
                peer.in_flight += 1;
            }
        }
    }
}

impl Peering {
    fn of(
        position: u64,
        kept: record::Sessions,
    ) -> Result<((AccountName, DeviceId), Self), LoadError> {
        let damaged = LoadError::Damaged;
        let name = AccountName::new(&kept.name).map_err(|_| damaged)?;
        let device = DeviceId::new(kept.device).ok_or(damaged)?;
        let peering = Self {
            position,
            sessions: Sessions::from_bytes(&kept.sessions)?,
            repair_asked: Timestamp::from_seconds(kept.repair_asked),
            unreadable: kept.unread_numbers.into_iter().collect::<Set<_>>(),
            window: Window::of(kept.highest, &kept.window).ok_or(damaged)?,
        };
        Ok(((name, device), peering))
    }
}
