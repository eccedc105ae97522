//! The connection: made, kept, made again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use chacha20::ChaCha20Rng;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use sprag_api::frame::{
    FromRelay, Hello, Message as _, ToRelay, Welcome, from_relay::Frame, to_relay,
};
use sprag_api::problem::Code;
use sprag_protocol::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::desk::{Desk, Order, Outlets, Stage};
use super::events::Connection;
use super::http::Socket;
use super::net::Net;
use super::{Error, clock};
use crate::exchange::{Lost, of_signed};
use crate::input::Input;
use crate::retry::{
    ANSWER_WITHIN, Broken, HELD, SILENCE, closed_by_relay, is_final, is_listed, pause,
};

/// How long the goodbye may take.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// The longest sleep before the clock is looked at again: it may have been set, or the machine slept.
const NAP: Duration = Duration::from_mins(1);

type Sink = SplitSink<Socket, Message>;
type Stream = SplitStream<Socket>;

/// What keeps the connection.
pub(super) struct Line {
    pub(super) net: Arc<Net>,
    pub(super) outlets: Arc<Outlets>,
    pub(super) orders: mpsc::WeakSender<Order>,
    pub(super) rng: ChaCha20Rng,
}

impl Line {
    /// Connects, again and again, until the client is closed.
    pub(super) async fn run(mut self) {
        let mut closed = self.outlets.closed.subscribe();
        let mut wake = self.outlets.wake.subscribe();
        let mut failures = 0;
        loop {
            let Some(stage) = self.can_connect(&mut closed).await else { return };
            if stage == Stage::Removed {
                return self.outlets.connection_is(Connection::Ended(Error::Removed));
            }
            self.outlets.connection_is(Connection::Connecting);
            let began = Instant::now();
            let Broken { why, retry_after } = self.connection(&mut closed).await;
            if *closed.borrow() {
                return;
            }
            failures = if began.elapsed() < HELD { failures + 1 } else { 1 };
            wake.mark_unchanged();
            let retry_in = if is_final(&why) {
                self.outlets.connection_is(Connection::Ended(why));
                None
            } else {
                let retry_in = pause(failures, retry_after, &mut self.rng);
                self.outlets.connection_is(Connection::Waiting { why, retry_in });
                Some(retry_in)
            };
            tokio::select! {
                () = closing(&mut closed) => return,
                _ = wake.changed() => failures = 0,
                () = forever_or(retry_in) => {}
            }
        }
    }

    /// Waits until this device can log in, or never can again.
    async fn can_connect(&self, closed: &mut watch::Receiver<bool>) -> Option<Stage> {
        let mut stage = self.outlets.stage.subscribe();
        tokio::select! {
            () = closing(closed) => None,
            stage = stage.wait_for(|stage| *stage != Stage::Linking) => stage.ok().map(|stage| *stage),
        }
    }

    /// One connection from its beginning to its end.
    async fn connection(&self, closed: &mut watch::Receiver<bool>) -> Broken {
        let connecting = tokio::select! {
            () = closing(closed) => return Error::Closed.into(),
            connecting = self.connect() => connecting,
        };
        let (sink, stream) = match connecting {
            Ok(socket) => socket.split(),
            Err(why) => return why.into(),
        };
        let mut hang_up = self.outlets.hang_up.subscribe();
        let (outgoing, queue) = mpsc::unbounded_channel();
        let mut writing = tokio::spawn(write(sink, queue));
        let broken = tokio::select! {
            biased;
            () = closing(closed) => Error::Closed.into(),
            _ = hang_up.changed() => {
                let failed = *hang_up.borrow_and_update();
                failed.map_or(Error::Closed, Error::Store).into()
            }
            broken = self.converse(outgoing, stream) => broken,
            _ = &mut writing => Error::Unreachable.into(),
        };
        // Where the desk is closed, it needs not be told.
        let _ = self.order(Desk::disconnected).await;
        // With its last sender the queue has ended, and the goodbye is said.
        if !writing.is_finished() && timeout(LEAVE_WITHIN, &mut writing).await.is_err() {
            writing.abort();
        }
        broken
    }

