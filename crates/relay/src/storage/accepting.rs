//! How messages are accepted, whatever they are stored in: which numbers are new, which devices must be
//! named, which mailboxes have room.

use bytes::Bytes;
use sprag_api::frame::Envelope;
use sprag_api::name::{AccountName, DeviceId};

use super::{AccountId, Batch, MailboxId, SendRefusal, Standing, Stored, Submission};

/// An account as a send finds it.
#[derive(Clone, Debug)]
pub(crate) struct Recipient {
    pub(crate) account: AccountId,
    /// The devices that have published keys, by rising id.
    pub(crate) devices: Vec<(DeviceId, MailboxId)>,
}

/// What is known of devices and accounts within one transaction.
pub(crate) trait Books {
    /// Why something cannot be looked up.
    type Error;

    /// How a number stands to those accepted from this device; `None` where it is gone.
    fn standing(&mut self, device: MailboxId, number: u64)
    -> Result<Option<Standing>, Self::Error>;
    /// Notes a new number as accepted.
    fn note(&mut self, device: MailboxId, number: u64) -> Result<(), Self::Error>;
    /// `None` where there is no such account.
    fn recipient(&mut self, name: &AccountName) -> Result<Option<&Recipient>, Self::Error>;
    /// An account's signed device list.
    fn device_list(&mut self, account: AccountId) -> Result<Vec<u8>, Self::Error>;
    /// The place of one more envelope with so many bytes; `None` where the mailbox is full or gone.
    fn place(&mut self, mailbox: MailboxId, bytes: u64) -> Result<Option<u64>, Self::Error>;
    /// Stores an envelope, together with all others of the transaction.
    fn put(&mut self, mailbox: MailboxId, envelope: Envelope);
}

/// Accepts or refuses each message of a batch.
pub(crate) fn accept<B: Books>(
    books: &mut B,
    batch: &Batch,
) -> Result<Vec<Result<Stored, SendRefusal>>, B::Error> {
    let mut accepting = Accepting { books, batch };
    batch.sends.iter().map(|send| accepting.accept(send)).collect()
}

struct Accepting<'a, B> {
    books: &'a mut B,
    batch: &'a Batch,
}

impl<B: Books> Accepting<'_, B> {
    fn accept(&mut self, send: &Submission) -> Result<Result<Stored, SendRefusal>, B::Error> {
        match self.books.standing(self.batch.from, send.number)? {
            Some(Standing::New) => {}
            Some(Standing::Accepted) => {
                return Ok(Ok(Stored { duplicate: true, left_out: Vec::new() }));
            }
            Some(Standing::TooOld) => return Ok(Err(SendRefusal::NumberTooOld)),
            None => return Ok(Err(SendRefusal::SenderGone)),
        }
        let parts = match self.address(send)? {
            Ok(parts) => parts,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut left_out = Vec::new();
        for (device, mailbox, ciphertext) in &parts {
            if !self.store(send.number, *mailbox, ciphertext)? {
                left_out.push(*device);
            }
        }
        if left_out.len() == parts.len() {
            return Ok(Err(SendRefusal::MailboxFull));
        }
        self.books.note(self.batch.from, send.number)?;
        Ok(Ok(Stored { duplicate: false, left_out }))
    }

    /// The mailboxes of the parts, where they are for just the devices that they must be for.
    #[expect(clippy::type_complexity, reason = "three things that go together for ten lines")]
    fn address<'s>(
        &mut self,
        send: &'s Submission,
    ) -> Result<Result<Vec<(DeviceId, MailboxId, &'s Bytes)>, SendRefusal>, B::Error> {
        let Some(recipient) = self.books.recipient(&send.to)? else {
            return Ok(Err(SendRefusal::UnknownAccount));
        };
        let expected =
            || recipient.devices.iter().filter(|(_, mailbox)| *mailbox != self.batch.from);
        let parts: Vec<_> = expected()
            .filter_map(|(device, mailbox)| {
                let part = send.parts.iter().find(|(named, _)| named == device)?;
                Some((*device, *mailbox, &part.1))
            })
            .collect();
        if parts.len() == expected().count() && parts.len() == send.parts.len() && !parts.is_empty()
        {
            return Ok(Ok(parts));
        }
        let devices = expected().map(|(device, _)| *device).collect();
        let account = recipient.account;
        let device_list = self.books.device_list(account)?;
        Ok(Err(SendRefusal::DevicesDiffer { device_list, devices }))
    }

    /// Puts an envelope into a mailbox; `false` where that is full.
    fn store(
        &mut self,
        number: u64,
        mailbox: MailboxId,
        ciphertext: &Bytes,
    ) -> Result<bool, B::Error> {
        let Some(seq) = self.books.place(mailbox, ciphertext.len() as u64)? else {
            return Ok(false);
        };
        let envelope = Envelope {
            seq,
            sender: self.batch.sender.account.as_str().into(),
            sender_device: self.batch.sender.device.get(),
            number,
            received: self.batch.now,
            ciphertext: ciphertext.clone(),
        };
        self.books.put(mailbox, envelope);
        Ok(true)
    }
}
