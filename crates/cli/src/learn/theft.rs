//! Bob's phone is copied, and the real core tries every message with what was in it.

use anyhow::{Result, ensure};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use serde::Serialize;
use sprag_protocol::sessions::{DecryptError, Received};
use sprag_protocol::trace::Silent;
use sprag_protocol::{Env, FIRST_MESSAGE_PREFIX_LEN, LocalDevice, Sessions, Timestamp};

use super::conversation::{Conversation, Sent};
use super::recorder::{Party, Record, Recorder};

/// The bytes that were on the phone.
pub(crate) struct Loot {
    device: Vec<u8>,
    sessions: Vec<u8>,
    now: Timestamp,
    /// How much had happened.
    actions: u32,
}

/// What came of it.
#[derive(Serialize)]
pub(crate) struct Theft {
    /// How many bytes were stolen.
    pub(crate) stolen: usize,
    pub(crate) rows: Vec<Row>,
    /// The first message from which on the thief reads no text.
    pub(crate) healed: Option<String>,
    /// The messages whose text he cannot read, but whose header he can.
    pub(crate) headers: Vec<String>,
}

impl Theft {
    /// Whether a header can be read, but not its text.
    pub(crate) fn opens_header(&self, message: &str) -> bool {
        self.headers.iter().any(|other| other == message)
    }
}

/// One message.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) message: String,
    pub(crate) from: Party,
    pub(crate) text: String,
    pub(crate) chain: u64,
    pub(crate) n: u32,
    pub(crate) sent: When,
    /// What the message was to Bob at that moment.
    pub(crate) bob: Stand,
    pub(crate) readable: bool,
    /// What opened it.
    pub(crate) with: Option<With>,
    /// What the core answered where nothing did.
    pub(crate) refusal: Option<String>,
}

/// Before or after the theft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum When {
    Before,
    After,
}

/// Where a message stood for Bob when his phone was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stand {
    /// He had read it.
    Read,
    /// He had sent it.
    Sent,
    /// It was on its way to him, or lost.
    OnItsWay,
    /// It was not written yet.
    Future,
}

/// What a thief opened a message with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum With {
    KeptKey,
    ReceivingChain,
    RatchetKey,
    SendingChain,
    Handshake,
}

/// What one way of trying came to.
type Try = Result<With, String>;

impl Loot {
    /// Copies Bob's phone.
    pub(crate) fn take(talk: &Conversation) -> Self {
        let device = talk.bob.device.to_bytes().into_vec();
        let sessions = talk.bob.sessions.to_bytes().into_vec();
        Self { device, sessions, now: talk.now, actions: talk.actions() }
    }

    /// Tries every message of the conversation in every way that the bytes allow.
    pub(crate) fn try_all(&self, sent: &[Sent]) -> Result<Theft> {
        let (one_after_the_other, at_the_end) = self.one_after_the_other(sent)?;
        let columns = [
            self.each_alone(sent)?,
            one_after_the_other,
            self.sending_chain(sent, Order::Alone)?,
            self.sending_chain(sent, Order::Following)?,
            self.handshake_again(sent)?,
        ];
        let mut rows = Vec::with_capacity(sent.len());
        for (index, sent) in sent.iter().enumerate() {
            let tries = columns.iter().filter_map(|column| column.get(index));
            rows.push(self.row(sent, tries));
        }
        let heals = rows.iter().rposition(|row| row.readable).map_or(0, |last| last + 1);
        let after = rows.iter().skip(heals).find(|row| row.sent == When::After);
        let healed = after.map(|row| row.message.clone());
        let unread = rows.iter().zip(sent).filter(|(row, _)| !row.readable);
        let states = [self.sessions()?, at_the_end];
        let opens = |sent: &Sent| states.iter().any(|sessions| opens_header(sessions, sent));
        let headers =
            unread.filter(|(_, sent)| opens(sent)).map(|(row, _)| row.message.clone()).collect();
        Ok(Theft { stolen: self.device.len() + self.sessions.len(), rows, healed, headers })
    }

