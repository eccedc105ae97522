//! Receiving a file: it is asked for in ranges of whole chunks, and each chunk is authenticated before it is given out.

use sprag_protocol::secret::Secret;
use sprag_store::stream::{CHUNK_LEN, CHUNK_OVERHEAD, ChunkKey};

use super::Driver;
use super::action::{Action, Value};
use super::calls::For;
use super::files::{Transfer, Way};
use crate::content::Attachment;
use crate::error::Error;
use crate::exchange::{Ask, Body, Lost, Method, of_blob};
use crate::input::Ticket;
use crate::transfer::{Layout, PART};

/// A file that is received.
pub(super) struct Receiving {
    file: Attachment,
    key: ChunkKey,
    layout: Layout,
    /// The next chunk.
    next: u32,
}

impl Driver {
    /// Goes on behind so many bytes, which are whole chunks.
    pub(super) fn receive(&mut self, ticket: Ticket, file: Attachment, from: u64) {
        let chunk = CHUNK_LEN as u64;
        let layout = Layout::of(file.length).ok_or(Error::FileDamaged);
        let next = u32::try_from(from / chunk).ok().filter(|_| from.is_multiple_of(chunk));
        let (Ok(layout), Some(next)) = (layout, next.filter(|_| from <= file.length)) else {
            return self.answer(ticket, Err(Error::FileDamaged));
        };
        let key = ChunkKey::new(&Secret::copy_of(&file.key), &[]);
        let receiving = Receiving { file, key, layout, next };
        let id = self.begin(Transfer::new(ticket, Way::In(Box::new(receiving))));
        self.receive_next(id);
    }

    fn receiving(&mut self, id: u64) -> Option<(Ticket, &mut Receiving)> {
        let transfer = self.transfers.get_mut(&id)?;
        let Way::In(receiving) = &mut transfer.way else { return None };
        Some((transfer.ticket, receiving))
    }

    pub(super) fn receive_next(&mut self, id: u64) {
        let Some((ticket, receiving)) = self.receiving(id) else { return };
        let (layout, next) = (receiving.layout, receiving.next);
        if next >= layout.chunks() {
            let file = Box::new(receiving.file.clone());
            self.transfers.remove(&id);
            self.show_progress(ticket, layout.progress(next));
            return self.answer(ticket, Ok(Value::File(file)));
        }
        let end = Layout::begin(next.saturating_add(PART)).min(layout.sealed());
        let range = Body::Range(Layout::begin(next), Some(end));
        let ask = Ask::blob(Method::Get, receiving.file.blob, range);
        self.show_progress(ticket, layout.progress(next));
        self.ask(For::File(id), ask, true);
    }

    pub(super) fn download_answered(
        &mut self,
        id: u64,
        (status, result): (u16, Result<Vec<u8>, Lost>),
        now: u64,
    ) {
        let Some((ticket, receiving)) = self.receiving(id) else { return };
        let body = match result {
            Ok(body) if status == 206 || receiving.next == 0 => body,
            Ok(_) => return self.file_given_up(id, Error::NotARelay, now),
            Err(lost) => return self.file_failed(id, of_blob(lost), now),
        };
        match receiving.take(&body) {
            Ok(bytes) => {
                if let Some(transfer) = self.transfers.get_mut(&id) {
                    transfer.patience.works();
                }
                self.actions.push(Action::Save { ticket, bytes });
                self.receive_next(id);
            }
            Err(error) => self.file_given_up(id, error, now),
        }
    }
}

impl Receiving {
    /// Opens the chunks of an answer.
    fn take(&mut self, body: &[u8]) -> Result<Vec<u8>, Error> {
        let end = self.next.saturating_add(PART).min(self.layout.chunks());
        let mut bytes = Vec::with_capacity(body.len());
        for chunk in body.chunks(CHUNK_LEN + CHUNK_OVERHEAD) {
            if self.next >= end {
                return Err(Error::FileDamaged);
            }
            bytes.extend_from_slice(&self.layout.open(&self.key, self.next, chunk)?);
            self.next += 1;
        }
        // What is missing is asked for again; nothing at all would be asked for for ever.
        if bytes.is_empty() && self.next < end { Err(Error::FileDamaged) } else { Ok(bytes) }
    }
}
