//! What a driver wants done, as plain objects, and the rows that it is given.

use sprag_client::driver::action::{Action, Connection, RowRead, Rows, Step, Value};
use sprag_client::effects::Lie;
use sprag_client::exchange::Body;
use sprag_client::{Error, Notice, Progress};
use sprag_store::{CollectionId, RowChange, RowId, SealedBatch};
use wasm_bindgen::JsValue;

use crate::fault::{Fault, bad_argument, shown};
use crate::plain::{self, Plain, bytes, list, octets};
use crate::read::{get, items, number};
use crate::view;

/// `collection id (16) || position (8)`.
fn row(row: &RowId) -> JsValue {
    let mut id = [0; 24];
    let (collection, position) = id.split_at_mut(16);
    collection.copy_from_slice(&row.collection.0);
    position.copy_from_slice(&row.position.to_be_bytes());
    bytes(&id)
}

fn row_of(id: &[u8]) -> Result<RowId, Fault> {
    let (collection, position) = id.split_first_chunk().ok_or_else(bad_argument)?;
    let position = position.try_into().map_err(|_| bad_argument())?;
    let collection = CollectionId(*collection);
    Ok(RowId { collection, position: u64::from_be_bytes(position) })
}

/// The answers to a "read".
pub(crate) fn rows(answers: &JsValue) -> Result<Vec<Rows>, Fault> {
    let found =
        |row: JsValue| Ok((row_of(&octets(&get(&row, "row"))?)?, octets(&get(&row, "value"))?));
    let answer = |rows: JsValue| items(&rows)?.into_iter().map(found).collect();
    items(answers)?.into_iter().map(answer).collect()
}

/// The changes of a commit.
pub(crate) fn changes(batch: &SealedBatch) -> JsValue {
    list(batch.0.iter().map(|change| match change {
        RowChange::Put { row: at, value } => {
            Plain::of("change", "put").with("row", row(at)).with("value", bytes(value))
        }
        RowChange::Remove { row: at } => Plain::of("change", "remove").with("row", row(at)),
        RowChange::RemoveRange { collection, from, to } => {
            let at = |position: u64| row(&RowId { collection: *collection, position });
            Plain::of("change", "remove-range").with("from", at(*from)).with("to", at(*to))
        }
    }))
}

fn read(read: &RowRead) -> Plain {
    match read {
        RowRead::Row(at) => Plain::of("read", "row").with("row", row(at)),
        RowRead::Range { from, to, newest_first, limit } => Plain::of("read", "range")
            .with("from", row(from))
            .with("to", row(to))
            .with("newestFirst", *newest_first)
            .with("limit", *limit),
    }
}

/// A step.
pub(crate) fn step(step: Step) -> JsValue {
    match step {
        Step::Commit(batch) => Plain::of("step", "commit").with("changes", changes(&batch)),
        Step::Read(reads) => Plain::of("step", "read").with("reads", list(reads.iter().map(read))),
        Step::Act(actions) => {
            Plain::of("step", "act").with("actions", list(actions.into_iter().map(action)))
        }
        Step::Idle(wake_at) => Plain::of("step", "idle").maybe("wakeAt", wake_at.map(number)),
    }
    .into()
}

fn action(action: Action) -> Plain {
    let of = |kind| Plain::of("action", kind);
    match action {
        Action::Request { request, ask, token, within } => {
            let (headers, body) = headers(&ask.body, token.as_deref());
            let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
            of("request")
                .with("request", number(request))
                .with("method", ask.method.as_str())
                .with("path", ask.path)
                .with("headers", headers)
                .maybe("body", body.map(bytes))
                .with("timeout", number(within))
        }
        Action::Connect { socket, url, protocols } => of("connect")
            .with("socket", number(socket))
            .with("url", url)
            .with("protocols", list(protocols)),
        Action::Write { socket, bytes: said } => {
            of("write").with("socket", number(socket)).with("bytes", bytes(&said))
        }
        Action::HangUp { socket } => of("hang-up").with("socket", number(socket)),
        Action::Answer { ticket, result } => match *result {
            Ok(given) => of("answer").with("ticket", number(ticket.0)).with("value", value(&given)),
            Err(error) => {
                of("refuse").with("ticket", number(ticket.0)).with("fault", shown(&error))
            }
        },
        Action::Slice { ticket, transfer, from, to } => of("slice")
            .with("ticket", number(ticket.0))
            .with("transfer", number(transfer))
            .with("from", number(from))
            .with("to", number(to)),
        Action::Save { ticket, bytes: saved } => {
            of("save").with("ticket", number(ticket.0)).with("bytes", bytes(&saved))
        }
        Action::Progress { ticket, progress: Progress { done, total } } => of("progress")
            .with("ticket", number(ticket.0))
            .with("done", number(done))
            .with("total", number(total)),
        Action::Opened => of("opened"),
        Action::Failed(error) => of("failed").with("fault", shown(&error)),
        Action::Notice(notice) => of("happening").maybe("happening", happening(notice)),
        Action::Connection(now) => {
            let what = Plain::of("what", "connection").with("connection", connection(&now));
            of("happening").with("happening", what)
        }
        Action::CaughtUp => of("happening").with("happening", Plain::of("what", "caught-up")),
        Action::Registered => of("happening").with("happening", Plain::of("what", "registered")),
        Action::StoreFailed(error) => {
            let fault = shown(&Error::Store(error));
            of("happening")
                .with("happening", Plain::of("what", "store-failed").with("fault", fault))
        }
    }
}

