//! Messages over plain HTTP, for scripts and pollers: sending, waiting, acknowledging.

use std::fmt::Display;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use serde::Deserialize;
use sprag_api::base64::Base64;
use sprag_api::frame;
use sprag_api::limit;
use sprag_api::mailbox::{self, Receipt, SendMessage, Waiting};
use sprag_api::name::{AccountName, DeviceId, InvalidDevice};
use sprag_api::problem::{Code, Problem};
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::app::{App, Shared};
use crate::auth::AuthedDevice;
use crate::error::Failure;
use crate::extract::{Json, NameInPath, Query};
use crate::metrics;
use crate::openapi::{AnyCall, WithBody, WithPath, WithToken};
use crate::storage::{
    Acknowledged, Batch, Damaged, MailboxId, SendRefusal, Submission, Unavailable,
};

/// Once the ciphertexts of an answer have so many bytes, the rest is for the next one.
const BYTES_PER_POLL: usize = 1024 * 1024;
/// Seconds after which to try a full mailbox again.
const FULL_RETRY: u32 = 600;

/// Seconds after which to ask again where the relay stops.
const RECONNECT: u32 = 2;

/// Send a message: one part for each device of an account.
///
/// Answered once it is stored durably. The same number again is stored once: the answer says that it is
/// a duplicate.
#[utoipa::path(
    post,
    path = "/v1/messages/{name}",
    tag = "messages",
    params(("name" = AccountName, Path, description = "To whom")),
    request_body = SendMessage,
    responses(
        (status = 200, description = "Stored", body = Receipt),
        (status = 404, description = "`not-found`: no such account", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`devices-differ`, with the current `device_list` and the \
            `devices` to name; `number-too-old`. Nothing was stored", body = Problem,
            content_type = "application/problem+json"),
        AnyCall, WithBody, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn send(
    State(app): State<Shared>,
    caller: AuthedDevice,
    NameInPath(name): NameInPath,
    Json(message): Json<SendMessage>,
) -> Result<Json<Receipt>, Failure> {
    let now = app.clock.now();
    let number = message.number;
    let parts = message.parts.into_iter();
    let parts = parts.map(|part| (part.device.get(), Bytes::from(part.ciphertext.0)));
    let submission = submission(number, name, parts)?;
    let len = submission.bytes();
    app.limits.send(caller.bearer.device.account, len, now)?;
    let batch = Batch {
        from: caller.bearer.device.mailbox,
        sender: caller.bearer.device.address,
        sends: vec![submission],
        now,
        _share: app.intake.share(len).await?,
    };
    let mut outcomes = app.storage.accept(batch).await?;
    metrics::sends(&outcomes);
    let stored = outcomes.pop().ok_or(Unavailable)?.map_err(refusal)?;
    Ok(Json(Receipt { number, duplicate: stored.duplicate, left_out: stored.left_out }))
}

/// A message as the storage takes it, from HTTP or the socket.
pub(crate) fn submission(
    number: u64,
    to: impl TryInto<AccountName, Error: Display>,
    parts: impl Iterator<Item = (u32, Bytes)>,
) -> Result<Submission, Failure> {
    let malformed = |detail: String| Err(Failure::malformed(detail));
    let to = match to.try_into() {
        Ok(to) => to,
        Err(invalid) => return malformed(invalid.to_string()),
    };
    // One more than allowed is enough to know.
    let parts: Vec<_> = parts.take(limit::DEVICES + 1).collect();
    if !(1..=limit::NUMBER_MAX).contains(&number) {
        return malformed(format!("a number is from 1 to {}", limit::NUMBER_MAX));
    }
    if !(1..=limit::DEVICES).contains(&parts.len()) {
        return malformed(format!("a message has 1 to {} parts", limit::DEVICES));
    }
    let mut named = Vec::with_capacity(parts.len());
    for (device, ciphertext) in parts {
        let Some(device) = DeviceId::new(device) else {
            return malformed(InvalidDevice.to_string());
        };
        if named.iter().any(|(before, _)| *before == device) {
            return malformed("a message has one part for each device".into());
        }
        if ciphertext.len() > limit::CIPHERTEXT_LEN {
            let detail = format!("a ciphertext is at most {} bytes", limit::CIPHERTEXT_LEN);
            return Err(Failure::new(Code::TooLarge, detail));
        }
        named.push((device, ciphertext));
    }
    Ok(Submission { number, to, parts: named })
}

/// Why a message is not stored, over HTTP or the socket.
pub(crate) fn refusal(refusal: SendRefusal) -> Problem {
    let code = refusal.code();
    match refusal {
        SendRefusal::UnknownAccount => Problem::new(code, "there is no account of this name"),
        SendRefusal::DevicesDiffer { device_list, devices } => {
            let mut problem = Problem::new(
                code,
                "name exactly the devices that come with this, and send again with the same number",
            );
            problem.device_list = Some(Base64(device_list));
            problem.devices = Some(devices);
            problem
        }
        SendRefusal::MailboxFull => {
            Problem::new(code, "the recipient must fetch what waits; try again later")
                .after(FULL_RETRY)
        }
        SendRefusal::NumberTooOld => {
            let detail = format!(
                "a number is at most {} below the highest accepted one, the mark of this session",
                limit::NUMBER_WINDOW - 1
            );
            Problem::new(code, detail)
        }
        SendRefusal::SenderGone => {
            Problem::new(code, "this device is no longer one of its account")
        }
    }
}

/// Which envelopes, and how long to wait for one.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Poll {
    /// Only those with a `seq` above this.
    #[serde(default)]
    #[param(maximum = 9_223_372_036_854_775_807_u64, default = 0)]
    after: u64,
    /// At most so many.
    #[serde(default = "most")]
    #[param(minimum = 1, maximum = 100, default = 100)]
    limit: usize,
    /// Where there are none, wait so many seconds for one.
    #[serde(default)]
    #[param(maximum = 60, default = 0)]
    wait: u64,
}

