//! What the relay keeps, as whole operations: each happens entirely or not at all, and is durable
//! before it is answered.
//!
//! An operation takes its place when it is called, not when its answer is awaited: two sends that were
//! submitted one after the other are stored in that order.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use sprag_api::device_list::DeviceList;
use sprag_api::directory::KeyCounts;
use sprag_api::name::{AccountName, Address, DeviceId};
use sprag_api::prekey::{OneTimePreKey, SignedPreKey};
use sprag_api::problem::Code;
use sprag_api::signature::VerifyKey;
use tokio::sync::OwnedSemaphorePermit;

pub(crate) use accepting::{Books, Recipient, accept};
pub(crate) use numbers::{Numbers, Standing};
pub(crate) use segment::{Damaged, Release, Segment, Span};

/// The operation was not done: the database is out of reach, full or failing. Trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the storage is not available")]
pub(crate) struct Unavailable;

/// What an operation comes to.
pub(crate) type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send>>;

/// An account, as the storage calls it. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AccountId(pub(crate) i64);

/// A device and its mailbox, as the storage calls them. Never used twice: a device that is removed and
/// added again is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MailboxId(pub(crate) i64);

/// A SHA-256 hash of a token or of an invitation's code.
pub(crate) type Hash = [u8; 32];

/// What one mailbox may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MailboxQuota {
    pub(crate) envelopes: u32,
    pub(crate) bytes: u64,
}

impl MailboxQuota {
    /// Whether an envelope of so many bytes goes in beside what waits.
    pub(crate) fn has_room(self, waiting: u64, waiting_bytes: u64, bytes: u64) -> bool {
        waiting < u64::from(self.envelopes) && waiting_bytes.saturating_add(bytes) <= self.bytes
    }
}

/// The right of a connection to receive for a device: one that began later has a higher one, on
/// whatever node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fence(pub(crate) u64);

/// What came of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    Deleted,
    /// Nothing waited up to there.
    Nothing,
    /// Nothing was deleted: a later connection receives for the device.
    TakenOver,
}

/// Where a device stands that a connection is open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The place of the last envelope that was stored.
    pub(crate) last: u64,
    /// That of its latest connection.
    pub(crate) fence: Fence,
}

/// A device of an account.
#[derive(Clone, Debug)]
pub(crate) struct DeviceRecord {
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) address: Arc<Address>,
    pub(crate) identity_key: VerifyKey,
}

/// An account.
#[derive(Clone, Debug)]
pub(crate) struct AccountRecord {
    pub(crate) id: AccountId,
    pub(crate) key: [u8; 32],
    /// The signed device list.
    pub(crate) device_list: Vec<u8>,
}

/// Checked prekeys of one device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    pub(crate) signed: Option<SignedPreKey>,
    pub(crate) last_resort: Option<SignedPreKey>,
    pub(crate) one_time: Vec<OneTimePreKey>,
    pub(crate) one_time_kem: Vec<SignedPreKey>,
}

/// A new account with its first device.
#[derive(Clone, Debug)]
pub(crate) struct NewAccount {
    pub(crate) key: [u8; 32],
    /// Version 1, one device.
    pub(crate) device_list: DeviceList,
    pub(crate) keys: Keys,
    /// The code's hash, where an invitation is asked for; it is used up together with the name.
    pub(crate) invitation: Option<Hash>,
    pub(crate) session: NewSession,
    pub(crate) now: u64,
}

/// A token for a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewSession {
    pub(crate) token: Hash,
    pub(crate) nonce: [u8; 16],
    pub(crate) expires: u64,
}

/// Why an account is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RegisterRefusal {
    NameTaken,
    InvitationInvalid,
}

/// The login's nonce was used by this device before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replayed;

/// What came of a new device list.
#[derive(Clone, Debug)]
pub(crate) struct DevicesReplaced {
    /// Devices that are gone, with their mailboxes, keys and tokens.
    pub(crate) removed: Vec<MailboxId>,
    /// Devices that stay.
    pub(crate) kept: Vec<MailboxId>,
}

/// The account's list is not the one before the new one.
#[derive(Clone, Debug)]
pub(crate) struct VersionConflict {
    /// The current signed list.
    pub(crate) current: Vec<u8>,
}

/// Prekeys taken out of the directory.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) account: AccountRecord,
    pub(crate) devices: Vec<ClaimedKeys>,
}

