//! Who is connected: pushes what was committed to the device that is there to receive it.
//!
//! Each device has at most one live consumer; a newer one takes over. The queue of a consumer is
//! bounded: what does not fit is read from the storage once there is room, so a slow device costs
//! bounded memory.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sprag_api::directory::KeyCounts;
use tokio::sync::{Notify, watch};

use crate::storage::{MailboxId, Segment};

/// How many segments wait in memory for one consumer.
const QUEUED: usize = 256;
/// How many bytes wait in memory for one consumer.
const QUEUED_BYTES: usize = 256 * 1024;

/// What a consumer is told between envelopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// One-time prekeys are running out.
    PreKeysLow(KeyCounts),
    /// The account has this signed device list now.
    DevicesChanged(Vec<u8>),
    /// A newer connection of the device receives now.
    TakenOver,
    /// The device or its account is gone.
    Removed,
}

/// What waits for a consumer.
#[derive(Debug, Default)]
struct Queue {
    segments: VecDeque<Segment>,
    bytes: usize,
    notices: Vec<Notice>,
    /// Whether the storage holds envelopes that did not fit.
    behind: bool,
}

/// A connection that receives for a device.
#[derive(Debug)]
pub(crate) struct Consumer {
    id: u64,
    queue: Mutex<Queue>,
    wake: Notify,
}

/// What a consumer finds when it looks.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) segments: Vec<Segment>,
    /// Whether the next ones are to be read from the storage.
    pub(crate) behind: bool,
}

impl Consumer {
    /// Returns when there may be something to take.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// What there is to be told.
    pub(crate) fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut lock(&self.queue).notices)
    }

    /// What waits, oldest first: no further segment once they have so many envelopes.
    pub(crate) fn take(&self, most: u64) -> Arrived {
        let mut queue = lock(&self.queue);
        let (mut segments, mut count) = (Vec::new(), 0);
        while count < most
            && let Some(segment) = queue.segments.pop_front()
        {
            count += segment.count();
            queue.bytes -= segment.deliver.len();
            segments.push(segment);
        }
        // What did not fit comes after what did.
        let behind = queue.segments.is_empty() && std::mem::take(&mut queue.behind);
        Arrived { segments, behind }
    }

    fn push(&self, segment: Segment) {
        let mut queue = lock(&self.queue);
        let len = segment.deliver.len();
        // Once one did not fit, those after it must come from the storage too.
        if queue.behind || queue.segments.len() >= QUEUED || queue.bytes + len > QUEUED_BYTES {
            queue.behind = true;
        } else {
            queue.bytes += len;
            queue.segments.push_back(segment);
        }
        drop(queue);
        self.wake.notify_one();
    }

    fn tell(&self, notice: Notice) {
        let mut queue = lock(&self.queue);
        if !queue.notices.contains(&notice) {
            queue.notices.push(notice);
        }
        drop(queue);
        self.wake.notify_one();
    }
}

/// All consumers of this relay.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    consumers: Mutex<HashMap<MailboxId, Arc<Consumer>>>,
    /// Mailboxes that somebody polls.
    polled: Mutex<HashMap<MailboxId, watch::Sender<()>>>,
    next: AtomicU64,
}

impl Hub {
    /// A new consumer for a device; the one before it, if any, is told.
    pub(crate) fn connect(&self, device: MailboxId) -> Arc<Consumer> {
        let consumer = Arc::new(Consumer {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            queue: Mutex::default(),
            wake: Notify::new(),
        });
        let older = lock(&self.consumers).insert(device, Arc::clone(&consumer));
        if let Some(older) = older {
            older.tell(Notice::TakenOver);
        }
        consumer
    }

    /// The consumer's connection is over.
    pub(crate) fn disconnect(&self, device: MailboxId, consumer: &Consumer) {
        let mut consumers = lock(&self.consumers);
        if consumers.get(&device).is_some_and(|current| current.id == consumer.id) {
            consumers.remove(&device);
        }
    }

    /// Hands over what was committed for a device, in the order of its mailbox.
    pub(crate) fn deliver(&self, device: MailboxId, segment: Segment) {
        let consumer = lock(&self.consumers).get(&device).cloned();
        if let Some(consumer) = consumer {
            consumer.push(segment);
        }
        if let Some(sender) = lock(&self.polled).get(&device) {
            sender.send_replace(());
        }
    }

    /// Watches a mailbox for somebody who polls it.
    pub(crate) fn watch(&self, mailbox: MailboxId) -> Watch<'_> {
        let mut polled = lock(&self.polled);
        let arrivals = polled.entry(mailbox).or_insert_with(|| watch::Sender::new(())).subscribe();
        Watch { hub: self, mailbox, arrivals: Some(arrivals) }
    }

    /// Tells a device something, where it is connected.
    pub(crate) fn tell(&self, device: MailboxId, notice: Notice) {
        let consumer = lock(&self.consumers).get(&device).cloned();
        if let Some(consumer) = consumer {
            consumer.tell(notice);
        }
    }

    /// The devices that are connected.
    pub(crate) fn connected(&self) -> Vec<MailboxId> {
        lock(&self.consumers).keys().copied().collect()
    }
}

/// Sees that something arrives in a mailbox, without taking it from the device's consumer.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    hub: &'a Hub,
    mailbox: MailboxId,
    arrivals: Option<watch::Receiver<()>>,
}

impl Watch<'_> {
    /// Returns when something has arrived since this was made, or since it returned last.
    pub(crate) async fn woken(&mut self) {
        if let Some(arrivals) = &mut self.arrivals {
            // The sender lives as long as somebody watches.
            let _ = arrivals.changed().await;
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut polled = lock(&self.hub.polled);
        self.arrivals = None;
        if polled.get(&self.mailbox).is_some_and(|sender| sender.receiver_count() == 0) {
            polled.remove(&self.mailbox);
        }
    }
}

/// A thread that panicked left what it guarded in order: nothing here is changed in steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
