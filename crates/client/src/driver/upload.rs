//! Sending a file: it is sealed, uploaded in parts, and its key goes into a message. An upload that was cut off goes on.

use prost::Message;
use rand_core::CryptoRng;
use sprag_api::blob::{Blob, CreateBlob};
use sprag_api::problem::Code;
use sprag_protocol::AccountName;
use sprag_protocol::secret::Secret;
use sprag_store::stream::CHUNK_LEN;
use sprag_store::{Batch, Key, Page, StoreError, Value as Bytes};

use super::action::Action;
use super::calls::For;
use super::files::{Transfer, Way};
use super::wishes::Then;
use super::{Driver, Event};
use crate::content::{Body as Said, MessageId};
use crate::error::Error;
use crate::exchange::{Ask, Body, Lost, Method, json, parse};
use crate::history::Records;
use crate::input::{Command, Ticket};
use crate::transfer::{Layout, PART, Sealing, Upload, uploads};

/// A file to send, as whoever has it describes it.
#[derive(Clone)]
pub struct Outgoing {
    /// What it is called.
    pub name: String,
    /// Its media type, or nothing.
    pub media_type: String,
    /// What is written beside it, or nothing.
    pub caption: String,
    /// How long it is.
    pub length: u64,
    /// When it was last changed, in whatever unit: only whether it is the same matters.
    pub modified: u64,
    /// What its message is to be called.
    pub id: Option<MessageId>,
}

/// An upload that the profile knows.
pub(super) type Begun = (Key, Upload);

/// Where an upload is.
enum Stage {
    /// The account is got to know, and the profile asked whether it was begun before.
    Beginning,
    /// The relay is asked how far it came.
    Asking,
    /// The relay is asked for room.
    Creating,
    /// There is room, and no record of it yet.
    Created(Blob),
    /// Bytes of the file are awaited: the first chunk of them, and how far into it the relay is.
    Slicing {
        index: u32,
        skip: usize,
        wanted: u64,
    },
    /// A part is on its way, or waits for the next attempt.
    Parting,
    /// Everything is on the relay; the message is to be written.
    Uploaded,
    Writing,
}

/// A file that is sent.
pub(super) struct Sending {
    pub(super) to: AccountName,
    file: Outgoing,
    layout: Layout,
    stage: Stage,
    sealing: Option<Sealing>,
    /// How many bytes the relay has.
    offset: u64,
    /// How many chunks go at once.
    part: u32,
}

impl Sending {
    fn is(&self, upload: &Upload) -> bool {
        upload.to == self.to.as_str()
            && upload.path == self.file.name
            && upload.length == self.file.length
            && upload.modified == self.file.modified
    }
}

impl Transfer {
    /// The upload of this file to this account that the profile knows. Those that the relay has deleted go.
    pub(super) fn find(
        &self,
        records: &mut impl Records,
        now: u64,
    ) -> Result<(Option<Begun>, Batch), StoreError> {
        let (mut found, mut gone) = (None, Batch::new());
        let Way::Out(sending) = &self.way else { return Ok((found, gone)) };
        for (position, value) in records.range(&uploads(), Page::ALL)? {
            let position = uploads().at(position);
            let upload = Upload::decode(&value[..]).map_err(|_| StoreError::Damaged)?;
            if upload.expires <= now / 1000 {
                gone.remove(position);
            } else if sending.is(&upload) {
                found = Some((position, upload));
            }
        }
        Ok((found, gone))
    }
}

impl Driver {
    /// Bytes of a file that were asked for; `None` where they cannot be read any more.
    pub fn sliced(&mut self, transfer: u64, content: Option<Bytes>) {
        self.events.push_back(Event::Sliced { transfer, content });
    }