    async fn converse(
        &self,
        outgoing: mpsc::UnboundedSender<to_relay::Frame>,
        mut stream: Stream,
    ) -> Broken {
        let welcome = match self.hello(&outgoing, &mut stream).await {
            Ok(welcome) => welcome,
            Err(broken) => return broken,
        };
        // Given away: the desk alone says how long the socket is needed.
        if let Err(broken) = self.order(move |desk| desk.welcome(welcome, outgoing)).await {
            return broken;
        }
        self.outlets.connection_is(Connection::Online);
        self.read(&mut stream).await
    }

    /// Registers where that is still to be done, logs in, opens the socket.
    async fn connect(&self) -> Result<Socket, Error> {
        if let Some(register) = self.net.desk(Desk::registration).await? {
            let signed = register.login.time;
            match self.net.register(&register).await {
                Ok(()) => self.net.desk(|desk| desk.turn(Input::Registered)).await?,
                // It may be ours, and the answer was lost.
                Err(Lost::Problem(problem)) if problem.code == Code::NameTaken => {
                    match self.net.token().await {
                        Ok(_) => self.net.desk(|desk| desk.turn(Input::Registered)).await?,
                        Err(Error::Relay { code: Code::BadSignature, .. }) => {
                            return Err(Error::NameTaken);
                        }
                        Err(error) => return Err(error),
                    }
                }
                Err(Lost::NoAnswer) => {
                    self.outlets.unsure.store(true, Ordering::Relaxed);
                    return Err(Error::Unreachable);
                }
                Err(lost) => return Err(of_signed(lost, signed)),
            }
        }
        let token = self.token().await?;
        match self.net.http.socket(token.text()).await {
            Err(Lost::Problem(problem)) if problem.code == Code::Unauthenticated => {
                self.net.forget(&token).await;
                let token = self.token().await?;
                Ok(self.net.http.socket(token.text()).await?)
            }
            outcome => Ok(outcome?),
        }
    }

    async fn token(&self) -> Result<Arc<crate::exchange::Token>, Error> {
        match self.net.token().await {
            Err(Error::Relay { code: Code::BadSignature, retry_after }) => {
                Err(self.who_are_we(Error::Relay { code: Code::BadSignature, retry_after }).await?)
            }
            outcome => outcome,
        }
    }

    /// The relay refuses this device's signature: because it was removed, or because the relay does
    /// not know the account.
    async fn who_are_we(&self, otherwise: Error) -> Result<Error, Error> {
        let own = self.net.desk(|desk| desk.engine().account().clone()).await?;
        let account = match self.net.look_up(own.as_str()).await {
            Ok(account) => account,
            Err(Lost::Problem(problem)) if problem.code == Code::NotFound => {
                return Ok(Error::AccountGone);
            }
            Err(lost) => return Ok(lost.into()),
        };
        self.net
            .desk(move |desk| match is_listed(desk.engine(), &account) {
                None => Error::AccountGone,
                Some(true) => otherwise,
                Some(false) => {
                    desk.turn(Input::LoginRefused(Box::new(account)));
                    if desk.engine().is_removed() { Error::Removed } else { otherwise }
                }
            })
            .await
    }

    async fn hello(
        &self,
        outgoing: &mpsc::UnboundedSender<to_relay::Frame>,
        stream: &mut Stream,
    ) -> Result<Welcome, Broken> {
        let counter = self.net.desk(|desk| desk.engine().counter()).await?;
        let hello = Hello { counter, send_only: false };
        // Where nobody writes any more, no welcome comes either.
        let _ = outgoing.send(to_relay::Frame::Hello(hello));
        let first = timeout(ANSWER_WITHIN, next(stream)).await.map_err(|_| Error::Unreachable)?;
        match first? {
            Some(Frame::Welcome(welcome)) => Ok(welcome),
            Some(Frame::Closing(closing)) => {
                Err(closed_by_relay(&closing.code, closing.retry_after))
            }
            _ => Err(Error::NotARelay.into()),
        }
    }

