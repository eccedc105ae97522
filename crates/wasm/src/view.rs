//! What a person sees, as plain objects.

use sprag_api::base64::Base64;
use sprag_client::view::Failed;
use sprag_client::{
    Attachment, Body, Conversation, Entry, Event, MessageState, OwnDevice, PeerView, Trust,
};
use sprag_protocol::fingerprint::Comparison;
use sprag_protocol::{AccountName, Timestamp};
use wasm_bindgen::JsValue;

use crate::plain::{Plain, list};
use crate::read::number;

/// A moment in milliseconds since 1970.
pub(crate) fn time(at: Timestamp) -> f64 {
    number(at.seconds().saturating_mul(1000))
}

pub(crate) fn state(state: MessageState) -> &'static str {
    match state {
        MessageState::Queued => "queued",
        MessageState::Sending => "sending",
        MessageState::Sent => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Read => "read",
        MessageState::Failed(_) => "failed",
    }
}

pub(crate) fn reason(state: MessageState) -> Option<&'static str> {
    match state {
        MessageState::Failed(Failed::NoSuchAccount) => Some("no-such-account"),
        MessageState::Failed(Failed::Refused) => Some("not-sent"),
        MessageState::Queued
        | MessageState::Sending
        | MessageState::Sent
        | MessageState::Delivered
        | MessageState::Read => None,
    }
}

fn trust(trust: Trust) -> (&'static str, bool) {
    match trust {
        Trust::Unknown => ("unknown", false),
        Trust::FirstUse => ("first-use", false),
        Trust::Verified => ("verified", true),
        Trust::KeyChanged { was_verified } => ("key-changed", was_verified),
    }
}

pub(crate) fn file(file: &Attachment) -> JsValue {
    Plain::of("name", &file.name)
        .with("mediaType", &file.media_type)
        .with("length", number(file.length))
        .with("blob", Base64::from(file.blob).to_string())
        .into()
}

pub(crate) fn entry(entry: &Entry) -> JsValue {
    let plain = Plain::new()
        .with("position", number(entry.position))
        .with("from", entry.from.as_str())
        .with("device", entry.device.get())
        .with("own", entry.own)
        .with("received", time(entry.received));
    let plain = match &entry.event {
        Event::KeyChanged => plain.with("kind", "key-changed"),
        Event::Message { id, written, body } => {
            let plain = plain.with("id", id.to_string()).with("written", time(*written));
            match body {
                Body::Text(text) => plain.with("kind", "text").with("text", text),
                Body::File(attachment) => plain
                    .with("kind", "file")
                    .with("text", &attachment.caption)
                    .with("file", file(attachment)),
            }
        }
    };
    plain
        .maybe("state", entry.state.map(state))
        .maybe("reason", entry.state.and_then(reason))
        .into()
}

pub(crate) fn found(with: &AccountName, found: &Entry) -> JsValue {
    Plain::of("conversation", with.as_str()).with("entry", entry(found)).into()
}

pub(crate) fn conversation(talk: &Conversation) -> JsValue {
    let (trust, was_verified) = trust(talk.trust);
    Plain::of("conversation", talk.with.as_str())
        .with("entries", number(talk.entries))
        .with("unread", number(talk.unread))
        .with("readBelow", number(talk.read_below))
        .with("active", time(talk.active))
        .with("trust", trust)
        .with("wasVerified", was_verified)
        .with("waiting", number(talk.waiting))
        .into()
}

pub(crate) fn peer(peer: &PeerView) -> JsValue {
    let (trust, was_verified) = trust(peer.trust);
    let key = |key: &[u8; 32]| Base64::from(*key).to_string();
    Plain::of("account", peer.name.as_str())
        .with("key", key(peer.key.as_bytes()))
        .maybe("offeredKey", peer.offered.map(|offered| key(offered.as_bytes())))
        .with("devices", list(peer.devices.iter().map(|device| device.get())))
        .with("trust", trust)
        .with("wasVerified", was_verified)
        .into()
}

pub(crate) fn device(device: &OwnDevice) -> JsValue {
    Plain::new()
        .with("device", device.id.get())
        .with("created", time(device.created))
        .with("thisOne", device.this)
        .into()
}

pub(crate) fn comparison(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Match => "match",
        Comparison::OursDiffers => "ours-differs",
        Comparison::TheirsDiffers => "theirs-differs",
        Comparison::BothDiffer => "both-differ",
    }
}
