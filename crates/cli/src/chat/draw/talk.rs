//! The open conversation: who it is with, its messages, what is written.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::{indented, put, put_right, say};
use crate::chat::app::{App, Attention};
use crate::chat::entry::{INDENT, Row};
use crate::chat::layout::Layout;
use crate::chat::signs::{self, Signs};
use crate::chat::text::{cut, width};

pub(super) fn draw(app: &App, layout: &Layout, buffer: &mut Buffer) -> Option<Position> {
    let Some(talk) = &app.talk else {
        let words = "Enter opens a conversation, n begins a new one.\n? is help.";
        say(buffer, layout.history, words, Signs::quiet());
        return None;
    };
    title(app, layout.title, buffer);
    let banner = format!("! The key of {} has changed; nothing is sent. F2: what to do", talk.with);
    let banner = cut(&banner, layout.banner.width.into(), app.signs.more());
    put(buffer, layout.banner, &banner, app.signs.bad());
    history(app, layout.history, buffer);
    let rule = app.signs.rule().repeat(layout.rule.width.into());
    put(buffer, layout.rule, &rule, Signs::quiet());
    input(app, layout.input, buffer)
}

fn title(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(talk) = &app.talk else { return };
    let trust = app.trust(&talk.with);
    let about = format!("{} {}", app.signs.trust(trust).trim(), signs::trust(trust));
    let about = about.trim();
    let is_older = !talk.is_empty() && talk.newest_in_sight().is_none();
    let right = if is_older { "more below: PgDn" } else { "" };
    let name = cut(talk.with.as_str(), area.width.into(), app.signs.more());
    put(buffer, area, &name, Signs::strong());
    let beside = indented(area, width(&name) + 2);
    put(buffer, beside, about, app.signs.of_trust(trust));
    if usize::from(beside.width) > width(about) + width(right) {
        put_right(buffer, area, right, Signs::quiet());
    }
}

fn history(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(talk) = &app.talk else { return };
    if talk.is_empty() {
        let words = if talk.is_loaded() {
            format!("Nothing was said yet. What you write, only you and {} can read.", talk.with)
        } else {
            "Loading.".into()
        };
        return say(buffer, area, &words, Signs::quiet());
    }
    let rows = talk.rows(&app.view());
    let free = usize::from(area.height).saturating_sub(rows.len());
    for ((position, row), area) in rows.iter().zip(area.rows().skip(free)) {
        draw_row(app, row, area, buffer);
        let is_chosen = talk.chosen == Some(*position) && app.attention == Attention::Messages;
        if is_chosen && !matches!(row, Row::Rule { .. }) {
            put(buffer, area, ">", Signs::strong());
        }
    }
}

fn draw_row(app: &App, row: &Row, area: Rect, buffer: &mut Buffer) {
    let signs = app.signs;
    match row {
        Row::Rule { words, strong } => {
            let style = if *strong { Signs::strong() } else { Signs::quiet() };
            put(buffer, area, &rule(words, area.width.into(), signs), style);
        }
        Row::Head { own, name, time } => {
            let area = indented(area, 1);
            let style = if *own { signs.own() } else { signs.other() };
            let name = cut(name, usize::from(area.width).saturating_sub(7), signs.more());
            put(buffer, area, &name, style);
            put(buffer, indented(area, width(&name) + 1), time, Signs::quiet());
        }
        Row::Text { text, state } => {
            put(buffer, indented(area, INDENT), text, Style::new());
            if let Some(state) = state {
                put_right(buffer, area, &signs.state(*state), signs.of_state(*state));
            }
        }
        Row::State(state) => {
            let words = cut(&signs.state(*state), area.width.into(), signs.more());
            put_right(buffer, area, &words, signs.of_state(*state));
        }
    }
}

fn rule(words: &str, room: usize, signs: Signs) -> String {
    let words = cut(words, room.saturating_sub(6), signs.more());
    let start = format!("{} {words} ", signs.rule().repeat(2));
    let rest = signs.rule().repeat(room.saturating_sub(width(&start)));
    format!("{start}{rest}")
}

fn input(app: &App, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let draft = app.draft()?;
    let room = indented(area, INDENT);
    let rows = draft.rows(room.width.into());
    let top = (rows.row + 1).saturating_sub(area.height.into());
    put(buffer, area, ">", Signs::strong());
    if draft.is_empty() {
        put(buffer, room, "Write a message", Signs::quiet());
    }
    for (row, area) in (top..rows.count()).zip(room.rows()) {
        put(buffer, area, rows.text(draft, row), Style::new());
    }
    let row = u16::try_from(rows.row.saturating_sub(top)).unwrap_or_default();
    let column = u16::try_from(rows.column).unwrap_or_default();
    (area.height > 0).then(|| Position::new(room.x + column, room.y + row))
}
