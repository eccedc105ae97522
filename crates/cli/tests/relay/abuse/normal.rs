//! A normal user and a friend: each in turn sends to the other, who receives it, again and again.

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::Place;
use crate::support::device::Device;
use crate::support::socket::{Socket, message};

/// A hundred a second.
const PACE: Duration = Duration::from_millis(10);

/// The user, on a thread of its own, so that nothing but the relay holds it up.
pub(super) struct User {
    /// To go on.
    order: Sender<()>,
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
        let [median, p90, p99, most] = [50, 90, 99, 100].map(|percent| self.percentile(percent));
        write!(
            to,
            "{} messages, p50 {median:.2?}, p90 {p90:.2?}, p99 {p99:.2?}, most {most:.2?}",
            self.0.len()
        )
    }
}

impl User {
    /// Begins, with so many messages.
    pub(super) fn start(place: &Place, messages: usize) -> Self {
        let (order, ordered) = channel();
        let (told, idle) = channel();
        let place = place.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let mut friends = Friends::meet(&place).await;
                told.send(friends.talk(messages).await).unwrap();
                ordered.recv().unwrap();
                friends.talk(messages).await
            })
        });
        Self { order, idle, thread }
    }

    /// How long the first messages took, once they were received.
    pub(super) fn first(&self) -> Times {
        self.idle.recv().unwrap()
    }

    /// How long as many others took.
    pub(super) fn second(self) -> Times {
        self.order.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

/// Each of them with its connection.
struct Friends([(Device, Socket); 2]);

impl Friends {
    async fn meet(place: &Place) -> Self {
        let alice = Device::register(place, "alice").await;
        let bob = Device::register(place, "bob").await;
        let mut sockets = [alice.socket().await.0, bob.socket().await.0];
        for socket in &mut sockets {
            assert_eq!(socket.drain().await.unwrap(), []);
        }
        let [first, second] = sockets;
        Self([(alice, first), (bob, second)])
    }

    async fn talk(&mut self, messages: usize) -> Times {
        let mut ticks = tokio::time::interval(PACE);
        let mut times = Vec::new();
        for _ in 0..messages {
            ticks.tick().await;
            let [from, to] = &mut self.0;
            times.push(say(from, to).await);
            self.0.reverse();
        }
        Times(times)
    }
}

/// One message, sent, accepted, received and acknowledged; how long it took to be received.
#[expect(clippy::disallowed_methods, reason = "the time is what is printed")]
async fn say((from, sending): &mut (Device, Socket), to: &mut (Device, Socket)) -> Duration {
    let (to, receiving) = (to.0.name(), &mut to.1);
    let number = from.next();
    let began = Instant::now();
    sending.submit(vec![message(number, to, &[1], vec![7; 1_024])]).await.unwrap();
    let envelope = receiving.receive(1).await.unwrap().remove(0);
    let took = began.elapsed();
    assert_eq!(envelope.number, number);
    sending.fates(&[number]).await.unwrap()[0].accepted();
    receiving.confirm(envelope.seq).await.unwrap();
    took
}
