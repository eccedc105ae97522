//! A relay in memory, as docs/API.md says one behaves: pure and synchronous. What is done is durable at
//! once; connections are not, and go with a restart. Tests reach into it to make it hostile.

mod directory;
mod mailboxes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use sprag_api::frame::{self, from_relay::Frame};
use sprag_api::limit;
use sprag_api::name::Origin;
use sprag_api::problem::{Code, Problem};

use crate::ciphers::Ciphers;

/// Who calls: an account, and a device's number in it.
pub(crate) type Who = (String, u32);

/// What a login gives: a device, by its identity key, until a time.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) who: Who,
    pub(crate) identity: [u8; 32],
    pub(crate) expires: u64,
}

/// Everything that a relay holds.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) origin: Origin,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) limits: Limits,
    pub(crate) hostile: Hostile,
    /// What was seen of ciphertexts.
    pub(crate) ciphers: Ciphers,
    connections: BTreeMap<u64, Connection>,
    out: VecDeque<(u64, Frame)>,
}

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Envelopes ahead of their acknowledgement.
    pub(crate) window: usize,
    /// Envelopes in a mailbox.
    pub(crate) mailbox: usize,
}

/// What an honest relay would not do.
#[derive(Clone, Default)]
pub(crate) struct Hostile {
    /// Shows this account key and list for an account.
    pub(crate) shows: BTreeMap<String, (Vec<u8>, Vec<u8>)>,
    /// Hands out one-time prekeys again and again.
    pub(crate) reuses_prekeys: bool,
    /// Drops so many envelopes silently.
    pub(crate) drops: usize,
    /// Changes a bit of so many ciphertexts.
    pub(crate) corrupts: usize,
}

#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) key: [u8; 32],
    pub(crate) list: Vec<u8>,
    pub(crate) version: u64,
    pub(crate) devices: BTreeMap<u32, Mailbox>,
}

/// A device of an account.
#[derive(Clone)]
pub(crate) struct Mailbox {
    pub(crate) identity: [u8; 32],
    pub(crate) signed: Option<Vec<u8>>,
    pub(crate) last_resort: Option<Vec<u8>>,
    pub(crate) one_time: OneTime,
    pub(crate) one_time_kem: OneTime,
    pub(crate) waiting: VecDeque<frame::Envelope>,
    next_seq: u64,
    pub(crate) numbers: Numbers,
    /// Everything that was ever put here.
    pub(crate) history: Vec<frame::Envelope>,
}

#[derive(Clone, Default)]
pub(crate) struct OneTime {
    pub(crate) keys: BTreeMap<u32, Vec<u8>>,
    highest: u32,
}

/// The numbers that were accepted from a device.
#[derive(Clone, Default)]
pub(crate) struct Numbers {
    pub(crate) mark: u64,
    accepted: BTreeSet<u64>,
    /// The devices that did not get a message.
    pub(crate) left_out: BTreeMap<u64, Vec<u32>>,
}

#[derive(Clone)]
struct Connection {
    token: Token,
    /// After `Hello`.
    receives: bool,
    delivered: u64,
    acknowledged: u64,
    /// The last envelope that waited at the beginning; gone once `Empty` was said.
    beginning: Option<u64>,
}

impl Relay {
    pub(crate) fn new(origin: &str) -> Self {
        Self {
            origin: Origin::new(origin).unwrap(),
            accounts: BTreeMap::new(),
            limits: Limits { window: 512, mailbox: 10_000 },
            hostile: Hostile::default(),
            ciphers: Ciphers::default(),
            connections: BTreeMap::new(),
            out: VecDeque::new(),
        }
    }

    /// What it has to say, on which connection.
    pub(crate) fn take_out(&mut self) -> Option<(u64, Frame)> {
        self.out.pop_front()
    }

    /// What is stored stays; connections go.
    pub(crate) fn restart(&mut self) {
        self.connections.clear();
        self.out.clear();
    }

    /// Tokens and envelopes expire.
    pub(crate) fn pass_time(&mut self, now: u64) {
        let expired = |connection: &Connection| connection.token.expires <= now;
        let gone: Vec<u64> =
            self.connections.iter().filter(|(_, c)| expired(c)).map(|(id, _)| *id).collect();
        for id in gone {
            self.dismiss(id, Code::Unauthenticated);
        }
        for mailbox in self.accounts.values_mut().flat_map(|a| a.devices.values_mut()) {
            mailbox.waiting.retain(|envelope| envelope.received + 30 * 24 * 60 * 60 > now);
        }
    }

