//! How much room text takes, and how it is fitted into what there is.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The most characters of one letter, with its marks, that are drawn.
const MARKS: usize = 16;

/// The columns that a text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// The text in rows of at most `width` columns: broken at its line breaks, between words where that
/// is possible, and within them where it is not.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in text.split('\n') {
        wrap_line(line, width.max(1), &mut rows);
    }
    rows
}

fn wrap_line(line: &str, width: usize, rows: &mut Vec<String>) {
    let (mut row, mut used) = (String::new(), 0);
    for letter in line.graphemes(true) {
        let wide = letter.width();
        if used + wide > width && used > 0 {
            if letter == " " {
                rows.push(std::mem::take(&mut row));
                used = 0;
                continue;
            }
            let rest = last_word(&mut row);
            rows.push(std::mem::replace(&mut row, rest));
            used = self::width(&row);
        }
        row.push_str(marked(letter));
        used += wide;
    }
    rows.push(row);
}

/// Takes what follows the last space off a row, so that it begins the next one. Nothing, where the row
/// would be empty without it.
fn last_word(row: &mut String) -> String {
    match row.rfind(' ') {
        Some(at) if !row[..at].trim().is_empty() => {
            let rest = row.split_off(at + 1);
            row.truncate(at);
            rest
        }
        _ => String::new(),
    }
}

/// A letter with no more marks than can be of use.
fn marked(letter: &str) -> &str {
    letter.char_indices().nth(MARKS).map_or(letter, |(end, _)| &letter[..end])
}

/// The beginning of a text, where it is longer than `width`, with `more` in the end.
pub(super) fn cut(text: &str, width: usize, more: &str) -> String {
    if self::width(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(self::width(more));
    let (mut kept, mut used) = (String::new(), 0);
    for letter in text.graphemes(true) {
        used += letter.width();
        if used > room {
            break;
        }
        kept.push_str(marked(letter));
    }
    if width >= self::width(more) {
        kept.push_str(more);
    }
    kept
}

/// Two texts at the two ends of a row; the left one is cut where there is no room for both.
pub(super) fn ends(left: &str, right: &str, width: usize, more: &str) -> String {
    let right = cut(right, width, more);
    let wide = self::width(&right);
    let room = width.saturating_sub(wide + usize::from(wide > 0));
    let left = cut(left, room, more);
    let gap = width.saturating_sub(self::width(&left) + wide);
    format!("{left}{}{right}", " ".repeat(gap))
}

#[cfg(test)]
mod tests;
