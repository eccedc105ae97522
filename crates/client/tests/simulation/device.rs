//! One device: an engine over a profile in memory, driven as every driver must (`Effects`): the commit
//! first; where it fails, or the process ends, the engine is gone and is loaded again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chacha20::ChaCha20Rng;
use sprag_api::frame::to_relay;
use sprag_client::{Call, CallId, Effects, Engine, Input, Notice};
use sprag_protocol::secret::Secret;
use sprag_protocol::session::SessionId;
use sprag_protocol::{AccountName, Timestamp};
use sprag_store::{
    Collection, Disk, Lock, Memory, Page, Profile, SealedBatch, Store, StoreError, Unlock,
};

use crate::records::{self, Mark, Read, Record};
use crate::relay::Token;

/// What goes wrong with the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The disk is full.
    Full,
    /// The process ends before it.
    Before,
    /// The process ends after it, with nothing said.
    After,
    /// The process ends after it, in the middle of what it says.
    Amid,
}

/// How far a device is with its connection.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// Not connected, and not trying.
    Down,
    /// Registers, or logs in.
    Knocking,
    /// Has a socket.
    Up(u64),
    /// Another copy of this device took over; only a person lets it connect again.
    Ousted,
}

/// What a device has read and said, as its disk has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// By account and position.
    pub(crate) entries: BTreeMap<(String, u64), Option<Read>>,
    pub(crate) marks: BTreeSet<(Mark, String, u64)>,
    /// The numbers that its texts were sent with.
    pub(crate) sent: BTreeMap<u64, String>,
}

/// What a device does outside of itself after a commit.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) frames: Vec<to_relay::Frame>,
    pub(crate) calls: Vec<(CallId, Call)>,
    pub(crate) notices: Vec<Notice>,
    /// Entries that are new in this commit.
    pub(crate) entries: Vec<(String, Option<Read>)>,
    /// The process ended.
    pub(crate) crashed: bool,
}

pub(crate) struct Device {
    pub(crate) account: String,
    disk: Disk,
    key: Secret<32>,
    profile: Option<Profile<Memory>>,
    pub(crate) engine: Engine,
    /// How often it was started: answers to an earlier process are for nobody.
    pub(crate) life: u64,
    pub(crate) link: Link,
    pub(crate) token: Option<Token>,
    pub(crate) wake_at: Option<Timestamp>,
    pub(crate) fetched: VecDeque<Input>,
    pub(crate) log: Log,
    pub(crate) mishap: Option<Mishap>,
    /// How far its clock is from the true one, in seconds.
    pub(crate) clock: i64,
    /// It is switched off, or lost.
    pub(crate) off: bool,
}

/// A device that is not running.
#[derive(Clone)]
pub(crate) struct Kept {
    account: String,
    key: [u8; 32],
    then: (Snapshot, Log),
    clock: i64,
}

impl Kept {
    /// It starts; more than one may.
    pub(crate) fn start(&self, rng: &mut ChaCha20Rng) -> Device {
        let (disk, key) = (Disk::new(), Secret::copy_of(&self.key));
        self.then.0.write(&disk);
        let mut profile = Profile::open(disk.open().unwrap(), &Unlock::External(&key)).unwrap();
        let engine = Engine::load(records(&mut profile)).unwrap();
        let mut device = Device::of((&self.account, disk, key), engine, profile);
        device.clock = self.clock;
        device.restore(&self.then, false, rng);
        device
    }
}

/// A copy of a device's disk.
#[derive(Clone)]
pub(crate) struct Snapshot {
    header: Vec<u8>,
    rows: Vec<sprag_store::RowChange>,
}

impl Device {
    /// A device with a new engine, whose first effects are these.
    pub(crate) fn new(
        account: &AccountName,
        (engine, effects): (Engine, Effects),
        rng: &mut ChaCha20Rng,
    ) -> (Self, Outcome) {
        let disk = Disk::new();
        let key = Secret::random(rng);
        let store = disk.open().unwrap();
        let profile = Profile::create(store, &Lock::External(&key), rng).unwrap();
        let mut device = Self::of((account.as_str(), disk, key), engine, profile);
        let outcome = device.carry_out(effects, rng);
        (device, outcome)
    }

    fn of(
        (account, disk, key): (&str, Disk, Secret<32>),
        engine: Engine,
        profile: Profile<Memory>,
    ) -> Self {
        Self {
            account: account.to_owned(),
            disk,
            key,
            profile: Some(profile),
            engine,
            life: 0,
            link: Link::Down,
            token: None,
            wake_at: None,
            fetched: VecDeque::new(),
            log: Log::default(),
            mishap: None,
            clock: 0,
            off: false,
        }
    }

    pub(crate) fn now(&self, now: u64) -> Timestamp {
        Timestamp::from_seconds(now.saturating_add_signed(self.clock))
    }

    pub(crate) fn handle(&mut self, input: Input, now: u64, rng: &mut ChaCha20Rng) -> Outcome {
        let effects = self.engine.handle(input, self.now(now), rng);
        self.carry_out(effects, rng)
    }

