//! Attachments: how a file lies on the relay. Its content is padded with zeros to its Padmé length and sealed as STREAM over
//! AES-256-GCM-SIV in chunks of 64 KiB ([`sprag_store::stream`]), under a key of its own that goes into a message.

use prost::Message;
use sprag_api::limit::BLOB_PART_LEN;
use sprag_protocol::padded_len;
use sprag_protocol::secret::Secret;
use sprag_store::stream::{CHUNK_LEN, CHUNK_OVERHEAD, ChunkKey, Place};
use sprag_store::{Collection, Key};
use zeroize::{Zeroize, Zeroizing};

use crate::content::{Attachment, MAX_FILE_LEN};
use crate::error::Error;
use crate::exchange::DRIVERS;

/// The most chunks in one part of an upload.
pub(crate) const PART: u32 = 15;
const _: () = assert!(PART as usize * (CHUNK_LEN + CHUNK_OVERHEAD) <= BLOB_PART_LEN);

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that are done.
    pub done: u64,
    /// Its length.
    pub total: u64,
}

/// Where the chunks of a file lie, by its length.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) length: u64,
    pub(crate) padded: u64,
}

impl Layout {
    /// `None` where no attachment is so long.
    pub(crate) fn of(length: u64) -> Option<Self> {
        if !(1..=MAX_FILE_LEN).contains(&length) {
            return None;
        }
        let padded = padded_len(usize::try_from(length).ok()?);
        // The greatest length is one of Padmé's; the byte that marks the end of a message's padding has
        // no place here.
        let padded = u64::try_from(padded).ok()?.min(MAX_FILE_LEN);
        Some(Self { length, padded })
    }

    pub(crate) fn chunks(self) -> u32 {
        u32::try_from(self.padded.div_ceil(CHUNK_LEN as u64)).unwrap_or(u32::MAX)
    }

    /// Bytes of it all on the relay.
    pub(crate) fn sealed(self) -> u64 {
        self.padded + u64::from(self.chunks()) * CHUNK_OVERHEAD as u64
    }

    /// Where a chunk begins on the relay.
    pub(crate) fn begin(index: u32) -> u64 {
        u64::from(index) * (CHUNK_LEN + CHUNK_OVERHEAD) as u64
    }

    /// Which chunk a byte on the relay is in, and how far into it.
    pub(crate) fn chunk_at(offset: u64) -> (u32, usize) {
        let sealed = (CHUNK_LEN + CHUNK_OVERHEAD) as u64;
        let index = u32::try_from(offset / sealed).unwrap_or(u32::MAX);
        (index, usize::try_from(offset % sealed).unwrap_or_default())
    }

    /// How much of the file is done once this chunk is next.
    pub(crate) fn progress(self, next: u32) -> Progress {
        let done = (u64::from(next) * CHUNK_LEN as u64).min(self.length);
        Progress { done, total: self.length }
    }

    /// All of the file is done.
    pub(crate) fn whole(self) -> Progress {
        Progress { done: self.length, total: self.length }
    }

    /// How much of a chunk's content is the file's and not padding.
    pub(crate) fn own(self, index: u32, held: usize) -> usize {
        let begin = u64::from(index) * CHUNK_LEN as u64;
        let left = self.length.saturating_sub(begin);
        usize::try_from(left).unwrap_or(usize::MAX).min(held)
    }

    /// The content of a chunk out of its sealed bytes, without the padding.
    pub(crate) fn open(
        self,
        key: &ChunkKey,
        index: u32,
        chunk: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (place, _) = Place::of(index, self.padded).ok_or(Error::FileDamaged)?;
        let mut content = key.open(place, chunk).map_err(|_| Error::FileDamaged)?;
        let own = self.own(index, content.len());
        content.truncate(own);
        Ok(content)
    }
}

/// An upload that is under way, as the profile keeps it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Upload {
    #[prost(string, tag = "1")]
    pub(crate) to: String,
    /// Which file: where it lies or what it is called, how long it is, when it was last changed.
    #[prost(string, tag = "2")]
    pub(crate) path: String,
    #[prost(uint64, tag = "3")]
    pub(crate) length: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) modified: u64,
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) blob: Vec<u8>,
    /// When the relay deletes the blob.
    #[prost(uint64, tag = "7")]
    pub(crate) expires: u64,
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// Where uploads are kept.
pub(crate) fn uploads() -> Collection {
    Collection::new(DRIVERS[1])
}

/// A file between its first part and its last: where its record is, and what seals it.
pub(crate) struct Sealing {
    pub(crate) position: Key,
    pub(crate) blob: [u8; 16],
    pub(crate) layout: Layout,
    pub(crate) key: ChunkKey,
    secret: Zeroizing<[u8; 32]>,
}

impl Sealing {
    /// Goes on with an upload.
    ///
    /// # Errors
    /// [`Error::Profile`], [`Error::NotARelay`]: its record, or what the relay called the blob, is none.
    pub(crate) fn of(position: Key, upload: &Upload, layout: Layout) -> Result<Self, Error> {
        let secret: &[u8; 32] = upload.key.as_slice().try_into().map_err(|_| Error::Profile)?;
        let secret = Zeroizing::new(*secret);
        let blob = upload.blob.as_slice().try_into().map_err(|_| Error::NotARelay)?;
        let key = ChunkKey::new(&Secret::copy_of(&secret), &[]);
        Ok(Self { position, blob, layout, key, secret })
    }

    /// Seals a chunk of the file; what is missing at its end is padding.
    pub(crate) fn seal(&self, index: u32, content: &[u8]) -> Result<Vec<u8>, Error> {
        let (place, held) = Place::of(index, self.layout.padded).ok_or(Error::FileLength)?;
        let mut padded = Zeroizing::new(vec![0; held]);
        padded.iter_mut().zip(content).for_each(|(to, from)| *to = *from);
        self.key.seal(place, &padded).map_err(|_| Error::FileLength)
    }

    /// What goes into the message.
    pub(crate) fn attachment(
        &self,
        name: String,
        media_type: String,
        caption: String,
    ) -> Attachment {
        let (blob, key, length) = (self.blob, self.secret.clone(), self.layout.length);
        Attachment { blob, key, length, name, media_type, caption }
    }
}
