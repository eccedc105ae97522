//! What devices say to each other inside the encryption (`proto/content.proto`), decoded into types that
//! are always valid.

use std::fmt;

use prost::Message;
use rand_core::CryptoRng;
use sprag_protocol::{AccountKey, AccountName, SignedDeviceList, Timestamp};
use zeroize::Zeroizing;

use wire::content::Body as Wire;

pub(crate) mod wire {
    #![expect(unreachable_pub, reason = "prost writes this module")]

    include!(concat!(env!("OUT_DIR"), "/sprag.content.v1.rs"));
}

/// The longest text of one message, in bytes: what a plaintext can hold, with room for its frame and
/// for a copy's.
pub const MAX_TEXT_LEN: usize = 60_000;
/// The longest file, in bytes.
pub const MAX_FILE_LEN: u64 = 100 * 1024 * 1024;
/// The most ids in a receipt, and numbers in a repair.
pub(crate) const MAX_LISTED: usize = 1000;
/// The longest name and media type of a file that is kept, in characters.
const MAX_FILE_NAME: usize = 200;

/// What both sides call a message: 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 16]);

impl MessageId {
    /// Draws one: 16 bytes of `rng`.
    pub fn random<R: CryptoRng>(rng: &mut R) -> Self {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        Self(id)
    }

    /// Takes what [`Display`](fmt::Display) writes: 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = digits.then(|| u128::from_str_radix(text, 16).ok())?;
        number.map(|number| Self(number.to_be_bytes()))
    }

    /// Where records about it lie.
    pub(crate) fn position(&self) -> u64 {
        let first = self.0.first_chunk().copied().unwrap_or_default();
        // The store's positions are below 2^63.
        u64::from_be_bytes(first) >> 1
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MessageId({self})")
    }
}

/// What a person sends. Its `Debug` shows no text.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// Text, 1 to [`MAX_TEXT_LEN`] bytes.
    Text(String),
    /// An attachment.
    File(Attachment),
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "Text({} bytes)", text.len()),
            Self::File(file) => file.fmt(formatter),
        }
    }
}

/// An encrypted file on the relay, and how to open it. Its `Debug` shows neither name nor key.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The relay's name for it.
    pub blob: [u8; 16],
    /// Its key; used for nothing else.
    pub key: Zeroizing<[u8; 32]>,
    /// Its length, without padding, at most [`MAX_FILE_LEN`].
    pub length: u64,
    /// What it was called: no folders, no control characters, at most 200 characters; may be empty.
    pub name: String,
    /// Its media type, or empty.
    pub media_type: String,
    /// What was written beside it; may be empty.
    pub caption: String,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Attachment({} bytes)", self.length)
    }
}

/// A decoded content.
pub(crate) struct Said {
    pub(crate) id: MessageId,
    pub(crate) written: Timestamp,
    /// The number of the message that carried it, where its writer says it.
    pub(crate) number: Option<u64>,
    pub(crate) what: What,
}

pub(crate) enum What {
    Body(Body),
    Receipt {
        ids: Vec<MessageId>,
        read: bool,
    },
    Repair {
        device: u32,
        numbers: Vec<u64>,
    },
    Gone {
        device: u32,
        numbers: Vec<u64>,
    },
    Copy {
        to: AccountName,
        message: Box<Said>,
    },
    /// A signed list.
    Devices(Vec<u8>),
    Link {
        device: u32,
        secret: [u8; 16],
        account_seed: Option<Zeroizing<[u8; 32]>>,
    },
    Contact(Box<Contact>),
    Past {
        device: u32,
        with: AccountName,
        entries: Vec<Past>,
    },
    ReadElsewhere {
        with: AccountName,
        ids: Vec<MessageId>,
    },
    /// Of a later version.
    Unknown,
}

pub(crate) struct Contact {
    pub(crate) device: u32,
    pub(crate) name: AccountName,
    pub(crate) key: AccountKey,
    pub(crate) list: SignedDeviceList,
    pub(crate) signed_list: Vec<u8>,
    pub(crate) verified: bool,
}

pub(crate) struct Past {
    pub(crate) own: bool,
    pub(crate) received: Timestamp,
    pub(crate) said: Said,
}

impl Said {
    /// Takes a plaintext; `None` where it is no content, or one with something that cannot be.
    pub(crate) fn decode(plaintext: &[u8]) -> Option<Self> {
        Self::of(wire::Content::decode(plaintext).ok()?)
    }

    fn of(content: wire::Content) -> Option<Self> {
        let id = MessageId(content.id.try_into().ok()?);
        let written = Timestamp::from_seconds(content.written);
        let what = content.body.map_or(Some(What::Unknown), What::of)?;
        let number = Some(content.number).filter(|number| *number != 0);
        Some(Self { id, written, number, what })
    }

    /// A message of a person, or none.
    pub(crate) fn message(self) -> Option<(MessageId, Timestamp, Body)> {
        let What::Body(body) = self.what else { return None };
        Some((self.id, self.written, body))
    }
}

