//! Senders and receivers that speak the frames of `crates/api/proto/frames.proto`.

use std::net::SocketAddr;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use sprag_api::frame::{
    Accepted, Acknowledge, Deliver, FromRelay, Hello, Message, Part, Send, Submit, ToRelay,
    from_relay, to_relay,
};
use sprag_api::limit;

use crate::device::Account;
use crate::traffic::Traffic;
use crate::websocket::{Socket, Talk, binary};

/// One end of a pair.
pub(crate) struct Device {
    /// Which pair.
    pair: usize,
    greeting: Greeting,
    role: Role,
}

/// How far the greeting is.
enum Greeting {
    Due,
    Said,
    /// Answered; a receiver has also heard that its mailbox holds nothing more.
    Answered,
}

enum Role {
    Sender(Sender),
    Receiver(Receiver),
}

/// Submits.
struct Sender {
    /// The next frame: its messages are used again and again, only their numbers change.
    submit: Submit,
    /// Messages that the last frame had no use for.
    spare: Vec<Send>,
    to: String,
    ciphertext: Bytes,
}

/// Takes, and acknowledges: at most one acknowledgement is on its way, for all that came before it.
struct Receiver {
    from: String,
    /// Whether what waited before has been delivered too.
    caught_up: bool,
    /// Place and number of the last envelope.
    last: (u64, u64),
    /// The same of the acknowledgement that is on its way.
    unconfirmed: Option<(u64, u64)>,
    acknowledged: u64,
}

/// A connection that submits for one account to another.
pub(crate) fn sender(
    host: SocketAddr,
    pair: usize,
    from: &Account,
    to: &Account,
    ciphertext: &Bytes,
) -> Socket<Device> {
    let sender = Sender {
        submit: Submit::default(),
        spare: Vec::new(),
        to: to.name.clone(),
        ciphertext: ciphertext.clone(),
    };
    socket(host, pair, from, Role::Sender(sender))
}

/// A connection that receives for one account what another sends.
pub(crate) fn receiver(
    host: SocketAddr,
    pair: usize,
    from: &Account,
    to: &Account,
) -> Socket<Device> {
    let receiver = Receiver {
        from: from.name.clone(),
        caught_up: false,
        last: (0, 0),
        unconfirmed: None,
        acknowledged: 0,
    };
    socket(host, pair, to, Role::Receiver(receiver))
}

fn socket(host: SocketAddr, pair: usize, account: &Account, role: Role) -> Socket<Device> {
    let device = Device { pair, greeting: Greeting::Due, role };
    Socket::new(host, "/v1/socket", &account.protocols(), device)
}

impl Device {
    fn hello(&self, traffic: &mut Traffic) -> Result<Hello> {
        Ok(match self.role {
            Role::Sender(_) => Hello { counter: traffic.counter(self.pair)?, send_only: true },
            Role::Receiver(_) => Hello { counter: 0, send_only: false },
        })
    }
}

impl Talk for Device {
    type Shared = Traffic;

    fn hear(&mut self, message: &[u8], traffic: &mut Traffic) -> Result<()> {
        use from_relay::Frame;
        match (FromRelay::decode(message)?.frame, &mut self.role) {
            (Some(Frame::Welcome(welcome)), _) => {
                ensure!(!welcome.rolled_back, "the relay takes a device for an older copy");
                self.greeting = Greeting::Answered;
            }
            (Some(Frame::Empty(_)), Role::Receiver(receiver)) => receiver.caught_up = true,
            (Some(Frame::Accepted(accepted)), Role::Sender(_)) => {
                return take_accepted(self.pair, &accepted, traffic);
            }
            (Some(Frame::Deliver(deliver)), Role::Receiver(receiver)) => {
                return receiver.take(self.pair, &deliver, traffic);
            }
            (Some(Frame::Acknowledged(acknowledged)), Role::Receiver(receiver)) => {
                return receiver.confirmed(self.pair, acknowledged.through, traffic);
            }
            (Some(Frame::PrekeysLow(_)), _) => {}
            (Some(Frame::Refused(refused)), _) => bail!(
                "message {} is refused: {} ({})",
                refused.number,
                refused.code,
                refused.detail
            ),
            (Some(Frame::Closing(closing)), _) => {
                bail!("the relay closes a socket: {} ({})", closing.code, closing.detail)
            }
            (frame, _) => bail!("the relay sent what nobody asked for: {frame:?}"),
        }
        Ok(())
    }

