//! Messages: writing them, receiving them, looking back; how they are shown, to people and to programs.

use serde_json::{Value, json};
use sprag_client::view::Failed;
use sprag_client::{Attachment, Body, Entry, Event, Message, MessageState, Trust};

use crate::display;
use crate::out::{BOLD, DIM};

pub(crate) mod list;
pub(crate) mod recv;
mod save;
pub(crate) mod search;
pub(crate) mod send;

/// A state, as it is written.
fn state(state: MessageState) -> &'static str {
    match state {
        MessageState::Queued => "queued",
        MessageState::Sending => "sending",
        MessageState::Sent => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Read => "read",
        MessageState::Failed(_) => "failed",
    }
}

/// Why a message failed, for programs.
fn why(state: MessageState) -> Option<&'static str> {
    match state {
        MessageState::Failed(Failed::NoSuchAccount) => Some("no-such-account"),
        MessageState::Failed(Failed::Refused) => Some("refused"),
        MessageState::Queued
        | MessageState::Sending
        | MessageState::Sent
        | MessageState::Delivered
        | MessageState::Read => None,
    }
}

/// What is known of who somebody is, for programs.
pub(crate) fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Unknown => "unknown",
        Trust::FirstUse => "first-use",
        Trust::Verified => "verified",
        Trust::KeyChanged { .. } => "key-changed",
    }
}

/// A file, for programs: what it is called and how long it is, not how it is opened.
fn file(file: &Attachment) -> Value {
    json!({
        "name": file.name,
        "length": file.length,
        "media_type": file.media_type,
        "caption": file.caption,
    })
}

/// What a message says, in fields of an object: `text` or `file`.
fn said(body: &Body) -> (&'static str, Value) {
    match body {
        Body::Text(text) => ("text", json!(text)),
        Body::File(attachment) => ("file", file(attachment)),
    }
}

/// What a message says, for people. A line of it that is not the first cannot be taken for another
/// message.
fn words(body: &Body) -> String {
    let text = match body {
        Body::Text(text) => display::plain(text).into_owned(),
        Body::File(file) => {
            let name = display::line(&file.name);
            let name = if name.is_empty() { "a file" } else { &name };
            let caption = display::plain(&file.caption);
            let gap = if caption.is_empty() { "" } else { " " };
            format!("[{name}, {}]{gap}{caption}", display::size(file.length))
        }
    };
    text.replace('\n', "\n    ")
}

/// A message that was received, for programs.
fn received(message: &Message) -> Value {
    let (field, what) = said(&message.body);
    json!({
        "from": message.from.as_str(),
        "device": message.device.get(),
        "id": message.id.to_string(),
        "position": message.position,
        "written": message.written.seconds(),
        "received": message.received.seconds(),
        field: what,
    })
}

/// A message that was received, for people.
fn line(message: &Message) -> String {
    let time = display::time(message.received);
    let (from, words) = (&message.from, words(&message.body));
    format!("{DIM}{time}{DIM:#} {BOLD}{from}:{BOLD:#} {words}")
}

/// An entry of a history, for programs. With `with`, the account that the conversation is with.
fn entry(with: &str, entry: &Entry) -> Value {
    let mut value = json!({
        "with": with,
        "position": entry.position,
        "from": entry.from.as_str(),
        "own": entry.own,
        "device": entry.device.get(),
        "received": entry.received.seconds(),
    });
    let Some(fields) = value.as_object_mut() else { return value };
    match &entry.event {
        Event::Message { id, written, body } => {
            let (field, what) = said(body);
            fields.insert("id".into(), json!(id.to_string()));
            fields.insert("written".into(), json!(written.seconds()));
            fields.insert(field.into(), what);
        }
        Event::KeyChanged => {
            fields.insert("event".into(), json!("key-changed"));
        }
    }
    if let Some(of) = entry.state {
        fields.insert("state".into(), json!(state(of)));
        if let Some(why) = why(of) {
            fields.insert("why".into(), json!(why));
        }
    }
    value
}

/// An entry of a history, for people.
fn entry_line(entry: &Entry) -> String {
    let time = display::time(entry.received);
    let from = &entry.from;
    match &entry.event {
        Event::KeyChanged => {
            format!("{DIM}{time}{DIM:#} -- the key of this account changed, and was accepted --")
        }
        Event::Message { body, .. } => {
            let words = words(body);
            let state = entry.state.map(|of| format!(" {DIM}({}){DIM:#}", state(of)));
            let state = state.unwrap_or_default();
            format!("{DIM}{time}{DIM:#} {BOLD}{from}:{BOLD:#} {words}{state}")
        }
    }
}

#[cfg(test)]
mod tests;