    fn row<'a>(&self, sent: &Sent, mut tries: impl Iterator<Item = &'a Try> + Clone) -> Row {
        let refusal = tries.clone().find_map(|tried| tried.as_ref().err()).cloned();
        let with = tries.find_map(|tried| tried.as_ref().ok()).copied();
        let before = sent.sealed <= self.actions;
        let read = sent.opened.is_some_and(|at| at <= self.actions);
        let bob = match (before, sent.from) {
            (false, _) => Stand::Future,
            (true, Party::Bob) => Stand::Sent,
            (true, Party::Alice) if read => Stand::Read,
            (true, Party::Alice) => Stand::OnItsWay,
        };
        Row {
            message: sent.label.clone(),
            from: sent.from,
            text: sent.text.clone(),
            chain: sent.chain,
            n: sent.n,
            sent: if before { When::Before } else { When::After },
            bob,
            readable: with.is_some(),
            with,
            refusal: refusal.filter(|_| with.is_none()),
        }
    }

    /// A fresh copy of the phone for every message.
    fn each_alone(&self, sent: &[Sent]) -> Result<Vec<Try>> {
        self.each_with(sent, Self::sessions)
    }

    /// The prekeys alone: is there one left that a first message was made for?
    fn handshake_again(&self, sent: &[Sent]) -> Result<Vec<Try>> {
        let peer = self.sessions()?.peer().clone();
        self.each_with(sent, |_| Ok(Sessions::with(peer.clone())))
    }

    /// Fresh sessions and a fresh device for every message. The device is read anew only where it
    /// changed: a first message that opens erases prekeys.
    fn each_with(
        &self,
        sent: &[Sent],
        sessions: impl Fn(&Self) -> Result<Sessions>,
    ) -> Result<Vec<Try>> {
        let mut device = self.device()?;
        let mut tries = Vec::with_capacity(sent.len());
        for sent in sent {
            let outcome = self.open(&mut device, &mut sessions(self)?, sent)?;
            if outcome == Ok(With::Handshake) {
                device = self.device()?;
            }
            tries.push(outcome);
        }
        Ok(tries)
    }

    /// One copy of the phone, given the messages in the order in which they were sent; and what
    /// its sessions are at the end.
    fn one_after_the_other(&self, sent: &[Sent]) -> Result<(Vec<Try>, Sessions)> {
        let (mut device, mut sessions) = (self.device()?, self.sessions()?);
        let tries = sent.iter().map(|sent| self.open(&mut device, &mut sessions, sent));
        Ok((tries.collect::<Result<_>>()?, sessions))
    }

    /// Bob's own sending chain, turned around so that it reads.
    fn sending_chain(&self, sent: &[Sent], order: Order) -> Result<Vec<Try>> {
        let sessions = self.sessions()?;
        let Some(session) = sessions.active() else { return Ok(Vec::new()) };
        let mut ratchet = session.ratchet().turned_around();
        let mut tries = Vec::with_capacity(sent.len());
        for sent in sent {
            if order == Order::Alone {
                ratchet = session.ratchet().turned_around();
            }
            let context = session.associated_data();
            let opened = ratchet.decrypt(&sent.bytes, context, self.now, &mut Silent);
            if let Ok(plaintext) = &opened {
                ensure!(*plaintext == sent.text.as_bytes(), "the thief reads something else");
            }
            tries.push(opened.map(|_| With::SendingChain).map_err(|error| error.to_string()));
        }
        Ok(tries)
    }

    fn open(&self, device: &mut LocalDevice, sessions: &mut Sessions, sent: &Sent) -> Result<Try> {
        let mut recorder = Recorder::default();
        // Opening draws nothing.
        let mut rng = ChaCha20Rng::from_seed([0; 32]);
        let mut env = Env::observed(self.now, &mut rng, recorder.watch(Party::Bob));
        let opened: Result<Received, DecryptError> =
            sessions.decrypt(device, &sent.bytes, &mut env);
        if let Ok(received) = &opened {
            ensure!(received.plaintext == sent.text.as_bytes(), "the thief reads something else");
        }
        let records = recorder.take();
        Ok(opened.map(|_| with(&records)).map_err(|error| error.to_string()))
    }

    fn device(&self) -> Result<LocalDevice> {
        Ok(LocalDevice::from_bytes(&self.device)?)
    }

    fn sessions(&self) -> Result<Sessions> {
        Ok(Sessions::from_bytes(&self.sessions)?)
    }
}

/// Whether each message meets a fresh copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Alone,
    Following,
}

/// Whether sessions have the header key of a message, whichever side sent it.
fn opens_header(sessions: &Sessions, sent: &Sent) -> bool {
    let Some(session) = sessions.active() else { return false };
    // Until there is an answer, a prefix goes before what the ratchet made.
    let mut messages = [Some(sent.bytes.as_slice()), sent.bytes.get(FIRST_MESSAGE_PREFIX_LEN..)]
        .into_iter()
        .flatten();
    let (ratchet, turned) = (session.ratchet(), session.ratchet().turned_around());
    messages.any(|message| ratchet.opens_header(message) || turned.opens_header(message))
}

/// What the trace says a message was opened with.
fn with(records: &[Record]) -> With {
    if records.iter().any(Record::is_agreement) {
        With::Handshake
    } else if records.iter().any(Record::is_dh_step) {
        With::RatchetKey
    } else if records.iter().any(Record::is_derived_message) {
        With::ReceivingChain
    } else {
        With::KeptKey
    }
}
