//! Turns of strangers: however many connections want something at the same moment, a message of a device
//! that is let in waits for a few of them, not for all.
//!
//! Every connection takes turns until it is upgraded: shaking hands, HTTP. Between two rounds of turns
//! whatever else there is has its own, and the network is asked for more.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use tokio::sync::Notify;
use tokio::task::yield_now;

/// How many turns a round has.
const ROUND: usize = 4;

/// The turns of one port.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    round: Mutex<Round>,
    /// There are no turns left; or nobody is, who would take any.
    over: Arc<Notify>,
}

#[derive(Debug)]
struct Round {
    left: usize,
    waiting: VecDeque<Waker>,
}

impl Turns {
    /// Begins with a round, and spawns a task that begins all others.
    pub(super) fn start() -> Self {
        let round = Mutex::new(Round { left: ROUND, waiting: VecDeque::new() });
        let over = Arc::new(Notify::new());
        let shared = Arc::new(Shared { round, over: Arc::clone(&over) });
        tokio::spawn(rounds(Arc::downgrade(&shared), over));
        Self(shared)
    }

    /// Goes on with this by turns only.
    pub(super) async fn paced<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            ready!(self.0.turn(context));
            future.as_mut().poll(context)
        })
        .await
    }
}

impl Shared {
    /// Takes a turn, or is woken in a later round.
    fn turn(&self, context: &Context<'_>) -> Poll<()> {
        let mut round = self.lock();
        let Some(left) = round.left.checked_sub(1) else {
            round.waiting.push_back(context.waker().clone());
            return Poll::Pending;
        };
        round.left = left;
        if left == 0 {
            self.over.notify_one();
        }
        Poll::Ready(())
    }

    /// Begins a round; whether there may be some who wait for another one.
    fn begin(&self) -> bool {
        let (woken, more) = {
            let mut round = self.lock();
            round.left = ROUND;
            let next = ROUND.min(round.waiting.len());
            let woken: Vec<_> = round.waiting.drain(..next).collect();
            (woken, !round.waiting.is_empty())
        };
        woken.into_iter().for_each(Waker::wake);
        more
    }

    fn lock(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.over.notify_one();
    }
}

/// Begins rounds as long as there is anybody to take turns.
async fn rounds(turns: Weak<Shared>, over: Arc<Notify>) {
    loop {
        over.notified().await;
        loop {
            // Everything that is ready goes first, and what the network has.
            yield_now().await;
            let Some(shared) = turns.upgrade() else { return };
            if !shared.begin() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests;
