//! Many connections on one thread: reads what came, lets each end answer, writes.
//!
//! No task, no queue and no allocation for a message: the generator must not be what is measured.

use std::io::{ErrorKind, Read, Write};
use std::net::{self, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::clock::now;

/// How much is read at once: enough for what gathers between two looks at a busy connection.
const SCRATCH: usize = 512 * 1024;

/// Our end of a connection: what it makes of what comes, and what it says.
pub(crate) trait End {
    /// What all ends of a crowd share.
    type Shared;

    /// Takes what came, as much of it as is complete; gives how many bytes that was. Whatever is to
    /// be said goes into `out`.
    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>, shared: &mut Self::Shared)
    -> Result<usize>;

    /// Speaks unasked, if it has something to say.
    fn speak(&mut self, out: &mut Vec<u8>, shared: &mut Self::Shared) -> Result<()>;

    /// Whether it has come as far as it gets without being told to go on.
    fn is_ready(&self) -> bool;
}

/// A connection with its end.
struct Member<E> {
    stream: TcpStream,
    end: E,
    /// Came, but is not complete.
    rest: Vec<u8>,
    /// To be written, but for what is written already.
    out: Vec<u8>,
    written: usize,
}

/// Connections that are served together.
pub(crate) struct Crowd<E> {
    poll: Poll,
    events: Events,
    members: Vec<Member<E>>,
    scratch: Vec<u8>,
}

impl<E: End> Crowd<E> {
    /// Nobody yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            poll: Poll::new().context("cannot wait for connections")?,
            events: Events::with_capacity(1024),
            members: Vec::new(),
            scratch: vec![0; SCRATCH],
        })
    }

    /// Connects, and lets the end speak first.
    pub(crate) fn join(
        &mut self,
        address: SocketAddr,
        end: E,
        shared: &mut E::Shared,
    ) -> Result<()> {
        let stream = net::TcpStream::connect(address)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let index = self.members.len();
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(index), both)?;
        let (rest, out) = (Vec::new(), Vec::new());
        self.members.push(Member { stream, end, rest, out, written: 0 });
        self.nudge(index, shared)
    }

    /// Lets one end speak; they are counted from 0 in the order in which they joined.
    pub(crate) fn nudge(&mut self, index: usize, shared: &mut E::Shared) -> Result<()> {
        let member = self.members.get_mut(index).context("there is no such connection")?;
        member.end.speak(&mut member.out, shared)?;
        member.flush()
    }

    /// Lets every end speak.
    pub(crate) fn nudge_all(&mut self, shared: &mut E::Shared) -> Result<()> {
        (0..self.members.len()).try_for_each(|index| self.nudge(index, shared))
    }

    /// Waits until something comes, but not longer than this, and serves all that came.
    pub(crate) fn turn(&mut self, timeout: Duration, shared: &mut E::Shared) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            outcome => outcome.context("cannot wait for connections")?,
        }
        for event in &self.events {
            let Some(member) = self.members.get_mut(event.token().0) else { continue };
            member.serve(event, &mut self.scratch, shared)?;
        }
        Ok(())
    }

    /// Serves until a moment.
    pub(crate) fn until(&mut self, end: Instant, shared: &mut E::Shared) -> Result<()> {
        loop {
            let left = end.saturating_duration_since(now());
            if left.is_zero() {
                return Ok(());
            }
            self.turn(left, shared)?;
        }
    }

    /// Serves until this is so; an error where that takes too long.
    pub(crate) fn finish(
        &mut self,
        patience: Duration,
        shared: &mut E::Shared,
        done: impl Fn(&E::Shared) -> bool,
    ) -> Result<()> {
        let end = now() + patience;
        while !done(shared) {
            let left = end.saturating_duration_since(now());
            if left.is_zero() {
                bail!("not done within {} s", patience.as_secs());
            }
            self.turn(left, shared)?;
        }
        Ok(())
    }

    /// Serves until every end is ready; an error where that takes too long.
    pub(crate) fn ready(&mut self, patience: Duration, shared: &mut E::Shared) -> Result<()> {
        let end = now() + patience;
        while !self.members.iter().all(|member| member.end.is_ready()) {
            let left = end.saturating_duration_since(now());
            if left.is_zero() {
                bail!("connections are not ready within {} s", patience.as_secs());
            }
            self.turn(left, shared)?;
        }
        Ok(())
    }
}

impl<E: End> Member<E> {
    fn serve(&mut self, event: &Event, scratch: &mut [u8], shared: &mut E::Shared) -> Result<()> {
        if event.is_readable() {
            self.read(scratch, shared)?;
        }
        self.flush()
    }

    fn read(&mut self, scratch: &mut [u8], shared: &mut E::Shared) -> Result<()> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(len) => {
                    self.took(scratch.get(..len).unwrap_or_default(), shared)?;
                    // Less than there was room for: there is no more (epoll(7)).
                    if len < scratch.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot read from a connection"),
            }
        }
    }

    fn took(&mut self, bytes: &[u8], shared: &mut E::Shared) -> Result<()> {
        if self.rest.is_empty() {
            let used = self.end.take(bytes, &mut self.out, shared)?;
            self.rest.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            self.rest.extend_from_slice(bytes);
            let used = self.end.take(&self.rest, &mut self.out, shared)?;
            self.rest.drain(..used);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        while let Some(left @ [_, ..]) = self.out.get(self.written..) {
            match self.stream.write(left) {
                Ok(len) => self.written += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot write to a connection"),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }
}
