//! What is measured.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use sprag_client::{Client, Config, MessageState, Protection, Storage};
use tokio::task::JoinSet;

use crate::clock::now;
use crate::process::own_cpu;
use crate::relay::Relay;
use crate::report::{Latency, Messages, Waiting};
use crate::store::{Spent, Timed};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pairs: usize,
    /// Messages of each pair.
    messages: usize,
    /// How many `send`s of one sender are under way at the same time.
    at_once: usize,
    paced: usize,
    waiting: usize,
}

impl Scale {
    pub(crate) const FULL: Self =
        Self { pairs: 8, messages: 2000, at_once: 16, paced: 500, waiting: 2000 };
    pub(crate) const QUICK: Self =
        Self { pairs: 2, messages: 30, at_once: 4, paced: 10, waiting: 50 };
}

/// A message of 256 bytes that can be told from all others.
fn text(number: usize) -> String {
    format!("{number:<256}")
}

fn number(text: &str) -> Result<usize> {
    text.trim().parse().context("a message that nobody sent")
}

async fn client(relay: &Relay, folder: &Path, name: &str) -> Result<Client> {
    let store = Storage::file(folder.join(format!("{name}.sqlite")));
    let client = Client::open(Config::new(&relay.url, name).store(store)).await?;
    client.online(PATIENCE).await?;
    Ok(client)
}

/// A sender and a receiver that have spoken already.
async fn pair(relay: &Relay, folder: &Path, name: &str) -> Result<(Client, Client)> {
    let (from, to) = (format!("{name}-from"), format!("{name}-to"));
    let mut receiver = client(relay, folder, &to).await?;
    let mut sender = client(relay, folder, &from).await?;
    sender.send(&to, text(0)).await?;
    receiver.next().await?.context("the first message")?;
    receiver.send(&from, text(0)).await?;
    sender.next().await?.context("the first answer")?;
    Ok((sender, receiver))
}

/// Bytes over loopback, in both directions once, where the system tells.
fn wire() -> Option<u64> {
    std::fs::read_to_string("/sys/class/net/lo/statistics/tx_bytes").ok()?.trim().parse().ok()
}

/// All pairs at once, as fast as they can.
pub(crate) async fn messages(relay: &Relay, folder: &Path, scale: Scale) -> Result<Messages> {
    let mut pairs = Vec::new();
    for index in 0..scale.pairs {
        pairs.push(pair(relay, folder, &format!("pair-{index}")).await?);
    }
    let (relay_cpu, own, wire_before) = (relay.cpu(), own_cpu(), wire());
    let begin = now();
    let mut ends = JoinSet::new();
    for (sender, receiver) in pairs {
        ends.spawn(exchange(sender, receiver, scale));
    }
    let mut times = Histogram::<u64>::new(3)?;
    while let Some(of_pair) = ends.join_next().await {
        times.add(of_pair??)?;
    }
    let passed = begin.elapsed().as_secs_f64();
    let count = f64::from(u32::try_from(scale.pairs * scale.messages)?);
    let each = |before: Option<Duration>, after: Option<Duration>| {
        Some((after?.saturating_sub(before?)).as_secs_f64() / count)
    };
    let bytes = |bytes: u64| u32::try_from(bytes).map_or(f64::INFINITY, f64::from);
    Ok(Messages {
        pairs: scale.pairs,
        rate: count / passed,
        p50: at(&times, 0.5),
        p99: at(&times, 0.99),
        relay_cpu: each(relay_cpu, relay.cpu()),
        client_cpu: each(own, own_cpu()),
        wire: wire_before.and_then(|before| Some(bytes(wire()? - before) / count)),
    })
}

fn at(times: &Histogram<u64>, quantile: f64) -> f64 {
    Duration::from_micros(times.value_at_quantile(quantile)).as_secs_f64()
}

