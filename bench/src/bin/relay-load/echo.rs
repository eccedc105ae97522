//! The limit of the transport: the relay's frames over the relay's libraries, and nothing behind them.
//!
//! What is submitted is accepted at once and pushed to whoever receives for that account. Nothing is
//! stored, nobody logs in (the token is the account's name), nothing is limited.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use sprag_api::frame::{
    Accepted, Acknowledged, Deliver, Empty, Envelope, FromRelay, Message as _, Receipt, Submit,
    ToRelay, Welcome, from_relay, to_relay,
};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What a socket reads at once: a frame of 16 messages fits.
const READ: usize = 4 * 1024;

/// Who receives for an account.
#[derive(Default)]
struct Mailbox {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Default)]
struct Waiting {
    envelopes: Vec<Envelope>,
    seq: u64,
}

/// All mailboxes, by account.
type Mailboxes = Arc<Mutex<HashMap<String, Arc<Mailbox>>>>;

/// Serves until standard input ends: it lives no longer than whoever started it.
pub(crate) fn serve(announce: impl FnOnce(&str) -> Result<()>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
        announce(&format!("listening on http://{}", listener.local_addr()?))?;
        let listener = listener.tap_io(|stream| {
            // Where this fails, answers are late: it shows in the figures.
            let _ = stream.set_nodelay(true);
        });
        let router = Router::new().route("/v1/socket", get(upgrade));
        let serving = axum::serve(listener, router.with_state(Mailboxes::default()));
        let orphaned = tokio::task::spawn_blocking(|| {
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink())
        });
        tokio::select! {
            served = serving => served.context("cannot serve"),
            _ = orphaned => Ok(()),
        }
    })
}

async fn upgrade(
    State(mailboxes): State<Mailboxes>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let protocols = headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    let token = protocols.and_then(|value| value.rsplit('.').next()).unwrap_or_default().to_owned();
    upgrade.read_buffer_size(READ).protocols(["sprag.v1"]).on_upgrade(async move |socket| {
        // A connection that breaks off is the other side's business.
        let _ = Connection { socket, mailboxes, name: token, known: HashMap::new() }.run().await;
    })
}

struct Connection {
    socket: WebSocket,
    mailboxes: Mailboxes,
    name: String,
    /// Mailboxes that were written to before.
    known: HashMap<String, Arc<Mailbox>>,
}

impl Connection {
    async fn run(mut self) -> Result<()> {
        let Some(hello) = self.next().await? else { return Ok(()) };
        let sends_only = matches!(hello, to_relay::Frame::Hello(hello) if hello.send_only);
        self.answer(from_relay::Frame::Welcome(Welcome::default())).await?;
        if sends_only {
            while let Some(frame) = self.next().await? {
                self.take(frame).await?;
            }
            return Ok(());
        }
        self.answer(from_relay::Frame::Empty(Empty {})).await?;
        let own = mailbox(&self.mailboxes, &self.name);
        loop {
            tokio::select! {
                frame = self.next() => match frame? {
                    Some(frame) => self.take(frame).await?,
                    None => return Ok(()),
                },
                () = own.wake.notified() => {
                    let envelopes = std::mem::take(&mut lock(&own.waiting).envelopes);
                    if !envelopes.is_empty() {
                        self.answer(from_relay::Frame::Deliver(Deliver { envelopes })).await?;
                    }
                }
            }
        }
    }

    /// The next frame; `None` at the end.
    async fn next(&mut self) -> Result<Option<to_relay::Frame>> {
        while let Some(message) = self.socket.recv().await {
            if let Message::Binary(bytes) = message? {
                return Ok(ToRelay::decode(bytes)?.frame);
            }
        }
        Ok(None)
    }

    async fn take(&mut self, frame: to_relay::Frame) -> Result<()> {
        match frame {
            to_relay::Frame::Hello(_) => Ok(()),
            to_relay::Frame::Submit(submit) => {
                let receipts = self.push(submit);
                self.answer(from_relay::Frame::Accepted(Accepted { receipts })).await
            }
            to_relay::Frame::Acknowledge(acknowledge) => {
                let through = acknowledge.through;
                self.answer(from_relay::Frame::Acknowledged(Acknowledged { through })).await
            }
        }
    }

    fn push(&mut self, submit: Submit) -> Vec<Receipt> {
        let mut receipts = Vec::with_capacity(submit.sends.len());
        for send in submit.sends {
            if !self.known.contains_key(&send.to) {
                self.known.insert(send.to.clone(), mailbox(&self.mailboxes, &send.to));
            }
            let Some(mailbox) = self.known.get(&send.to) else { continue };
            let mut waiting = lock(&mailbox.waiting);
            for part in send.parts {
                waiting.seq += 1;
                let envelope = Envelope {
                    seq: waiting.seq,
                    sender: self.name.clone(),
                    sender_device: 1,
                    number: send.number,
                    received: 1_800_000_000,
                    ciphertext: part.ciphertext,
                };
                waiting.envelopes.push(envelope);
            }
            drop(waiting);
            mailbox.wake.notify_one();
            receipts.push(Receipt { number: send.number, ..Receipt::default() });
        }
        receipts
    }

    async fn answer(&mut self, frame: from_relay::Frame) -> Result<()> {
        let bytes = FromRelay { frame: Some(frame) }.encode_to_vec();
        Ok(self.socket.send(Message::Binary(bytes.into())).await?)
    }
}

fn mailbox(mailboxes: &Mailboxes, name: &str) -> Arc<Mailbox> {
    Arc::clone(lock(mailboxes).entry(name.to_owned()).or_default())
}

/// Nothing here is changed in steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
