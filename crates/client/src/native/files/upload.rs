//! Sending a file.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use sprag_api::base64::Base64;
use sprag_api::blob::{Blob, CreateBlob};
use sprag_api::problem::Code;
use sprag_protocol::AccountName;
use sprag_protocol::secret::Secret;
use sprag_store::stream::{CHUNK_LEN, CHUNK_OVERHEAD};
use sprag_store::{Batch, Key, Page};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::{Attached, Progress, of_file, wait};
use crate::content::{Attachment, Body as Said};
use crate::exchange::{Body, Lost, Method, json};
use crate::input::Command;
use crate::native::desk::{Desk, put};
use crate::native::net::Refusal;
use crate::native::talk::{Sent, name};
use crate::native::{Client, Error, clock};
use crate::retry::Patience;
use crate::transfer::{Layout, PART, Sealing, Upload, uploads};

/// Which file, as it was when its upload began.
#[derive(Clone, PartialEq)]
struct Identity {
    path: PathBuf,
    length: u64,
    modified: u64,
}

impl Identity {
    fn of(path: &Path) -> Result<Self, Error> {
        let path = fs::canonicalize(path).map_err(|error| of_file(&error))?;
        let file = fs::metadata(&path).map_err(|error| of_file(&error))?;
        if !file.is_file() {
            return Err(Error::FileLength);
        }
        let since = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
        Ok(Self { path, length: file.len(), modified })
    }
}

/// A file between its first part and its last.
struct Sending {
    path: PathBuf,
    sealing: Arc<Sealing>,
}

