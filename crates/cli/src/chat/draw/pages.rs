//! Pages of text: what the keys do, and what was told.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::put;
use crate::chat::app::{App, Screen};
use crate::chat::signs::Signs;
use crate::chat::text::wrap;

/// What the keys do; a line without keys is a head.
const KEYS: &[(&str, &str)] = &[
    ("", "Everywhere"),
    ("F1", "this page"),
    ("F2", "who somebody is: compare the safety number, decide about a changed key"),
    ("F3, Ctrl-F", "search in all conversations"),
    ("F4", "devices: link one, remove one"),
    ("F5", "what was told so far"),
    ("Ctrl-R", "connect now"),
    ("Ctrl-L", "draw anew"),
    ("Ctrl-Z", "suspend"),
    ("Ctrl-C", "quit; twice: at once"),
    ("", "In the list"),
    ("Up, Down", "choose"),
    ("Enter", "open"),
    ("n", "write to somebody new"),
    ("/, v, d, m", "search, verify, devices, what was told"),
    ("Tab, Esc", "back to the conversation"),
    ("q", "quit"),
    ("", "While writing"),
    ("Enter", "send"),
    ("Alt-Enter, Ctrl-J", "a new line; Shift-Enter too, where the terminal tells it"),
    ("Ctrl-O", "send a file"),
    ("PgUp, PgDn", "older and newer messages"),
    ("Ctrl-End", "the newest messages"),
    ("Up", "choose a message"),
    ("Ctrl-N, Ctrl-P", "the next and the previous conversation"),
    ("Tab, Esc", "to the list"),
    ("Ctrl-W, Ctrl-U", "delete the word, the line before the cursor"),
    ("", "On a message"),
    ("r", "try a failed one again"),
    ("s", "save its file"),
    ("Home, End", "the oldest that is loaded, back to the newest"),
    ("Esc", "back to writing"),
    ("", "How far a message has come"),
    ("queued", "kept here, not encrypted yet"),
    ("sending", "encrypted, on its way"),
    ("sent", "the relay has it"),
    ("delivered", "a device of the other side has it"),
    ("read", "somebody has read it, and tells so"),
    ("failed", "given up; r tries again"),
    ("", "In the list, before a name"),
    ("!", "the key changed: nothing is sent"),
    ("?", "not met yet"),
    ("a tick, or =", "verified"),
];
/// Columns for the keys, where there is room for two columns.
const KEY_COLUMN: usize = 20;

pub(super) fn draw(app: &App, top: usize, area: Rect, buffer: &mut Buffer) {
    let text = app.text_of_page(area.width.into());
    for ((text, style), row) in text.iter().skip(top).zip(area.rows()) {
        put(buffer, row, text, *style);
    }
}

impl App {
    /// How many rows the page has that is shown.
    pub(in crate::chat) fn rows_of_page(&self) -> usize {
        self.text_of_page(self.layout().page.width.into()).len()
    }

    fn text_of_page(&self, width: usize) -> Vec<(String, Style)> {
        if matches!(self.screen, Screen::Help(_)) { help(width) } else { self.record(width) }
    }

    fn record(&self, width: usize) -> Vec<(String, Style)> {
        let mut rows = vec![("What was told, the newest first".into(), Signs::strong())];
        for notice in self.notices.all() {
            let time = self.clock.brief(notice.at);
            let text = format!("{time}  {}", notice.record());
            rows.extend(wrap(&text, width).into_iter().map(|row| (row, Style::new())));
        }
        if rows.len() == 1 {
            rows.push(("Nothing yet.".into(), Signs::quiet()));
        }
        rows
    }
}

fn help(width: usize) -> Vec<(String, Style)> {
    let mut rows = Vec::new();
    for (keys, what) in KEYS {
        if keys.is_empty() {
            if !rows.is_empty() {
                rows.push((String::new(), Style::new()));
            }
            rows.push(((*what).into(), Signs::strong()));
            continue;
        }
        let column = if width > 3 * KEY_COLUMN { KEY_COLUMN } else { keys.len() + 2 };
        let room = width.saturating_sub(column + 2).max(8);
        for (index, text) in wrap(what, room).into_iter().enumerate() {
            let keys = if index == 0 { keys } else { "" };
            rows.push((format!("  {keys:<column$}{text}"), Style::new()));
        }
    }
    rows
}
