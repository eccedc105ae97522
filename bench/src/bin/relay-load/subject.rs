//! What is measured of a server that carries messages, the same for each of them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::clock::now;
use crate::crowd::Crowd;
use crate::process::{Process, own_cpu};
use crate::servers::Server;
use crate::traffic::{Latencies, Traffic};

/// How long all that is on its way may take to arrive.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many connections are made at once.
const WAVE: usize = 128;
/// How many messages are in flight while a mailbox is filled.
const FILLING: u64 = 256;

/// What a round of saturation came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saturation {
    /// Messages per second: accepted, delivered and acknowledged.
    pub(crate) rate: f64,
    /// CPU time of the server for each, in seconds.
    pub(crate) cpu: Option<f64>,
    /// How busy the generator was, of one core.
    pub(crate) generator: Option<f64>,
    /// How many messages went into one commit.
    pub(crate) batch: Option<f64>,
}

/// A server that carries messages.
pub(crate) trait Subject {
    /// Every sender keeps so many messages in flight, for so long; then what is on its way arrives.
    /// All of it counts, and all the time that it took.
    fn saturate(&mut self, in_flight: u64, time: Duration) -> Result<Saturation>;

    /// One message of one pair after the other, each a step after the one before.
    fn pace(&mut self, step: Duration, messages: u32) -> Result<Latencies>;

    /// Fills a mailbox, then empties it over one new connection; gives how long that took, from
    /// connecting to the confirmed acknowledgement of the last message.
    fn drain(&mut self, messages: u64) -> Result<Duration>;
}

/// Connections of many ends, and what went over them.
struct Connections<S: Server> {
    crowd: Crowd<S::End>,
    traffic: Traffic,
}

/// A server with its connections.
pub(crate) struct Connected<S: Server> {
    server: S,
    /// The senders of all pairs, then their receivers.
    pairs: Connections<S>,
    /// What happened to one more pair, which connects for each drain.
    drained: Traffic,
}

impl<S: Server> Connected<S> {
    /// Connects so many pairs. The server must know one more.
    pub(crate) fn new(server: S, count: usize) -> Result<Self> {
        let mut pairs = Connections::<S>::new(count)?;
        for pair in 0..count {
            let address = server.sender_address(pair)?;
            pairs.join(address, |ciphertext| server.sender(pair, ciphertext))?;
        }
        for pair in 0..count {
            let address = server.receiver_address(pair)?;
            pairs.join(address, |ciphertext| server.receiver(pair, ciphertext))?;
        }
        pairs.ready()?;
        Ok(Self { server, pairs, drained: Traffic::new(count + 1) })
    }
}

impl<S: Server> Connections<S> {
    fn new(pairs: usize) -> Result<Self> {
        Ok(Self { crowd: Crowd::new()?, traffic: Traffic::new(pairs) })
    }

    fn join(
        &mut self,
        address: SocketAddr,
        end: impl FnOnce(&bytes::Bytes) -> Result<S::End>,
    ) -> Result<()> {
        let end = end(&self.traffic.ciphertext)?;
        self.crowd.join(address, end, &mut self.traffic)
    }

    fn ready(&mut self) -> Result<()> {
        self.crowd.ready(PATIENCE, &mut self.traffic)
    }
}

impl<S: Server> Subject for Connected<S> {
    fn saturate(&mut self, in_flight: u64, time: Duration) -> Result<Saturation> {
        let Connections { crowd, traffic } = &mut self.pairs;
        let cpu_of_all =
            || self.server.processes().into_iter().map(Process::cpu).sum::<Option<Duration>>();
        let used = || (cpu_of_all(), own_cpu());
        let commits = self.server.commits();
        let (cpu, own) = used();
        let before = traffic.delivered();
        let begin = now();
        traffic.open(in_flight);
        crowd.nudge_all(traffic)?;
        crowd.until(begin + time, traffic)?;
        traffic.close();
        crowd.finish(PATIENCE, traffic, Traffic::is_settled)?;
        let took = begin.elapsed().as_secs_f64();
        let (cpu_after, own_after) = used();
        let messages = count(traffic.delivered() - before)?;
        let since = |before: Option<Duration>, after: Option<Duration>| {
            Some(after?.saturating_sub(before?).as_secs_f64())
        };
        let commits = commits.zip(self.server.commits()).map(|(before, after)| after - before);
        Ok(Saturation {
            rate: messages / took,
            cpu: since(cpu, cpu_after).map(|cpu| cpu / messages),
            generator: since(own, own_after).map(|own| own / took),
            batch: commits.map(|commits| messages / commits),
        })
    }

    fn pace(&mut self, step: Duration, messages: u32) -> Result<Latencies> {
        let Connections { crowd, traffic } = &mut self.pairs;
        traffic.time()?;
        let begin = now();
        for message in 0..messages {
            crowd.until(begin + step * message, traffic)?;
            let pair = usize::try_from(message)? % traffic.pairs();
            traffic.allow(pair, 1)?;
            // The senders joined first, in the order of their pairs.
            crowd.nudge(pair, traffic)?;
        }
        crowd.finish(PATIENCE, traffic, Traffic::is_settled)?;
        traffic.times().context("the times were taken")
    }

    fn drain(&mut self, messages: u64) -> Result<Duration> {
        let Self { server, drained: traffic, .. } = self;
        let (pair, ciphertext) = (traffic.pairs() - 1, traffic.ciphertext.clone());
        traffic.in_flight(FILLING);
        traffic.allow(pair, messages)?;
        let mut sending = Crowd::new()?;
        sending.join(server.sender_address(pair)?, server.sender(pair, &ciphertext)?, traffic)?;
        sending.finish(PATIENCE, traffic, |traffic| traffic.waiting() == messages)?;
        sending.finish(PATIENCE, traffic, Traffic::is_accepted)?;
        drop(sending);
        let mut receiving = Crowd::new()?;
        let begin = now();
        receiving.join(
            server.receiver_address(pair)?,
            server.receiver(pair, &ciphertext)?,
            traffic,
        )?;
        receiving.finish(PATIENCE, traffic, Traffic::is_settled)?;
        Ok(begin.elapsed())
    }
}

/// The memory of a server for each of so many idle receivers, in bytes.
pub(crate) fn idle<S: Server>(server: &S, count_of: usize) -> Result<Option<f64>> {
    let mut receivers = Connections::<S>::new(count_of)?;
    let memory = || server.processes().into_iter().map(Process::memory).sum::<Option<u64>>();
    let before = memory();
    for pair in 0..count_of {
        let address = server.receiver_address(pair)?;
        receivers.join(address, |ciphertext| server.receiver(pair, ciphertext))?;
        if pair % WAVE == 0 {
            receivers.ready()?;
        }
    }
    receivers.ready()?;
    receivers.crowd.until(soon(), &mut receivers.traffic)?;
    let (Some(before), Some(after)) = (before, memory()) else { return Ok(None) };
    Ok(Some(count(after.saturating_sub(before))? / count(u64::try_from(count_of)?)?))
}

/// A moment that leaves a server time to come to rest.
fn soon() -> Instant {
    now() + Duration::from_millis(500)
}

/// As a number with a fraction.
pub(crate) fn count(count: u64) -> Result<f64> {
    Ok(f64::from(u32::try_from(count).context("too much to count")?))
}
