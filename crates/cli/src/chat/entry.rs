//! One entry of a conversation, as it is drawn: what separates it from the one before, its head, its
//! text in rows, its state.

use std::cell::RefCell;
use std::rc::Rc;

use sprag_client::{Attachment, Body, Entry, Event, MessageId, MessageState};

use super::clock::Clock;
use super::signs::Signs;
use super::text::{width, wrap};
use crate::display;

/// How far apart, in seconds, two messages are that share no head.
const PAUSE: u64 = 300;
/// How far text is moved in.
pub(super) const INDENT: usize = 2;

/// An entry that was loaded, with its text as it was wrapped last.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) entry: Entry,
    wrapped: RefCell<Option<(usize, Rc<Vec<String>>)>>,
}

/// What entries are drawn for.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) clock: &'a Clock,
    pub(super) signs: Signs,
    /// The first entry that was unread when the conversation was opened.
    pub(super) divider: Option<u64>,
}

/// A row of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// A line across, with words in it: a day, what is new.
    Rule { words: String, strong: bool },
    /// Who and when.
    Head { own: bool, name: String, time: String },
    /// Text, and in the last one of the own account how far it has come.
    Text { text: String, state: Option<MessageState> },
    /// The state, where it has no room beside the text.
    State(MessageState),
}

/// The rows of an entry, not yet made.
pub(super) struct Block {
    before: Vec<Row>,
    text: Rc<Vec<String>>,
    state: Option<MessageState>,
    /// Whether the state has a row of its own.
    apart: bool,
}

impl Shown {
    pub(super) fn new(entry: Entry) -> Self {
        Self { entry, wrapped: RefCell::new(None) }
    }

    /// What the message is called, where it is one.
    pub(super) fn id(&self) -> Option<MessageId> {
        match &self.entry.event {
            Event::Message { id, .. } => Some(*id),
            Event::KeyChanged => None,
        }
    }

    pub(super) fn file(&self) -> Option<&Attachment> {
        match &self.entry.event {
            Event::Message { body: Body::File(file), .. } => Some(file),
            Event::Message { body: Body::Text(_), .. } | Event::KeyChanged => None,
        }
    }

    /// Whether it was given up.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.entry.state, Some(MessageState::Failed(_)))
    }

    fn text(&self, width: usize) -> Rc<Vec<String>> {
        let mut wrapped = self.wrapped.borrow_mut();
        match &*wrapped {
            Some((of, rows)) if *of == width => Rc::clone(rows),
            _ => {
                let words = words(&self.entry);
                let rows = Rc::new(if words.is_empty() { Vec::new() } else { wrap(&words, width) });
                *wrapped = Some((width, Rc::clone(&rows)));
                rows
            }
        }
    }

    /// How it is drawn after another one.
    pub(super) fn block(&self, before: Option<&Self>, view: &View<'_>) -> Block {
        let room = view.width.saturating_sub(INDENT).max(1);
        let text = self.text(room);
        let state = self.entry.state;
        let apart = state.is_some_and(|state| {
            let last = text.last().map_or(0, |row| width(row));
            text.is_empty() || last + 2 + width(&view.signs.state(state)) > room
        });
        Block { before: self.before(before.map(|shown| &shown.entry), view), text, state, apart }
    }

    fn before(&self, before: Option<&Entry>, view: &View<'_>) -> Vec<Row> {
        let entry = &self.entry;
        let mut rows = Vec::new();
        let day = view.clock.day(entry.received);
        let is_new_day = before.is_none_or(|before| view.clock.day(before.received) != day);
        if is_new_day {
            rows.push(Row::Rule { words: view.clock.day_name(entry.received), strong: false });
        }
        let is_divided = view.divider == Some(entry.position);
        if is_divided {
            rows.push(Row::Rule { words: "new".into(), strong: true });
        }
        if matches!(entry.event, Event::KeyChanged) {
            let words = "the account key changed, and you accepted the new one".into();
            rows.push(Row::Rule { words, strong: true });
            return rows;
        }
        let goes_on = before.is_some_and(|before| {
            let pause = entry.received.seconds().abs_diff(before.received.seconds());
            let is_message = matches!(before.event, Event::Message { .. });
            is_message && before.own == entry.own && before.device == entry.device && pause < PAUSE
        });
        if is_new_day || is_divided || !goes_on {
            let name = if entry.own { "you".into() } else { entry.from.to_string() };
            let time = view.clock.time(entry.received);
            rows.push(Row::Head { own: entry.own, name, time });
        }
        rows
    }
}

impl Block {
    pub(super) fn height(&self) -> usize {
        self.before.len() + self.text.len() + usize::from(self.apart)
    }

    /// Its rows, but for so many in its end.
    pub(super) fn rows(self, hidden: usize) -> Vec<Row> {
        let keep = self.height().saturating_sub(hidden);
        let Self { mut before, text, state, apart } = self;
        let last = text.len().saturating_sub(1);
        before.truncate(keep);
        for (index, row) in text.iter().enumerate().take(keep.saturating_sub(before.len())) {
            let state = state.filter(|_| index == last && !apart);
            before.push(Row::Text { text: row.clone(), state });
        }
        if let (true, Some(state)) = (apart && before.len() < keep, state) {
            before.push(Row::State(state));
        }
        before
    }
}

/// What an entry says, as a terminal may show it.
fn words(entry: &Entry) -> String {
    match &entry.event {
        Event::KeyChanged => String::new(),
        Event::Message { body: Body::Text(text), .. } => display::plain(text).into_owned(),
        Event::Message { body: Body::File(file), .. } => {
            let caption = display::plain(&file.caption);
            let gap = if caption.is_empty() { "" } else { "\n" };
            format!("{}{gap}{caption}", file_words(file))
        }
    }
}

/// A file on one line: what it is called, and how long it is.
pub(super) fn file_words(file: &Attachment) -> String {
    let name = display::line(&file.name);
    let name = if name.is_empty() { "without a name" } else { &name };
    format!("[file {name}, {}]", display::size(file.length))
}

/// What an entry says, on one line.
pub(super) fn brief(entry: &Entry) -> String {
    match &entry.event {
        Event::KeyChanged => "the account key changed".into(),
        Event::Message { .. } => display::line(&words(entry)),
    }
}
