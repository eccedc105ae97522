//! Devices that speak to the nodes without a client between: they claim one owner's prekeys, publish them, and send
//! messages under numbers, all the time; and hold what they were told against what there is.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use sprag_api::directory::{Claimed, KeyCounts, PublishKeys};
use sprag_api::frame::Hello;
use sprag_api::problem::Code;
use sprag_protocol::PreKeyBundle;
use sprag_relay::clock::SystemClock;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep};

use crate::ledger::{Received, text};
use crate::proxy::Proxy;
use crate::support::device::Device;
use crate::support::http::Answer;
use crate::support::socket::Socket;
use crate::support::{Lost, Place};
use crate::{STUCK, wait_until};

/// How long to wait before the next try.
const PAUSE: Duration = Duration::from_millis(25);
/// How often something is tried once nothing breaks any more.
const TRIES: u32 = 400;
/// How often a relay without a database is asked to store something.
const ASKED: u32 = 9;
/// How soon after one another, at the most.
const ASKED_EVERY: Duration = Duration::from_millis(20);
/// With fewer one-time prekeys left, the owner publishes more.
const FEW: u32 = 25;

/// Who is there.
pub(crate) struct Devices {
    runtime: Runtime,
    /// Any node.
    anywhere: Place,
    workers: Workers,
}

struct Workers {
    owner: Owner,
    claimants: Vec<Claimant>,
    writer: Writer,
    /// Whom the writer writes to, and what it has.
    reader: Device,
    received: Received,
}

struct Owner {
    device: Device,
    /// What was published last: a device that does not hear whether it arrived publishes it again.
    last: PublishKeys,
}

struct Claimant {
    device: Device,
    /// The ids of one-time prekeys, of both kinds, that it was given.
    claimed: Vec<u32>,
}

struct Writer {
    device: Device,
    /// The number up to which everything was accepted. The next one may be stored too.
    accepted: u64,
}

/// What goes on until it is told to end.
pub(crate) struct Traffic {
    course: Arc<Course>,
    owner: JoinHandle<Owner>,
    claimants: Vec<JoinHandle<Claimant>>,
    writer: JoinHandle<Writer>,
}

/// How far it has come.
#[derive(Default)]
struct Course {
    steps: AtomicU32,
    end: AtomicBool,
}

impl Traffic {
    /// Waits until so many things were done.
    pub(crate) fn has_done(&self, steps: u32) {
        let done = || self.course.steps.load(Ordering::Relaxed) >= steps;
        assert!(wait_until(STUCK, done), "nothing is done");
    }
}

/// Something to do again and again.
trait Work: Send + Sized + 'static {
    fn step(&mut self) -> impl Future<Output = Result<(), Lost>> + Send;

    async fn go_on(mut self, course: Arc<Course>) -> Self {
        while !course.end.load(Ordering::Relaxed) {
            if self.step().await.is_ok() {
                course.steps.fetch_add(1, Ordering::Relaxed);
            } else {
                sleep(PAUSE).await;
            }
        }
        self
    }
}

/// An answer that says yes. Whoever hears no may try again, or was cut off while they spoke; nothing else is said.
fn yes(answer: Answer) -> Result<Answer, Lost> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let problem = answer.problem();
    let cut_off = problem.code == Code::Malformed && problem.detail == "the body broke off";
    assert!(problem.code == Code::Unavailable || cut_off, "{problem:?}");
    Err(format!("{problem:?}").into())
}

impl Work for Owner {
    async fn step(&mut self) -> Result<(), Lost> {
        let answer = yes(self.device.put("/v1/keys", &self.last).await?)?;
        if answer.json::<KeyCounts>().one_time < FEW {
            self.last = self.device.one_time_keys();
        }
        sleep(PAUSE).await;
        Ok(())
    }
}

impl Work for Claimant {
    async fn step(&mut self) -> Result<(), Lost> {
        let claimed: Claimed = yes(self.device.try_claim("owner").await?)?.json();
        for given in &claimed.bundles {
            let bundle = PreKeyBundle::from_bytes(&given.bundle.0).unwrap().verify().unwrap();
            let bundle = bundle.get();
            self.claimed.extend(bundle.one_time.as_ref().map(|key| key.id.get()));
            self.claimed.extend(given.one_time_kem.then_some(bundle.kem.id));
        }
        Ok(())
    }
}

impl Work for Writer {
    /// The first number without an answer, again and again.
    async fn step(&mut self) -> Result<(), Lost> {
        let (name, number) = (self.device.name().to_owned(), self.accepted + 1);
        let text = text(&name, number);
        yes(self.device.post_message(number, "reader", &[1], text.as_bytes()).await?)?;
        self.accepted = number;
        Ok(())
    }
}

impl Devices {
    pub(crate) fn register(link: &Proxy, origin: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let anywhere = Place {
            address: link.address,
            origin: origin.into(),
            clock: Arc::new(SystemClock),
            from: Ipv4Addr::LOCALHOST.into(),
        };
        let workers = runtime.block_on(async {
            let device = async |name: &str| Device::register(&anywhere, name).await;
            let claimant = async |name| Claimant { device: device(name).await, claimed: vec![] };
            Workers {
                owner: Owner { device: device("owner").await, last: PublishKeys::default() },
                claimants: vec![claimant("claimant-1").await, claimant("claimant-2").await],
                writer: Writer { device: device("writer").await, accepted: 0 },
                reader: device("reader").await,
                received: Received::default(),
            }
        });
        Self { runtime, anywhere, workers }
    }

