//! What a person wants: each wish has a ticket, and is answered once.

use std::mem;

use rand_core::CryptoRng;
use sprag_protocol::{AccountName, DeviceId};
use sprag_store::Batch;
use zeroize::Zeroizing;

use super::action::{Action, Connection, Value};
use super::files::Outgoing;
use super::questions::{Question, Share};
use super::{Driver, Event, Life, millis, seconds};
use crate::content::{Body, MessageId};
use crate::effects::{Notice, Refusal, Reply};
use crate::error::Error;
use crate::history::{Cursor, Search};
use crate::input::{Command, Input, LinkOptions, Ticket};
use crate::retry::ANSWER_WITHIN;
use crate::view::LinkCode;

/// Something that a person wants.
pub enum Wish {
    /// Say something: [`Value::Sent`].
    Send {
        /// To whom.
        to: AccountName,
        /// What.
        text: String,
        /// What both sides are to call it. Where there is such a message already, it is not said again: whoever
        /// does not know whether a wish was heard can wish it once more.
        id: Option<MessageId>,
    },
    /// Try a failed message again: [`Value::Sent`].
    Retry {
        /// The conversation.
        with: AccountName,
        /// The message.
        id: MessageId,
    },
    /// Everything up to this position is read: [`Value::Done`].
    MarkRead {
        /// The conversation.
        with: AccountName,
        /// The position.
        through: u64,
    },
    /// Get to know an account: [`Value::Peer`].
    Meet(AccountName),
    /// Ask the relay anew about one: [`Value::Peer`].
    Refresh(AccountName),
    /// What two people compare: [`Value::SafetyNumber`].
    SafetyNumber(AccountName),
    /// The known key was compared, or is not taken as right any more: [`Value::Done`].
    SetVerified {
        /// Whose.
        with: AccountName,
        /// Whether.
        verified: bool,
    },
    /// The key that the relay offers is accepted: [`Value::Done`].
    AcceptKey(AccountName),
    /// Whether others are told what was read: [`Value::Done`].
    SetReadReceipts(bool),
    /// Sign a new device in: [`Value::Device`].
    LinkDevice {
        /// What it shows.
        code: LinkCode,
        /// Whether it gets the account key.
        account_key: bool,
        /// Whether it gets the conversations so far.
        history: bool,
    },
    /// Take a device out of the account: [`Value::Done`].
    RemoveDevice(DeviceId),
    /// The last entries of a conversation below a position: [`Value::Entries`].
    History {
        /// The conversation.
        with: AccountName,
        /// The position.
        before: Option<u64>,
        /// At most so many.
        limit: usize,
    },
    /// The first entries from a position on: [`Value::Entries`].
    HistoryFrom {
        /// The conversation.
        with: AccountName,
        /// The position.
        from: u64,
        /// At most so many.
        limit: usize,
    },
    /// The newest entries with these words: [`Value::Found`].
    Search {
        /// The words.
        words: Search,
        /// At most so many.
        limit: usize,
    },
    /// How far a message has come: [`Value::State`].
    State {
        /// The conversation.
        with: AccountName,
        /// The message.
        id: MessageId,
    },
    /// What arrived beyond a cursor: [`Value::Incoming`].
    Incoming(Option<Cursor>),
    /// Send a file: [`Value::Sent`].
    SendFile {
        /// To whom.
        to: AccountName,
        /// Which.
        file: Outgoing,
    },
    /// Receive the file of an entry: [`Value::File`].
    ReceiveFile {
        /// The conversation.
        with: AccountName,
        /// The entry.
        position: u64,
        /// So many bytes of it are there already, whole chunks.
        from: u64,
    },
    /// Take the account from the relay, for good: [`Value::Done`].
    DeleteAccount,
    /// A backup of everything, under this passphrase: [`Value::Done`].
    Backup(Zeroizing<String>),
}

/// What follows the engine's reply to a command.
pub(super) enum Then {
    Done,
    Sent(AccountName, Option<(MessageId, u64)>),
    Peer(AccountName),
    Number(AccountName),
    Linked {
        history: bool,
    },
    Shared(Share),
    /// A file's account is known now.
    Met(u64),
    /// A file's message is kept.
    FileSent(u64),
}

/// A command that waits for the connection that is being made.
pub(super) struct Parked {
    pub(super) ticket: Ticket,
    command: Command,
    then: Then,
    pub(super) until: u64,
}

