//! `sprag send`: a text, files, and waiting until they are where they should be.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;
use sprag_api::problem::Code;
use sprag_client::content::MAX_TEXT_LEN;
use sprag_client::{Attached, Client, Connection, Error, MessageState, Refusal, Sent, Trust};
use sprag_protocol::AccountName;
use tokio::time::Instant;

use super::{save, state};
use crate::failure::usage;
use crate::out::Out;
use crate::running::{self, Manner, Place, Reach};
use crate::serve::amount::Span;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The account to write to
    pub(crate) to: String,

    /// What to say; with -, and where it is left out, it is read from standard input
    pub(crate) text: Option<String>,

    /// Send this file too, of at most 100 MiB; can be said several times
    #[arg(long = "file", value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,

    /// Say this beside the files
    #[arg(long, value_name = "TEXT", requires = "files")]
    pub(crate) caption: Option<String>,

    /// What to wait for: that the relay has it, that a device has it, that it was read
    #[arg(long, value_name = "STATE", default_value = "sent")]
    pub(crate) wait: Until,

    /// How long to wait for that; what was not sent by then stays queued
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(crate) timeout: Span,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// It is kept here, and goes with the next command
    Queued,
    /// The relay has it
    Sent,
    /// A device of the other account has it
    Delivered,
    /// Somebody has read it, and lets others know
    Read,
}

impl Until {
    fn state(self) -> MessageState {
        match self {
            Self::Queued => MessageState::Queued,
            Self::Sent => MessageState::Sent,
            Self::Delivered => MessageState::Delivered,
            Self::Read => MessageState::Read,
        }
    }
}

/// Sends.
pub(crate) async fn run(options: &Options, place: &Place) -> Result<()> {
    let text = text(options).map_err(usage)?;
    if text.as_ref().is_some_and(|text| !(1..=MAX_TEXT_LEN).contains(&text.len())) {
        return Err(Error::Refused(Refusal::TooLong).into());
    }
    let reach = if options.wait == Until::Queued && options.files.is_empty() {
        Reach::Here
    } else {
        Reach::Relay
    };
    place.with_client(reach, async |client| send(options, text, place.out, client).await).await
}

async fn send(options: &Options, text: Option<String>, out: Out, client: &Client) -> Result<()> {
    let Span(within) = options.timeout;
    let end = Instant::now() + within;
    if client.connection() != Connection::Offline {
        known(client, &options.to, within).await?;
    }
    let mut sent = Vec::new();
    if let Some(text) = text {
        sent.push(client.send(&options.to, text).await?);
    }
    for file in &options.files {
        let caption = options.caption.clone().unwrap_or_default();
        sent.push(send_file(client, &options.to, file, caption, out).await?);
    }
    let mut trouble = None;
    for message in &sent {
        let outcome = arrived(client, message, options.wait, end).await;
        let now = message.state().await?;
        let (to, id) = (message.to().as_str(), message.id().to_string());
        let value = json!({ "id": id, "to": to, "state": state(now) });
        if out.is_json() {
            out.data(&value, "")?;
        } else {
            out.say(&format!("{} to {to}", state(now)));
        }
        trouble = trouble.or(outcome.err());
    }
    // Where nothing connects, nothing becomes of waiting.
    if trouble.is_none() && client.connection() != Connection::Offline {
        // What earlier commands left, and receipts for what came meanwhile.
        let _ = client.settle(end.saturating_duration_since(Instant::now())).await;
        running::settle(client).await;
    }
    trouble.map_or(Ok(()), |error| Err(late(options.wait, &options.to, error)))
}

