//! What people do, and what the model takes note of.

use sprag_client::{Body, Command};
use sprag_protocol::secret::Secret;
use sprag_protocol::{
    AccountKey, AccountKeyPair, AccountName, DeviceList, PinnedAccount, SignedDeviceList,
};

use super::World;
use crate::ledger::Message;
use crate::records::Read;

impl World {
    /// Says something new; what the text is.
    pub(crate) fn say(&mut self, index: usize, to: &str) -> String {
        let text = format!("{index}:{}", self.next_text);
        self.next_text += 1;
        let to = AccountName::new(to).unwrap();
        self.command(index, Command::Send { to, body: Body::Text(text.clone()), id: None });
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

    /// The next list of an account without one of its devices, signed with a device's account key.
    pub(crate) fn list_without(&mut self, name: &str, by: usize, gone: u32) -> Vec<u8> {
        let account = self.account_key(by);
        let list = self.list(name);
        let devices = list.devices().iter().filter(|device| device.id.get() != gone);
        let next =
            DeviceList::new(list.version() + 1, list.account().clone(), devices.copied().collect());
        next.unwrap().sign(&account).to_bytes()
    }

    /// An account key and a list for this name, with a device of somebody else's.
    pub(crate) fn list_of_one(&mut self, name: &str, of: usize) -> (Vec<u8>, Vec<u8>) {
        let account = self.account_key(of);
        let devices = self.list(&self.devices[of].account).devices().to_vec();
        let name = AccountName::new(name).unwrap();
        let list = DeviceList::new(9, name, devices).unwrap().sign(&account).to_bytes();
        (account.public().as_bytes().to_vec(), list)
    }

    fn list(&self, name: &str) -> DeviceList {
        let account = &self.relay.accounts[name];
        let key = AccountKey::from_bytes(&account.key).unwrap();
        let list = SignedDeviceList::from_bytes(&account.list).unwrap();
        let name = AccountName::new(name).unwrap();
        PinnedAccount::first_use(&name, key, list).unwrap().list().clone()
    }

    fn account_key(&mut self, index: usize) -> AccountKeyPair {
        let seed = self.devices[index].account_seed();
        AccountKeyPair::from_seed(Secret::copy_of(&seed))
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
