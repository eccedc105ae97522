//! `GET /v1/socket`: one WebSocket for sending and receiving (`docs/API.md`).
//!
//! One task for each connection, which waits for a frame, for the storage, for the hub or for time to
//! pass, and then writes what there is to say. It reads no further frame while too much of what it
//! read is not stored yet, and delivers no further envelope while too many are not acknowledged, so
//! that a connection costs bounded memory.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures_util::SinkExt;
use futures_util::future::FutureExt;
use futures_util::stream::{FuturesOrdered, StreamExt};
use sprag_api::frame::from_relay::Frame as Reply;
use sprag_api::frame::to_relay::Frame as Request;
use sprag_api::frame::{self, FromRelay, Message as _, ToRelay};
use sprag_api::limit;
use sprag_api::problem::{Code, Problem};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::app::Shared;
use crate::error::Failure;
use crate::hub::Notice;
use crate::limits::HELD_BACK;
use crate::messages;
use crate::metrics;
use crate::storage::{
    Acknowledged, Batch, Bearer, Damaged, DeviceRecord, SendRefusal, Stored, Submission,
    Unavailable,
};

use receiving::Receiving;

mod receiving;
mod replies;
pub(crate) mod upgrade;

/// How many bytes of submitted messages may wait for the storage before the next frame is read.
const UNSTORED_BYTES: usize = 256 * 1024;
/// How many frames may wait for the storage.
const UNSTORED_FRAMES: usize = 64;
/// How many envelopes, and how many bytes of them, are put into one frame.
const PAGE: (u64, usize) = (128, 256 * 1024);
/// Seconds after which a client connects again when the relay stops.
const RECONNECT: u32 = 2;

type Outcome = Result<Done, Unavailable>;

/// What the storage has done for this connection.
enum Done {
    Sends {
        bytes: usize,
        outcomes: Vec<(u64, Result<Stored, SendRefusal>)>,
    },
    Acknowledged {
        through: u64,
    },
    /// Nothing: a later connection, at whatever node, receives for the device.
    TakenOver,
}

/// Why a connection ends.
enum End {
    /// It is gone, or does not read.
    Lost,
    /// The relay ends it, and says why.
    Closed(Box<Problem>),
}

impl From<Code> for End {
    fn from(code: Code) -> Self {
        Problem::new(code, code.title()).into()
    }
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Closed(Box::new(problem))
    }
}

impl From<Damaged> for End {
    fn from(error: Damaged) -> Self {
        tracing::error!(%error, "a mailbox cannot be delivered");
        Code::Internal.into()
    }
}

impl From<Unavailable> for End {
    fn from(Unavailable: Unavailable) -> Self {
        Problem::new(Code::Unavailable, "try again in a few seconds").after(RECONNECT).into()
    }
}

/// A connection of a device.
pub(crate) struct Connection {
    app: Shared,
    socket: WebSocket,
    device: DeviceRecord,
    /// When its token expires.
    expires: u64,
    unstored: FuturesOrdered<std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>>,
    unstored_bytes: usize,
    /// Until when no frame is read, as the rate was exceeded.
    held_back: Option<Instant>,
    /// There once `Hello` was said, unless it only sends.
    receiving: Option<Receiving>,
    greeted: bool,
    /// When the last frame came.
    heard: Instant,
    pinged: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        ::metrics::gauge!(metrics::SOCKETS).decrement(1.0);
        if let Some(receiving) = &self.receiving {
            self.app.hub.disconnect(self.device.mailbox, &receiving.consumer);
        }
    }
}

/// Serves a device on its WebSocket until either side ends it.
pub(crate) async fn serve(app: Shared, socket: WebSocket, bearer: Bearer) {
    let mut connection = Connection {
        app,
        socket,
        device: bearer.device,
        expires: bearer.expires,
        unstored: FuturesOrdered::new(),
        unstored_bytes: 0,
        held_back: None,
        receiving: None,
        greeted: false,
        heard: Instant::now(),
        pinged: false,
    };
    ::metrics::gauge!(metrics::SOCKETS).increment(1.0);
    let end = connection.run().await;
    connection.release();
    if let End::Closed(problem) = end {
        connection.close(*problem).await;
    }
}