    fn say(&mut self, out: &mut Vec<u8>, traffic: &mut Traffic) -> Result<()> {
        if matches!(self.greeting, Greeting::Due) {
            let hello = self.hello(traffic)?;
            write(out, &ToRelay { frame: Some(to_relay::Frame::Hello(hello)) });
            self.greeting = Greeting::Said;
        }
        if !matches!(self.greeting, Greeting::Answered) {
            return Ok(());
        }
        match &mut self.role {
            Role::Sender(sender) => sender.submit(self.pair, out, traffic),
            Role::Receiver(receiver) => {
                receiver.acknowledge(out);
                Ok(())
            }
        }
    }

    fn is_ready(&self) -> bool {
        let caught_up = match &self.role {
            Role::Sender(_) => true,
            Role::Receiver(receiver) => receiver.caught_up,
        };
        caught_up && matches!(self.greeting, Greeting::Answered)
    }
}

impl Sender {
    fn submit(&mut self, pair: usize, out: &mut Vec<u8>, traffic: &mut Traffic) -> Result<()> {
        let most = u64::try_from(limit::SENDS_PER_FRAME)?;
        loop {
            let (first, count) = traffic.submit(pair, most)?;
            if count == 0 {
                return Ok(());
            }
            self.fill(first, count);
            let frame = to_relay::Frame::Submit(std::mem::take(&mut self.submit));
            let frame = ToRelay { frame: Some(frame) };
            write(out, &frame);
            if let Some(to_relay::Frame::Submit(submit)) = frame.frame {
                self.submit = submit;
            }
        }
    }

    /// Makes the frame have just these messages.
    fn fill(&mut self, first: u64, count: u64) {
        let sends = &mut self.submit.sends;
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        while sends.len() > wanted {
            self.spare.extend(sends.pop());
        }
        while sends.len() < wanted {
            let part = || Part { device: 1, ciphertext: self.ciphertext.clone() };
            let fresh = || Send { number: 0, to: self.to.clone(), parts: vec![part()] };
            sends.push(self.spare.pop().unwrap_or_else(fresh));
        }
        for (send, number) in sends.iter_mut().zip(first..) {
            send.number = number;
        }
    }
}

fn take_accepted(pair: usize, accepted: &Accepted, traffic: &mut Traffic) -> Result<()> {
    for receipt in &accepted.receipts {
        ensure!(!receipt.duplicate, "message {} is said to be a duplicate", receipt.number);
        ensure!(receipt.left_out.is_empty(), "the mailbox is full at {}", receipt.number);
        traffic.accept(pair, receipt.number)?;
    }
    Ok(())
}

impl Receiver {
    fn take(&mut self, pair: usize, deliver: &Deliver, traffic: &mut Traffic) -> Result<()> {
        for envelope in &deliver.envelopes {
            let (place, _) = self.last;
            ensure!(envelope.seq > place, "place {} comes after {place}", envelope.seq);
            let is_sender = envelope.sender == self.from && envelope.sender_device == 1;
            ensure!(is_sender, "a message comes from somebody else");
            traffic.deliver(pair, envelope.number, &envelope.ciphertext)?;
            self.last = (envelope.seq, envelope.number);
        }
        Ok(())
    }

    fn acknowledge(&mut self, out: &mut Vec<u8>) {
        let (through, _) = self.last;
        if self.unconfirmed.is_none() && through > self.acknowledged {
            let acknowledge = to_relay::Frame::Acknowledge(Acknowledge { through });
            write(out, &ToRelay { frame: Some(acknowledge) });
            self.unconfirmed = Some(self.last);
        }
    }

    fn confirmed(&mut self, pair: usize, through: u64, traffic: &mut Traffic) -> Result<()> {
        if let Some((place, number)) = self.unconfirmed.take_if(|(place, _)| *place <= through) {
            self.acknowledged = place;
            traffic.acknowledge(pair, number)?;
        }
        Ok(())
    }
}

fn write(out: &mut Vec<u8>, frame: &ToRelay) {
    binary(out, frame.encoded_len(), |out| {
        // A `Vec` always has room.
        let _ = frame.encode(out);
    });
}