/// What goes along with a call: its headers and its body.
fn headers<'a>(body: &'a Body, token: Option<&str>) -> (JsValue, Option<&'a [u8]>) {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: &str| headers.push(list([name, value]));
    if let Some(token) = token {
        add("authorization", &format!("Bearer {token}"));
    }
    let body = match body {
        Body::None => None,
        Body::Json(json) => {
            add("content-type", "application/json");
            Some(&json[..])
        }
        Body::Part(part, offset) => {
            add("content-type", "application/octet-stream");
            add("upload-offset", &offset.to_string());
            Some(&part[..])
        }
        Body::Range(first, end) => {
            let last = end.map_or_else(String::new, |end| end.saturating_sub(1).to_string());
            add("range", &format!("bytes={first}-{last}"));
            None
        }
    };
    (list(headers), body)
}

fn value(value: &Value) -> JsValue {
    match value {
        Value::Done => JsValue::UNDEFINED,
        Value::Sent { to, id, position } => Plain::of("to", to.as_str())
            .with("id", id.to_string())
            .with("position", number(*position))
            .with("state", "queued")
            .into(),
        Value::Peer(peer) => view::peer(peer),
        Value::SafetyNumber(number) => plain::safety_number(number),
        Value::Device(device) => Plain::new().with("device", device.get()).into(),
        Value::Entries(entries) => list(entries.iter().map(view::entry)),
        Value::Found(found) => list(found.iter().map(|(with, entry)| view::found(with, entry))),
        Value::State(state) => {
            Plain::of("state", view::state(*state)).maybe("reason", view::reason(*state)).into()
        }
        Value::Incoming(cursor, found) => {
            let below = cursor.iter().fold(Plain::new(), |plain, (name, below)| {
                plain.with(name.as_str(), number(*below))
            });
            let found = found.iter().map(|(with, entry)| view::found(with, entry));
            Plain::new().with("cursor", below).with("messages", list(found)).into()
        }
        Value::File(file) => view::file(file),
    }
}

/// How the connection is.
pub(crate) fn connection(now: &Connection) -> JsValue {
    let of = |state| Plain::of("state", state);
    match now {
        Connection::Offline => of("offline"),
        Connection::Linking => of("linking"),
        Connection::Connecting => of("connecting"),
        Connection::Online => of("online"),
        Connection::Waiting { why, until } => {
            of("waiting").with("fault", shown(why)).with("retryAt", number(*until))
        }
        Connection::Ended(why) => of("ended").with("fault", shown(why)),
    }
    .into()
}

fn happening(notice: Notice) -> Option<Plain> {
    let of = |what| Plain::of("what", what);
    Some(match notice {
        // Answers to tickets go their own way.
        Notice::Reply { .. } => return None,
        Notice::Entry { with, entry } => {
            of("entry").with("conversation", with.as_str()).with("entry", view::entry(&entry))
        }
        Notice::State { with, id, state } => of("state")
            .with("conversation", with.as_str())
            .with("id", id.to_string())
            .with("state", view::state(state))
            .maybe("reason", view::reason(state)),
        Notice::Conversation(with) => of("conversation").with("conversation", with.as_str()),
        Notice::KeyChanged(with) => of("key-changed").with("conversation", with.as_str()),
        Notice::Unreadable { from, device } => {
            of("unreadable").with("from", from.as_str()).with("device", device.get())
        }
        Notice::RelayLies { account, why } => {
            of("relay-lies").with("account", account.as_str()).with("why", lie(why))
        }
        Notice::NoSuchAccount(account) => of("no-such-account").with("account", account.as_str()),
        Notice::DevicesChanged => of("devices-changed"),
        Notice::Linked => of("linked"),
        Notice::Removed => of("removed"),
        Notice::StartedAfresh => of("started-afresh"),
        Notice::Cloned => of("cloned"),
    })
}

fn lie(why: Lie) -> &'static str {
    match why {
        Lie::UnsignedList => "unsigned-list",
        Lie::OlderList => "older-list",
        Lie::BadBundle => "bad-bundle",
        Lie::Malformed => "malformed",
    }
}