fn most() -> usize {
    limit::ENVELOPES_PER_POLL
}

impl Poll {
    fn checked(self) -> Result<Self, Failure> {
        let limits = 1..=limit::ENVELOPES_PER_POLL;
        if !limits.contains(&self.limit) {
            let detail = format!("`limit` is from 1 to {}", limit::ENVELOPES_PER_POLL);
            return Err(Failure::malformed(detail));
        }
        if self.wait > limit::POLL_WAIT {
            let detail = format!("`wait` is at most {}", limit::POLL_WAIT);
            return Err(Failure::malformed(detail));
        }
        seq("after", self.after).map(|_| self)
    }
}

/// A place in a mailbox, within what the storage counts with.
fn seq(what: &str, seq: u64) -> Result<u64, Failure> {
    if seq > limit::NUMBER_MAX {
        return Err(Failure::malformed(format!("`{what}` is at most {}", limit::NUMBER_MAX)));
    }
    Ok(seq)
}

/// Fetch what waits in the own mailbox, oldest first.
///
/// It stays there until it is acknowledged. With `wait`, an empty mailbox is answered once something has
/// arrived or the time is over. A socket of the same device goes on receiving meanwhile.
#[utoipa::path(
    get,
    path = "/v1/messages",
    tag = "messages",
    params(Poll),
    responses(
        (status = 200, description = "What waits, perhaps nothing", body = Waiting),
        AnyCall, WithPath, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn fetch(
    State(app): State<Shared>,
    caller: AuthedDevice,
    Query(poll): Query<Poll>,
) -> Result<Json<Waiting>, Failure> {
    let poll = poll.checked()?;
    let mailbox = caller.bearer.device.mailbox;
    let until = Instant::now() + Duration::from_secs(poll.wait);
    // Watched before it is looked at, so that nothing arrives unseen in between.
    let mut watch = app.hub.watch(mailbox);
    let mut stopping = app.stopping.clone();
    loop {
        let waiting = look(&app, mailbox, poll).await?;
        if !waiting.envelopes.is_empty() || poll.wait == 0 {
            return Ok(Json(waiting));
        }
        tokio::select! {
            () = watch.woken() => {}
            () = tokio::time::sleep_until(until) => return Ok(Json(waiting)),
            _ = stopping.wait_for(|stopping| *stopping) => return Err(shutting_down()),
        }
    }
}

fn shutting_down() -> Failure {
    let problem = Problem::new(Code::ShuttingDown, "nothing has arrived; ask again");
    problem.after(RECONNECT).into()
}

async fn look(app: &App, mailbox: MailboxId, poll: Poll) -> Result<Waiting, Failure> {
    let most = poll.limit as u64;
    let segments = app.storage.pending(mailbox, poll.after, (most, BYTES_PER_POLL)).await?;
    let more = match segments.last() {
        Some(last) => !app.storage.pending(mailbox, last.last, (1, 1)).await?.is_empty(),
        None => false,
    };
    let mut envelopes = Vec::new();
    for segment in segments {
        for envelope in segment.envelopes()? {
            envelopes.push(shown(envelope)?);
        }
    }
    Ok(Waiting { envelopes, more })
}

fn shown(envelope: frame::Envelope) -> Result<mailbox::Envelope, Damaged> {
    Ok(mailbox::Envelope {
        seq: envelope.seq,
        sender: AccountName::new(envelope.sender).map_err(|_| Damaged)?,
        sender_device: DeviceId::new(envelope.sender_device).ok_or(Damaged)?,
        number: envelope.number,
        received: envelope.received,
        ciphertext: Base64::from(envelope.ciphertext),
    })
}

/// How far envelopes are stored on the device.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Through {
    /// The `seq` of the last one.
    #[param(maximum = 9_223_372_036_854_775_807_u64)]
    through: u64,
}

/// Acknowledge: delete what waits up to a place. It will not come again.
#[utoipa::path(
    delete,
    path = "/v1/messages",
    tag = "messages",
    params(Through),
    responses(
        (status = 204, description = "Deleted, or there was nothing"),
        AnyCall, WithPath, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn acknowledge(
    State(app): State<Shared>,
    caller: AuthedDevice,
    Query(Through { through }): Query<Through>,
) -> Result<StatusCode, Failure> {
    let through = seq("through", through)?;
    let mailbox = caller.bearer.device.mailbox;
    if app.storage.acknowledge(mailbox, through, None).await? == Acknowledged::Deleted {
        ::metrics::counter!(metrics::ACKNOWLEDGED).increment(1);
    }
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
