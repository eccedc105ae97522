//! Files that are on their way: what sending and receiving have in common.

use rand_core::CryptoRng;

use super::Driver;
use super::action::{Action, Value};
use super::download::Receiving;
use super::upload::Sending;
use crate::effects::Reply;
use crate::error::Error;
use crate::exchange::Lost;
use crate::input::Ticket;
use crate::retry::Patience;

pub(super) use super::upload::Begun;
pub use super::upload::Outgoing;

/// A file between its first byte and its last.
pub(super) struct Transfer {
    pub(super) ticket: Ticket,
    pub(super) patience: Patience,
    /// When it goes on, where it waits for a time.
    pub(super) pause: Option<u64>,
    pub(super) way: Way,
}

/// Which way it goes.
pub(super) enum Way {
    Out(Box<Sending>),
    In(Box<Receiving>),
}

impl Transfer {
    pub(super) fn new(ticket: Ticket, way: Way) -> Self {
        Self { ticket, patience: Patience::default(), pause: None, way }
    }

    pub(super) fn wake_at(&self) -> Option<u64> {
        self.pause
    }
}

impl Driver {
    /// A transfer begins.
    pub(super) fn begin(&mut self, transfer: Transfer) -> u64 {
        let id = self.next_transfer;
        self.next_transfer += 1;
        self.transfers.insert(id, transfer);
        id
    }

    /// The pauses that are over.
    pub(super) fn go_on_with_files<R: CryptoRng>(&mut self, now: u64, rng: &mut R) {
        let over = |transfer: &Transfer| transfer.pause.is_some_and(|until| until <= now);
        let due = self.transfers.iter().filter(|(_, transfer)| over(transfer));
        let due: Vec<u64> = due.map(|(id, _)| *id).collect();
        for id in due {
            if let Some(transfer) = self.transfers.get_mut(&id) {
                transfer.pause = None;
            }
            self.file_goes_on(id);
        }
        self.write_finished(now, rng);
    }

    pub(super) fn file_goes_on(&mut self, id: u64) {
        match self.transfers.get(&id).map(|transfer| &transfer.way) {
            Some(Way::Out(_)) => self.send_next(id),
            Some(Way::In(_)) => self.receive_next(id),
            None => {}
        }
    }

    /// A call for it has an answer.
    pub(super) fn file_answered(
        &mut self,
        id: u64,
        (status, result): (u16, Result<Vec<u8>, Lost>),
        now: u64,
    ) {
        match self.transfers.get(&id).map(|transfer| &transfer.way) {
            Some(Way::Out(_)) => self.upload_answered(id, result, now),
            Some(Way::In(_)) => self.download_answered(id, (status, result), now),
            None => {}
        }
    }

    /// Something did not work: it is tried again, where that may help.
    pub(super) fn file_failed(&mut self, id: u64, error: Error, now: u64) {
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        match transfer.patience.fails(error) {
            Ok(pause) => transfer.pause = Some(now.saturating_add(super::millis(pause))),
            Err(error) => self.file_given_up(id, error, now),
        }
    }

    /// It is given up. An upload can be resumed.
    pub(super) fn file_given_up(&mut self, id: u64, error: Error, _: u64) {
        if let Some(transfer) = self.transfers.remove(&id) {
            self.calls.forget_file(id);
            self.answer(transfer.ticket, Err(error));
        }
    }

    /// The message with the key of a file is kept.
    pub(super) fn file_sent(&mut self, id: u64, reply: &Reply) {
        let Some(transfer) = self.transfers.remove(&id) else { return };
        let result = match (&transfer.way, reply) {
            (Way::Out(sending), Reply::Queued { id, position }) => {
                Ok(Value::Sent { to: sending.to.clone(), id: *id, position: *position })
            }
            _ => Err(Error::NoSuchMessage),
        };
        self.answer(transfer.ticket, result);
    }

    pub(super) fn show_progress(&mut self, ticket: Ticket, progress: crate::Progress) {
        self.actions.push(Action::Progress { ticket, progress });
    }
}