/// Nothing is queued for an account that there is not. Where that cannot be told now, it is told when
/// the message is sent.
async fn known(client: &Client, to: &str, within: Duration) -> Result<(), Error> {
    if client.peer(to).await?.is_some() || client.online(within).await.is_err() {
        return Ok(());
    }
    match client.meet(to).await {
        Err(Error::Refused(Refusal::Unreachable)) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Waits for a message, as long as there is hope.
async fn arrived(client: &Client, message: &Sent, until: Until, end: Instant) -> Result<(), Error> {
    if until == Until::Queued {
        return Ok(());
    }
    let left = end.saturating_duration_since(Instant::now());
    let reached = tokio::select! {
        biased;
        reached = message.reached(until.state(), left) => reached.map(drop),
        why = no_way(client, message.to()) => Err(why),
    };
    let Err(Error::Timeout) = reached else { return reached };
    // Where there is nothing to do but to wait, the relay has said so.
    let paused =
        message.state().await? < MessageState::Sent && client.settle(Duration::ZERO).await.is_ok();
    let limited = Error::Relay { code: Code::RateLimited, retry_after: None };
    Err(if paused { limited } else { Error::Timeout })
}

/// Why it cannot go now, as soon as that is known.
async fn no_way(client: &Client, to: &AccountName) -> Error {
    let mut events = client.events();
    loop {
        match client.connection() {
            Connection::Waiting { why, .. } | Connection::Ended(why) => return why,
            Connection::Offline => return Error::Offline,
            Connection::Connecting | Connection::Online => {}
        }
        let trust = client.peer(to.as_str()).await.map(|peer| peer.map(|peer| peer.trust));
        match trust {
            Ok(Some(Trust::KeyChanged { .. })) => return Error::Refused(Refusal::KeyChanged),
            Ok(_) => {}
            Err(error) => return error,
        }
        if events.next().await.is_none() {
            return Error::Closed;
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever it is, it waits")]
fn late(wait: Until, to: &str, error: Error) -> anyhow::Error {
    let what = match error {
        Error::NotSent(_) | Error::Store(_) | Error::Closed => return error.into(),
        Error::Refused(Refusal::KeyChanged) => {
            let what = format!("it stays queued until you decide (sprag verify {to})");
            return anyhow::Error::new(error).context(what);
        }
        _ => match wait {
            Until::Queued | Until::Sent => {
                "it stays queued, and goes with the next command that connects"
            }
            Until::Delivered => "it was not delivered in time",
            Until::Read => "it was not read in time, or whoever read it does not let others know",
        },
    };
    anyhow::Error::new(error).context(what)
}

async fn send_file(
    client: &Client,
    to: &str,
    path: &Path,
    caption: String,
    out: Out,
) -> Result<Sent> {
    let what = Attached { caption, name: None, media_type: media_type(path).into() };
    let bar = save::bar(out, "sending");
    let sent = client.send_file(to, path, what, |progress| save::show(&bar, progress)).await;
    bar.finish_and_clear();
    sent.with_context(|| path.display().to_string())
}

/// What a file is, by the end of its name; nothing where that does not say.
fn media_type(path: &Path) -> &'static str {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    match end.to_ascii_lowercase().as_str() {
        "gif" => "image/gif",
        "htm" | "html" => "text/html",
        "jpeg" | "jpg" => "image/jpeg",
        "json" => "application/json",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain",
        "webp" => "image/webp",
        "zip" => "application/zip",
        _ => "",
    }
}

/// The text to send: what was said, or what comes on standard input.
fn text(options: &Options) -> Result<Option<String>> {
    match options.text.as_deref() {
        Some("-") => read().map(Some),
        Some(text) => Ok(Some(text.to_owned())),
        None if !options.files.is_empty() => Ok(None),
        None if io::stdin().is_terminal() => {
            bail!("what is to be sent? Give a TEXT, or a --file, or text on standard input")
        }
        None => read().map(Some),
    }
}

fn read() -> Result<String> {
    // One more than fits, and the end of the line.
    let most = u64::try_from(MAX_TEXT_LEN + 3).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(most)
        .read_to_end(&mut bytes)
        .context("standard input cannot be read")?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.utf8_error().error_len().is_none() => {
            // Cut off in the middle of a character: it is too long.
            return Err(Error::Refused(Refusal::TooLong).into());
        }
        Err(_) => {
            bail!("what came on standard input is not UTF-8 text; send it as a file: --file PATH")
        }
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