    /// The mailbox of a device that is still the one that logged in.
    pub(crate) fn mailbox(&mut self, who: &Who) -> Option<&mut Mailbox> {
        self.accounts.get_mut(&who.0)?.devices.get_mut(&who.1)
    }

    fn check(&self, token: &Token, now: u64) -> Result<(), Problem> {
        let (name, device) = &token.who;
        let found = self.accounts.get(name).and_then(|account| account.devices.get(device));
        match found {
            Some(found) if found.identity == token.identity && token.expires > now => Ok(()),
            _ => Err(problem(Code::Unauthenticated)),
        }
    }

    /// A socket is opened. What it says first is `Hello`.
    pub(crate) fn open(&mut self, id: u64, token: Token, now: u64) -> Result<(), Problem> {
        self.check(&token, now)?;
        let connection =
            Connection { token, receives: false, delivered: 0, acknowledged: 0, beginning: None };
        self.connections.insert(id, connection);
        Ok(())
    }

    /// The socket is gone.
    pub(crate) fn close(&mut self, id: u64) {
        self.connections.remove(&id);
    }

    pub(crate) fn has(&self, id: u64) -> bool {
        self.connections.contains_key(&id)
    }

    fn dismiss(&mut self, id: u64, code: Code) {
        self.connections.remove(&id);
        let closing =
            frame::Closing { code: code.as_str().into(), detail: String::new(), retry_after: 1 };
        self.out.push_back((id, Frame::Closing(closing)));
    }

    /// The connection on which a device receives.
    fn receiving(&self, who: &Who) -> Option<u64> {
        let receives = |c: &Connection| c.receives && c.token.who == *who;
        self.connections.iter().find(|(_, c)| receives(c)).map(|(id, _)| *id)
    }
}

impl Mailbox {
    fn new(identity: [u8; 32]) -> Self {
        Self {
            identity,
            signed: None,
            last_resort: None,
            one_time: OneTime::default(),
            one_time_kem: OneTime::default(),
            waiting: VecDeque::new(),
            next_seq: 1,
            numbers: Numbers::default(),
            history: Vec::new(),
        }
    }

    /// Whether messages must name it.
    pub(crate) fn takes_part(&self) -> bool {
        self.signed.is_some() && self.last_resort.is_some()
    }

    /// Puts an envelope at the end, whoever it is from.
    pub(crate) fn put(&mut self, envelope: frame::Envelope) {
        let envelope = frame::Envelope { seq: self.next_seq, ..envelope };
        self.next_seq += 1;
        self.waiting.push_back(envelope.clone());
        self.history.push(envelope);
    }
}

impl OneTime {
    /// Adds what is above everything added before; holds the highest 1,000.
    fn publish(&mut self, keys: &[(u32, Vec<u8>)]) {
        let before = self.highest;
        for (id, key) in keys.iter().filter(|(id, _)| *id > before) {
            self.keys.insert(*id, key.clone());
            self.highest = self.highest.max(*id);
        }
        while self.keys.len() > limit::PREKEYS_HELD {
            self.keys.pop_first();
        }
    }

    /// The highest id that was ever published.
    pub(crate) fn highest(&self) -> u32 {
        self.highest
    }

    fn hand_out(&mut self, keep: bool) -> Option<Vec<u8>> {
        if keep {
            return self.keys.first_key_value().map(|(_, key)| key.clone());
        }
        self.keys.pop_first().map(|(_, key)| key)
    }
}

impl Numbers {
    /// Whether the number was accepted before; nothing where it is too old to know.
    fn was_accepted(&self, number: u64) -> Option<bool> {
        if number + limit::NUMBER_WINDOW <= self.mark {
            return None;
        }
        Some(self.accepted.contains(&number))
    }

    fn accept(&mut self, number: u64) {
        self.mark = self.mark.max(number);
        self.accepted.insert(number);
        let mark = self.mark;
        self.accepted.retain(|number| number + limit::NUMBER_WINDOW > mark);
    }
}

fn problem(code: Code) -> Problem {
    Problem::new(code, "")
}

/// The same bytes with one bit changed, in the part that is sealed.
fn corrupted(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes.into()
}
