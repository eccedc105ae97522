//! The lowest rows: files on their way, a question or a notice, and the status.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use sprag_client::Connection;

use super::{field, put};
use crate::chat::app::{App, Attention, Moving, Screen};
use crate::chat::layout::Layout;
use crate::chat::notices::Weight;
use crate::chat::signs::Signs;
use crate::chat::text::{cut, ends, width};

/// Below how many columns what one can do goes before how much is unread.
const NARROW: u16 = 60;

pub(super) fn draw(app: &App, layout: &Layout, buffer: &mut Buffer) -> Option<Position> {
    let mut rows = layout.notice.rows();
    // A question goes before files on their way, where there is no room for both.
    let fit = usize::from(layout.notice.height).saturating_sub(app.asked_rows());
    for (moving, row) in app.transfers.values().zip(rows.by_ref().take(fit)) {
        let text = cut(&progress(moving, row, app.signs), row.width.into(), app.signs.more());
        put(buffer, row, &text, Signs::quiet());
    }
    let mut cursor = None;
    if let Some(prompt) = app.prompt.as_ref().filter(|prompt| !prompt.ask.is_choice()) {
        let row = rows.next();
        cursor = row.and_then(|row| field(buffer, row, &prompt.ask.question(), &prompt.field));
    }
    let warns = app.notices.current().is_some_and(|notice| notice.weight == Weight::Warning);
    let is_bad = match &app.prompt {
        Some(prompt) => prompt.error.is_some(),
        None => warns,
    };
    let style = if is_bad { app.signs.bad() } else { Signs::strong() };
    for (text, row) in app.told().iter().zip(rows) {
        put(buffer, row, &cut(text, row.width.into(), app.signs.more()), style);
    }
    status(app, layout.status, buffer);
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
    let is_narrow = area.width < NARROW;
    let unread = unread(app).filter(|_| !is_narrow);
    let parts = [Some(link(app)), Some(app.who.to_string()), unread, unsettled(app)];
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
            Some(true) => &["Up/Down", "Esc keep blocked", "a accept", "c compare", "o QR"],
            Some(false) => &["Esc back", "c compare", "m mark", "u unmark", "o QR"],
            None => &["Esc back", "r again"],
        },
        (Screen::Devices { .. }, _) => &["Esc back", "l link", "x remove"],
        (Screen::Help(_) | Screen::Notices(_), _) => &["Esc back", "Up/Down"],
    }
}
