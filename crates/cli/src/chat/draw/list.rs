//! The list of conversations.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use sprag_client::Conversation;

use super::{indented, put, put_right, say};
use crate::chat::app::{App, Attention};
use crate::chat::signs::Signs;
use crate::chat::text::{cut, width};

/// From how many rows on a conversation has two of them.
const ROOMY: u16 = 8;

pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    if area.width == 0 {
        return;
    }
    let talks = app.people.list();
    if talks.is_empty() {
        let words = if app.people.is_loaded {
            "No conversations yet. Press n and type the name of an account to write to. ? is help."
        } else {
            "Loading."
        };
        return say(buffer, area, words, Signs::quiet());
    }
    let rows = if area.height >= ROOMY { 2 } else { 1 };
    let fit = usize::from(area.height / rows).max(1);
    let chosen = app.people.place().unwrap_or_default();
    let top = (chosen + 1).saturating_sub(fit);
    let shown = talks.iter().enumerate().skip(top).take(fit);
    for ((place, talk), y) in shown.zip((area.y..).step_by(rows.into())) {
        let area = Rect { y, height: rows.min(area.bottom() - y), ..area };
        conversation(app, talk, place == chosen, area, buffer);
    }
}

fn conversation(app: &App, talk: &Conversation, chosen: bool, area: Rect, buffer: &mut Buffer) {
    let signs = app.signs;
    let is_here = chosen && app.attention == Attention::List;
    let is_open = app.talk.as_ref().is_some_and(|open| open.with == talk.with);
    let mark = if is_here { ">" } else { " " };
    put(buffer, area, mark, Signs::strong());
    put(buffer, indented(area, 1), signs.trust(talk.trust), signs.of_trust(talk.trust));

    let unread = if talk.unread > 0 { format!("({})", talk.unread) } else { String::new() };
    let time = app.clock.brief(talk.active);
    let right = if area.height > 1 || unread.is_empty() { &time } else { &unread };
    let room = usize::from(area.width).saturating_sub(4 + width(right));
    let style = if talk.unread > 0 || is_open { Signs::strong() } else { Style::new() };
    put(buffer, indented(area, 3), &cut(talk.with.as_str(), room, signs.more()), style);
    put_right(buffer, area, right, if *right == time { Signs::quiet() } else { Signs::strong() });

    let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if below.height > 0 {
        let room = usize::from(below.width).saturating_sub(4 + width(&unread));
        put(buffer, indented(below, 3), &cut(&last(app, talk), room, signs.more()), Signs::quiet());
        put_right(buffer, below, &unread, Signs::strong());
    }
    if is_here {
        buffer.set_style(Rect { height: 1, ..area }, Signs::chosen());
    }
}

/// What was said last, or what waits to be said.
fn last(app: &App, talk: &Conversation) -> String {
    let is_draft = app.drafts.get(&talk.with).is_some_and(|draft| !draft.is_blank());
    let is_open = app.talk.as_ref().is_some_and(|open| open.with == talk.with);
    if is_draft && !is_open {
        return "(not sent yet)".into();
    }
    match app.people.last(&talk.with) {
        Some((true, text)) => format!("you: {text}"),
        Some((false, text)) => text.to_owned(),
        None => String::new(),
    }
}
