//! `kill -9` at random points under load: what was accepted is delivered, in order; what was confirmed does
//! not come back; no one-time prekey is handed out twice.
//!
//! `SPRAG_CRASH_ROUNDS` and `SPRAG_CRASH_SEED` say how often and where.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::env;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use sprag_api::directory::{Claimed, KeyCounts, PublishKeys};
use sprag_api::frame::from_relay::Frame;
use sprag_api::frame::{Hello, Send};
use sprag_protocol::PreKeyBundle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::ledger::{Received, Sent, text};
use crate::process::{GENEROUS, Process, alone, folder};
use crate::support::Lost;
use crate::support::device::Device;
use crate::support::socket::{Socket, message};

const SENDERS: usize = 6;
const RECEIVERS: usize = 3;
const CLAIMANTS: usize = 2;
/// The most messages that a sender has on their way.
const IN_FLIGHT: u64 = 16;

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Ends a round after so many things have happened.
struct Fuse {
    left: AtomicI64,
    burnt: Notify,
}

impl Fuse {
    fn of(length: i64) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(length), burnt: Notify::new() })
    }

    fn burn(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.burnt.notify_one();
        }
    }
}

struct Sender {
    device: Device,
    to: String,
    sent: Sent,
}

struct Receiver {
    device: Device,
    received: Received,
}

struct Claimant {
    device: Device,
    /// The ids of one-time prekeys, of both kinds, that it was given.
    claimed: Vec<u32>,
}

struct Owner {
    device: Device,
    /// What was published last: a device that does not hear whether it arrived publishes it again.
    last: PublishKeys,
}

/// Everyone, between the rounds.
struct Everyone {
    senders: Vec<Sender>,
    receivers: Vec<Receiver>,
    claimants: Vec<Claimant>,
    owner: Owner,
}

impl Everyone {
    async fn register(process: &Process) -> Self {
        let place = &process.place;
        let mut everyone = Self {
            senders: Vec::new(),
            receivers: Vec::new(),
            claimants: Vec::new(),
            owner: Owner {
                device: Device::register(place, "owner").await,
                last: PublishKeys::default(),
            },
        };
        for number in 0..SENDERS {
            let device = Device::register(place, &format!("sender-{number}")).await;
            let to = format!("receiver-{}", number % RECEIVERS);
            everyone.senders.push(Sender { device, to, sent: Sent::default() });
        }
        for number in 0..RECEIVERS {
            let device = Device::register(place, &format!("receiver-{number}")).await;
            everyone.receivers.push(Receiver { device, received: Received::default() });
        }
        for number in 0..CLAIMANTS {
            let device = Device::register(place, &format!("claimant-{number}")).await;
            everyone.claimants.push(Claimant { device, claimed: Vec::new() });
        }
        everyone
    }

    /// Everyone logs in at the relay as it is after a crash.
    async fn come_back(&mut self, process: &Process) {
        for Sender { device, sent, .. } in &mut self.senders {
            device.move_to(&process.place);
            let mark = device.login().await;
            assert!((sent.accepted..=sent.submitted).contains(&mark), "{mark} {sent:?}");
        }
        let others = self.receivers.iter_mut().map(|receiver| &mut receiver.device);
        let others = others.chain(self.claimants.iter_mut().map(|claimant| &mut claimant.device));
        for device in others.chain([&mut self.owner.device]) {
            device.move_to(&process.place);
            device.login().await;
        }
    }

    /// No one-time prekey was handed out twice; how many were.
    fn check_claims(&self) -> usize {
        let all = self.claimants.iter().flat_map(|claimant| &claimant.claimed);
        let distinct: BTreeSet<_> = all.clone().collect();
        assert_eq!(distinct.len(), all.clone().count(), "a one-time prekey was handed out twice");
        distinct.len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_keeps_what_it_promised() {
    let rounds = setting("SPRAG_CRASH_ROUNDS", 20);
    let seed = setting("SPRAG_CRASH_SEED", 1);
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let _alone = alone().await;
    let folder = folder();
    let data = folder.path().join("data");
    let process = Process::start(&data, GENEROUS).await;
    let mut everyone = Everyone::register(&process).await;
    process.kill().await;
    for round in 1..=rounds {
        // Short fuses as often as long ones, so that young connections are met as often as old ones.
        let most = 1_i64 << (random.next_u32() % 12);
        let fuse = i64::from(random.next_u32()) % most + 1;
        everyone = crash(everyone, &data, fuse, &mut random).await;
        let claimed = everyone.check_claims();
        let accepted: u64 = everyone.senders.iter().map(|sender| sender.sent.accepted).sum();
        println!("round {round} of {rounds}, seed {seed}: {accepted} accepted, {claimed} claimed");
    }
    settle(everyone, &data).await;
}

/// One round: everyone does what they do until the relay is killed.
async fn crash(
    mut everyone: Everyone,
    data: &Path,
    length: i64,
    random: &mut ChaCha20Rng,
) -> Everyone {
    let process = Process::start(data, GENEROUS).await;
    everyone.come_back(&process).await;
    let fuse = Fuse::of(length);
    let Everyone { senders, receivers, claimants, owner } = everyone;
    let mut begin = Begin { fuse: Arc::clone(&fuse), random };
    let senders = begin.all(senders);
    let receivers = begin.all(receivers);
    let claimants = begin.all(claimants);
    let owner = begin.all(vec![owner]);
    fuse.burnt.notified().await;
    process.kill().await;
    Everyone {
        senders: ended(senders).await,
        receivers: ended(receivers).await,
        claimants: ended(claimants).await,
        owner: ended(owner).await.remove(0),
    }
}

/// What somebody does until the relay is gone.
trait Work: std::marker::Send + 'static {
    fn work(
        &mut self,
        fuse: &Fuse,
        random: &mut ChaCha20Rng,
    ) -> impl Future<Output = Result<Infallible, Lost>> + std::marker::Send;
}

struct Begin<'a> {
    fuse: Arc<Fuse>,
    random: &'a mut ChaCha20Rng,
}

