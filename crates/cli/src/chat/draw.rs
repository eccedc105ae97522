//! The chat on the screen. Drawing changes nothing: the same state is the same picture.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::Style;

use super::app::{App, Attention, Screen};
use super::editor::Editor;
use super::layout::SMALLEST;
use super::signs::Signs;
use super::text::{cut, width, wrap};

mod devices;
mod list;
mod lower;
mod pages;
mod search;
mod talk;
pub(super) mod verify;

/// Draws everything.
pub(crate) fn draw(app: &App, frame: &mut Frame<'_>) {
    let Size { width, height } = frame.area().as_size();
    if (width, height) != app.size() {
        // The screen has another size by now; the chat is told so, and draws again.
        return;
    }
    if app.is_too_small() {
        return too_small(app, frame.buffer_mut());
    }
    let layout = app.layout();
    let buffer = frame.buffer_mut();
    let cursor = match &app.screen {
        Screen::Talks => talks(app, buffer),
        Screen::Search(search) => search::draw(app, search, layout.page, buffer),
        Screen::Verify(verify) => verify::draw(app, verify, layout.page, buffer),
        Screen::Devices { list, chosen } => {
            devices::draw(app, list.as_deref(), *chosen, layout.page, buffer);
            None
        }
        Screen::Help(top) | Screen::Notices(top) => {
            pages::draw(app, *top, layout.page, buffer);
            None
        }
    };
    let cursor = lower::draw(app, &layout, buffer).or(cursor.filter(|_| app.prompt.is_none()));
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

fn talks(app: &App, buffer: &mut Buffer) -> Option<Position> {
    let layout = app.layout();
    list::draw(app, layout.list, buffer);
    for row in layout.border.rows() {
        put(buffer, row, app.signs.border(), Signs::quiet());
    }
    if layout.title.width == 0 {
        return None;
    }
    let cursor = talk::draw(app, &layout, buffer);
    cursor.filter(|_| app.attention == Attention::Writing)
}

fn too_small(app: &App, buffer: &mut Buffer) {
    let (width, height) = SMALLEST;
    let words = format!("Too small: {width}x{height} is needed.");
    let area = buffer.area;
    for (row, text) in area.rows().zip(wrap(&words, area.width.into())) {
        put(buffer, row, &cut(&text, area.width.into(), app.signs.more()), Style::new());
    }
}

/// Writes text in rows, as far as there is room.
fn say(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    for (row, text) in area.rows().zip(wrap(text, area.width.into())) {
        put(buffer, row, &text, style);
    }
}

/// Writes text into the first row of an area, as far as there is room.
fn put(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    if area.width > 0 && area.height > 0 {
        buffer.set_stringn(area.x, area.y, text, area.width.into(), style);
    }
}

/// Writes at the right end of the first row of an area.
fn put_right(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    let wide = u16::try_from(width(text)).unwrap_or(u16::MAX).min(area.width);
    let place = Rect { x: area.right() - wide, width: wide, ..area };
    put(buffer, place, text, style);
}

/// The area without so many columns at its left.
fn indented(area: Rect, by: usize) -> Rect {
    let by = u16::try_from(by).unwrap_or(u16::MAX).min(area.width);
    Rect { x: area.x + by, width: area.width - by, ..area }
}

/// A text that is written, after a few words, on one row: its end, or where the cursor is.
fn field(buffer: &mut Buffer, area: Rect, words: &str, text: &Editor) -> Option<Position> {
    let words = cut(words, usize::from(area.width) / 2, " ");
    put(buffer, area, &words, Signs::strong());
    let room = indented(area, width(&words));
    let rows = text.rows(room.width.into());
    put(buffer, room, rows.text(text, rows.row), Style::new());
    let column = u16::try_from(rows.column).unwrap_or(u16::MAX);
    (area.height > 0).then(|| Position::new(room.x.saturating_add(column), room.y))
}

#[cfg(test)]
mod tests;
