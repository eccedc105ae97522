//! Messages and the socket (docs/API.md, sections 6 and 7).

use std::collections::BTreeSet;

use sprag_api::frame::{
    self, Accepted, Acknowledged, Deliver, Empty, Refused, Welcome, from_relay::Frame, to_relay,
};
use sprag_api::limit;
use sprag_api::problem::Code;

use super::{Account, Relay, Who, corrupted};

/// Envelopes in one frame, at most.
const PER_FRAME: usize = 64;

impl Relay {
    /// A device says something on its connection.
    pub(crate) fn hear(&mut self, id: u64, frame: to_relay::Frame, now: u64) {
        if !self.has(id) {
            return;
        }
        match frame {
            to_relay::Frame::Hello(hello) => self.hello(id, &hello, now),
            to_relay::Frame::Submit(submit) => self.submit(id, &submit, now),
            to_relay::Frame::Acknowledge(acknowledge) => self.acknowledge(id, acknowledge.through),
        }
    }

    fn hello(&mut self, id: u64, hello: &frame::Hello, now: u64) {
        let Some(connection) = self.connections.get(&id) else { return };
        let who = connection.token.who.clone();
        assert!(!connection.receives, "Hello is only the first frame");
        if let Some(before) = self.receiving(&who) {
            self.dismiss(before, Code::TakenOver);
        }
        let Some(mailbox) = self.mailbox(&who) else { return };
        let mark = mailbox.numbers.mark;
        let last = mailbox.waiting.back().map_or(0, |envelope| envelope.seq);
        let window = self.limits.window.try_into().unwrap();
        let welcome = Welcome { mark, rolled_back: mark > hello.counter, time: now, window };
        self.out.push_back((id, Frame::Welcome(welcome)));
        let Some(connection) = self.connections.get_mut(&id) else { return };
        (connection.receives, connection.beginning) = (true, Some(last));
        self.deliver(id);
    }

    fn submit(&mut self, id: u64, submit: &frame::Submit, now: u64) {
        let Some(connection) = self.connections.get(&id) else { return };
        let (who, identity) = (connection.token.who.clone(), connection.token.identity);
        assert!((1..=limit::SENDS_PER_FRAME).contains(&submit.sends.len()));
        let mut receipts = Vec::new();
        for send in &submit.sends {
            if !self.ciphers.only_accepted {
                self.note(&identity, send);
            }
            match self.accept(&who, send, now) {
                Ok(receipt) => {
                    if !receipt.duplicate {
                        self.note(&identity, send);
                    }
                    receipts.push(receipt);
                }
                Err(refused) => self.out.push_back((id, Frame::Refused(refused))),
            }
        }
        if !receipts.is_empty() {
            self.out.push_back((id, Frame::Accepted(Accepted { receipts })));
        }
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        for id in ids {
            self.deliver(id);
        }
    }

    /// Looks at every ciphertext, also at those of a message that is refused: it has left the device.
    fn note(&mut self, sender: &[u8; 32], send: &frame::Send) {
        let account = self.accounts.get(&send.to);
        for part in &send.parts {
            let device = account.and_then(|account| account.devices.get(&part.device));
            let identity = device.map(|device| device.identity).unwrap_or_default();
            let pair = (*sender, (send.to.clone(), part.device, identity));
            self.ciphers.note(pair, send.number, &part.ciphertext);
        }
    }

    fn accept(
        &mut self,
        who: &Who,
        send: &frame::Send,
        now: u64,
    ) -> Result<frame::Receipt, Refused> {
        let number = send.number;
        let refused = |code: Code, retry_after| Refused {
            number,
            code: code.as_str().into(),
            retry_after,
            ..Refused::default()
        };
        let well_formed = (1..=limit::NUMBER_MAX).contains(&number)
            && (1..=limit::DEVICES).contains(&send.parts.len())
            && send.parts.iter().all(|part| part.ciphertext.len() <= limit::CIPHERTEXT_LEN);
        assert!(well_formed, "an engine sends only what can be sent");
        let sender = self.mailbox(who).ok_or_else(|| refused(Code::Unauthenticated, 0))?;
        match sender.numbers.was_accepted(number) {
            Some(true) => {
                return Ok(frame::Receipt { number, duplicate: true, left_out: Vec::new() });
            }
            Some(false) => {}
            None => return Err(refused(Code::NumberTooOld, 0)),
        }
        let account = self.accounts.get(&send.to).ok_or_else(|| refused(Code::NotFound, 0))?;
        let expected = account.expected(&send.to, who);
        let named: BTreeSet<u32> = send.parts.iter().map(|part| part.device).collect();
        if expected != named || named.len() != send.parts.len() {
            return Err(Refused {
                device_list: account.list.clone().into(),
                devices: expected.into_iter().collect(),
                ..refused(Code::DevicesDiffer, 0)
            });
        }
        let left_out = self.store(who, send, now);
        if left_out.len() == send.parts.len() {
            return Err(refused(Code::MailboxFull, 60));
        }
        if let Some(sender) = self.mailbox(who) {
            sender.numbers.accept(number);
            sender.numbers.left_out.insert(number, left_out.clone());
        }
        Ok(frame::Receipt { number, duplicate: false, left_out })
    }

