//! How things look in a terminal: text from others, times, sizes, QR codes.

use std::borrow::Cow;

use jiff::Timestamp as Moment;
use jiff::tz::TimeZone;
use qrcode::{Color, EcLevel, QrCode};
use sprag_protocol::Timestamp;

/// Text from somebody else, as a terminal may see it: without control characters and the sequences that they
/// begin, and without characters that turn the direction of what follows. Lines stay lines.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| c == '\n' || !is_treacherous(c);
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (_, after) = rest.split_at(c.len_utf8());
        rest = match c {
            '\u{1b}' => escaped(after),
            '\u{9b}' => controls(after),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => string(after),
            _ => after,
        };
        match c {
            '\t' => kept.push_str("    "),
            '\r' if rest.starts_with('\n') => {}
            '\r' | '\u{2028}' | '\u{2029}' => kept.push('\n'),
            _ if harmless(c) => kept.push(c),
            _ => {}
        }
    }
    Cow::Owned(kept)
}

/// The same on one line.
pub(crate) fn line(text: &str) -> String {
    plain(text).replace('\n', " ")
}

/// JSON in which no character can do anything to a terminal: each is written as its number.
pub(crate) fn json(value: &serde_json::Value) -> String {
    let written = value.to_string();
    if !written.contains(is_treacherous) {
        return written;
    }
    let mut safe = String::with_capacity(written.len());
    for c in written.chars() {
        if is_treacherous(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Whether a terminal would do something with it other than show it.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Marks, embeddings, overrides and isolates of direction.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Separators of lines and paragraphs, and what Unicode gave up.
            | '\u{2028}' | '\u{2029}' | '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{feff}')
}

/// What is left behind an escape character.
fn escaped(text: &str) -> &str {
    let mut chars = text.chars();
    match chars.next() {
        Some('[') => controls(chars.as_str()),
        Some(']' | 'P' | 'X' | '^' | '_') => string(chars.as_str()),
        Some(' '..='~') => {
            let rest = text.trim_start_matches(|c| matches!(c, ' '..='/'));
            rest.strip_prefix(|c| matches!(c, '0'..='~')).unwrap_or(rest)
        }
        _ => text,
    }
}

/// What is left behind parameters and the character that ends them.
fn controls(text: &str) -> &str {
    let rest = text.trim_start_matches(|c| matches!(c, ' '..='?'));
    rest.strip_prefix(|c| matches!(c, '@'..='~')).unwrap_or(rest)
}

/// What is left behind a string for the terminal. One that does not end begins nothing.
fn string(text: &str) -> &str {
    for (at, c) in text.char_indices() {
        let (_, rest) = text.split_at(at);
        if let Some(rest) = rest.strip_prefix(['\u{7}', '\u{9c}']).or(rest.strip_prefix("\u{1b}\\")) {
            return rest;
        }
        if c == '\n' {
            break;
        }
    }
    text
}

/// A time, on the clock of whoever reads it.
pub(crate) fn time(at: Timestamp) -> String {
    let seconds = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
    match Moment::from_second(seconds) {
        Ok(moment) => moment.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => "----------------".into(),
    }
}

/// Bytes, in a unit in which there are not many.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} bytes"),
    }
}

/// A QR code in lines of half blocks, with its quiet zone: for a dark background, or one that is made
/// dark. `None` where it is too much for one.
pub(crate) fn qr(content: &[u8]) -> Option<Vec<String>> {
    const QUIET: usize = 4;
    let code = QrCode::with_error_correction_level(content, EcLevel::L).ok()?;
    let width = code.width();
    let modules = code.to_colors();
    let light = |x: usize, y: usize| {
        let inside = (QUIET..QUIET + width).contains(&x) && (QUIET..QUIET + width).contains(&y);
        let module = || modules.get((y - QUIET) * width + x - QUIET);
        !inside || module() == Some(&Color::Light)
    };
    let side = width + 2 * QUIET;
    let row = |y: usize| {
        let half = |x: usize| match (light(x, y), y + 1 >= side || light(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        (0..side).map(half).collect()
    };
    Some((0..side).step_by(2).map(row).collect())
}

#[cfg(test)]
mod tests;
