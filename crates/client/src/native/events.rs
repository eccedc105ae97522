//! What a client tells while it runs.

use std::time::Duration;

use sprag_protocol::{AccountName, DeviceId};
use sprag_store::StoreError;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;

use super::Error;
use crate::content::MessageId;
use crate::effects::Lie;
use crate::view::{Entry, MessageState};

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// The connection to the relay is another one now.
    Connection(Connection),
    /// Everything that waited at the relay when the connection began has been processed.
    CaughtUp,
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
    /// The relay offers another account key than the known one; nothing is sent to this account until
    /// a person decides: [`Client::accept_key`](super::Client::accept_key).
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
    /// The account has removed this device.
    Removed,
    /// This device runs on an older copy of its state, or from a backup: all sessions start afresh.
    StartedAfresh,
    /// Another copy of this device's state is in use somewhere.
    Cloned,
    /// The store failed; what was being done was undone, and is tried again. Nothing is lost.
    StoreFailed(StoreError),
    /// So many happenings were not read in time and are gone: look at everything anew.
    Missed(u64),
}

/// What is between this client and its relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// It was told not to connect.
    Offline,
    /// It is being made.
    Connecting,
    /// It is there.
    Online,
    /// The last attempt failed, or the connection broke; the next attempt is made by itself.
    Waiting {
        /// Why.
        why: Error,
        /// After so long, counted from when this was told.
        retry_in: Duration,
    },
    /// No further attempt is made by itself.
    Ended(Error),
}

/// Everything that happens from when this was made.
#[derive(Debug)]
pub struct Events {
    pub(super) happenings: broadcast::Receiver<Happening>,
    pub(super) closed: watch::Receiver<bool>,
}

impl Events {
    /// What happens next; `None` once the client is closed.
    pub async fn next(&mut self) -> Option<Happening> {
        let heard = tokio::select! {
            biased;
            heard = self.happenings.recv() => heard,
            _ = self.closed.wait_for(|closed| *closed) => return None,
        };
        match heard {
            Ok(happening) => Some(happening),
            Err(RecvError::Lagged(missed)) => Some(Happening::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}
