//! What a person sees.

use sprag_api::base64::Base64;
use sprag_protocol::{AccountKey, AccountName, DeviceId, Timestamp};

use crate::content::{Body, MessageId};

/// How far a message of the own account has come. Each state implies those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageState {
    /// It is kept here, and not encrypted yet.
    Queued,
    /// It is encrypted and on its way; the relay has not confirmed it.
    Sending,
    /// The relay has stored it.
    Sent,
    /// A device of the other account has it.
    Delivered,
    /// A person has read it.
    Read,
    /// It was given up: the reason. It can be tried again.
    Failed(Failed),
}

/// Why a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failed {
    /// The relay has no account of this name (any more).
    NoSuchAccount,
    /// The relay does not take it, whatever is done.
    Refused,
}

/// One entry of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the history; later ones are higher.
    pub position: u64,
    /// Who wrote it.
    pub from: AccountName,
    /// The device that it was written on.
    pub device: DeviceId,
    /// Whether the own account wrote it.
    pub own: bool,
    /// When it arrived here, or was written here.
    pub received: Timestamp,
    /// What it is.
    pub event: Event,
    /// With a message of the own account: how far it has come.
    pub state: Option<MessageState>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message.
    Message {
        /// What both sides call it.
        id: MessageId,
        /// When it was written, by the writer's clock.
        written: Timestamp,
        /// What it says.
        body: Body,
    },
    /// The account key changed, and the person accepted the new one.
    KeyChanged,
}

/// A conversation with another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The other account.
    pub with: AccountName,
    /// How many entries there are.
    pub entries: u64,
    /// How many messages are unread.
    pub unread: u64,
    /// The position below which everything is read.
    pub read_below: u64,
    /// When something last happened.
    pub active: Timestamp,
    /// What is known of who it is.
    pub trust: Trust,
    /// How many messages wait to be sent.
    pub waiting: u64,
}

/// What is known of who an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The relay has not been asked yet.
    Unknown,
    /// Its key is the one that was seen first.
    FirstUse,
    /// Its key is the one that a person has compared.
    Verified,
    /// The relay offers another key: nothing is sent until a person decides.
    KeyChanged {
        /// Whether a person had compared the known one.
        was_verified: bool,
    },
}

/// An account as it is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// Its name.
    pub name: AccountName,
    /// Its known key.
    pub key: AccountKey,
    /// The key that the relay offers instead, where there is one.
    pub offered: Option<AccountKey>,
    /// Its devices.
    pub devices: Vec<DeviceId>,
    /// What is known of who it is.
    pub trust: Trust,
}

/// A device of the own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnDevice {
    /// Its number.
    pub id: DeviceId,
    /// When it was added.
    pub created: Timestamp,
    /// Whether it is this one.
    pub this: bool,
}

/// What a new device shows to one that signs it in: `1 || identity key (32) || secret (16)`. Who sees it
/// can take part in the account as that device's sponsor, so it is shown to nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkCode {
    pub(crate) identity: [u8; 32],
    pub(crate) secret: [u8; 16],
}

/// The text is no link code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a link code; it begins with sprag-link: and is shown by the new device")]
pub struct NotALinkCode;

/// What a link code begins with.
const PREFIX: &str = "sprag-link:";

impl LinkCode {
    /// Takes what [`Display`](std::fmt::Display) writes.
    ///
    /// # Errors
    /// [`NotALinkCode`].
    pub fn parse(text: &str) -> Result<Self, NotALinkCode> {
        let text = text.trim();
        let encoded = text.strip_prefix(PREFIX).ok_or(NotALinkCode)?;
        let bytes = Base64::parse(encoded).map_err(|_| NotALinkCode)?;
        let [1, rest @ ..] = &bytes.0[..] else { return Err(NotALinkCode) };
        let (identity, secret) = rest.split_first_chunk().ok_or(NotALinkCode)?;
        let secret = secret.try_into().map_err(|_| NotALinkCode)?;
        Ok(Self { identity: *identity, secret })
    }
}

impl std::fmt::Display for LinkCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = [&[1][..], &self.identity, &self.secret].concat();
        write!(formatter, "{PREFIX}{}", Base64(bytes))
    }
}

impl std::fmt::Debug for LinkCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LinkCode")
    }
}
