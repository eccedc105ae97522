//! What happened to every message, by whatever way it went: a message is counted when it is accepted,
//! delivered and acknowledged, and only if it comes in order and exactly once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use hdrhistogram::Histogram;

use crate::clock::now;

/// The bytes of every message's ciphertext.
pub(crate) const CIPHERTEXT_LEN: usize = 1024;

/// A sender and its receiver. Messages are numbered from 1.
#[derive(Debug, Default)]
pub(crate) struct Pair {
    /// The highest number that may be submitted now.
    allowed: u64,
    submitted: u64,
    accepted: u64,
    delivered: u64,
    acknowledged: u64,
    /// When those were submitted that are not yet accepted, and not yet delivered.
    unaccepted: VecDeque<Instant>,
    undelivered: VecDeque<Instant>,
}

/// How long messages took, in nanoseconds.
pub(crate) struct Latencies {
    pub(crate) accepted: Histogram<u64>,
    pub(crate) delivered: Histogram<u64>,
}

impl Latencies {
    fn new() -> Result<Self> {
        let histogram = || Histogram::new(3).context("cannot make a histogram");
        Ok(Self { accepted: histogram()?, delivered: histogram()? })
    }
}

/// All pairs, and how far they are.
pub(crate) struct Traffic {
    pairs: Vec<Pair>,
    /// What every message carries.
    pub(crate) ciphertext: Bytes,
    /// How many messages of one sender may be on their way to be accepted.
    in_flight: u64,
    /// Takes the times, where they are asked for.
    latencies: Option<Latencies>,
    submitted: u64,
    accepted: u64,
    delivered: u64,
    acknowledged: u64,
}

impl Traffic {
    /// So many pairs that have not begun.
    pub(crate) fn new(pairs: usize) -> Self {
        // Bytes without a pattern, as a ciphertext has none.
        let step = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        let mut state = 1;
        Self {
            pairs: std::iter::repeat_with(Pair::default).take(pairs).collect(),
            ciphertext: (0..CIPHERTEXT_LEN).map(|_| step(&mut state)).collect(),
            in_flight: 1,
            latencies: None,
            submitted: 0,
            accepted: 0,
            delivered: 0,
            acknowledged: 0,
        }
    }

    /// How many pairs there are.
    pub(crate) fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// How many messages have been delivered.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// How many messages are submitted and not delivered.
    pub(crate) fn waiting(&self) -> u64 {
        self.submitted - self.delivered
    }

    /// So many messages of one sender may be on their way to be accepted.
    pub(crate) fn in_flight(&mut self, count: u64) {
        self.in_flight = count;
    }

    /// Takes the times of what is submitted from now on.
    pub(crate) fn time(&mut self) -> Result<()> {
        self.latencies = Some(Latencies::new()?);
        Ok(())
    }

    /// The times since then.
    pub(crate) fn times(&mut self) -> Option<Latencies> {
        self.latencies.take()
    }

    /// The highest number of this pair that was submitted.
    pub(crate) fn counter(&mut self, pair: usize) -> Result<u64> {
        Ok(self.pair(pair)?.submitted)
    }

    /// Everyone may submit without end, so many at a time.
    pub(crate) fn open(&mut self, in_flight: u64) {
        self.in_flight = in_flight;
        for pair in &mut self.pairs {
            pair.allowed = u64::MAX;
        }
    }

    /// Nobody may submit any more.
    pub(crate) fn close(&mut self) {
        for pair in &mut self.pairs {
            pair.allowed = pair.submitted;
        }
    }

    /// This pair may submit so many more.
    pub(crate) fn allow(&mut self, pair: usize, more: u64) -> Result<()> {
        let pair = self.pair(pair)?;
        pair.allowed = pair.submitted + more;
        Ok(())
    }

    /// Whether everything submitted is accepted.
    pub(crate) fn is_accepted(&self) -> bool {
        self.accepted == self.submitted
    }

    /// Whether everything submitted is accepted, delivered and acknowledged.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_accepted() && self.acknowledged == self.submitted
    }

    /// How many messages this sender may submit now, but not more than `most`; they count as
    /// submitted. Gives the number of the first, and how many.
    pub(crate) fn submit(&mut self, pair: usize, most: u64) -> Result<(u64, u64)> {
        let (in_flight, timed) = (self.in_flight, self.latencies.is_some());
        let pair = self.pair(pair)?;
        let slots = (pair.accepted + in_flight).saturating_sub(pair.submitted);
        let count = slots.min(pair.allowed - pair.submitted).min(most);
        let first = pair.submitted + 1;
        pair.submitted += count;
        if timed && count > 0 {
            let now = now();
            pair.unaccepted.extend((0..count).map(|_| now));
            pair.undelivered.extend((0..count).map(|_| now));
        }
        self.submitted += count;
        Ok((first, count))
    }

    /// The sender hears that this message is stored.
    pub(crate) fn accept(&mut self, index: usize, number: u64) -> Result<()> {
        let pair = self.pair(index)?;
        let next = pair.accepted + 1;
        ensure!(number == next, "pair {index}: message {number} is accepted, not {next}");
        ensure!(next <= pair.submitted, "pair {index}: message {next} is accepted unasked");
        pair.accepted = next;
        let since = pair.unaccepted.pop_front();
        if let (Some(since), Some(latencies)) = (since, &mut self.latencies) {
            latencies.accepted.record(nanoseconds(since.elapsed()))?;
        }
        self.accepted += 1;
        Ok(())
    }

    /// The sender hears that its next message is stored.
    pub(crate) fn accept_next(&mut self, index: usize) -> Result<()> {
        let next = self.pair(index)?.accepted + 1;
        self.accept(index, next)
    }

    /// The receiver gets this message.
    pub(crate) fn deliver(&mut self, index: usize, number: u64, ciphertext: &[u8]) -> Result<()> {
        ensure!(self.ciphertext == ciphertext, "pair {index}: message {number} is another");
        self.deliver_number(index, number)
    }

    /// The same, where the ciphertext is checked already.
    pub(crate) fn deliver_number(&mut self, index: usize, number: u64) -> Result<()> {
        let pair = self.pair(index)?;
        let next = pair.delivered + 1;
        ensure!(number == next, "pair {index}: message {number} is delivered, not {next}");
        ensure!(next <= pair.submitted, "pair {index}: message {next} is delivered unsent");
        pair.delivered = next;
        let since = pair.undelivered.pop_front();
        if let (Some(since), Some(latencies)) = (since, &mut self.latencies) {
            latencies.delivered.record(nanoseconds(since.elapsed()))?;
        }
        self.delivered += 1;
        Ok(())
    }

    /// The receiver hears that all messages up to this one are deleted.
    pub(crate) fn acknowledge(&mut self, index: usize, through: u64) -> Result<()> {
        let pair = self.pair(index)?;
        ensure!(through <= pair.delivered, "pair {index}: message {through} is gone undelivered");
        let more = through.saturating_sub(pair.acknowledged);
        pair.acknowledged += more;
        self.acknowledged += more;
        Ok(())
    }

    fn pair(&mut self, index: usize) -> Result<&mut Pair> {
        self.pairs.get_mut(index).with_context(|| format!("there is no pair {index}"))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