    pub(super) fn send_file<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        (to, file): (AccountName, Outgoing),
        now: u64,
        rng: &mut R,
    ) {
        let Some(layout) = Layout::of(file.length) else {
            return self.answer(ticket, Err(Error::FileLength));
        };
        let name = to.clone();
        let (stage, sealing) = (Stage::Beginning, None);
        let sending = Sending { to, file, layout, stage, sealing, offset: 0, part: PART };
        let id = self.begin(Transfer::new(ticket, Way::Out(Box::new(sending))));
        self.meet(ticket, (name, Then::Met(id)), now, rng);
    }

    fn sending(&mut self, id: u64) -> Option<(Ticket, &mut Sending)> {
        let transfer = self.transfers.get_mut(&id)?;
        let Way::Out(sending) = &mut transfer.way else { return None };
        Some((transfer.ticket, sending))
    }

    /// The profile was asked whether it was begun before.
    pub(super) fn upload_found(&mut self, id: u64, found: Option<Begun>) {
        let Some((_, sending)) = self.sending(id) else { return };
        if let Some((position, upload)) = found
            && let Ok(sealing) = Sealing::of(position, &upload, sending.layout)
        {
            let mut ask = Ask::blob(Method::Get, sealing.blob, Body::None);
            ask.path.push_str("/state");
            sending.sealing = Some(sealing);
            sending.stage = Stage::Asking;
            return self.ask(For::File(id), ask, true);
        }
        self.create(id);
    }

    fn create(&mut self, id: u64) {
        let Some((_, sending)) = self.sending(id) else { return };
        sending.stage = Stage::Creating;
        let create = CreateBlob { length: sending.layout.sealed() };
        let ask = Ask::new(Method::Post, "/v1/blobs", json(&create));
        self.ask(For::File(id), ask, true);
    }

    /// What it was begun with is of no use any more.
    fn begin_anew(&mut self, id: u64) {
        let Some((_, sending)) = self.sending(id) else { return };
        if let Some(sealing) = sending.sealing.take() {
            self.effects.commit.remove(sealing.position);
        }
        self.create(id);
    }

    pub(super) fn upload_answered(&mut self, id: u64, result: Result<Vec<u8>, Lost>, now: u64) {
        let Some((_, sending)) = self.sending(id) else { return };
        let result = result.and_then(|body| parse::<Blob>(&body));
        match (&sending.stage, result) {
            (Stage::Asking, Ok(blob)) if blob.length == sending.layout.sealed() => {
                sending.offset = blob.offset;
                self.send_next(id);
            }
            (Stage::Asking, Ok(_)) => self.begin_anew(id),
            (Stage::Asking, Err(lost)) if lost.is(Code::NotFound) => self.begin_anew(id),
            (Stage::Creating, Ok(blob)) => sending.stage = Stage::Created(blob),
            (Stage::Parting, Ok(blob)) => {
                sending.offset = blob.offset;
                if let Some(transfer) = self.transfers.get_mut(&id) {
                    transfer.patience.works();
                }
                self.send_next(id);
            }
            (Stage::Parting, Err(lost)) => self.part_lost(id, lost, now),
            (_, Err(lost)) => self.file_given_up(id, lost.into(), now),
            (_, Ok(_)) => {}
        }
    }

    fn part_lost(&mut self, id: u64, lost: Lost, now: u64) {
        let Some((_, sending)) = self.sending(id) else { return };
        if lost.is(Code::OffsetConflict) {
            let Some(offset) = lost.problem().and_then(|problem| problem.offset) else {
                return self.file_given_up(id, Error::NotARelay, now);
            };
            sending.offset = offset;
            return self.file_failed(id, Error::Unreachable, now);
        }
        // Over a slow line, less at once.
        if matches!(lost, Lost::NoAnswer) || lost.is(Code::Timeout) {
            sending.part = (sending.part / 2).max(1);
        }
        self.file_failed(id, lost.into(), now);
    }

    /// Uploads for which there is room get their keys and records; those that are complete, their messages.
    pub(super) fn write_finished<R: CryptoRng>(&mut self, now: u64, rng: &mut R) {
        let ids: Vec<u64> = self.transfers.keys().copied().collect();
        for id in ids {
            let Some((ticket, sending)) = self.sending(id) else { continue };
            if let Stage::Created(blob) = &sending.stage {
                let key = Secret::<32>::random(rng);
                // Positions are below 2^63; two that meet would cost one of them its resumption.
                let position = uploads().at(rng.next_u64() >> 1);
                let upload = Upload {
                    to: sending.to.to_string(),
                    path: sending.file.name.clone(),
                    length: sending.file.length,
                    modified: sending.file.modified,
                    key: key.expose().to_vec(),
                    blob: blob.id.0.clone(),
                    expires: blob.expires,
                };
                match Sealing::of(position.clone(), &upload, sending.layout) {
                    Ok(sealing) => sending.sealing = Some(sealing),
                    Err(error) => {
                        self.file_given_up(id, error, now);
                        continue;
                    }
                }
                sending.offset = 0;
                self.effects.commit.put(position, upload.encode_to_vec());
                self.send_next(id);
            } else if let (Stage::Uploaded, Some(sealing)) = (&sending.stage, &sending.sealing) {
                let file = sending.file.clone();
                let attachment = sealing.attachment(file.name, file.media_type, file.caption);
                let mut done = Batch::new();
                done.remove(sealing.position.clone());
                let command = Command::Send {
                    to: sending.to.clone(),
                    body: Said::File(attachment),
                    id: file.id,
                };
                sending.stage = Stage::Writing;
                self.command(ticket, (command, Then::FileSent(id), done), now, rng);
            }
        }
    }

    /// Asks for the bytes that the relay does not have yet.
    pub(super) fn send_next(&mut self, id: u64) {
        let Some((ticket, sending)) = self.sending(id) else { return };
        if sending.offset >= sending.layout.sealed() {
            let progress = sending.layout.whole();
            sending.stage = Stage::Uploaded;
            return self.show_progress(ticket, progress);
        }
        let (index, skip) = Layout::chunk_at(sending.offset);
        let progress = sending.layout.progress(index);
        let begin = u64::from(index) * CHUNK_LEN as u64;
        let end = begin + u64::from(sending.part) * CHUNK_LEN as u64;
        let (from, to) = (begin.min(sending.layout.length), end.min(sending.layout.length));
        sending.stage = Stage::Slicing { index, skip, wanted: to - from };
        self.show_progress(ticket, progress);
        // What is left may be padding alone: then nothing is read, but it is asked all the same.
        self.actions.push(Action::Slice { ticket, transfer: id, from, to });
    }

    pub(super) fn file_sliced(&mut self, id: u64, content: Option<Bytes>, now: u64) {
        let Some((_, sending)) = self.sending(id) else { return };
        let Stage::Slicing { index, skip, wanted } = sending.stage else { return };
        let content = content.filter(|content| content.len() as u64 == wanted);
        let (Some(content), Some(sealing)) = (content, &sending.sealing) else {
            return self.file_changed(id, now);
        };
        let end = index.saturating_add(sending.part).min(sending.layout.chunks());
        let mut chunks = content.chunks(CHUNK_LEN);
        let sealed: Result<Vec<_>, _> = (index..end)
            .map(|index| sealing.seal(index, chunks.next().unwrap_or_default()))
            .collect();
        let Ok(sealed) = sealed else { return self.file_changed(id, now) };
        let bytes = bytes::Bytes::from(sealed.concat()).slice(skip..);
        let body = Body::Part(bytes, sending.offset);
        let ask = Ask::blob(Method::Patch, sealing.blob, body);
        sending.stage = Stage::Parting;
        self.ask(For::File(id), ask, true);
    }

    /// The file is another one than when this began: what is on the relay is of no use.
    fn file_changed(&mut self, id: u64, now: u64) {
        if let Some((_, sending)) = self.sending(id)
            && let Some(sealing) = sending.sealing.take()
        {
            self.effects.commit.remove(sealing.position);
        }
        self.file_given_up(id, Error::FileChanged, now);
    }
}