    /// Commits, then does the rest.
    fn carry_out(&mut self, effects: Effects, rng: &mut ChaCha20Rng) -> Outcome {
        let changes = !effects.commit.is_empty();
        let mishap = if changes { self.mishap.take() } else { None };
        if mishap == Some(Mishap::Before) {
            return self.crash();
        }
        if mishap == Some(Mishap::Full) {
            self.disk.set_capacity(Some(0));
        }
        let profile = self.profile.as_mut().unwrap();
        let committed = profile.commit(&effects.commit, rng);
        self.disk.set_capacity(None);
        match committed {
            Ok(()) => {}
            Err(StoreError::Full) => return self.crash(),
            Err(other) => panic!("{other}"),
        }
        let entries = self.log.take(&effects);
        let mut frames = effects.frames;
        if mishap == Some(Mishap::After) {
            return Outcome { entries, ..self.crash() };
        }
        if mishap == Some(Mishap::Amid) {
            frames.truncate(frames.len().div_ceil(2));
            return Outcome { frames, entries, ..self.crash() };
        }
        if !effects.fetch.is_empty() {
            let read = |key: sprag_store::Key| {
                let value = profile.read(&key).unwrap();
                (key, value)
            };
            self.fetched.push_back(Input::Fetched(effects.fetch.into_iter().map(read).collect()));
        }
        self.wake_at = effects.wake_at;
        let (calls, notices) = (effects.calls, effects.notices);
        Outcome { frames, calls, notices, entries, crashed: false }
    }

    /// The process ends, and starts again.
    pub(crate) fn crash(&mut self) -> Outcome {
        self.profile = None;
        self.load();
        Outcome { crashed: true, ..Outcome::default() }
    }

    fn load(&mut self) {
        let store = self.disk.open().unwrap();
        let mut profile = Profile::open(store, &Unlock::External(&self.key)).unwrap();
        self.engine = Engine::load(records(&mut profile)).unwrap();
        self.profile = Some(profile);
        self.life += 1;
        self.link = Link::Down;
        // What a process that begins has to do: an engine that waits to be linked asks for itself.
        self.wake_at = Some(Timestamp::from_seconds(0));
        self.fetched.clear();
    }

    /// A copy of the disk as it is now.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.profile = None;
        let mut store = self.disk.open().unwrap();
        let header = store.header().unwrap().unwrap();
        let rows = store.walk(None, usize::MAX).unwrap();
        let put = |(row, value)| sprag_store::RowChange::Put { row, value };
        let rows = rows.into_iter().map(put).collect();
        drop(store);
        let store = self.disk.open().unwrap();
        self.profile = Some(Profile::open(store, &Unlock::External(&self.key)).unwrap());
        Snapshot { header, rows }
    }

    /// The disk is as it was then, and the process starts on it. `backup`: as a backup does it.
    pub(crate) fn restore(&mut self, then: &(Snapshot, Log), backup: bool, rng: &mut ChaCha20Rng) {
        let (snapshot, log) = then;
        self.profile = None;
        self.disk = Disk::new();
        snapshot.write(&self.disk);
        if backup {
            let store = self.disk.open().unwrap();
            let mut profile = Profile::open(store, &Unlock::External(&self.key)).unwrap();
            let device = profile.read(&Collection::new("device").at(0)).unwrap().unwrap();
            profile.commit(&Engine::mark_restored(&device).unwrap(), rng).unwrap();
        }
        self.log = log.clone();
        self.token = None;
        self.load();
    }

    /// Everything about it that outlives its process.
    pub(crate) fn keep(&mut self) -> Kept {
        let (account, key) = (self.account.clone(), *self.key.expose());
        Kept { account, key, then: (self.snapshot(), self.log.clone()), clock: self.clock }
    }

    pub(crate) fn device(&self) -> Option<u32> {
        self.engine.device().map(sprag_protocol::DeviceId::get)
    }

    /// The seed of its account's key, as its disk has it.
    pub(crate) fn account_seed(&mut self) -> [u8; 32] {
        let profile = self.profile.as_mut().unwrap();
        let device = profile.read(&Collection::new("device").at(0)).unwrap().unwrap();
        records::account_seed(&device)
    }

    /// The session that it sends on to another device.
    pub(crate) fn active_session(&mut self, with: (&str, u32)) -> Option<SessionId> {
        let profile = self.profile.as_mut().unwrap();
        let rows = profile.range(&Collection::new("sessions"), Page::ALL).unwrap();
        rows.into_iter().find_map(|(_, value)| records::active_session(&value, with))
    }

    /// What the disk itself says of a conversation.
    pub(crate) fn stored(&mut self, with: &str) -> Vec<(u64, Option<Read>)> {
        let profile = self.profile.as_mut().unwrap();
        let rows = profile.range(&Collection::of("history", with), Page::ALL).unwrap();
        rows.into_iter().map(|(at, value)| (at, records::entry(&value))).collect()
    }
}

impl Snapshot {
    fn write(&self, disk: &Disk) {
        let mut store = disk.open().unwrap();
        store.set_header(&self.header).unwrap();
        store.commit(&SealedBatch(self.rows.clone())).unwrap();
    }
}

fn records(profile: &mut Profile<Memory>) -> Vec<(sprag_store::Key, sprag_store::Value)> {
    let mut records = Vec::new();
    for name in Engine::COLLECTIONS {
        let collection = Collection::new(name);
        let rows = profile.range(&collection, Page::ALL).unwrap();
        records.extend(rows.into_iter().map(|(at, value)| (collection.at(at), value)));
    }
    records
}

impl Log {
    /// Every text in it.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.entries.values().flatten().map(|read| read.text.as_str())
    }

    /// Takes note of what a commit has changed; gives the entries that are new.
    fn take(&mut self, effects: &Effects) -> Vec<(String, Option<Read>)> {
        let mut new = Vec::new();
        for record in effects.commit.changes().iter().filter_map(records::record) {
            match record {
                Record::Entry(with, position, read) => {
                    let before = self.entries.insert((with.clone(), position), read.clone());
                    assert_eq!(before, None, "a history is not written over");
                    new.push((with, read));
                }
                Record::Mark(mark, with, place) => {
                    self.marks.insert((mark, with, place));
                }
                Record::Sent(number, text) => {
                    self.sent.insert(number, text);
                }
                Record::Unmark(mark, with, place) => {
                    self.marks.remove(&(mark, with, place));
                }
            }
        }
        new
    }
}
