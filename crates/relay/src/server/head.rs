//! How long the head of a request may take.
//!
//! hyper has one time for both the wait for a request and its head. A client may keep a connection for a
//! later request, and must then send that request's head quickly: so its timer starts with the longer time
//! and changes to the shorter one when the first byte comes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt;
use tokio::time;

use super::stream::Arrival;

/// hyper's timer for one connection. hyper has no other use for it than the heads of requests.
#[derive(Debug)]
pub(super) struct HeadTimer {
    arrival: Arc<Arrival>,
    head: Duration,
    keep_alive: Duration,
    /// Whether a head was waited for before: the first may take no longer than any, from the start.
    later: AtomicBool,
}

impl HeadTimer {
    pub(super) fn new(arrival: Arc<Arrival>, head: Duration, keep_alive: Duration) -> Self {
        Self { arrival, head, keep_alive, later: AtomicBool::new(false) }
    }
}

impl rt::Timer for HeadTimer {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn rt::Sleep>> {
        let later = self.later.swap(true, Ordering::Relaxed);
        self.arrival.reset();
        Box::pin(HeadSleep {
            inner: Box::pin(time::sleep(if later { self.keep_alive } else { self.head })),
            arrival: Arc::clone(&self.arrival),
            head: self.head,
            begun: !later,
        })
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep(Duration::ZERO)
    }
}

struct HeadSleep {
    inner: Pin<Box<time::Sleep>>,
    arrival: Arc<Arrival>,
    head: Duration,
    begun: bool,
}

impl rt::Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.begun && self.arrival.happened() {
            self.begun = true;
            let deadline = time::Instant::now() + self.head;
            self.inner.as_mut().reset(deadline);
        }
        self.inner.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests;
