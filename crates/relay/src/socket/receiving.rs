//! Where a connection stands in its mailbox.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::replies;
use crate::hub::Consumer;
use crate::storage::{Damaged, Segment};

/// Acknowledgements of a connection that come so soon after one another are one to the storage, which does as much for one
/// as for many; so is the answer.
const GATHERED: Duration = Duration::from_millis(10);
/// So many envelopes are worth a deletion of their own.
const MANY: u64 = 8;

/// Where a connection stands in its mailbox.
pub(super) struct Receiving {
    pub(super) consumer: Arc<Consumer>,
    /// The place of the last delivered envelope.
    pub(super) delivered: u64,
    /// The first and last places of what is not acknowledged.
    unacknowledged: VecDeque<(u64, u64)>,
    /// How many envelopes these are.
    pub(super) outstanding: u64,
    /// Up to where everything is acknowledged that the storage has not been asked to delete, and how many envelopes these are.
    acknowledged: Option<(u64, u64)>,
    /// From when it is asked again, unless they are many.
    gathered: Instant,
    /// Whether the next ones are to be read from the storage.
    pub(super) behind: bool,
    /// Whether `Empty` was said.
    pub(super) caught_up: bool,
}

impl Receiving {
    pub(super) fn new(consumer: Arc<Consumer>) -> Self {
        Self {
            consumer,
            delivered: 0,
            unacknowledged: VecDeque::new(),
            outstanding: 0,
            acknowledged: None,
            gathered: Instant::now(),
            behind: true,
            caught_up: false,
        }
    }

    /// Whether something is between what was delivered and these: another node stored it, or it has
    /// expired. The storage knows.
    pub(super) fn misses(&self, segments: &[Segment]) -> bool {
        let mut place = self.delivered;
        segments.iter().any(|segment| {
            let gap = segment.first > place.saturating_add(1);
            place = place.max(segment.last);
            gap
        })
    }

    /// Notes what comes after what was delivered, at most so many envelopes, as delivered; gives their
    /// number and a frame of them.
    pub(super) fn next(
        &mut self,
        segments: Vec<Segment>,
        room: u64,
    ) -> Result<(u64, Bytes), Damaged> {
        let (mut count, mut parts) = (0, Vec::with_capacity(segments.len()));
        for segment in segments {
            let last = segment.last;
            if let Some(part) = segment.part(self.delivered, room - count)? {
                count += part.count();
                self.delivered = part.last;
                self.unacknowledged.push_back((part.first, part.last));
                parts.push(part.deliver);
            }
            // Where not all of it fits the rest, with all after it, comes from the storage later.
            self.behind |= self.delivered < last;
        }
        self.outstanding += count;
        Ok((count, replies::deliver(&parts)))
    }

    /// Everything up to here is stored on the device.
    pub(super) fn acknowledge(&mut self, through: u64) {
        let (further, mut count) = self.acknowledged.unwrap_or_default();
        while let Some((first, last)) = self.unacknowledged.front_mut()
            && *first <= through
        {
            let end = through.min(*last);
            self.outstanding -= end - *first + 1;
            count += end - *first + 1;
            *first = end + 1;
            if first > last {
                self.unacknowledged.pop_front();
            }
        }
        self.acknowledged = Some((further.max(through), count));
    }

    /// When the storage is to delete what was acknowledged, if anything was.
    pub(super) fn release_at(&self) -> Option<Instant> {
        self.acknowledged.map(|_| self.gathered)
    }

    /// Whether that is now.
    pub(super) fn is_due(&self) -> bool {
        let many = |(_, count)| count >= MANY;
        self.acknowledged.is_some_and(many) || self.gathered <= Instant::now()
    }

    /// Up to where it is to delete now.
    pub(super) fn release(&mut self) -> Option<u64> {
        let (through, _) = self.acknowledged.take()?;
        self.gathered = Instant::now() + GATHERED;
        Some(through)
    }
}