impl Driver {
    /// Wishes for something. [`Action::Answer`] has the answer.
    ///
    /// # Errors
    /// [`Error::Closed`] where nothing is answered any more; [`Refusal::NotReady`] while the profile is being opened.
    pub fn wish(&mut self, wish: Wish) -> Result<Ticket, Error> {
        match self.life {
            Life::Running | Life::Loading { again: true, .. } => {}
            Life::Loading { again: false, .. } => return Err(Refusal::NotReady.into()),
            Life::Ended => return Err(Error::Closed),
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.events.push_back(Event::Wish(ticket, wish));
        Ok(ticket)
    }

    /// Gives a wish up, where it is one that takes long.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.events.push_back(Event::Cancel(ticket));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "no other wish says something")]
    pub(super) fn wished<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        wanted: Wish,
        now: u64,
        rng: &mut R,
    ) {
        let named = match &wanted {
            Wish::Send { to, id: Some(id), .. } => Some((to.clone(), *id)),
            Wish::SendFile { to, file } => file.id.map(|id| (to.clone(), id)),
            _ => None,
        };
        match named {
            Some((with, id)) => {
                let question = Question::Once { with, id, wish: Some(Box::new(wanted)) };
                self.questions.push_back((ticket, question));
            }
            None => self.fulfil(ticket, wanted, now, rng),
        }
    }

