//! What the chat is told, and what it wants done.

use std::path::PathBuf;

use crossterm::event::KeyEvent;
use sprag_client::{
    Attachment, Conversation, Entry, Error, Happening, Link, LinkCode, MessageId, OwnDevice,
    PeerView, Progress, Status,
};
use sprag_protocol::{AccountName, DeviceId, SafetyNumber, Timestamp};

use super::talk::Part;

/// Something happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has the person's attention, or has it no more.
    Focus(bool),
    /// The terminal has so many columns and rows.
    Size(u16, u16),
    /// It is this late.
    Tick(Timestamp),
    /// The client tells something.
    Happened(Happening),
    /// An action has an answer.
    Done(Outcome),
}

/// What a transfer of a file is known by.
pub(crate) type Transfer = u64;

/// Something that is to be done outside of the chat's state; most have an [`Outcome`].
#[derive(Debug)]
pub(crate) enum Action {
    /// Load the list of conversations.
    Conversations,
    /// Load what was said last in these.
    Peek(Vec<AccountName>),
    /// Load a part of a history.
    History(AccountName, Part),
    /// Send a text.
    Send(AccountName, String),
    /// Try a failed message again.
    Retry(AccountName, MessageId),
    /// Everything up to this position is read.
    MarkRead(AccountName, u64),
    /// Get to know an account.
    Meet(AccountName),
    /// Load who an account is.
    Identity(AccountName),
    /// The safety number was compared, or is not to count as compared any more.
    Verify(AccountName, bool),
    /// Accept the new key of an account.
    Accept(AccountName),
    /// Load the own devices.
    Devices,
    /// Sign a device into the account.
    Link(LinkCode, Link),
    /// Take a device out of the account.
    Remove(DeviceId),
    /// Look for words; ends the search before it.
    Search(u64, String),
    /// Load how the client is.
    Status,
    /// Connect now.
    Reconnect,
    /// Send a file, with a text beside it.
    Upload { transfer: Transfer, to: AccountName, path: PathBuf, caption: String },
    /// Save a file.
    Save { transfer: Transfer, file: Box<Attachment>, path: PathBuf },
    /// Something with the terminal.
    Terminal(Terminal),
}

/// What is done with the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// Draw everything anew.
    Redraw,
    /// Give it back for a while.
    Suspend,
    /// Give it back, and end.
    Quit,
}

/// What came of an action.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Of [`Action::Conversations`].
    Conversations(Result<Vec<Conversation>, Error>),
    /// Of [`Action::Peek`]: the newest entry of a conversation.
    Peeked(AccountName, Box<Entry>),
    /// Of [`Action::History`].
    History(AccountName, Part, Result<Vec<Entry>, Error>),
    /// Of [`Action::Send`]; the text is given back where it was not sent.
    Sent(AccountName, Result<(), (String, Error)>),
    /// Of [`Action::Retry`], [`Action::Verify`] and [`Action::Accept`].
    Changed(AccountName, Result<(), Error>),
    /// Of [`Action::MarkRead`].
    Marked(AccountName, Result<(), Error>),
    /// Of [`Action::Meet`].
    Met(AccountName, Result<(), Error>),
    /// Of [`Action::Identity`].
    Identity(AccountName, Result<Box<Identity>, Error>),
    /// Of [`Action::Devices`].
    Devices(Result<Vec<OwnDevice>, Error>),
    /// Of [`Action::Link`].
    Linked(Result<DeviceId, Error>),
    /// Of [`Action::Remove`].
    Removed(DeviceId, Result<(), Error>),
    /// Of [`Action::Search`].
    Found(u64, Result<Vec<(AccountName, Entry)>, Error>),
    /// Of [`Action::Status`].
    Status(Box<Status>),
    /// Of [`Action::Upload`] and [`Action::Save`], while they go on.
    Progress(Transfer, Progress),
    /// Of [`Action::Upload`].
    Uploaded(Transfer, AccountName, Result<(), Error>),
    /// Of [`Action::Save`].
    Saved(Transfer, Result<(), Error>),
}

/// Who an account is, as far as it is known.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Its key and devices.
    pub(crate) peer: Option<PeerView>,
    /// The safety number under the known key.
    pub(crate) number: Option<SafetyNumber>,
    /// The one under the key that the relay offers instead.
    pub(crate) offered: Option<SafetyNumber>,
}