impl What {
    fn of(body: Wire) -> Option<Self> {
        Some(match body {
            Wire::Text(_) | Wire::File(_) => Self::Body(Body::of(body)?),
            Wire::Receipt(receipt) => Self::Receipt { ids: ids(&receipt.ids)?, read: receipt.read },
            Wire::Repair(repair) => {
                Self::Repair { device: repair.device, numbers: listed(repair.numbers)? }
            }
            Wire::Gone(gone) => Self::Gone { device: gone.device, numbers: listed(gone.numbers)? },
            Wire::Copy(copy) => {
                let message = Box::new(Said::of(*copy.content?)?);
                let is_message = matches!(message.what, Self::Body(_));
                let to = AccountName::new(&copy.to).ok()?;
                is_message.then_some(Self::Copy { to, message })?
            }
            Wire::Devices(devices) => {
                SignedDeviceList::from_bytes(&devices.signed_list).ok()?;
                Self::Devices(devices.signed_list)
            }
            Wire::Link(link) => Self::Link {
                device: link.device,
                secret: link.secret.try_into().ok()?,
                account_seed: match Zeroizing::new(link.account_seed).as_slice() {
                    [] => None,
                    seed => Some(Zeroizing::new(seed.try_into().ok()?)),
                },
            },
            Wire::Contact(contact) => Self::Contact(Box::new(Contact::of(contact)?)),
            Wire::Past(past) => Self::Past {
                device: past.device,
                with: AccountName::new(&past.with).ok()?,
                entries: past.entries.into_iter().map(Past::of).collect::<Option<_>>()?,
            },
            Wire::ReadElsewhere(read) => Self::ReadElsewhere {
                with: AccountName::new(&read.with).ok()?,
                ids: ids(&read.ids)?,
            },
        })
    }
}

impl Body {
    fn of(body: Wire) -> Option<Self> {
        match body {
            Wire::Text(text) => {
                (1..=MAX_TEXT_LEN).contains(&text.text.len()).then_some(Self::Text(text.text))
            }
            Wire::File(file) => {
                let fits =
                    (1..=MAX_FILE_LEN).contains(&file.length) && file.caption.len() <= MAX_TEXT_LEN;
                fits.then_some(Self::File(Attachment {
                    blob: file.blob.try_into().ok()?,
                    key: Zeroizing::new(Zeroizing::new(file.key).as_slice().try_into().ok()?),
                    length: file.length,
                    name: file_name(&file.name),
                    media_type: plain(&file.media_type),
                    caption: file.caption,
                }))
            }
            Wire::Receipt(_)
            | Wire::Repair(_)
            | Wire::Gone(_)
            | Wire::Copy(_)
            | Wire::Devices(_)
            | Wire::Link(_)
            | Wire::Contact(_)
            | Wire::Past(_)
            | Wire::ReadElsewhere(_) => None,
        }
    }

    /// Whether it can be sent.
    pub(crate) fn fits(&self) -> bool {
        match self {
            Self::Text(text) => (1..=MAX_TEXT_LEN).contains(&text.len()),
            Self::File(file) => {
                (1..=MAX_FILE_LEN).contains(&file.length)
                    && file.caption.len() + file.name.len() + file.media_type.len() <= MAX_TEXT_LEN
            }
        }
    }

    fn wire(&self) -> Wire {
        match self {
            Self::Text(text) => Wire::Text(wire::Text { text: text.clone() }),
            Self::File(file) => Wire::File(wire::File {
                blob: file.blob.to_vec(),
                key: file.key.to_vec(),
                length: file.length,
                name: file_name(&file.name),
                media_type: plain(&file.media_type),
                caption: file.caption.clone(),
            }),
        }
    }

    /// The content of a message of a person.
    pub(crate) fn content(&self, id: MessageId, written: Timestamp) -> wire::Content {
        content(id, written, self.wire())
    }
}

impl Contact {
    fn of(contact: wire::Contact) -> Option<Self> {
        let key = <[u8; 32]>::try_from(contact.account_key).ok()?;
        Some(Self {
            device: contact.device,
            name: AccountName::new(&contact.name).ok()?,
            key: AccountKey::from_bytes(&key).ok()?,
            list: SignedDeviceList::from_bytes(&contact.signed_list).ok()?,
            signed_list: contact.signed_list,
            verified: contact.verified,
        })
    }
}

impl Past {
    fn of(entry: wire::PastEntry) -> Option<Self> {
        let said = Said::of(entry.content?)?;
        let received = Timestamp::from_seconds(entry.received);
        matches!(said.what, What::Body(_)).then_some(Self { own: entry.own, received, said })
    }
}

/// A content with this body.
pub(crate) fn content(id: MessageId, written: Timestamp, body: Wire) -> wire::Content {
    wire::Content { id: id.0.to_vec(), written: written.seconds(), body: Some(body), number: 0 }
}

fn ids(ids: &[Vec<u8>]) -> Option<Vec<MessageId>> {
    let id = |bytes: &Vec<u8>| bytes.as_slice().try_into().ok().map(MessageId);
    (ids.len() <= MAX_LISTED).then(|| ids.iter().map(id).collect())?
}

fn listed(numbers: Vec<u64>) -> Option<Vec<u64>> {
    (numbers.len() <= MAX_LISTED).then_some(numbers)
}

/// The last part of a path, printable, not hidden, not too long.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    plain(last).trim_start_matches('.').to_owned()
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_FILE_NAME).collect()
}
