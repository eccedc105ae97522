//! Who is connected: pushes what was committed to the device that is there to receive it.
//!
//! Each device has at most one live consumer; a newer one takes over. The queue of a consumer is
//! bounded: what does not fit is read from the storage once there is room, so a slow device costs
//! bounded memory. Who is not connected here may be at another node: that is told over the bus.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sprag_api::directory::KeyCounts;
use tokio::sync::{Notify, watch};

use crate::bus::{Outbox, Signal};
use crate::storage::{Fence, MailboxId, Position, Segment};

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
    pub(crate) fence: Fence,
    /// The place of the last envelope that was delivered, or that it was told to look for.
    reached: AtomicU64,
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

    /// Everything up to a place was delivered.
    pub(crate) fn reach(&self, place: u64) {
        self.reached.fetch_max(place, Ordering::Relaxed);
    }

    /// The storage holds something that was not pushed.
    fn fall_behind(&self) {
        lock(&self.queue).behind = true;
        self.wake.notify_one();
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

/// All consumers of this node.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    consumers: Mutex<HashMap<MailboxId, Arc<Consumer>>>,
    /// Mailboxes that somebody polls.
    polled: Mutex<HashMap<MailboxId, watch::Sender<()>>>,
    next: AtomicU64,
    /// What the other nodes are told, where there may be some.
    outbox: Option<Arc<Outbox>>,
}

impl Hub {
    /// Of a node among several.
    pub(crate) fn among_others(outbox: Arc<Outbox>) -> Self {
        Self { outbox: Some(outbox), ..Self::default() }
    }

    /// Whether there may be other nodes.
    pub(crate) fn is_among_others(&self) -> bool {
        self.outbox.is_some()
    }

    /// A new consumer for a device; the one before it, if any, is told, here and on other nodes.
    pub(crate) fn connect(&self, device: MailboxId, fence: Fence) -> Arc<Consumer> {
        let consumer = Arc::new(Consumer {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            fence,
            reached: AtomicU64::new(0),
            queue: Mutex::default(),
            wake: Notify::new(),
        });
        let mut consumers = lock(&self.consumers);
        match consumers.get(&device) {
            // A later one was faster.
            Some(later) if later.fence > fence => consumer.tell(Notice::TakenOver),
            Some(_) | None => {
                let older = consumers.insert(device, Arc::clone(&consumer));
                if let Some(older) = older {
                    older.tell(Notice::TakenOver);
                }
            }
        }
        drop(consumers);
        self.signal(Signal::TakenOver(device, fence));
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
        match self.consumer(device) {
            Some(consumer) => consumer.push(segment),
            None => self.signal(Signal::Arrived(device)),
        }
        self.poke(device);
    }

    /// Another node stored something for a device.
    pub(crate) fn arrived(&self, device: MailboxId) {
        if let Some(consumer) = self.consumer(device) {
            consumer.fall_behind();
        }
        self.poke(device);
    }

    /// A connection with this fence receives for a device, on whatever node.
    pub(crate) fn taken_over(&self, device: MailboxId, fence: Fence) {
        if let Some(consumer) = self.consumer(device).filter(|consumer| consumer.fence < fence) {
            consumer.tell(Notice::TakenOver);
        }
    }

    /// Makes good for a signal that was lost: where the device stands, as the storage says.
    pub(crate) fn compare(&self, device: MailboxId, position: Option<Position>) {
        let Some(position) = position else { return self.tell_here(device, Notice::Removed) };
        self.taken_over(device, position.fence);
        // It looks until there is nothing more, so it need not be told of the same place again.
        let behind = |consumer: Arc<Consumer>| {
            consumer.reached.fetch_max(position.last, Ordering::Relaxed) < position.last
        };
        if self.consumer(device).is_none_or(behind) {
            self.arrived(device);
        }
    }

    /// Wakes those who poll a mailbox.
    fn poke(&self, mailbox: MailboxId) {
        if let Some(sender) = lock(&self.polled).get(&mailbox) {
            sender.send_replace(());
        }
    }

    /// Watches a mailbox for somebody who polls it.
    pub(crate) fn watch(&self, mailbox: MailboxId) -> Watch<'_> {
        let mut polled = lock(&self.polled);
        let arrivals = polled.entry(mailbox).or_insert_with(|| watch::Sender::new(())).subscribe();
        Watch { hub: self, mailbox, arrivals: Some(arrivals) }
    }

    /// Tells a device something, where it is connected, here or at another node.
    pub(crate) fn tell(&self, device: MailboxId, notice: Notice) {
        let signal = match notice {
            Notice::PreKeysLow(_) => Some(Signal::PreKeysLow(device)),
            Notice::DevicesChanged(_) => Some(Signal::DevicesChanged(device)),
            Notice::Removed => Some(Signal::Removed(device)),
            Notice::TakenOver => None,
        };
        match (self.consumer(device), signal) {
            (Some(consumer), _) => consumer.tell(notice),
            (None, Some(signal)) => self.signal(signal),
            (None, None) => {}
        }
    }

    /// Tells a device something, where it is connected to this node.
    pub(crate) fn tell_here(&self, device: MailboxId, notice: Notice) {
        if let Some(consumer) = self.consumer(device) {
            consumer.tell(notice);
        }
    }

    /// Whether a device is connected to this node.
    pub(crate) fn is_connected(&self, device: MailboxId) -> bool {
        lock(&self.consumers).contains_key(&device)
    }

    /// The devices that are connected or polled for.
    pub(crate) fn present(&self) -> Vec<MailboxId> {
        let mut present: Vec<_> = lock(&self.consumers).keys().copied().collect();
        present.extend(lock(&self.polled).keys());
        present.sort_unstable();
        present.dedup();
        present
    }

    fn consumer(&self, device: MailboxId) -> Option<Arc<Consumer>> {
        lock(&self.consumers).get(&device).cloned()
    }

    fn signal(&self, signal: Signal) {
        if let Some(outbox) = &self.outbox {
            outbox.put(signal);
        }
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