/// The prekeys of one device.
#[derive(Clone, Debug)]
pub(crate) struct ClaimedKeys {
    pub(crate) device: DeviceId,
    pub(crate) mailbox: MailboxId,
    pub(crate) identity_key: [u8; 32],
    pub(crate) signed: Vec<u8>,
    /// A one-time KEM prekey, or the last resort.
    pub(crate) kem: Vec<u8>,
    pub(crate) kem_is_one_time: bool,
    pub(crate) one_time: Option<Vec<u8>>,
    /// What is left after this.
    pub(crate) left: KeyCounts,
}

/// A bearer of a token.
#[derive(Clone, Debug)]
pub(crate) struct Bearer {
    pub(crate) device: DeviceRecord,
    /// When the token expires, in seconds since 1970.
    pub(crate) expires: u64,
}

/// A message to store, for every device of an account.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) number: u64,
    pub(crate) to: AccountName,
    pub(crate) parts: Vec<(DeviceId, Bytes)>,
}

impl Submission {
    /// How long all parts are together.
    pub(crate) fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, ciphertext)| ciphertext.len()).sum()
    }
}

/// Messages of one device, to be stored in this order.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) from: MailboxId,
    pub(crate) sender: Arc<Address>,
    pub(crate) sends: Vec<Submission>,
    pub(crate) now: u64,
    /// Their share of the memory for messages on their way in; given back once they are stored.
    pub(crate) _share: OwnedSemaphorePermit,
}

/// A message is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Whether it was before.
    pub(crate) duplicate: bool,
    /// Devices whose mailboxes are full.
    pub(crate) left_out: Vec<DeviceId>,
}

/// Why a message is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SendRefusal {
    /// There is no such account.
    UnknownAccount,
    /// The message must name these devices, of this signed list.
    DevicesDiffer { device_list: Vec<u8>, devices: Vec<DeviceId> },
    /// The mailboxes of all its devices are full.
    MailboxFull,
    /// Its number is too far below the highest accepted.
    NumberTooOld,
    /// The sender is no longer a device of its account.
    SenderGone,
}

impl SendRefusal {
    /// Its error code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::UnknownAccount => Code::NotFound,
            Self::DevicesDiffer { .. } => Code::DevicesDiffer,
            Self::MailboxFull => Code::MailboxFull,
            Self::NumberTooOld => Code::NumberTooOld,
            Self::SenderGone => Code::Unauthenticated,
        }
    }
}

/// A blob, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlobRecord {
    pub(crate) owner: AccountId,
    pub(crate) length: u64,
    /// How many bytes are stored.
    pub(crate) offset: u64,
    pub(crate) expires: u64,
}

/// Why a part is not added to a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartRefusal {
    /// There is no such blob of this account.
    NotFound,
    /// The blob ends elsewhere.
    Offset(u64),
    /// The part goes beyond the blob's length.
    TooLong,
}

/// How much there is, for whoever runs the relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Statistics {
    /// Accounts.
    pub accounts: u64,
    /// Devices of all accounts.
    pub devices: u64,
    /// Envelopes that wait.
    pub envelopes: u64,
    /// Bytes of their ciphertexts.
    pub envelope_bytes: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of all blobs.
    pub blob_bytes: u64,
    /// Tokens that have not expired.
    pub tokens: u64,
}

/// How many tokens a device has at once; the one that expires first goes.
pub(crate) const TOKENS_PER_DEVICE: u32 = 16;

/// What [`Upkeep::expire`] deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expired {
    pub(crate) envelopes: u64,
    pub(crate) blobs: u64,
    pub(crate) tokens: u64,
    pub(crate) invitations: u64,
    /// Whether there is more to delete.
    pub(crate) more: bool,
}