/// One pair: everything that is sent is read once, in its order.
async fn exchange(sender: Client, mut receiver: Client, scale: Scale) -> Result<Histogram<u64>> {
    let to = receiver.account().to_string();
    let (starting, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let sending = tokio::spawn(async move {
        let mut under_way = std::collections::VecDeque::new();
        for number in 1..=scale.messages {
            // Sends are ordered by when they are called; what is awaited is that each is durable.
            let (sender, to) = (sender.clone(), to.clone());
            let _receiver_is_there = starting.send(now());
            let queued = tokio::spawn(async move { sender.send(&to, text(number)).await });
            under_way.push_back(queued);
            tokio::task::yield_now().await;
            if under_way.len() >= scale.at_once
                && let Some(oldest) = under_way.pop_front()
            {
                oldest.await??;
            }
        }
        for queued in under_way {
            queued.await??;
        }
        sender.settle(PATIENCE).await?;
        sender.close().await;
        anyhow::Ok(())
    });
    let mut starts_of = vec![None; scale.messages + 1];
    let mut seen = vec![false; scale.messages + 1];
    let mut times = Histogram::new(3)?;
    let mut next_start = 1;
    for _ in 0..scale.messages {
        let message = tokio::time::timeout(PATIENCE, receiver.next()).await??;
        let number = number(message.context("the receiver has ended")?.text())?;
        while let Ok(start) = starts.try_recv() {
            if let Some(slot) = starts_of.get_mut(next_start) {
                *slot = Some(start);
            }
            next_start += 1;
        }
        let seen = seen.get_mut(number).context("a message that nobody sent")?;
        ensure!(!*seen, "message {number} came twice");
        *seen = true;
        let start = starts_of.get(number).copied().flatten().context("it was never sent")?;
        times.record(u64::try_from(start.elapsed().as_micros())?)?;
    }
    sending.await??;
    receiver.close().await;
    Ok(times)
}

/// One message after the other, with time between them.
pub(crate) async fn latency(relay: &Relay, folder: &Path, scale: Scale) -> Result<Latency> {
    let (sender, mut receiver) = pair(relay, folder, "paced").await?;
    let to = receiver.account().to_string();
    let (mut read, mut accepted) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
    let mut step = tokio::time::interval(Duration::from_millis(20));
    for number in 1..=scale.paced {
        step.tick().await;
        let begin = now();
        let sent = sender.send(&to, text(number)).await?;
        let confirmed = async {
            sent.reached(MessageState::Sent, PATIENCE).await?;
            anyhow::Ok(begin.elapsed())
        };
        let opened = async {
            receiver.next().await?.context("the receiver has ended")?;
            anyhow::Ok(begin.elapsed())
        };
        let (confirmed, opened) = tokio::try_join!(confirmed, opened)?;
        accepted.record(u64::try_from(confirmed.as_micros())?)?;
        read.record(u64::try_from(opened.as_micros())?)?;
    }
    sender.close().await;
    receiver.close().await;
    Ok(Latency {
        accepted_p50: at(&accepted, 0.5),
        read_p50: at(&read, 0.5),
        read_p99: at(&read, 0.99),
    })
}

/// Messages that waited while the receiver was away.
pub(crate) async fn waiting(relay: &Relay, folder: &Path, scale: Scale) -> Result<Waiting> {
    let (sender, receiver) = pair(relay, folder, "waiting").await?;
    let to = receiver.account().to_string();
    receiver.close().await;
    for number in 1..=scale.waiting {
        sender.send(&to, text(number)).await?;
    }
    sender.settle(PATIENCE).await?;
    sender.close().await;

    let path = folder.join("waiting-to.sqlite");
    let spent = Spent::default();
    let begin = now();
    let store = Timed { store: sprag_store::Sqlite::open(&path)?, spent: spent.clone() };
    let protection = Protection::KeyFile(folder.join("waiting-to.sqlite.key"));
    let config = Config::existing().store(Storage::of(store, protection));
    let mut receiver = Client::open(config).await?;
    receiver.caught_up(PATIENCE).await?;
    let passed = begin.elapsed();
    let (in_store, commits) = (spent.time(), spent.commits());
    for expected in 1..=scale.waiting {
        let message = receiver.next().await?.context("the receiver has ended")?;
        // The pair's first message was never marked as read.
        let number = number(message.text())?;
        ensure!(number == expected || number + 1 == expected, "{number} instead of {expected}");
    }
    receiver.close().await;
    let count = f64::from(u32::try_from(scale.waiting)?);
    Ok(Waiting {
        messages: scale.waiting,
        rate: count / passed.as_secs_f64(),
        store: in_store.as_secs_f64() / passed.as_secs_f64(),
        commits,
    })
}
