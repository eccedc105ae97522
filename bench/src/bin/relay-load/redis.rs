//! Senders and receivers that speak RESP2 to Redis: one stream for each pair.
//!
//! The stream is the mailbox. A receiver remembers its place and reads on from it, without a group:
//! there is one reader, and whatever is not yet deleted comes again when it starts from the beginning.
//! An acknowledgement trims the stream up to what it covers. Of what keeps at least once this is the
//! cheapest: `XDEL` names each entry, and a group costs an `XACK` besides.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;

use crate::crowd::End;
use crate::traffic::{CIPHERTEXT_LEN, Traffic};

mod resp;

use resp::Reader;

/// The most entries in one answer.
const COUNT: &str = "512";
/// Bytes of the number that begins each message.
const NUMBER_LEN: usize = 8;

/// One end of a pair.
pub(crate) struct Client {
    pair: usize,
    key: String,
    role: Role,
}

enum Role {
    Sender(Sender),
    Receiver(Receiver),
}

/// Adds entries, and counts the answers.
struct Sender {
    ciphertext: Bytes,
    /// The head of the command, up to the message.
    head: Vec<u8>,
}

/// Waits for entries, deletes those that it has, waits again.
struct Receiver {
    /// The last entry that it has.
    last: Place,
    number: u64,
    /// How many entries it has that are not yet deleted.
    count: usize,
    greeting: Greeting,
    /// What answers are on their way: to a deletion, to a read.
    deleting: bool,
    reading: bool,
    ciphertext: Bytes,
}

/// The place of an entry in its stream: milliseconds since 1970, and a number within them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Place(u64, u64);

impl Place {
    fn read(id: &[u8]) -> Result<Self> {
        let halves = str::from_utf8(id).ok().and_then(|id| id.split_once('-'));
        let place =
            halves.and_then(|(time, number)| Some(Self(time.parse().ok()?, number.parse().ok()?)));
        place.context("an entry has no place")
    }

    /// The next one that may come.
    fn next(self) -> Self {
        Self(self.0, self.1 + 1)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.0, self.1)
    }
}

/// Whether the server has answered at all.
#[derive(Clone, Copy, PartialEq)]
enum Greeting {
    Due,
    Said,
    Answered,
}

impl Client {
    /// A connection that sends.
    pub(crate) fn sender(pair: usize, ciphertext: &Bytes) -> Self {
        let key = key(pair);
        let mut head = Vec::new();
        for (text, before) in [("XADD", "*5\r\n"), (&key, ""), ("*", ""), ("m", "")] {
            head.extend_from_slice(before.as_bytes());
            resp::bulk(&mut head, text.as_bytes());
        }
        head.extend_from_slice(format!("${CIPHERTEXT_LEN}\r\n").as_bytes());
        let sender = Sender { ciphertext: ciphertext.clone(), head };
        Self { pair, key, role: Role::Sender(sender) }
    }

    /// A connection that receives, from the beginning.
    pub(crate) fn receiver(pair: usize, ciphertext: &Bytes) -> Self {
        let receiver = Receiver {
            last: Place::default(),
            number: 0,
            count: 0,
            greeting: Greeting::Due,
            deleting: false,
            reading: false,
            ciphertext: ciphertext.clone(),
        };
        Self { pair, key: key(pair), role: Role::Receiver(receiver) }
    }
}

fn key(pair: usize) -> String {
    format!("mailbox-{pair}")
}

impl End for Client {
    type Shared = Traffic;

    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>, traffic: &mut Traffic) -> Result<usize> {
        let mut reader = Reader::new(bytes);
        let mut used = 0;
        loop {
            let whole = match &mut self.role {
                Role::Sender(_) => Sender::take(self.pair, &mut reader, traffic)?,
                Role::Receiver(receiver) => receiver.take(self.pair, &mut reader, traffic)?,
            };
            if !whole {
                break;
            }
            used = reader.used();
        }
        self.speak(out, traffic)?;
        Ok(used)
    }

    fn speak(&mut self, out: &mut Vec<u8>, traffic: &mut Traffic) -> Result<()> {
        match &mut self.role {
            Role::Sender(sender) => sender.submit(self.pair, out, traffic),
            Role::Receiver(receiver) => {
                receiver.ask(self.key.as_bytes(), out);
                Ok(())
            }
        }
    }

    fn is_ready(&self) -> bool {
        match &self.role {
            Role::Sender(_) => true,
            Role::Receiver(receiver) => receiver.greeting == Greeting::Answered,
        }
    }
}

