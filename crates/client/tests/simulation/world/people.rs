//! What people do, and what the model takes note of.

use sprag_client::{Body, Command};
use sprag_protocol::AccountName;

use super::World;
use crate::ledger::Message;
use crate::records::Read;

impl World {
    /// Says something new; what the text is.
    pub(crate) fn say(&mut self, index: usize, to: &str) -> String {
        let text = format!("{index}:{}", self.next_text);
        self.next_text += 1;
        let to = AccountName::new(to).unwrap();
        self.command(index, Command::Send { to, body: Body::Text(text.clone()) });
        text
    }

    /// A device that the relay knows, and that knows it is one.
    pub(crate) fn takes_part(&self, index: usize) -> bool {
        let device = &self.devices[index];
        let Some(number) = device.device() else { return false };
        let account = self.relay.accounts.get(&device.account);
        let mailbox = account.and_then(|account| account.devices.get(&number));
        device.engine.is_ready() && mailbox.is_some_and(crate::relay::Mailbox::takes_part)
    }

    /// An entry has become durable on a device.
    pub(super) fn note(&mut self, index: usize, with: &str, read: Option<Read>) {
        let Some(read) = read else { return };
        let own = format!("{index}:");
        if !read.from.is_empty() || !read.text.starts_with(&own) {
            return;
        }
        let from = self.devices[index].account.clone();
        let owes = |other: &usize| {
            let account = &self.devices[*other].account;
            *other != index && (account == with || *account == from) && self.takes_part(*other)
        };
        let readers = (0..self.devices.len()).filter(owes).collect();
        self.ledger.said(Message {
            text: read.text,
            device: index,
            number: read.device,
            from,
            to: with.to_owned(),
            id: read.id,
            readers,
        });
    }
}
