//! A phone is copied, and the real core tries every message with what was in it.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use serde::Serialize;
use sprag_protocol::sessions::{DecryptError, Received};
use sprag_protocol::trace::Silent;
use sprag_protocol::{Env, FIRST_MESSAGE_PREFIX_LEN, LocalDevice, Sessions, Timestamp};

use crate::conversation::{Conversation, Sent};
use crate::error::{Error, Result};
use crate::record::{Party, Record, Recorder};
use crate::schedule::Label;
use crate::wire;

/// The bytes that were on the phone.
pub(crate) struct Loot {
    victim: Party,
    device: Vec<u8>,
    sessions: Vec<u8>,
    now: Timestamp,
    /// How much had happened.
    actions: u32,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Theft {
    /// How many bytes were stolen.
    pub stolen: usize,
    /// Every message, in the order in which they were sealed.
    pub rows: Vec<Row>,
    /// The first message from which on the thief reads no text.
    pub healed: Option<Label>,
    /// The messages whose text he cannot read, but whose header he can.
    pub headers: Vec<Label>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name.
    pub message: Label,
    /// Who wrote it.
    pub from: Party,
    /// What it says.
    pub text: String,
    /// The root step that began its chain.
    pub chain: u64,
    /// Its number in the chain.
    pub n: u32,
    /// Before or after the theft.
    pub sent: When,
    /// What the message was to the victim at that moment. (The document of the story has Bob's.)
    #[serde(rename = "bob")]
    pub stand: Stand,
    /// Whether the thief reads it.
    pub readable: bool,
    /// What opened it.
    pub with: Option<With>,
    /// What the core answered where nothing did.
    pub refusal: Option<String>,
}

/// Before or after the theft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// It was sealed before.
    Before,
    /// It was sealed after.
    After,
}

/// Where a message stood for the victim when the phone was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stand {
    /// The victim had read it.
    Read,
    /// The victim had sent it.
    Sent,
    /// It was on its way to the victim, or lost.
    OnItsWay,
    /// It was not written yet.
    Future,
}

/// What a thief opened a message with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum With {
    /// The message key that was kept for it.
    KeptKey,
    /// The chain key of what the victim receives.
    ReceivingChain,
    /// The victim's private ratchet key.
    RatchetKey,
    /// The chain key of what the victim sends.
    SendingChain,
    /// The victim's prekeys.
    Handshake,
    /// The one key of the design without a ratchet.
    StaticKey,
}

/// What one way of trying came to.
pub(crate) type Try = Result<With, String>;

/// A moment at which a phone was copied.
pub(crate) struct Moment {
    pub(crate) victim: Party,
    /// How many actions came before it.
    pub(crate) actions: u32,
    pub(crate) stolen: usize,
}

impl Theft {
    /// Whether a header can be read, but not its text.
    #[must_use]
    pub fn opens_header(&self, message: Label) -> bool {
        self.headers.contains(&message)
    }

    /// Puts together what each way of trying came to, and where headers can be read.
    pub(crate) fn of(
        moment: &Moment,
        sent: &[Sent],
        columns: &[Vec<Try>],
        opens_header: impl Fn(&Sent) -> bool,
    ) -> Self {
        let mut rows = Vec::with_capacity(sent.len());
        for (index, sent) in sent.iter().enumerate() {
            let tries = columns.iter().filter_map(|column| column.get(index));
            rows.push(moment.row(sent, tries));
        }
        let heals = rows.iter().rposition(|row| row.readable).map_or(0, |last| last + 1);
        let after = rows.iter().skip(heals).find(|row| row.sent == When::After);
        let healed = after.map(|row| row.message);
        let unread = rows.iter().zip(sent).filter(|(row, _)| !row.readable);
        let headers = unread.filter(|(_, sent)| opens_header(sent)).map(|(row, _)| row.message);
        let headers = headers.collect();
        Self { stolen: moment.stolen, rows, healed, headers }
    }
}

