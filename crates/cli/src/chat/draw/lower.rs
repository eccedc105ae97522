//! The lowest rows: files on their way, a question or a notice, and the status.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use sprag_client::Connection;

use super::{field, put};
use crate::chat::app::{App, Attention, Moving, Screen};
use crate::chat::layout::Layout;
use crate::chat::notices::Weight;
use crate::chat::prompt::Prompt;
use crate::chat::signs::Signs;
use crate::chat::text::{cut, ends, width};

pub(super) fn draw(app: &App, layout: &Layout, buffer: &mut Buffer) -> Option<Position> {
    let mut rows = layout.notice.rows();
    // A question goes before files on their way, where there is no room for both.
    let fit = usize::from(layout.notice.height).saturating_sub(app.asked_rows());
    for (moving, row) in app.transfers.values().zip(rows.by_ref().take(fit)) {
        let text = cut(&progress(moving, row, app.signs), row.width.into(), app.signs.more());
        put(buffer, row, &text, Signs::quiet());
    }
    let mut cursor = None;
    if let Some(prompt) = &app.prompt {
        cursor = question(app, prompt, &mut rows, buffer);
    } else if let (Some(notice), Some(row)) = (app.notices.current(), rows.next()) {
        let warns = notice.weight == Weight::Warning;
        let way = if warns { "  Esc: seen, F5: all" } else { "" };
        let room = usize::from(row.width).saturating_sub(width(way));
        let text = cut(&notice.words(), room, app.signs.more());
        let style = if warns { app.signs.bad() } else { Signs::strong() };
        put(buffer, row, &ends(&text, way, row.width.into(), app.signs.more()), style);
    }
    status(app, layout.status, buffer);
    cursor
}

fn question(
    app: &App,
    prompt: &Prompt,
    rows: &mut impl Iterator<Item = Rect>,
    buffer: &mut Buffer,
) -> Option<Position> {
    let row = rows.next()?;
    let words = prompt.ask.question();
    let cursor = if prompt.ask.is_choice() {
        let room = usize::from(row.width).saturating_sub(5);
        let text = format!("{} y/n", cut(&words, room, app.signs.more()));
        put(buffer, row, &text, Signs::strong());
        None
    } else {
        field(buffer, row, &words, &prompt.field)
    };
    if let (Some(error), Some(row)) = (&prompt.error, rows.next()) {
        let text = cut(error, row.width.into(), app.signs.more());
        put(buffer, row, &text, app.signs.bad());
    }
    cursor
}

fn progress(moving: &Moving, row: Rect, signs: Signs) -> String {
    let Moving { what, done, total, .. } = moving;
    if *total == 0 {
        return format!("{what}: beginning");
    }
    let percent = u128::from(*done) * 100 / u128::from(*total);
    let percent = usize::try_from(percent).unwrap_or(100).min(100);
    let room = usize::from(row.width) / 4;
    let full = percent * room / 100;
    let (on, off) = if signs.ascii { ("#", ".") } else { ("█", "░") };
    format!("{what}: {percent:>3} % {}{}", on.repeat(full), off.repeat(room - full))
}

fn status(app: &App, area: Rect, buffer: &mut Buffer) {
    let parts = [Some(link(app)), Some(app.who.to_string()), unread(app), unsettled(app)];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let left = format!(" {}", parts.join(&format!(" {} ", app.signs.dot())));
    let room = usize::from(area.width);
    // As many hints as there is room for.
    let mut right = String::new();
    for hint in hints(app) {
        if width(&left) + width(&right) + width(hint) + 4 > room {
            break;
        }
        right = format!("{right}{hint}  ");
    }
    let right = right.strip_suffix(' ').unwrap_or(&right);
    put(buffer, area, &ends(&left, right, room, app.signs.more()), Signs::chosen());
}

/// The connection, as a sign and a word.
fn link(app: &App) -> String {
    let signs = app.signs;
    match &app.connection {
        Connection::Online => format!("{} online", signs.link(true, false)),
        Connection::Connecting => format!("{} connecting", signs.link(false, true)),
        Connection::Offline => format!("{} offline", signs.link(false, false)),
        Connection::Waiting { .. } => {
            let now = app.clock.now.seconds();
            let left = app.retry_at.map_or(0, |at| at.seconds().saturating_sub(now));
            format!("{} offline, again in {left} s", signs.link(false, true))
        }
        Connection::Ended(_) => format!("{} offline, Ctrl-R", signs.link(false, false)),
    }
}

fn unread(app: &App) -> Option<String> {
    let unread = app.people.unread();
    (unread > 0).then(|| format!("{unread} unread"))
}

fn unsettled(app: &App) -> Option<String> {
    let status = app.status.as_ref()?;
    let waiting = status.queued + status.in_flight;
    (waiting > 0).then(|| format!("{waiting} to send"))
}

fn hints(app: &App) -> &'static [&'static str] {
    if let Some(prompt) = &app.prompt {
        return match (prompt.is_busy, prompt.ask.is_choice()) {
            (true, _) => &["asking the relay", "Esc cancel"],
            (false, true) => &["y yes", "n no"],
            (false, false) => &["Enter go on", "Esc cancel"],
        };
    }
    match (&app.screen, app.attention) {
        (Screen::Talks, Attention::List) => {
            &["? help", "Enter open", "n new", "/ search", "v verify", "d devices", "q quit"]
        }
        (Screen::Talks, Attention::Writing) => {
            &["F1 help", "Enter send", "Esc list", "Up messages", "Alt-Enter line"]
        }
        (Screen::Talks, Attention::Messages) => &["Esc write", "r retry", "s save file", "Up/Down"],
        (Screen::Search(_), _) => &["Esc back", "Enter go there", "Up/Down"],
        (Screen::Verify(verify), _) if verify.field.is_some() => &["Enter compare", "Esc cancel"],
        (Screen::Verify(verify), _) => match verify.known().map(|known| known.offered.is_some()) {
            Some(true) => &["Esc keep blocked", "a accept", "c compare", "o QR"],
            Some(false) => &["Esc back", "c compare", "m mark", "u unmark", "o QR"],
            None => &["Esc back", "r again"],
        },
        (Screen::Devices { .. }, _) => &["Esc back", "l link", "x remove"],
        (Screen::Help(_) | Screen::Notices(_), _) => &["Esc back", "Up/Down"],
    }
}