impl Client {
    /// Sends a file: encrypts it, uploads it in parts, and writes a message with its key. When this
    /// returns, the message is kept durably and will be sent. An upload that was cut off, by whatever,
    /// goes on where it ended when the same file is sent to the same account again.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::FileLength`], [`Error::FileChanged`]; [`Error::Refused`], such as
    /// [`NoSuchAccount`](crate::Refusal::NoSuchAccount); [`Error::Unreachable`] where the relay was away
    /// for too long; [`Error::Relay`], such as `quota-exceeded`; [`Error::Store`], [`Error::Closed`].
    pub async fn send_file(
        &self,
        to: &str,
        path: impl AsRef<Path> + Send,
        what: Attached,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Sent, Error> {
        let to = name(to)?;
        let path = path.as_ref().to_path_buf();
        let identity = blocking(move || Identity::of(&path)).await?;
        let layout = Layout::of(identity.length).ok_or(Error::FileLength)?;
        self.meet(to.as_str()).await?;
        let (sending, offset) = self.begin_upload(&to, &identity, layout).await?;
        self.upload(&sending, offset, &mut progress).await?;
        let same = identity.path.clone();
        if blocking(move || Identity::of(&same)).await? != identity {
            self.forget_upload(&sending).await?;
            return Err(Error::FileChanged);
        }
        let body = Said::File(sending.attachment(&identity.path, what));
        let mut done = Batch::new();
        done.remove(sending.sealing.position.clone());
        let send = Command::Send { to: to.clone(), body, id: None };
        let reply = self.inner.command(send, done).await?;
        self.sent(to, &reply)
    }

    /// Goes on with an upload of this file to this account, or begins one. Gives how many bytes the
    /// relay has.
    async fn begin_upload(
        &self,
        to: &AccountName,
        identity: &Identity,
        layout: Layout,
    ) -> Result<(Sending, u64), Error> {
        let path = identity.path.to_string_lossy().into_owned();
        let wanted = (to.as_str().to_owned(), path, identity.length, identity.modified);
        let found = {
            let wanted = wanted.clone();
            self.inner.ask(move |desk| find(desk, &wanted)).await??
        };
        if let Some((position, upload)) = found {
            let sending = Sending::of(position, &upload, identity, layout)?;
            let path = format!("{}/state", sending.blob_path());
            match self.inner.net.ask::<Blob>(Method::Get, &path, Body::None).await {
                Ok(blob) if blob.length == layout.sealed() => return Ok((sending, blob.offset)),
                Ok(_) => self.forget_upload(&sending).await?,
                Err(refusal) if is(&refusal, Code::NotFound) => {
                    self.forget_upload(&sending).await?;
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
        let create = CreateBlob { length: layout.sealed() };
        let blob: Blob = self.inner.net.ask(Method::Post, "/v1/blobs", json(&create)).await?;
        let (to, path, length, modified) = wanted;
        let keep = move |desk: &mut Desk| {
            let (_, rng) = desk.profile();
            let key = Secret::<32>::random(rng);
            // Positions are below 2^63; two that meet would cost one of them its resumption.
            let position = rand_core::Rng::next_u64(rng) >> 1;
            let (key, blob, expires) = (key.expose().to_vec(), blob.id.0, blob.expires);
            let upload = Upload { to, path, length, modified, key, blob, expires };
            let position = uploads().at(position);
            let mut batch = Batch::new();
            put(&mut batch, position.clone(), &upload);
            desk.keep(&batch).map(|()| (position, upload))
        };
        let (position, upload) = self.inner.ask(keep).await??;
        Ok((Sending::of(position, &upload, identity, layout)?, 0))
    }

    async fn upload(
        &self,
        sending: &Sending,
        mut offset: u64,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<(), Error> {
        let mut patience = Patience::default();
        let mut part = PART;
        loop {
            if offset >= sending.sealing.layout.sealed() {
                progress(sending.sealing.layout.whole());
                return Ok(());
            }
            let (index, skip) = Layout::chunk_at(offset);
            progress(sending.sealing.layout.progress(index));
            let bytes = sending.seal(index, part, skip).await?;
            let body = Body::Part(bytes, offset);
            let path = sending.blob_path();
            match self.inner.net.ask::<Blob>(Method::Patch, &path, body).await {
                Ok(blob) => {
                    patience.works();
                    offset = blob.offset;
                }
                Err(refusal) if is(&refusal, Code::OffsetConflict) => {
                    let right = refusal.problem().and_then(|problem| problem.offset);
                    offset = right.ok_or(Error::NotARelay)?;
                    wait(&mut patience, Error::Unreachable).await?;
                }
                Err(refusal) => {
                    // Over a slow line, less at once.
                    let slow = matches!(refusal, Refusal::Lost(Lost::NoAnswer))
                        || is(&refusal, Code::Timeout);
                    if slow {
                        part = (part / 2).max(1);
                    }
                    wait(&mut patience, refusal.into()).await?;
                }
            }
        }
    }

    async fn forget_upload(&self, sending: &Sending) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.remove(sending.sealing.position.clone());
        Ok(self.inner.ask(move |desk| desk.keep(&batch)).await??)
    }
}

impl Sending {
    fn of(
        position: Key,
        upload: &Upload,
        identity: &Identity,
        layout: Layout,
    ) -> Result<Self, Error> {
        let sealing = Arc::new(Sealing::of(position, upload, layout)?);
        Ok(Self { path: identity.path.clone(), sealing })
    }

    fn blob_path(&self) -> String {
        format!("/v1/blobs/{}", Base64::from(self.sealing.blob))
    }

    /// Some chunks from this one on, without the first bytes of them.
    async fn seal(&self, first: u32, count: u32, skip: usize) -> Result<Bytes, Error> {
        let (sealing, path) = (Arc::clone(&self.sealing), self.path.clone());
        blocking(move || {
            let layout = sealing.layout;
            let mut file = File::open(path).map_err(|error| of_file(&error))?;
            let begin = u64::from(first) * CHUNK_LEN as u64;
            file.seek(SeekFrom::Start(begin)).map_err(|error| of_file(&error))?;
            let mut file = file.take(layout.length.saturating_sub(begin));
            let mut sealed = Vec::with_capacity(count as usize * (CHUNK_LEN + CHUNK_OVERHEAD));
            for index in first..first.saturating_add(count).min(layout.chunks()) {
                let mut content = Zeroizing::new(vec![0; CHUNK_LEN]);
                fill(&mut file, &mut content)?;
                sealed.extend(sealing.seal(index, &content)?);
            }
            Ok(Bytes::from(sealed).slice(skip..))
        })
        .await
    }

    fn attachment(&self, path: &Path, what: Attached) -> Attachment {
        let own = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = what.name.unwrap_or_else(own);
        self.sealing.attachment(name, what.media_type, what.caption)
    }
}

/// Reads until the buffer is full, or the file has ended: what is left are the zeros of the padding.
fn fill(file: &mut impl Read, mut into: &mut [u8]) -> Result<(), Error> {
    while !into.is_empty() {
        match file.read(into) {
            Ok(0) => break,
            Ok(read) => into = into.split_at_mut(read).1,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(of_file(&error)),
        }
    }
    Ok(())
}

/// The upload of this file to this account, where there is one. Those that the relay has deleted go.
fn find(
    desk: &mut Desk,
    (to, path, length, modified): &(String, String, u64, u64),
) -> Result<Option<(Key, Upload)>, Error> {
    let (_, profile) = desk.parts();
    let mut found = None;
    let mut gone = Batch::new();
    let now = clock::now().seconds();
    for (position, value) in profile.range(&uploads(), Page::ALL)? {
        let position = uploads().at(position);
        let upload: Upload = match prost::Message::decode(&value[..]) {
            Ok(upload) => upload,
            Err(_) => return Err(Error::Profile),
        };
        if upload.expires <= now {
            gone.remove(position);
        } else if upload.to == *to
            && upload.path == *path
            && upload.length == *length
            && upload.modified == *modified
        {
            found = Some((position, upload));
        }
    }
    desk.keep(&gone)?;
    Ok(found)
}

fn is(refusal: &Refusal, code: Code) -> bool {
    refusal.problem().is_some_and(|problem| problem.code == code)
}

/// Work with files, away from what must not wait for them.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(|_| Error::System)?
}