impl Row {
    /// Why he reads it, or cannot.
    #[must_use]
    pub fn why(&self) -> String {
        let Some(with) = self.with else {
            let refusal = self.refusal.as_deref().unwrap_or_default();
            return format!("the core answers: {refusal}");
        };
        match with {
            With::KeptKey => "with the message key that was kept for it",
            With::ReceivingChain => "with the chain key for receiving",
            With::RatchetKey => "with the private ratchet key",
            With::SendingChain => "with the chain key for sending",
            With::Handshake => "with the prekeys",
            With::StaticKey => "with the one key",
        }
        .into()
    }
}

impl Moment {
    fn row<'a>(&self, sent: &Sent, mut tries: impl Iterator<Item = &'a Try> + Clone) -> Row {
        let refusal = tries.clone().find_map(|tried| tried.as_ref().err()).cloned();
        let with = tries.find_map(|tried| tried.as_ref().ok()).copied();
        let before = sent.sealed <= self.actions;
        let read = sent.opened.is_some_and(|at| at <= self.actions);
        let stand = match (before, sent.from == self.victim) {
            (false, _) => Stand::Future,
            (true, true) => Stand::Sent,
            (true, false) if read => Stand::Read,
            (true, false) => Stand::OnItsWay,
        };
        Row {
            message: sent.label,
            from: sent.from,
            text: sent.text.clone(),
            chain: sent.chain,
            n: sent.n,
            sent: if before { When::Before } else { When::After },
            stand,
            readable: with.is_some(),
            with,
            refusal: refusal.filter(|_| with.is_none()),
        }
    }
}

impl Loot {
    /// Copies somebody's phone.
    pub(crate) fn of(talk: &Conversation, victim: Party) -> Self {
        let side = talk.side(victim);
        let device = side.device.to_bytes().into_vec();
        let sessions = side.sessions.to_bytes().into_vec();
        Self { victim, device, sessions, now: talk.now, actions: talk.actions }
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
        let stolen = self.device.len() + self.sessions.len();
        let moment = Moment { victim: self.victim, actions: self.actions, stolen };
        let states = [self.sessions()?, at_the_end];
        let opens = |sent: &Sent| states.iter().any(|sessions| opens_header(sessions, sent));
        Ok(Theft::of(&moment, sent, &columns, opens))
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

    /// The victim's own sending chain, turned around so that it reads.
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
            let opened = ratchet.decrypt(sent.ratchet_message(), context, self.now, &mut Silent);
            if opened.as_ref().is_ok_and(|plaintext| *plaintext != sent.text.as_bytes()) {
                return Err(Error::Contradiction);
            }
            tries.push(opened.map(|_| With::SendingChain).map_err(|error| error.to_string()));
        }
        Ok(tries)
    }

    fn open(&self, device: &mut LocalDevice, sessions: &mut Sessions, sent: &Sent) -> Result<Try> {
        let mut recorder = Recorder::default();
        // Opening draws nothing.
        let mut rng = ChaCha20Rng::from_seed([0; 32]);
        let mut env = Env::observed(self.now, &mut rng, recorder.watch(self.victim));
        let opened: Result<Received, DecryptError> =
            sessions.decrypt(device, &sent.bytes, &mut env);
        if opened.as_ref().is_ok_and(|received| received.plaintext != sent.text.as_bytes()) {
            return Err(Error::Contradiction);
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
    let message = sent.ratchet_message();
    let (ratchet, turned) = (session.ratchet(), session.ratchet().turned_around());
    ratchet.opens_header(message) || turned.opens_header(message)
}

impl Sent {
    /// What the ratchet made: until there is an answer, the handshake's prefix goes before it.
    fn ratchet_message(&self) -> &[u8] {
        let first = wire::is_first(&self.bytes);
        self.bytes.get(FIRST_MESSAGE_PREFIX_LEN..).filter(|_| first).unwrap_or(&self.bytes)
    }
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