    /// Everybody does what they do until `end`.
    pub(crate) fn go_on(self) -> (Traffic, Resting) {
        let Self { runtime, anywhere, workers } = self;
        let Workers { owner, claimants, writer, reader, received } = workers;
        let course = Arc::new(Course::default());
        let traffic = Traffic {
            owner: runtime.spawn(owner.go_on(Arc::clone(&course))),
            claimants: claimants
                .into_iter()
                .map(|claimant| runtime.spawn(claimant.go_on(Arc::clone(&course))))
                .collect(),
            writer: runtime.spawn(writer.go_on(Arc::clone(&course))),
            course,
        };
        (traffic, Resting { runtime, anywhere, reader, received })
    }

    /// No one-time prekey was handed out twice; how many were.
    pub(crate) fn check_claims(&self) -> usize {
        let claimed = || self.workers.claimants.iter().flat_map(|claimant| &claimant.claimed);
        let distinct: BTreeSet<_> = claimed().collect();
        assert_eq!(distinct.len(), claimed().count(), "a one-time prekey was handed out twice");
        distinct.len()
    }

    /// While the database is away, for so long at least: whoever asks any node to store something hears that they may
    /// try again.
    pub(crate) fn are_refused(&mut self, away: Duration) -> u32 {
        let Self { runtime, anywhere, workers: Workers { writer, .. } } = self;
        runtime.block_on(async {
            let (mut refused, back) = (0, Instant::now() + away);
            let mut pace = interval(ASKED_EVERY);
            while refused < ASKED || Instant::now() < back {
                pace.tick().await;
                // A new connection, to a node by chance.
                writer.device.move_to(anywhere);
                let number = writer.accepted + 1;
                let text = text("writer", number);
                let text = text.as_bytes();
                let answer = writer.device.post_message(number, "reader", &[1], text).await;
                let problem = answer.expect("a node answers").refuses(Code::Unavailable);
                assert!(problem.retry_after.is_some(), "{problem:?}");
                refused += 1;
            }
            refused
        })
    }

    /// Whoever was refused is accepted; how long that takes.
    pub(crate) fn resume(&mut self) -> Duration {
        let began = Instant::now();
        let Self { runtime, workers: Workers { writer, .. }, .. } = self;
        runtime.block_on(persist(async || writer.step().await));
        began.elapsed()
    }

    /// How long a message takes from one node to a device that waits at another.
    pub(crate) fn across(&mut self, from: SocketAddr, to: SocketAddr) -> Duration {
        let Self { runtime, anywhere, workers } = self;
        let at = |address| Place { address, ..anywhere.clone() };
        let Workers { writer, reader, received, .. } = workers;
        let took = runtime.block_on(async {
            reader.move_to(&at(to));
            writer.device.move_to(&at(from));
            // The next number may be stored already; the one after it is not.
            persist(async || writer.step().await).await;
            let mut socket = receive(reader, received).await;
            persist(async || writer.step().await).await;
            let began = Instant::now();
            let envelopes = socket.receive(1).await.unwrap();
            let took = began.elapsed();
            received.take(&envelopes);
            confirm(&mut socket, received).await;
            took
        });
        writer.device.move_to(anywhere);
        reader.move_to(anywhere);
        took
    }

    /// Everything that was accepted is there, in order, once; how much that is.
    pub(crate) fn check_messages(&mut self) -> u64 {
        let Self { runtime, workers: Workers { writer, reader, received, .. }, .. } = self;
        runtime.block_on(async {
            // The one number whose answer was lost gets another.
            persist(async || writer.step().await).await;
            receive(reader, received).await;
        });
        received.has_all("writer", writer.accepted);
        writer.accepted
    }
}

/// Who waits until the traffic ends.
pub(crate) struct Resting {
    runtime: Runtime,
    anywhere: Place,
    reader: Device,
    received: Received,
}

impl Resting {
    pub(crate) fn end(self, traffic: Traffic) -> Devices {
        let Self { runtime, anywhere, reader, received } = self;
        traffic.course.end.store(true, Ordering::Relaxed);
        let workers = runtime.block_on(async {
            let mut claimants = Vec::new();
            for claimant in traffic.claimants {
                claimants.push(claimant.await.unwrap());
            }
            let (owner, writer) = (traffic.owner.await.unwrap(), traffic.writer.await.unwrap());
            Workers { owner, claimants, writer, reader, received }
        });
        Devices { runtime, anywhere, workers }
    }
}

/// Connects, and takes all that waits.
async fn receive(reader: &Device, received: &mut Received) -> Socket {
    let hello = || Hello { counter: 0, send_only: false };
    let (mut socket, _) = persist(async || reader.hello(hello()).await).await;
    received.connects();
    received.take(&socket.drain_acknowledging().await.unwrap());
    confirm(&mut socket, received).await;
    socket
}

async fn confirm(socket: &mut Socket, received: &mut Received) {
    let last = received.last();
    if last > 0 {
        socket.confirm(last).await.unwrap();
        received.confirmed = last;
    }
}

/// Does it, if not at once then soon.
async fn persist<T>(mut attempt: impl AsyncFnMut() -> Result<T, Lost>) -> T {
    let mut why = None;
    for _ in 0..TRIES {
        match attempt().await {
            Ok(done) => return done,
            Err(lost) => why = Some(lost),
        }
        sleep(PAUSE).await;
    }
    panic!("it cannot be done: {why:?}")
}
