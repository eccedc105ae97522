//! A normal user: sends to a friend, who receives it, again and again.

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::Place;
use crate::support::device::Device;
use crate::support::socket::{Socket, message};

/// Fifty a second.
const PACE: Duration = Duration::from_millis(20);

/// The user, on a thread of its own, so that nothing but the relay holds it up.
pub(super) struct User {
    /// Told to go on; dropped, to stop.
    orders: Sender<()>,
    idle: Receiver<Times>,
    thread: JoinHandle<Times>,
}

/// How long messages took from being sent to being received.
pub(super) struct Times(Vec<Duration>);

impl Times {
    fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len() - 1;
        sorted[last * percent / 100]
    }

    /// In milliseconds.
    pub(super) fn p99(&self) -> f64 {
        self.percentile(99).as_secs_f64() * 1_000.0
    }
}

impl fmt::Display for Times {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, p99, most] = [50, 99, 100].map(|percent| self.percentile(percent));
        write!(to, "{} messages, p50 {median:.2?}, p99 {p99:.2?}, most {most:.2?}", self.0.len())
    }
}

impl User {
    /// Begins; the first so many messages are counted by themselves.
    pub(super) fn start(place: &Place, first: usize) -> Self {
        let (orders, ordered) = channel();
        let (told, idle) = channel();
        let place = place.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(talk(&place, first, &ordered, &told))
        });
        Self { orders, idle, thread }
    }

    /// How long the first messages took, once they were received; goes on with others.
    pub(super) fn first(&self) -> Times {
        let times = self.idle.recv().unwrap();
        self.orders.send(()).unwrap();
        times
    }

    /// How long the others took.
    pub(super) fn stop(self) -> Times {
        drop(self.orders);
        self.thread.join().unwrap()
    }
}

async fn talk(place: &Place, first: usize, orders: &Receiver<()>, told: &Sender<Times>) -> Times {
    let mut alice = Device::register(place, "alice").await;
    let bob = Device::register(place, "bob").await;
    let (mut sending, mut receiving) = (alice.send_only().await, bob.socket().await.0);
    assert_eq!(receiving.drain().await.unwrap(), []);
    let mut ticks = tokio::time::interval(PACE);
    let mut times = Vec::new();
    for _ in 0..first {
        ticks.tick().await;
        times.push(say(alice.next(), &mut sending, &mut receiving).await);
    }
    told.send(Times(times)).unwrap();
    orders.recv().unwrap();
    let mut times = Vec::new();
    while orders.try_recv().is_err_and(|none| none == TryRecvError::Empty) {
        ticks.tick().await;
        times.push(say(alice.next(), &mut sending, &mut receiving).await);
    }
    Times(times)
}

/// One message, sent, accepted, received and acknowledged; how long it took to be received.
#[expect(clippy::disallowed_methods, reason = "the time is what is printed")]
async fn say(number: u64, sending: &mut Socket, receiving: &mut Socket) -> Duration {
    let began = Instant::now();
    sending.submit(vec![message(number, "bob", &[1], vec![7; 1_024])]).await.unwrap();
    let envelope = receiving.receive(1).await.unwrap().remove(0);
    let took = began.elapsed();
    assert_eq!(envelope.number, number);
    sending.fates(&[number]).await.unwrap()[0].accepted();
    receiving.confirm(envelope.seq).await.unwrap();
    took
}