impl Begin<'_> {
    fn all<T: Work>(&mut self, workers: Vec<T>) -> Vec<JoinHandle<T>> {
        workers.into_iter().map(|worker| self.one(worker)).collect()
    }

    fn one<T: Work>(&mut self, mut worker: T) -> JoinHandle<T> {
        let fuse = Arc::clone(&self.fuse);
        let mut random = ChaCha20Rng::seed_from_u64(self.random.next_u64());
        tokio::spawn(async move {
            let Err(lost) = worker.work(&fuse, &mut random).await;
            assert!(fuse.left.load(Ordering::Relaxed) <= 0, "before the relay was killed: {lost}");
            worker
        })
    }
}

async fn ended<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await.unwrap());
    }
    ended
}

impl Sender {
    fn messages(&mut self, new: u64) -> Vec<Send> {
        let name = self.device.name().to_owned();
        let message = |number| message(number, &self.to, &[1], text(&name, number));
        self.sent.next(new).map(message).collect()
    }
}

impl Work for Sender {
    /// Submits in frames of random lengths; what had no answer before comes first.
    async fn work(&mut self, fuse: &Fuse, random: &mut ChaCha20Rng) -> Result<Infallible, Lost> {
        self.device.number = self.sent.submitted;
        let mut socket = self.device.send_only_or_lost().await?;
        loop {
            let on_their_way = self.sent.submitted - self.sent.accepted;
            let new = u64::from(random.next_u32()) % (IN_FLIGHT - on_their_way.min(IN_FLIGHT) + 1);
            let mut messages = self.messages(new);
            while !messages.is_empty() {
                let some = random.next_u32() as usize % messages.len() + 1;
                socket.submit(messages.drain(..some).collect()).await?;
            }
            while self.sent.accepted < self.sent.submitted {
                for fate in socket.some_fates().await? {
                    self.sent.hears(&fate);
                    fuse.burn();
                }
            }
        }
    }
}

impl Work for Receiver {
    /// Acknowledges at random places.
    async fn work(&mut self, fuse: &Fuse, random: &mut ChaCha20Rng) -> Result<Infallible, Lost> {
        let hello = Hello { counter: 0, send_only: false };
        let (mut socket, _) = self.device.hello(hello).await?;
        self.received.connects();
        loop {
            match socket.next().await? {
                Frame::Deliver(deliver) => {
                    self.received.take(&deliver.envelopes);
                    if random.next_u32().is_multiple_of(3) {
                        socket.acknowledge(self.received.last()).await?;
                    }
                }
                Frame::Acknowledged(done) => {
                    self.received.confirmed = done.through;
                    fuse.burn();
                }
                Frame::Empty(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Work for Claimant {
    async fn work(&mut self, fuse: &Fuse, _: &mut ChaCha20Rng) -> Result<Infallible, Lost> {
        loop {
            let claimed: Claimed = self.device.try_claim("owner").await?.json();
            for given in &claimed.bundles {
                let bundle = PreKeyBundle::from_bytes(&given.bundle.0).unwrap();
                let bundle = bundle.verify().unwrap();
                let bundle = bundle.get();
                self.claimed.extend(bundle.one_time.as_ref().map(|key| key.id.get()));
                self.claimed.extend(given.one_time_kem.then_some(bundle.kem.id));
            }
            fuse.burn();
        }
    }
}

impl Work for Owner {
    /// Publishes the last again, and new ones where few are left.
    async fn work(&mut self, fuse: &Fuse, _: &mut ChaCha20Rng) -> Result<Infallible, Lost> {
        loop {
            let counts: KeyCounts = self.device.put("/v1/keys", &self.last).await?.json();
            if counts.one_time < 25 {
                self.last = self.device.one_time_keys();
            }
            fuse.burn();
        }
    }
}

/// After the last round: what had no answer is sent again, and everything arrives.
async fn settle(mut everyone: Everyone, data: &Path) {
    let process = Process::start(data, GENEROUS).await;
    everyone.come_back(&process).await;
    for sender in &mut everyone.senders {
        sender.device.number = sender.sent.submitted;
        let mut socket = sender.device.send_only().await;
        let messages = sender.messages(0);
        for fate in socket.send(messages).await.unwrap() {
            sender.sent.hears(&fate);
        }
    }
    for receiver in &mut everyone.receivers {
        let (mut socket, _) = receiver.device.socket().await;
        receiver.received.connects();
        let envelopes = drain(&mut socket, &mut receiver.received).await;
        println!("{envelopes} waited for {}", receiver.device.name());
    }
    for sender in &everyone.senders {
        let receiver = everyone.receivers.iter().find(|it| it.device.name() == sender.to).unwrap();
        receiver.received.has_all(sender.device.name(), sender.sent.submitted);
    }
    everyone.check_claims();
    assert!(process.terminate().await.success());
}

/// Takes everything that waits; more than a window may wait.
async fn drain(socket: &mut Socket, received: &mut Received) -> usize {
    let mut count = 0;
    loop {
        match socket.next().await.unwrap() {
            Frame::Deliver(deliver) => {
                count += deliver.envelopes.len();
                received.take(&deliver.envelopes);
                socket.acknowledge(received.last()).await.unwrap();
            }
            Frame::Empty(_) => return count,
            Frame::Acknowledged(_) => {}
            other => panic!("{other:?}"),
        }
    }
}
