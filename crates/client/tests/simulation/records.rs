//! What an engine writes, read by this test on its own terms (`proto/record.proto`, `proto/content.proto`):
//! what is on the disk is what a person will have read, whatever was announced.

use prost::Message;
use sprag_protocol::Sessions;
use sprag_protocol::session::SessionId;
use sprag_store::{Change, Collection, Key};

#[derive(Clone, PartialEq, Message)]
struct WrittenEntry {
    #[prost(string, tag = "1")]
    from: String,
    #[prost(uint32, tag = "2")]
    device: u32,
    #[prost(bytes = "vec", tag = "3")]
    content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct WrittenContent {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    text: Option<WrittenText>,
}

#[derive(Clone, PartialEq, Message)]
struct WrittenText {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, Message)]
struct WrittenSessions {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint32, tag = "2")]
    device: u32,
    #[prost(bytes = "vec", tag = "3")]
    sessions: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct WrittenDevice {
    #[prost(bytes = "vec", tag = "5")]
    account_seed: Vec<u8>,
}

/// The seed of the account key.
pub(crate) fn account_seed(device: &[u8]) -> [u8; 32] {
    WrittenDevice::decode(device).unwrap().account_seed.try_into().unwrap()
}

/// The active session, where the record is that of the sessions with this device.
pub(crate) fn active_session(value: &[u8], with: (&str, u32)) -> Option<SessionId> {
    let written = WrittenSessions::decode(value).unwrap();
    if (written.name.as_str(), written.device) != with {
        return None;
    }
    Some(Sessions::from_bytes(&written.sessions).unwrap().active()?.id())
}

/// An entry of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// Empty for the own account.
    pub(crate) from: String,
    pub(crate) device: u32,
    pub(crate) id: [u8; 16],
    pub(crate) text: String,
}

#[derive(Clone, PartialEq, Message)]
struct WrittenSent {
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

/// The text of a message of a person that was sent.
fn sent(value: &[u8]) -> Option<String> {
    let content = WrittenSent::decode(value).unwrap().content;
    Some(WrittenContent::decode(&content[..]).unwrap().text?.text)
}

/// A record that matters to the model.
#[derive(Debug)]
pub(crate) enum Record {
    /// In the history with this account, at this position. None: the conversation itself says something.
    Entry(String, u64, Option<Read>),
    /// A message to this account, by its place, has reached this state.
    Mark(Mark, String, u64),
    Unmark(Mark, String, u64),
    /// This text has this number.
    Sent(u64, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    Delivered,
    Read,
    Failed,
}

const MARKS: [(&str, Mark); 3] =
    [("delivered", Mark::Delivered), ("read", Mark::Read), ("failed", Mark::Failed)];

pub(crate) fn entry(value: &[u8]) -> Option<Read> {
    let entry = WrittenEntry::decode(value).unwrap();
    if entry.content.is_empty() {
        return None;
    }
    let content = WrittenContent::decode(&entry.content[..]).unwrap();
    Some(Read {
        from: entry.from,
        device: entry.device,
        id: content.id.try_into().unwrap(),
        text: content.text.unwrap().text,
    })
}

/// The place of a message's marks.
pub(crate) fn place(id: &[u8; 16]) -> u64 {
    u64::from_be_bytes(*id.first_chunk().unwrap()) >> 1
}

fn member(key: &Key, family: &str) -> Option<String> {
    Some(String::from_utf8(key.collection.member_of(family)?.to_vec()).unwrap())
}

/// What a change of the store means to the model, if anything.
pub(crate) fn record(change: &Change) -> Option<Record> {
    match change {
        Change::Put { key, value } => {
            if let Some(with) = member(key, "history") {
                return Some(Record::Entry(with, key.position, entry(value)));
            }
            if key.collection == Collection::new("sent") {
                return Some(Record::Sent(key.position, sent(value)?));
            }
            let mark = |(family, mark): &(&str, Mark)| {
                Some(Record::Mark(*mark, member(key, family)?, key.position))
            };
            MARKS.iter().find_map(mark)
        }
        Change::Remove { key } => {
            assert!(member(key, "history").is_none(), "a history is not removed");
            let mark = |(family, mark): &(&str, Mark)| {
                Some(Record::Unmark(*mark, member(key, family)?, key.position))
            };
            MARKS.iter().find_map(mark)
        }
        Change::RemoveRange { .. } => None,
    }
}
