//! What an engine wants done.

use sprag_api::directory;
use sprag_api::frame;
use sprag_api::problem::Code;
use sprag_protocol::{AccountName, DeviceId, Timestamp};
use sprag_store::{Batch, Key};

use crate::content::MessageId;
use crate::input::Ticket;
use crate::view::{Entry, MessageState};

/// What is to be done, in this order: first [`commit`](Self::commit), durably and in one transaction;
/// only then the rest. Where the commit fails, the engine is ahead of its store: drop it, do nothing of
/// the rest, and load it anew.
#[derive(Debug, Default)]
#[must_use = "nothing has happened yet: persist the commit, then do the rest"]
pub struct Effects {
    /// Changes of the store.
    pub commit: Batch,
    /// What to say on the socket, in this order; dropped where there is none any more.
    pub frames: Vec<frame::to_relay::Frame>,
    /// Calls to make, in any order; each is answered by [`Input::Answer`](crate::Input::Answer).
    pub calls: Vec<(CallId, Call)>,
    /// Records to read; all are answered by one [`Input::Fetched`](crate::Input::Fetched).
    pub fetch: Vec<Key>,
    /// What there is to tell.
    pub notices: Vec<Notice>,
    /// When to hand in [`Input::Tick`](crate::Input::Tick); replaces what was said before.
    pub wake_at: Option<Timestamp>,
}

/// What a [`Call`] and its answer are known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// A call over HTTP (docs/API.md).
#[derive(Clone, Debug)]
pub enum Call {
    /// `GET /v1/accounts/{name}`; with the token, where there is one.
    Lookup(AccountName),
    /// `POST /v1/keys/{name}/claim`.
    Claim(AccountName),
    /// `PUT /v1/keys`.
    Publish(directory::PublishKeys),
    /// `GET /v1/keys`.
    CountKeys,
    /// `PUT /v1/accounts/{own name}/devices`.
    PutDevices(directory::PutDevices),
}

/// Something to tell a person or a program.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The answer to a command.
    Reply {
        /// Which command.
        ticket: Ticket,
        /// What came of it.
        result: Result<Reply, Refusal>,
    },
    /// A conversation has a new entry: from the other account, or from another own device.
    Entry {
        /// The other account.
        with: AccountName,
        /// The entry.
        entry: Box<Entry>,
    },
    /// A message that this account sent has another state now.
    State {
        /// The other account.
        with: AccountName,
        /// The message.
        id: MessageId,
        /// Its state.
        state: MessageState,
    },
    /// What is unread in a conversation, or what is known of the other account, has changed.
    Conversation(AccountName),
    /// The relay offers another account key than the known one: nothing is sent until a person decides.
    KeyChanged(AccountName),
    /// A message could not be read; the sender is asked for it again.
    Unreadable {
        /// The account that sent it.
        from: AccountName,
        /// The device that sent it.
        device: DeviceId,
    },
    /// The relay says something that cannot be true; it was not taken.
    RelayLies {
        /// Of whom.
        account: AccountName,
        /// What was wrong.
        why: Lie,
    },
    /// There is no account of this name (any more): what was to be sent to it failed.
    NoSuchAccount(AccountName),
    /// The own account's devices have changed.
    DevicesChanged,
    /// This device has been signed into its account and knows it.
    Linked,
    /// The account has removed this device; it cannot send or receive any more.
    Removed,
    /// This device runs on an older copy of its state, or from a backup: all sessions start afresh.
    StartedAfresh,
    /// Another copy of this device's state is in use somewhere.
    Cloned,
}

/// What a relay said that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A device list that is not signed by the account key, or is another account's.
    UnsignedList,
    /// A device list older than one seen before, or another of the same version.
    OlderList,
    /// A bundle that is not what the device signed.
    BadBundle,
    /// Keys, lists or bundles that cannot be decoded.
    Malformed,
}

/// What came of a [`Command`](crate::Command) that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The message will be sent; it has this id, and its entry this position in the history.
    Queued {
        /// Its id.
        id: MessageId,
        /// The position of its entry.
        position: u64,
    },
    /// It is done.
    Done,
    /// The device is in the list, and gets contacts next.
    Linked(DeviceId),
}

/// Why a [`Command`](crate::Command) was not done; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is empty or longer than 60,000 bytes: send a file.
    #[error("a message has 1 to 60,000 bytes of text; send longer ones as a file")]
    TooLong,
    /// One does not write to oneself.
    #[error("this is your own account")]
    OwnAccount,
    /// This is not known here.
    #[error("nothing is known of this account yet; write to it first")]
    UnknownAccount,
    /// The relay knows no such account.
    #[error("the relay has no account of this name")]
    NoSuchAccount,
    /// The account key has changed: compare safety numbers, then accept it or not.
    #[error("the account key has changed; compare safety numbers, then accept the new key")]
    KeyChanged,
    /// There is no new key to accept.
    #[error("there is no new key to accept")]
    NothingOffered,
    /// Only a device that holds the account key can do this.
    #[error("this device does not hold the account key; do it on one that does")]
    NoAccountKey,
    /// The account has 8 devices: remove one first.
    #[error("an account has at most 8 devices; remove one first")]
    TooManyDevices,
    /// The device is already there.
    #[error("this device is already in the account")]
    AlreadyLinked,
    /// There is no such device, or it is this one.
    #[error("there is no other device with this number")]
    NoSuchDevice,
    /// The device is not ready: it has to be registered or linked first, or was removed.
    #[error("this device is not part of its account yet, or not any more")]
    NotReady,
    /// The relay cannot be reached; nothing is done later by itself.
    #[error("the relay cannot be reached")]
    Unreachable,
    /// The relay refuses.
    #[error("the relay refuses: {}", .0.as_str())]
    Refused(Code),
    /// The relay answered with something that cannot be true.
    #[error("the relay answered with something that cannot be true")]
    RelayLies,
}