/// Accounts, keys and tokens.
pub(crate) trait Directory: Send + Sync + 'static {
    fn register(&self, account: NewAccount) -> Answer<Result<DeviceRecord, RegisterRefusal>>;
    fn account(&self, name: AccountName) -> Answer<Option<AccountRecord>>;
    /// Takes a list whose version is one above the current one.
    fn replace_devices(
        &self,
        account: AccountId,
        list: DeviceList,
    ) -> Answer<Result<DevicesReplaced, VersionConflict>>;
    /// Removes an account with everything of it; the devices that are gone.
    fn remove_account(&self, account: AccountId) -> Answer<Vec<MailboxId>>;
    /// Adds keys to a device; `None` where it is gone.
    fn publish(&self, device: MailboxId, keys: Keys) -> Answer<Option<KeyCounts>>;
    fn key_counts(&self, device: MailboxId) -> Answer<KeyCounts>;
    /// Takes a bundle's keys from each device but the requester's own; one-time ones only where
    /// `one_time`. `None` where there is no such account.
    fn claim(
        &self,
        requester: MailboxId,
        name: AccountName,
        one_time: bool,
    ) -> Answer<Option<Claim>>;
    fn device(&self, address: Address) -> Answer<Option<DeviceRecord>>;
    /// The signed device list of the account that a device is of; `None` where it is gone.
    fn list_of(&self, device: MailboxId) -> Answer<Option<Vec<u8>>>;
    /// Keeps a token, once for each nonce; gives the device's mark (the highest accepted number).
    fn open_session(&self, device: MailboxId, session: NewSession)
    -> Answer<Result<u64, Replayed>>;
    fn bearer(&self, token: Hash, now: u64) -> Answer<Option<Bearer>>;
    fn close_session(&self, token: Hash) -> Answer<()>;
    /// An invitation that registers so many accounts, until then.
    fn invite(&self, code: Hash, uses: u32, expires: u64) -> Answer<()>;
}

/// Messages that wait.
pub(crate) trait Mailboxes: Send + Sync + 'static {
    /// Stores messages, in this order; each for all its devices or not at all. What is stored is
    /// handed to the [`Hub`](crate::hub::Hub) after the commit, in the order of each mailbox.
    fn accept(&self, batch: Batch) -> Answer<Vec<Result<Stored, SendRefusal>>>;
    /// The highest number accepted from this device.
    fn mark(&self, device: MailboxId) -> Answer<u64>;
    /// What waits after this place, oldest first: at most so many envelopes, and no further segment
    /// once they have so many bytes.
    fn pending(&self, mailbox: MailboxId, after: u64, most: (u64, usize)) -> Answer<Vec<Segment>>;
    /// A connection begins to receive for a device: those before it, on whatever node, no longer do.
    fn take_over(&self, mailbox: MailboxId) -> Answer<Fence>;
    /// Deletes what waits up to this place; for a connection that receives, only while none has taken
    /// over from it.
    fn acknowledge(
        &self,
        mailbox: MailboxId,
        through: u64,
        fence: Option<Fence>,
    ) -> Answer<Acknowledged>;
}

/// Encrypted attachments.
pub(crate) trait Blobs: Send + Sync + 'static {
    /// Makes room for a blob; `false` where its account has not so many bytes left.
    fn create_blob(&self, id: [u8; 16], blob: BlobRecord, quota: u64) -> Answer<bool>;
    /// Adds a part; gives the new offset.
    fn append_blob(
        &self,
        owner: AccountId,
        id: [u8; 16],
        offset: u64,
        part: Bytes,
    ) -> Answer<Result<u64, PartRefusal>>;
    fn blob(&self, id: [u8; 16]) -> Answer<Option<BlobRecord>>;
    /// Bytes of a blob from an offset on, at least one and at most [`BLOB_PIECE`]; `None` where there
    /// are none.
    fn read_blob(&self, id: [u8; 16], offset: u64) -> Answer<Option<Bytes>>;
    /// `false` where this account has no such blob.
    fn remove_blob(&self, owner: AccountId, id: [u8; 16]) -> Answer<bool>;
}

/// How many bytes of a blob are read at once.
pub(crate) const BLOB_PIECE: usize = 128 * 1024;

/// What keeps a storage in order.
pub(crate) trait Upkeep: Send + Sync + 'static {
    /// Deletes some of what has expired, and of what removed devices left.
    fn expire(&self, now: u64, oldest_envelope: u64) -> Answer<Expired>;
    fn statistics(&self, now: u64) -> Answer<Statistics>;
    /// Whether it can commit.
    fn ready(&self) -> Answer<()>;
    /// Where these devices stand; `None` for each that no longer exists.
    fn positions(&self, devices: Vec<MailboxId>) -> Answer<Vec<(MailboxId, Option<Position>)>>;
    /// Adds what was taken out of buckets at this node, by their keys, to what all nodes took; gives what is
    /// missing in each of them then, where so much comes back in a second.
    fn add_debts(
        &self,
        kind: u8,
        per_second: u64,
        taken: Vec<(Vec<u8>, u64)>,
        now: u64,
    ) -> Answer<HashMap<Vec<u8>, u64>>;
}

/// All of it.
pub(crate) trait Storage: Directory + Mailboxes + Blobs + Upkeep {}

impl<T: Directory + Mailboxes + Blobs + Upkeep> Storage for T {}

mod accepting;
mod numbers;
mod segment;

#[cfg(test)]
pub(crate) mod contract;
