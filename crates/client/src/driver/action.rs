//! What a driver wants done, and what it answers.

use std::time::Duration;

use sprag_protocol::{AccountName, DeviceId, SafetyNumber};
use sprag_store::{RowId, SealedBatch, StoreError};

use crate::content::{Attachment, MessageId};
use crate::effects::Notice;
use crate::error::Error;
use crate::exchange::Ask;
use crate::history::{Cursor, Found};
use crate::input::Ticket;
use crate::transfer::Progress;
use crate::view::{Entry, MessageState, PeerView};

/// What is to be done next.
#[must_use = "nothing goes on before this is done"]
pub enum Step {
    /// Make these changes durable, in one transaction; then [`committed`](super::Driver::committed).
    Commit(SealedBatch),
    /// Read all of this; then [`loaded`](super::Driver::loaded).
    Read(Vec<RowRead>),
    /// Do this, in this order; none of it has to be waited for.
    Act(Vec<Action>),
    /// Nothing, before something happens or this time has come, in milliseconds since 1970.
    Idle(Option<u64>),
}

/// A question to whoever keeps the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowRead {
    /// One row.
    Row(RowId),
    /// Rows from one to another, both included.
    Range {
        /// The first.
        from: RowId,
        /// The last.
        to: RowId,
        /// Whether the last comes first.
        newest_first: bool,
        /// At most so many.
        limit: u32,
    },
}

/// Rows, as they were asked for.
pub type Rows = Vec<(RowId, Vec<u8>)>;

/// Something to do.
pub enum Action {
    /// A call over HTTP; then [`answered`](super::Driver::answered).
    Request {
        /// What it is known by.
        request: u64,
        /// What is asked.
        ask: Ask,
        /// The token that goes along.
        token: Option<String>,
        /// How long it may take.
        within: Duration,
    },
    /// Open a WebSocket, offering these subprotocols.
    Connect {
        /// What it is known by.
        socket: u64,
        /// Its address.
        url: String,
        /// The subprotocols.
        protocols: [String; 2],
    },
    /// Say this on it.
    Write {
        /// Which.
        socket: u64,
        /// A binary message.
        bytes: Vec<u8>,
    },
    /// Close it.
    HangUp {
        /// Which.
        socket: u64,
    },
    /// The answer to a wish.
    Answer {
        /// Which.
        ticket: Ticket,
        /// What came of it.
        result: Box<Result<Value, Error>>,
    },
    /// Something happened; never a reply.
    Notice(Notice),
    /// The connection is another one now.
    Connection(Connection),
    /// Everything that waited at the relay when the connection began has been processed.
    CaughtUp,
    /// The relay has taken the account.
    Registered,
    /// The store failed; what was being done was undone, and is tried again.
    StoreFailed(StoreError),
    /// Hand over these bytes of a file that is sent; then [`sliced`](super::Driver::sliced).
    Slice {
        /// Whose.
        ticket: Ticket,
        /// Which.
        transfer: u64,
        /// The first byte.
        from: u64,
        /// Behind the last byte.
        to: u64,
    },
    /// Keep these bytes, the next ones of a file that is received or of a backup.
    Save {
        /// Whose.
        ticket: Ticket,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// How far a file has come.
    Progress {
        /// Whose.
        ticket: Ticket,
        /// How far.
        progress: Progress,
    },
    /// The profile is open.
    Opened,
    /// The profile cannot be opened, and nothing goes on.
    Failed(Error),
}

/// What a wish gives.
pub enum Value {
    /// It is done.
    Done,
    /// The message is kept and will be sent.
    Sent {
        /// To whom.
        to: AccountName,
        /// Its id.
        id: MessageId,
        /// Its place in the conversation.
        position: u64,
    },
    /// An account.
    Peer(Box<PeerView>),
    /// What two people compare.
    SafetyNumber(SafetyNumber),
    /// A device that was signed in.
    Device(DeviceId),
    /// A part of a conversation.
    Entries(Vec<Entry>),
    /// Entries of several conversations.
    Found(Vec<Found>),
    /// How far a message has come.
    State(MessageState),
    /// What arrived, and up to where that is.
    Incoming(Cursor, Vec<Found>),
    /// A file that was received.
    File(Box<Attachment>),
}

/// What is between a device and its relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// It was told not to connect.
    Offline,
    /// A new device waits to be signed in.
    Linking,
    /// It is being made.
    Connecting,
    /// It is there.
    Online,
    /// It broke, or was not made; the next attempt comes by itself.
    Waiting {
        /// Why.
        why: Error,
        /// When, in milliseconds since 1970.
        until: u64,
    },
    /// No further attempt is made by itself.
    Ended(Error),
}