impl Connection {
    async fn run(&mut self) -> End {
        let mut stopped = Box::pin(told(self.app.stopping.clone()));
        let mut alarm = Box::pin(sleep_until(self.alarm()));
        loop {
            let step = tokio::select! {
                biased;
                () = &mut stopped => Err(
                    Problem::new(Code::ShuttingDown, "connect again").after(RECONNECT).into(),
                ),
                Some(outcome) = self.unstored.next(), if !self.unstored.is_empty() => {
                    self.stored(outcome).await
                }
                () = woken(self.receiving.as_ref()) => self.notices().await,
                message = self.socket.recv(), if self.reads() => match message {
                    Some(Ok(message)) => self.message(message).await,
                    Some(Err(error)) => Err(broken(error)),
                    None => Err(End::Lost),
                },
                () = over(self.held_back) => {
                    self.held_back = None;
                    Ok(())
                }
                () = over(self.receiving.as_ref().and_then(Receiving::release_at)) => {
                    self.release();
                    Ok(())
                }
                () = &mut alarm => self.rang(alarm.as_mut()).await,
            };
            let step = match step {
                Ok(()) => self.deliver().await,
                Err(end) => Err(end),
            };
            let step = match step {
                Ok(()) => self.flush().await,
                Err(end) => Err(end),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Whether there is room for a further frame.
    fn reads(&self) -> bool {
        self.unstored_bytes < UNSTORED_BYTES
            && self.unstored.len() < UNSTORED_FRAMES
            && self.held_back.is_none()
    }

    async fn message(&mut self, message: Message) -> Result<(), End> {
        self.heard = Instant::now();
        self.pinged = false;
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::Lost),
            Message::Text(_) => return Err(malformed("frames are binary messages")),
        };
        let len = bytes.len();
        let frame = ToRelay::decode(bytes).map_err(|_| malformed("not a frame of this API"))?;
        match (frame.frame, self.greeted) {
            (Some(Request::Hello(hello)), false) => self.hello(&hello).await,
            (Some(Request::Hello(_)), true) => Err(malformed("Hello was said before")),
            (Some(_), false) => Err(malformed("the first frame is Hello")),
            (Some(Request::Submit(submit)), true) => self.submit(submit, len).await,
            (Some(Request::Acknowledge(acknowledge)), true) => {
                self.acknowledge(acknowledge.through)
            }
            (None, _) => Err(malformed("an empty frame, or one of a newer API")),
        }
    }

    async fn hello(&mut self, hello: &frame::Hello) -> Result<(), End> {
        let mark = self.app.storage.mark(self.device.mailbox).await?;
        if !hello.send_only {
            let fence = self.app.storage.take_over(self.device.mailbox).await?;
            let consumer = self.app.hub.connect(self.device.mailbox, fence);
            self.receiving = Some(Receiving::new(consumer));
        }
        self.greeted = true;
        self.say(Reply::Welcome(frame::Welcome {
            mark,
            rolled_back: mark > hello.counter,
            time: self.app.clock.now(),
            window: self.app.config.limits.window,
        }))
        .await
    }

    async fn submit(&mut self, submit: frame::Submit, len: usize) -> Result<(), End> {
        if !(1..=limit::SENDS_PER_FRAME).contains(&submit.sends.len()) {
            return Err(malformed("a frame submits 1 to 256 messages"));
        }
        let mut sends = Vec::with_capacity(submit.sends.len());
        for send in submit.sends {
            let number = send.number;
            match self.check(send) {
                Ok(send) => sends.push(send),
                Err(failure) => {
                    let problem = Problem::from(failure);
                    metrics::send_refused(problem.code);
                    if problem.code == Code::RateLimited {
                        self.held_back = Some(Instant::now() + HELD_BACK);
                    }
                    self.say(replies::refused(number, problem)).await?;
                }
            }
        }
        if sends.is_empty() {
            return Ok(());
        }
        let share = self.app.intake.share(len).await?;
        let numbers: Vec<u64> = sends.iter().map(|send| send.number).collect();
        let stored = self.app.storage.accept(Batch {
            from: self.device.mailbox,
            sender: Arc::clone(&self.device.address),
            sends,
            now: self.app.clock.now(),
            _share: share,
        });
        self.unstored_bytes += len;
        self.unstored.push_back(Box::pin(async move {
            let outcomes = stored.await?;
            metrics::sends(&outcomes);
            let outcomes = numbers.into_iter().zip(outcomes).collect();
            Ok(Done::Sends { bytes: len, outcomes })
        }));
        Ok(())
    }

    fn check(&self, send: frame::Send) -> Result<Submission, Failure> {
        let parts = send.parts.into_iter().map(|part| (part.device, part.ciphertext));
        let submission = messages::submission(send.number, send.to, parts)?;
        let now = self.app.clock.now();
        self.app.limits.send(self.device.account, submission.bytes(), now)?;
        Ok(submission)
    }

    fn acknowledge(&mut self, through: u64) -> Result<(), End> {
        let Some(receiving) = &mut self.receiving else {
            return Err(malformed("this connection only sends"));
        };
        if through > receiving.delivered {
            return Err(malformed("acknowledged what was not delivered"));
        }
        receiving.acknowledge(through);
        if receiving.is_due() {
            self.release();
        }
        Ok(())
    }

    /// Lets the storage delete what was acknowledged.
    fn release(&mut self) {
        let Some(receiving) = &mut self.receiving else { return };
        let Some(through) = receiving.release() else { return };
        let fence = Some(receiving.consumer.fence);
        let deleted = self.app.storage.acknowledge(self.device.mailbox, through, fence);
        self.unstored.push_back(Box::pin(async move {
            match deleted.await? {
                Acknowledged::Deleted => {
                    ::metrics::counter!(metrics::ACKNOWLEDGED).increment(1);
                }
                Acknowledged::Nothing => {}
                Acknowledged::TakenOver => return Ok(Done::TakenOver),
            }
            Ok(Done::Acknowledged { through })
        }));
    }

    /// Answers what the storage has done: this, and whatever else is done already.
    async fn stored(&mut self, first: Outcome) -> Result<(), End> {
        let mut receipts = Vec::new();
        let mut acknowledged = None;
        let mut next = Some(first);
        while let Some(outcome) = next {
            match outcome? {
                Done::Sends { bytes, outcomes } => {
                    self.unstored_bytes -= bytes;
                    for (number, outcome) in outcomes {
                        match outcome {
                            Ok(stored) => receipts.push(replies::receipt(number, stored)),
                            Err(SendRefusal::SenderGone) => {
                                return Err(Code::Unauthenticated.into());
                            }
                            Err(refusal) => {
                                let problem = messages::refusal(refusal);
                                self.say(replies::refused(number, problem)).await?;
                            }
                        }
                    }
                }
                Done::Acknowledged { through } => acknowledged = Some(through),
                Done::TakenOver => return Err(Code::TakenOver.into()),
            }
            next = self.unstored.next().now_or_never().flatten();
        }
        if !receipts.is_empty() {
            self.say(Reply::Accepted(frame::Accepted { receipts })).await?;
        }
        if let Some(through) = acknowledged {
            self.say(Reply::Acknowledged(frame::Acknowledged { through })).await?;
        }
        Ok(())
    }

    async fn notices(&mut self) -> Result<(), End> {
        let Some(receiving) = &self.receiving else { return Ok(()) };
        for notice in receiving.consumer.take_notices() {
            match notice {
                Notice::PreKeysLow(counts) => self.say(replies::prekeys_low(counts)).await?,
                Notice::DevicesChanged(device_list) => {
                    let device_list = device_list.into();
                    let changed = frame::DevicesChanged { device_list };
                    self.say(Reply::DevicesChanged(changed)).await?;
                }
                Notice::TakenOver => return Err(Code::TakenOver.into()),
                Notice::Removed => return Err(Code::Unauthenticated.into()),
            }
        }
        Ok(())
    }

    /// Delivers what there is, as far as the window allows.
    async fn deliver(&mut self) -> Result<(), End> {
        let window = u64::from(self.app.config.limits.window);
        while let Some(receiving) = &mut self.receiving {
            let room = window.saturating_sub(receiving.outstanding).min(PAGE.0);
            if room == 0 {
                return Ok(());
            }
            let segments = if receiving.behind {
                let place = receiving.delivered;
                let found =
                    self.app.storage.pending(self.device.mailbox, place, (room, PAGE.1)).await?;
                receiving.behind = !found.is_empty();
                found
            } else {
                let arrived = receiving.consumer.take(room);
                receiving.behind = arrived.behind;
                if arrived.segments.is_empty() && !arrived.behind {
                    return Ok(());
                }
                if receiving.misses(&arrived.segments) {
                    receiving.behind = true;
                    continue;
                }
                arrived.segments
            };
            let (envelopes, frame) = receiving.next(segments, room)?;
            receiving.consumer.reach(receiving.delivered);
            let empty = !receiving.behind && !std::mem::replace(&mut receiving.caught_up, true);
            if envelopes > 0 {
                ::metrics::counter!(metrics::DELIVERED).increment(envelopes);
                self.write(Message::Binary(frame)).await?;
            }
            if empty {
                self.say(Reply::Empty(frame::Empty {})).await?;
            }
        }
        Ok(())
    }

    /// Time has passed: a silent connection is asked whether it is there, and ended if it is not.
    async fn rang(&mut self, alarm: std::pin::Pin<&mut Sleep>) -> Result<(), End> {
        if self.expires <= self.app.clock.now() {
            return Err(Code::Unauthenticated.into());
        }
        let idle = self.app.config.limits.idle_timeout;
        if self.heard.elapsed() >= idle {
            return Err(Code::Timeout.into());
        }
        if self.heard.elapsed() >= idle / 2 && !self.pinged {
            self.pinged = true;
            self.write(Message::Ping(Bytes::new())).await?;
        }
        alarm.reset(self.alarm());
        Ok(())
    }

    /// When to look again.
    fn alarm(&self) -> Instant {
        let idle = self.app.config.limits.idle_timeout;
        self.heard + if self.pinged { idle } else { idle / 2 }
    }

    async fn say(&mut self, frame: Reply) -> Result<(), End> {
        let bytes = FromRelay { frame: Some(frame) }.encode_to_vec();
        self.write(Message::Binary(bytes.into())).await
    }

    /// Puts a message where the next flush takes it from. A client that takes nothing for too long loses
    /// its connection below this.
    async fn write(&mut self, message: Message) -> Result<(), End> {
        self.socket.feed(message).await.map_err(|_| End::Lost)
    }

    async fn flush(&mut self) -> Result<(), End> {
        self.socket.flush().await.map_err(|_| End::Lost)
    }

    /// Waits for what the storage was asked to do, answers it, and says goodbye.
    async fn close(mut self, problem: Problem) {
        while let Some(outcome) = self.unstored.next().await {
            if self.stored(outcome).await.is_err() {
                break;
            }
        }
        let closing = replies::closing(problem);
        if self.say(closing).await.is_ok() && self.flush().await.is_ok() {
            let _ = timeout(Duration::from_secs(1), self.socket.close()).await;
        }
    }
}

/// Waits until the relay is being stopped.
async fn told(mut stopping: watch::Receiver<bool>) {
    // One who is gone without a word has stopped it too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Waits until then, where there is a then.
async fn over(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Waits for the hub, where this connection receives.
async fn woken(receiving: Option<&Receiving>) {
    match receiving {
        Some(receiving) => receiving.consumer.woken().await,
        None => std::future::pending().await,
    }
}

fn malformed(detail: &str) -> End {
    Problem::new(Code::Malformed, detail).into()
}

/// A connection that broke, or that sent what no WebSocket sends, or a message longer than a frame.
fn broken(error: axum::Error) -> End {
    let error = error.into_inner();
    match error.downcast_ref() {
        Some(tungstenite::Error::Capacity(_)) => {
            let detail = format!("a frame has at most {} bytes", limit::FRAME_LEN);
            Problem::new(Code::TooLarge, detail).into()
        }
        Some(_) | None => End::Lost,
    }
}