    /// Hands on what the relay says, until it says no more.
    async fn read(&self, stream: &mut Stream) -> Broken {
        loop {
            match next(stream).await {
                Ok(Some(Frame::Closing(closing))) => {
                    if Code::parse(&closing.code) == Some(Code::Unauthenticated) {
                        self.net.forget_all().await;
                    }
                    return closed_by_relay(&closing.code, closing.retry_after);
                }
                Ok(Some(frame)) => {
                    if let Err(broken) = self.order(move |desk| desk.frame(frame)).await {
                        return broken;
                    }
                }
                // A frame of a later version, or none.
                Ok(None) => {}
                Err(error) => return error.into(),
            }
        }
    }

    /// Gives the desk an order, without waiting for it; where there are too many, waits for room.
    async fn order(&self, order: impl FnOnce(&mut Desk) + Send + 'static) -> Result<(), Broken> {
        let orders = self.orders.upgrade().ok_or(Error::Closed)?;
        orders.send(Box::new(order)).await.map_err(|_| Error::Closed.into())
    }
}

/// The next frame; `None` for one that this version does not know.
async fn next(stream: &mut Stream) -> Result<Option<Frame>, Error> {
    // Pings go out each minute, and are answered: this connection is dead.
    let message = timeout(2 * SILENCE, stream.next()).await.map_err(|_| Error::Unreachable)?;
    match message {
        Some(Ok(Message::Binary(bytes))) => {
            FromRelay::decode(bytes).map(|frame| frame.frame).map_err(|_| Error::NotARelay)
        }
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Frame(_))) => {
            Ok(None)
        }
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Error::Unreachable),
    }
}

/// Writes what the desk says, and pings where it has nothing to say; with the end of the queue it says
/// goodbye.
async fn write(mut sink: Sink, mut queue: mpsc::UnboundedReceiver<to_relay::Frame>) {
    loop {
        let message = match timeout(SILENCE, queue.recv()).await {
            Ok(Some(frame)) => {
                Message::Binary(ToRelay { frame: Some(frame) }.encode_to_vec().into())
            }
            Ok(None) => break,
            Err(_) => Message::Ping(Bytes::new()),
        };
        let more = !queue.is_empty();
        let written = if more { sink.feed(message).await } else { sink.send(message).await };
        if written.is_err() {
            return;
        }
    }
    // Where the connection is gone, so is who would hear it.
    let _ = sink.close().await;
}

async fn closing(closed: &mut watch::Receiver<bool>) {
    // Where nobody can say it any more, it is so.
    let _ = closed.wait_for(|closed| *closed).await;
}

async fn forever_or(pause: Option<Duration>) {
    match pause {
        Some(pause) => sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// Wakes the engine when it wants to be woken.
pub(super) async fn alarm(outlets: Arc<Outlets>, orders: mpsc::WeakSender<Order>) {
    let mut closed = outlets.closed.subscribe();
    let mut alarm = outlets.alarm.subscribe();
    loop {
        let at = *alarm.borrow_and_update();
        tokio::select! {
            () = closing(&mut closed) => return,
            _ = alarm.changed() => {}
            () = until(at) => {
                let Some(orders) = orders.upgrade() else { return };
                let tick: Order = Box::new(|desk| desk.turn(Input::Tick));
                if orders.send(tick).await.is_err() {
                    return;
                }
                drop(orders);
                // Each turn sets it, also where it stays what it was.
                if alarm.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn until(at: Option<Timestamp>) {
    let Some(at) = at else { return std::future::pending().await };
    loop {
        let left = at.seconds().saturating_sub(clock::now().seconds());
        if left == 0 {
            return;
        }
        sleep(Duration::from_secs(left).min(NAP)).await;
    }
}
