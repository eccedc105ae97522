//! Saving a file.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use sprag_api::base64::Base64;
use sprag_api::problem::Code;
use sprag_protocol::secret::Secret;
use sprag_store::stream::{CHUNK_LEN, CHUNK_OVERHEAD, ChunkKey, Place};
use tokio::time::timeout;

use super::upload::blocking;
use super::{Existing, Progress, beside, of_file, put_in_place, wait};
use crate::content::Attachment;
use crate::exchange::{Body, Lost, Method, of_blob};
use crate::native::http::Ask;
use crate::native::{Client, Error};
use crate::retry::{ANSWER_WITHIN, Patience};
use crate::transfer::Layout;

/// How much of the answer is gathered before it is opened and written.
const AT_ONCE: usize = 16 * (CHUNK_LEN + CHUNK_OVERHEAD);

/// A file between its first chunk and its last.
struct Saving {
    key: ChunkKey,
    layout: Layout,
    file: File,
    /// The next chunk.
    next: u32,
}

impl Client {
    /// Saves an attachment. Every chunk is authenticated before it is written, to
    /// `PATH.` and 8 digits and `.part`, which gets its name when it is complete. What was cut off goes on
    /// where it ended.
    ///
    /// # Errors
    /// [`Error::FileExists`]: with [`Existing::Keep`], or while the same file is being saved elsewhere.
    /// [`Error::FileGone`], [`Error::FileDamaged`]; [`Error::File`]; [`Error::Unreachable`] where the
    /// relay was away for too long; [`Error::Relay`], [`Error::Closed`].
    pub async fn save_file(
        &self,
        attachment: &Attachment,
        path: impl AsRef<Path> + Send,
        existing: Existing,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<(), Error> {
        let path = path.as_ref().to_path_buf();
        if existing == Existing::Keep && path.exists() {
            return Err(Error::FileExists);
        }
        let part = part_of(&path, attachment);
        let mut saving = Saving::begin(attachment, part.clone()).await?;
        let mut patience = Patience::default();
        while saving.next < saving.layout.chunks() {
            progress(saving.layout.progress(saving.next));
            let before = saving.next;
            let (further, outcome) = self.fetch(attachment, saving, &mut progress).await;
            saving = further?;
            if saving.next > before {
                patience.works();
            }
            if let Err(error) = outcome {
                wait(&mut patience, error).await?;
            }
        }
        progress(saving.layout.progress(saving.next));
        blocking(move || {
            saving.file.sync_all().map_err(|error| of_file(&error))?;
            put_in_place(&part, &path, existing)
        })
        .await
    }

    /// One answer of the relay, as far as it goes.
    async fn fetch(
        &self,
        attachment: &Attachment,
        mut saving: Saving,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> (Result<Saving, Error>, Result<(), Error>) {
        let mut answer = match self.ask_for(attachment, Layout::begin(saving.next)).await {
            Ok(answer) => answer,
            Err(error) => return (Ok(saving), Err(error)),
        };
        let mut waiting = BytesMut::new();
        loop {
            let left =
                saving.layout.sealed() - Layout::begin(saving.next).min(saving.layout.sealed());
            let wanted = AT_ONCE.min(usize::try_from(left).unwrap_or(AT_ONCE));
            if wanted == 0 {
                return (Ok(saving), Ok(()));
            }
            let ended = gather(&mut answer, &mut waiting, wanted).await;
            let ready = whole_chunks(waiting.len(), wanted);
            if ready > 0 {
                let sealed = waiting.split_to(ready).freeze();
                saving = match blocking(move || saving.take(sealed)).await {
                    Ok(saving) => saving,
                    Err(error) => return (Err(error), Ok(())),
                };
                progress(saving.layout.progress(saving.next));
            }
            if let Err(error) = ended {
                return (Ok(saving), Err(error));
            }
        }
    }

    async fn ask_for(
        &self,
        attachment: &Attachment,
        first: u64,
    ) -> Result<Response<Incoming>, Error> {
        let path = format!("/v1/blobs/{}", Base64::from(attachment.blob));
        let net = &self.inner.net;
        for last in [false, true] {
            let token = net.token().await?;
            let (token_text, body) = (Some(token.text()), Body::Range(first, None));
            let ask = Ask { method: Method::Get, path: &path, token: token_text, body };
            match net.http.download(ask).await {
                Ok(answer) if answer.status() == StatusCode::PARTIAL_CONTENT || first == 0 => {
                    return Ok(answer);
                }
                Ok(_) => return Err(Error::NotARelay),
                Err(Lost::Problem(problem)) if problem.code == Code::Unauthenticated && !last => {
                    net.forget(&token).await;
                }
                Err(lost) => return Err(of_blob(lost)),
            }
        }
        Err(Error::Unreachable)
    }
}

/// Reads on until so many bytes wait, or no more come.
async fn gather(
    answer: &mut Response<Incoming>,
    waiting: &mut BytesMut,
    wanted: usize,
) -> Result<(), Error> {
    while waiting.len() < wanted {
        let frame = timeout(ANSWER_WITHIN, answer.body_mut().frame()).await;
        match frame {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    waiting.extend_from_slice(&data);
                }
            }
            Ok(Some(Err(_)) | None) | Err(_) => return Err(Error::Unreachable),
        }
    }
    Ok(())
}

/// How many of these bytes are whole chunks; all that is wanted is, also where the last is shorter.
fn whole_chunks(len: usize, wanted: usize) -> usize {
    if len >= wanted { wanted } else { len - len % (CHUNK_LEN + CHUNK_OVERHEAD) }
}

impl Saving {
    /// Goes on after the chunks that are there.
    async fn begin(attachment: &Attachment, part: PathBuf) -> Result<Self, Error> {
        let layout = Layout::of(attachment.length).ok_or(Error::FileDamaged)?;
        let key = ChunkKey::new(&Secret::copy_of(&attachment.key), &[]);
        blocking(move || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false);
            let mut file = options.open(part).map_err(|error| of_file(&error))?;
            file.try_lock().map_err(|_| Error::FileExists)?;
            let there = file.metadata().map_err(|error| of_file(&error))?.len();
            let whole = there.min(layout.length) / CHUNK_LEN as u64;
            let next = u32::try_from(whole).map_err(|_| Error::FileDamaged)?;
            let begin = whole * CHUNK_LEN as u64;
            file.set_len(begin).map_err(|error| of_file(&error))?;
            file.seek(SeekFrom::Start(begin)).map_err(|error| of_file(&error))?;
            Ok(Self { key, layout, file, next })
        })
        .await
    }

    /// Opens chunks, and writes what is in them but for the padding.
    fn take(mut self, mut sealed: Bytes) -> Result<Self, Error> {
        while sealed.has_remaining() {
            let place = Place::of(self.next, self.layout.padded);
            let (_, held) = place.ok_or(Error::FileDamaged)?;
            if sealed.len() < held + CHUNK_OVERHEAD {
                return Err(Error::FileDamaged);
            }
            let chunk = sealed.split_to(held + CHUNK_OVERHEAD);
            let own = self.layout.open(&self.key, self.next, &chunk)?;
            self.file.write_all(&own).map_err(|error| of_file(&error))?;
            self.next += 1;
        }
        Ok(self)
    }
}

/// Where the chunks of this attachment lie until they are complete. Another attachment's are never taken
/// for its own.
fn part_of(path: &Path, attachment: &Attachment) -> PathBuf {
    let [a, b, c, d, ..] = attachment.blob;
    beside(path, &format!(".{:08x}.part", u32::from_be_bytes([a, b, c, d])))
}
