//! What an engine is told: by a person, by the relay, by the clock, by the store.

use sprag_api::directory;
use sprag_api::frame::{self, Welcome};
use sprag_api::problem::Problem;
use sprag_protocol::{AccountName, DeviceId};
use sprag_store::Key;
use zeroize::Zeroizing;

use crate::content::{Body, MessageId};
use crate::effects::CallId;
use crate::view::LinkCode;

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A person wants something; answered once by [`Notice::Reply`](crate::Notice::Reply).
    Command {
        /// What the answer is known by.
        ticket: Ticket,
        /// What is wanted.
        command: Command,
    },
    /// The relay has taken the registration, or this device's first login.
    Registered,
    /// A socket is open and has said this.
    Welcome(Welcome),
    /// The socket says something else.
    Frame(frame::from_relay::Frame),
    /// The socket is gone.
    Disconnected,
    /// A call has an answer.
    Answer {
        /// Which call.
        call: CallId,
        /// What came of it.
        result: Result<Answer, Failure>,
    },
    /// The records that were asked for, each as it is now.
    Fetched(Vec<(Key, Option<Zeroizing<Vec<u8>>>)>),
    /// The relay refuses this device's login, and says this of its account: perhaps a newer list has
    /// removed it. Ask [`Engine::is_removed`](crate::Engine::is_removed) afterwards.
    LoginRefused(Box<directory::Account>),
    /// The time of [`Effects::wake_at`](crate::Effects::wake_at) has come.
    Tick,
}

/// What a [`Command`] and its answer are known by; the driver's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What a person wants.
#[derive(Debug)]
pub enum Command {
    /// Say something. Answered, once it is in the commit, by [`Reply::Queued`](crate::Reply::Queued).
    Send {
        /// The account.
        to: AccountName,
        /// What.
        body: Body,
        /// What both sides are to call it; drawn where there is none. Nobody else may have drawn it.
        id: Option<MessageId>,
    },
    /// Try a failed message again, with the same id.
    Retry {
        /// The conversation that it is in.
        with: AccountName,
        /// Its id and its content, as [`Entry`](crate::Entry) has them.
        content: (MessageId, Body),
    },
    /// A person has read a conversation up to some entry.
    MarkRead {
        /// The other account.
        with: AccountName,
        /// The position below which everything is read.
        below: u64,
        /// The ids of those below that were unread and are the other account's.
        ids: Vec<MessageId>,
    },
    /// Get to know an account, without saying anything to it.
    Meet(AccountName),
    /// Look again at what the relay says of an account.
    Refresh(AccountName),
    /// The safety number was compared and is right (or is not taken as right any more).
    SetVerified {
        /// The other account.
        with: AccountName,
        /// Whether.
        verified: bool,
    },
    /// The person accepts the new account key that the relay offers.
    AcceptKey(AccountName),
    /// Whether others are told what was read.
    SetReadReceipts(bool),
    /// Sign a new device into the account.
    LinkDevice {
        /// What it shows.
        code: LinkCode,
        /// What it gets.
        options: LinkOptions,
    },
    /// Give a linked device a part of a conversation's history, oldest first.
    ShareHistory {
        /// The device.
        device: DeviceId,
        /// The other account of the conversation.
        with: AccountName,
        /// Entries of its history.
        entries: Vec<crate::view::Entry>,
    },
    /// Take a device out of the account.
    RemoveDevice(DeviceId),
}

/// What a new device gets from the one that signs it in; contacts it always gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkOptions {
    /// The private account key: then it can link and remove devices too.
    pub account_key: bool,
}

/// What the relay answers to a call.
#[derive(Debug)]
pub enum Answer {
    /// To [`Call::Lookup`](crate::Call::Lookup).
    Account(directory::Account),
    /// To [`Call::Claim`](crate::Call::Claim).
    Claimed(directory::Claimed),
    /// To [`Call::Publish`](crate::Call::Publish) and [`Call::CountKeys`](crate::Call::CountKeys).
    Counts(directory::KeyCounts),
    /// To [`Call::PutDevices`](crate::Call::PutDevices).
    Done,
}

/// Why a call has no answer.
#[derive(Debug)]
pub enum Failure {
    /// The relay refuses, and says why.
    Problem(Box<Problem>),
    /// Nothing came, or nothing that makes sense: whether it was done is not known.
    Unreachable,
}