    /// Puts the parts into their mailboxes; gives those that are full.
    fn store(&mut self, who: &Who, send: &frame::Send, now: u64) -> Vec<u32> {
        let most = self.limits.mailbox;
        let mut left_out = Vec::new();
        for part in &send.parts {
            let Some(account) = self.accounts.get_mut(&send.to) else { continue };
            let Some(mailbox) = account.devices.get_mut(&part.device) else { continue };
            if mailbox.waiting.len() >= most {
                left_out.push(part.device);
                continue;
            }
            let mut ciphertext = part.ciphertext.clone();
            if self.hostile.drops > 0 {
                self.hostile.drops -= 1;
                continue;
            }
            if self.hostile.corrupts > 0 {
                self.hostile.corrupts -= 1;
                ciphertext = corrupted(&ciphertext);
            }
            mailbox.put(frame::Envelope {
                seq: 0,
                sender: who.0.clone(),
                sender_device: who.1,
                number: send.number,
                received: now,
                ciphertext,
            });
        }
        left_out
    }

    fn acknowledge(&mut self, id: u64, through: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        assert!(
            connection.receives && through <= connection.delivered,
            "beyond what was delivered"
        );
        connection.acknowledged = connection.acknowledged.max(through);
        let who = connection.token.who.clone();
        if let Some(mailbox) = self.mailbox(&who) {
            mailbox.waiting.retain(|envelope| envelope.seq > through);
        }
        self.out.push_back((id, Frame::Acknowledged(Acknowledged { through })));
        self.deliver(id);
    }

    /// Delivers what waits, as far as the window lets it.
    pub(crate) fn deliver(&mut self, id: u64) {
        let window = self.limits.window;
        let Some(connection) = self.connections.get_mut(&id).filter(|c| c.receives) else { return };
        let (name, device) = &connection.token.who;
        let Some(mailbox) = self.accounts.get(name).and_then(|a| a.devices.get(device)) else {
            return;
        };
        let unacknowledged =
            mailbox.waiting.iter().filter(|e| e.seq <= connection.delivered).count();
        let room = window.saturating_sub(unacknowledged);
        let due = mailbox.waiting.iter().filter(|e| e.seq > connection.delivered);
        let due: Vec<_> = due.take(room).cloned().collect();
        for envelopes in due.chunks(PER_FRAME) {
            let envelopes = envelopes.to_vec();
            connection.delivered = envelopes.last().map_or(0, |envelope| envelope.seq);
            self.out.push_back((id, Frame::Deliver(Deliver { envelopes })));
        }
        let delivered = connection.delivered;
        let first_left = mailbox.waiting.iter().find(|e| e.seq > delivered).map(|e| e.seq);
        if let Some(beginning) = connection.beginning
            && first_left.is_none_or(|seq| seq > beginning)
        {
            connection.beginning = None;
            self.out.push_back((id, Frame::Empty(Empty {})));
        }
    }

    /// Delivers to everybody what a test has put into mailboxes.
    pub(crate) fn deliver_all(&mut self) {
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        for id in ids {
            self.deliver(id);
        }
    }
}

impl Account {
    /// The devices that a message of this sender must name.
    fn expected(&self, name: &str, sender: &Who) -> BTreeSet<u32> {
        let devices = self.devices.iter().filter(|(_, device)| device.takes_part());
        let own = |id: &u32| (name, *id) == (sender.0.as_str(), sender.1);
        devices.map(|(id, _)| *id).filter(|id| !own(id)).collect()
    }
}
