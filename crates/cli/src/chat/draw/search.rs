//! Words, and where they are.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use sprag_client::Entry;

use super::{field, indented, put};
use crate::chat::app::App;
use crate::chat::entry::brief;
use crate::chat::search::{HITS, Search};
use crate::chat::signs::Signs;
use crate::chat::text::{cut, width};

/// How many letters before the words are shown with them.
const BEFORE: usize = 12;

pub(super) fn draw(
    app: &App,
    search: &Search,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let mut rows = area.rows();
    let cursor = rows.next().and_then(|row| field(buffer, row, "Search: ", &search.field));
    if let Some(row) = rows.next() {
        put(buffer, row, &cut(&found(search), row.width.into(), app.signs.more()), Signs::quiet());
    }
    let fit = usize::from(area.height).saturating_sub(2).max(1);
    let top = (search.chosen + 1).saturating_sub(fit);
    let hits = search.hits.iter().flatten().enumerate().skip(top);
    for ((place, (with, entry)), row) in hits.zip(rows) {
        let is_chosen = place == search.chosen;
        let mark = if is_chosen { ">" } else { " " };
        let who = if entry.own { format!("you to {with}") } else { with.to_string() };
        let head = format!("{mark}{who}  {}  ", app.clock.brief(entry.received));
        let head = cut(&head, usize::from(row.width) / 2, app.signs.more());
        put(buffer, row, &head, if is_chosen { Signs::strong() } else { Signs::quiet() });
        hit(search.words(), entry, indented(row, width(&head)), app.signs, buffer);
        if is_chosen {
            buffer.set_style(row, Signs::chosen());
        }
    }
    cursor
}

fn found(search: &Search) -> String {
    match (&search.hits, search.is_busy) {
        (_, true) => "Searching.".into(),
        (None, false) => "Type at least two letters; all conversations are searched.".into(),
        (Some(hits), false) if hits.is_empty() => "Nothing was found.".into(),
        (Some(hits), false) if hits.len() >= HITS => format!("The newest {HITS} are shown."),
        (Some(hits), false) if hits.len() == 1 => "Found once.".into(),
        (Some(hits), false) => format!("Found {} times.", hits.len()),
    }
}

/// What was written, with the words in sight and underlined.
fn hit(words: &str, entry: &Entry, area: Rect, signs: Signs, buffer: &mut Buffer) {
    let text = brief(entry);
    let (start, end) = place(&text, words);
    let before = text[..start].char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
    let dots = if before > 0 { signs.more() } else { "" };
    let lead = format!("{dots}{}", &text[before..start]);
    put(buffer, area, &lead, Style::new());
    let area = indented(area, width(&lead));
    let found = &text[start..end];
    put(buffer, area, found, Signs::strong().underlined());
    let area = indented(area, width(found));
    put(buffer, area, &cut(&text[end..], area.width.into(), signs.more()), Style::new());
}

/// Where words are in a text, whatever their case; its beginning, where that cannot be told.
fn place(text: &str, words: &str) -> (usize, usize) {
    let words = words.to_lowercase();
    for (at, _) in text.char_indices() {
        let mut rest = words.as_str();
        for (next, letter) in text[at..].char_indices() {
            let lower: String = letter.to_lowercase().collect();
            match rest.strip_prefix(lower.as_str()) {
                Some("") => return (at, at + next + letter.len_utf8()),
                Some(left) => rest = left,
                None => break,
            }
        }
    }
    (0, 0)
}

#[cfg(test)]
mod tests;
