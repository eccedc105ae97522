//! Long content in chunks: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015; `StreamBE32`) over
//! AES-256-GCM-SIV, for backups and attachments.
//!
//! Chunk i is sealed under the nonce `0 (7 bytes) || u32 i || last (1 byte: 1 for the last chunk)`, so
//! chunks can be neither reordered nor left out, and an end is an end. A key seals one stream only.
//! Every chunk but the last has [`CHUNK_LEN`] bytes; the last has fewer or as many, and is empty only
//! where the content is.

use std::io::{self, ErrorKind, Read, Write};

use aead_stream::{NewStream, Nonce, StreamBE32, StreamPrimitive};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit};
use sprag_protocol::secret::Secret;
use zeroize::Zeroizing;

/// Bytes of content in a chunk.
pub const CHUNK_LEN: usize = 64 * 1024;

/// Bytes that a sealed chunk has more.
pub const CHUNK_OVERHEAD: usize = 16;

/// Why a chunk is neither sealed nor opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// No chunk in this place has this length.
    #[error("a chunk of the wrong length")]
    Length,
    /// It was altered, or is from another place or stream.
    #[error("a damaged chunk")]
    Damaged,
}

impl From<ChunkError> for io::Error {
    fn from(error: ChunkError) -> Self {
        Self::new(ErrorKind::InvalidData, error)
    }
}

/// Which chunk of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Counted from 0.
    pub index: u32,
    /// Whether no chunk follows.
    pub last: bool,
}

impl Place {
    /// Chunk `index` of content that is `len` bytes long, and the bytes of content in it; `None`
    /// behind the end.
    #[must_use]
    pub fn of(index: u32, len: u64) -> Option<(Self, usize)> {
        let chunk = CHUNK_LEN as u64;
        let begin = u64::from(index).checked_mul(chunk)?;
        let left = len.checked_sub(begin).filter(|left| *left > 0 || index == 0)?;
        let held = usize::try_from(left.min(chunk)).ok()?;
        Some((Self { index, last: left <= chunk }, held))
    }

    fn holds(self, len: usize) -> bool {
        match self {
            Self { last: false, .. } => len == CHUNK_LEN,
            Self { index: 0, .. } => len <= CHUNK_LEN,
            Self { .. } => (1..=CHUNK_LEN).contains(&len),
        }
    }
}

/// The key of one stream. Chunks can be sealed and opened in any order, also again after a pause.
pub struct ChunkKey {
    stream: StreamBE32<Aes256GcmSiv>,
    bound: Vec<u8>,
}

impl ChunkKey {
    /// A key that seals nothing else. Every chunk is bound to `bound`, which may be empty.
    #[must_use]
    pub fn new(key: &Secret<32>, bound: &[u8]) -> Self {
        let aead = Aes256GcmSiv::new(key.expose().into());
        let stream = StreamBE32::from_aead(aead, &Nonce::<Aes256GcmSiv, StreamBE32<_>>::default());
        Self { stream, bound: bound.to_vec() }
    }

    /// Seals a chunk.
    ///
    /// # Errors
    /// [`ChunkError::Length`].
    pub fn seal(&self, place: Place, content: &[u8]) -> Result<Vec<u8>, ChunkError> {
        if !place.holds(content.len()) {
            return Err(ChunkError::Length);
        }
        // Of its full length from the start: growing would leave a copy of the content behind.
        let mut chunk = Vec::with_capacity(content.len() + CHUNK_OVERHEAD);
        chunk.extend_from_slice(content);
        self.stream
            .encrypt_in_place(place.index, place.last, &self.bound, &mut chunk)
            .map_err(|_| ChunkError::Length)?;
        Ok(chunk)
    }

    /// Opens a chunk.
    ///
    /// # Errors
    /// Every [`ChunkError`].
    pub fn open(&self, place: Place, chunk: &[u8]) -> Result<Zeroizing<Vec<u8>>, ChunkError> {
        let len = chunk.len().checked_sub(CHUNK_OVERHEAD).ok_or(ChunkError::Length)?;
        if !place.holds(len) {
            return Err(ChunkError::Length);
        }
        let mut content = Zeroizing::new(chunk.to_vec());
        self.stream
            .decrypt_in_place(place.index, place.last, &self.bound, &mut *content)
            .map_err(|_| ChunkError::Damaged)?;
        Ok(content)
    }
}

/// Seals what is written, chunk by chunk. Without [`SealingWriter::finish`] the stream has no end and does
/// not open.
pub struct SealingWriter<W> {
    key: ChunkKey,
    index: u32,
    content: Zeroizing<Vec<u8>>,
    to: W,
}

impl<W: Write> SealingWriter<W> {
    /// Writes a stream to `to`.
    pub fn new(key: ChunkKey, to: W) -> Self {
        let content = Zeroizing::new(Vec::with_capacity(CHUNK_LEN));
        Self { key, index: 0, content, to }
    }

    /// Where it is written to.
    pub(crate) fn to(&mut self) -> &mut W {
        &mut self.to
    }

    /// Writes the last chunk.
    ///
    /// # Errors
    /// What `to` says.
    pub fn finish(mut self) -> io::Result<W> {
        self.chunk(true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn chunk(&mut self, last: bool) -> io::Result<()> {
        let place = Place { index: self.index, last };
        self.to.write_all(&self.key.seal(place, &self.content)?)?;
        self.content.clear();
        if !last {
            self.index = self.index.checked_add(1).ok_or(ErrorKind::FileTooLarge)?;
        }
        Ok(())
    }
}

impl<W: Write> Write for SealingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until more comes: only then is it known not to be the last.
        if self.content.len() == CHUNK_LEN && !bytes.is_empty() {
            self.chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK_LEN - self.content.len());
        let (bytes, _) = bytes.split_at(taken);
        self.content.extend_from_slice(bytes);
        Ok(taken)
    }

    /// Chunks are written when they are full; nothing can be done before.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a stream while it is read. What it gives was authenticated, but that the stream is whole is
/// known only at its end.
pub struct OpeningReader<R> {
    key: ChunkKey,
    index: u32,
    ended: bool,
    content: Zeroizing<Vec<u8>>,
    given: usize,
    /// The first byte of the next chunk: where there is one, this chunk is not the last.
    ahead: Vec<u8>,
    from: R,
}

impl<R: Read> OpeningReader<R> {
    /// Reads a stream from `from`.
    pub fn new(key: ChunkKey, from: R) -> Self {
        let (content, ahead) = (Zeroizing::new(Vec::new()), Vec::new());
        Self { key, index: 0, ended: false, content, given: 0, ahead, from }
    }

    fn chunk(&mut self) -> io::Result<()> {
        const FULL: usize = CHUNK_LEN + CHUNK_OVERHEAD;
        let mut chunk = std::mem::take(&mut self.ahead);
        let wanted = (FULL + 1 - chunk.len()) as u64;
        self.from.by_ref().take(wanted).read_to_end(&mut chunk)?;
        let last = chunk.len() <= FULL;
        if !last {
            self.ahead = chunk.split_off(FULL);
        }
        self.content = self.key.open(Place { index: self.index, last }, &chunk)?;
        self.given = 0;
        self.ended = last;
        if !last {
            self.index = self.index.checked_add(1).ok_or(ErrorKind::FileTooLarge)?;
        }
        Ok(())
    }
}

impl<R: Read> Read for OpeningReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.content.len() {
            if self.ended || into.is_empty() {
                return Ok(0);
            }
            self.chunk()?;
        }
        let mut rest = self.content.get(self.given..).unwrap_or_default();
        let read = rest.read(into)?;
        self.given += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