    /// Does what is wished for, whether it was wished for before or not.
    #[expect(clippy::wildcard_enum_match_arm, reason = "`Question::of` names them all")]
    pub(super) fn fulfil<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        wanted: Wish,
        now: u64,
        rng: &mut R,
    ) {
        let (command, then) = match wanted {
            Wish::Send { to, text, id } => {
                let then = Then::Sent(to.clone(), None);
                (Command::Send { to, body: Body::Text(text), id }, then)
            }
            Wish::SetVerified { with, verified } => {
                (Command::SetVerified { with, verified }, Then::Done)
            }
            Wish::AcceptKey(with) => (Command::AcceptKey(with), Then::Done),
            Wish::SetReadReceipts(tell) => (Command::SetReadReceipts(tell), Then::Done),
            Wish::Meet(name) => {
                return self.meet(ticket, (name.clone(), Then::Peer(name)), now, rng);
            }
            Wish::SafetyNumber(name) => {
                return self.meet(ticket, (name.clone(), Then::Number(name)), now, rng);
            }
            Wish::SendFile { to, file } => return self.send_file(ticket, (to, file), now, rng),
            Wish::DeleteAccount => return self.delete_account(ticket),
            Wish::Refresh(name) => {
                let then = Then::Peer(name.clone());
                return self.command_online(ticket, (Command::Refresh(name), then), now, rng);
            }
            Wish::LinkDevice { code, account_key, history } => {
                let options = LinkOptions { account_key };
                let command = Command::LinkDevice { code, options };
                let then = Then::Linked { history };
                return self.command_online(ticket, (command, then), now, rng);
            }
            Wish::RemoveDevice(device) => {
                let command = Command::RemoveDevice(device);
                return self.command_online(ticket, (command, Then::Done), now, rng);
            }
            question => {
                if let Some(question) = Question::of(question) {
                    self.questions.push_back((ticket, question));
                }
                return;
            }
        };
        self.command(ticket, (command, then, Batch::new()), now, rng);
    }

    /// Does something with an account, which is got to know first where it is not known.
    pub(super) fn meet<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        (name, then): (AccountName, Then),
        now: u64,
        rng: &mut R,
    ) {
        if self.engine.as_ref().is_some_and(|engine| engine.peer(&name).is_some()) {
            self.follow(ticket, then, &Reply::Done);
        } else {
            self.command_online(ticket, (Command::Meet(name), then), now, rng);
        }
    }

    /// A command; where it is done at once, `also` is in the same commit.
    pub(super) fn command<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        (command, then, also): (Command, Then, Batch),
        now: u64,
        rng: &mut R,
    ) {
        let Some(engine) = &mut self.engine else {
            // The store has failed, and the engine is being read again.
            return self.answer(ticket, Err(Refusal::NotReady.into()));
        };
        self.tickets.insert(ticket, then);
        let mut effects = engine.handle(Input::Command { ticket, command }, seconds(now), rng);
        let done = |notice: &Notice| matches!(notice, Notice::Reply { ticket: of, result: Ok(_) } if *of == ticket);
        if effects.notices.iter().any(done) {
            effects.commit.append(also);
        }
        self.gather(effects);
    }

    /// The same for what needs the relay: waits for the connection that is being made.
    fn command_online<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        (command, then): (Command, Then),
        now: u64,
        rng: &mut R,
    ) {
        if self.line.shown == Connection::Online {
            return self.command(ticket, (command, then, Batch::new()), now, rng);
        }
        let until = now.saturating_add(millis(ANSWER_WITHIN));
        self.parked.push(Parked { ticket, command, then, until });
    }

    pub(super) fn go_on_with_parked<R: CryptoRng>(&mut self, now: u64, rng: &mut R) {
        if self.parked.is_empty() {
            return;
        }
        let why = match &self.line.shown {
            Connection::Online => {
                for Parked { ticket, command, then, .. } in mem::take(&mut self.parked) {
                    self.command(ticket, (command, then, Batch::new()), now, rng);
                }
                return;
            }
            Connection::Connecting => {
                let over = |parked: &mut Parked| parked.until <= now;
                let late: Vec<_> = self.parked.extract_if(.., over).collect();
                return late
                    .into_iter()
                    .for_each(|parked| self.refuse_parked(&parked, Error::Timeout, now));
            }
            Connection::Waiting { why, .. } | Connection::Ended(why) => why.clone(),
            Connection::Offline => Error::Offline,
            Connection::Linking => Refusal::NotReady.into(),
        };
        for parked in mem::take(&mut self.parked) {
            self.refuse_parked(&parked, why.clone(), now);
        }
    }

    fn refuse_parked(&mut self, parked: &Parked, why: Error, now: u64) {
        if let Then::Met(transfer) | Then::FileSent(transfer) = parked.then {
            return self.file_given_up(transfer, why, now);
        }
        self.answer(parked.ticket, Err(why));
    }

    /// The engine has answered a command.
    pub(super) fn replied(&mut self, ticket: Ticket, result: Result<Reply, Refusal>) {
        let Some(then) = self.tickets.remove(&ticket) else { return };
        match result {
            Ok(reply) => self.follow(ticket, then, &reply),
            Err(refusal) => {
                if let Then::Met(transfer) | Then::FileSent(transfer) = then {
                    self.transfers.remove(&transfer);
                }
                self.answer(ticket, Err(refusal.into()));
            }
        }
    }

    fn follow(&mut self, ticket: Ticket, then: Then, reply: &Reply) {
        let unknown = Error::Refused(Refusal::UnknownAccount);
        let engine = self.engine.as_ref();
        let result = match (then, reply) {
            (Then::Done, _) => Ok(Value::Done),
            (Then::Sent(to, _), Reply::Queued { id, position }) => {
                Ok(Value::Sent { to, id: *id, position: *position })
            }
            (Then::Sent(to, Some((id, position))), _) => Ok(Value::Sent { to, id, position }),
            (Then::Sent(_, None), _) => Err(Error::NoSuchMessage),
            (Then::Peer(name), _) => {
                let peer = engine.and_then(|engine| engine.peer(&name));
                peer.map(|peer| Value::Peer(Box::new(peer))).ok_or(unknown)
            }
            (Then::Number(name), _) => {
                let number = engine.and_then(|engine| engine.safety_number(&name, false));
                number.map(Value::SafetyNumber).ok_or(unknown)
            }
            (Then::Linked { history: true }, Reply::Linked(device)) => {
                let share = Share::all(*device, engine);
                return self.questions.push_back((ticket, Question::Share(share)));
            }
            (Then::Linked { .. }, Reply::Linked(device)) => Ok(Value::Device(*device)),
            (Then::Linked { .. }, _) => Err(Refusal::NoSuchDevice.into()),
            (Then::Shared(share), _) => {
                return self.questions.push_back((ticket, Question::Share(share)));
            }
            (Then::Met(transfer), _) => {
                return self.questions.push_back((ticket, Question::FindUpload(transfer)));
            }
            (Then::FileSent(transfer), reply) => {
                return self.file_sent(transfer, reply);
            }
        };
        self.answer(ticket, result);
    }

    /// A wish is answered, once everything before it is durable.
    pub(super) fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>) {
        self.told.push(Action::Answer { ticket, result: Box::new(result) });
    }

    pub(super) fn cancelled(&mut self, ticket: Ticket) {
        let found = self.transfers.iter().find(|(_, file)| file.ticket == ticket);
        let transfer = found.map(|(id, _)| *id);
        if let Some(transfer) = transfer {
            self.transfers.remove(&transfer);
            self.calls.forget_file(transfer);
        }
        let asked = self.questions.len();
        self.questions.retain(|(of, _)| *of != ticket);
        let parked = self.parked.len();
        self.parked.retain(|parked| parked.ticket != ticket);
        let waited = self.tickets.remove(&ticket).is_some();
        let stopped = asked > self.questions.len() || parked > self.parked.len();
        if transfer.is_some() || waited || stopped {
            self.answer(ticket, Err(Error::Closed));
        }
    }
}