impl Sender {
    fn take(pair: usize, reader: &mut Reader<'_>, traffic: &mut Traffic) -> Result<bool> {
        // The answer is the entry's place; on one connection answers come in order.
        if reader.string()?.is_none() {
            return Ok(false);
        }
        traffic.accept_next(pair)?;
        Ok(true)
    }

    fn submit(&mut self, pair: usize, out: &mut Vec<u8>, traffic: &mut Traffic) -> Result<()> {
        let (first, count) = traffic.submit(pair, u64::MAX)?;
        for number in first..first + count {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(&number.to_be_bytes());
            out.extend_from_slice(self.ciphertext.get(NUMBER_LEN..).unwrap_or_default());
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }
}

impl Receiver {
    fn take(
        &mut self,
        pair: usize,
        reader: &mut Reader<'_>,
        traffic: &mut Traffic,
    ) -> Result<bool> {
        if self.greeting == Greeting::Said {
            if reader.string()?.is_none() {
                return Ok(false);
            }
            self.greeting = Greeting::Answered;
            return Ok(true);
        }
        if self.deleting {
            let Some(deleted) = reader.integer()? else { return Ok(false) };
            ensure!(deleted == self.count, "{deleted} entries are deleted, not {}", self.count);
            traffic.acknowledge(pair, self.number)?;
            self.deleting = false;
            self.count = 0;
            return Ok(true);
        }
        if !self.reading {
            return Ok(false);
        }
        let begin = *reader;
        if self.entries(pair, reader, traffic)?.is_none() {
            *reader = begin;
            return Ok(false);
        }
        self.reading = false;
        Ok(true)
    }

    /// `[[key, [[id, [field, message]], ...]]]`; nothing is taken before all of it is there.
    fn entries(
        &mut self,
        pair: usize,
        reader: &mut Reader<'_>,
        traffic: &mut Traffic,
    ) -> Result<Option<()>> {
        if reader.clone().skip()?.is_none() {
            return Ok(None);
        }
        let missing = "an answer of Redis is not that of XREAD";
        reader.array()?.context(missing)?;
        reader.array()?.context(missing)?;
        reader.string()?.context(missing)?;
        let count = reader.array()?.context(missing)?;
        for _ in 0..count {
            reader.array()?.context(missing)?;
            let id = reader.string()?.context(missing)?;
            reader.array()?.context(missing)?;
            reader.string()?.context(missing)?;
            let message = reader.string()?.context(missing)?;
            let Some((number, rest)) = message.split_first_chunk() else {
                bail!("a message is short")
            };
            let expected = self.ciphertext.get(NUMBER_LEN..).unwrap_or_default();
            self.number = u64::from_be_bytes(*number);
            ensure!(rest == expected, "pair {pair}: message {} is another", self.number);
            traffic.deliver_number(pair, self.number)?;
            self.count += 1;
            self.last = Place::read(id)?;
        }
        Ok(Some(()))
    }

    /// Greets, or deletes what came; and reads on: one write for both.
    fn ask(&mut self, key: &[u8], out: &mut Vec<u8>) {
        if self.reading || self.deleting {
            return;
        }
        if self.greeting == Greeting::Due {
            resp::array(out, 1);
            resp::bulk(out, b"PING");
            self.greeting = Greeting::Said;
        }
        if self.count > 0 {
            resp::array(out, 4);
            resp::bulk(out, b"XTRIM");
            resp::bulk(out, key);
            resp::bulk(out, b"MINID");
            resp::bulk(out, self.last.next().to_string().as_bytes());
            self.deleting = true;
        }
        resp::array(out, 8);
        for word in ["XREAD", "COUNT", COUNT, "BLOCK", "0", "STREAMS"] {
            resp::bulk(out, word.as_bytes());
        }
        resp::bulk(out, key);
        resp::bulk(out, self.last.to_string().as_bytes());
        self.reading = true;
    }
}

#[cfg(test)]
mod tests;
