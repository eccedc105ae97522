//! A text that a person writes: letters, lines, a cursor.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::text;
use crate::display;

/// A text and where the cursor is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Editor {
    text: String,
    /// Always at the border of a letter.
    cursor: usize,
}

/// How far the cursor goes, and what is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Letter,
    Word,
    Line,
}

/// The text in rows of a width, and the cursor's place among them.
pub(super) struct Rows {
    places: Vec<Range<usize>>,
    pub(super) row: usize,
    pub(super) column: usize,
}

impl Editor {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self { text: String::new(), cursor: 0 }
    }

    /// This text, with the cursor in its end.
    pub(super) fn of(text: &str) -> Self {
        let mut editor = Self::default();
        editor.insert(text);
        editor
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether there is nothing to send in it.
    pub(super) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Takes the text out.
    pub(super) fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Writes at the cursor, as a terminal may show it.
    pub(super) fn insert(&mut self, text: &str) {
        let text = display::plain(text);
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
        self.align();
    }

    /// Writes at the cursor, on one line.
    pub(super) fn insert_line(&mut self, text: &str) {
        self.insert(display::line(text).trim());
    }

    /// A mark that was written after a letter is part of it.
    fn align(&mut self) {
        let letters = self.text.grapheme_indices(true);
        let mut borders = std::iter::once(0).chain(letters.map(|(at, letter)| at + letter.len()));
        self.cursor = borders.find(|border| *border >= self.cursor).unwrap_or_default();
    }

    pub(super) fn left(&mut self, reach: Reach) {
        self.cursor = self.before(reach);
    }

    pub(super) fn right(&mut self, reach: Reach) {
        self.cursor = self.after(reach);
    }

    pub(super) fn delete_left(&mut self, reach: Reach) {
        let from = self.before(reach);
        self.text.replace_range(from..self.cursor, "");
        self.cursor = from;
        self.align();
    }

    pub(super) fn delete_right(&mut self, reach: Reach) {
        let to = self.after(reach);
        self.text.replace_range(self.cursor..to, "");
        self.align();
    }

    fn before(&self, reach: Reach) -> usize {
        let before = &self.text[..self.cursor];
        match reach {
            Reach::Letter => before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at),
            Reach::Word => {
                let words = before.trim_end();
                words
                    .rfind(char::is_whitespace)
                    .map_or(0, |at| at + words[at..].chars().next().map_or(0, char::len_utf8))
            }
            Reach::Line => before.rfind('\n').map_or(0, |at| at + 1),
        }
    }

    fn after(&self, reach: Reach) -> usize {
        let after = &self.text[self.cursor..];
        let further = match reach {
            Reach::Letter => after.graphemes(true).next().map_or(0, str::len),
            Reach::Word => {
                let gap = after.len() - after.trim_start().len();
                let word = &after[gap..];
                gap + word.find(char::is_whitespace).unwrap_or(word.len())
            }
            Reach::Line => after.find('\n').unwrap_or(after.len()),
        };
        self.cursor + further
    }

    /// One row up; false where the cursor is in the first one.
    pub(super) fn up(&mut self, width: usize) -> bool {
        let rows = self.rows(width);
        let Some(row) = rows.row.checked_sub(1) else { return false };
        self.cursor = rows.at(&self.text, row);
        true
    }

    /// One row down; false where the cursor is in the last one.
    pub(super) fn down(&mut self, width: usize) -> bool {
        let rows = self.rows(width);
        let row = rows.row + 1;
        if row >= rows.count() {
            return false;
        }
        self.cursor = rows.at(&self.text, row);
        true
    }

    /// The rows of at most `width` columns, one of which is left for the cursor.
    pub(super) fn rows(&self, width: usize) -> Rows {
        let room = width.saturating_sub(1).max(1);
        let mut rows = Vec::new();
        let (mut start, mut used, mut line) = (0, 0, 0);
        for written in self.text.split('\n') {
            for (at, letter) in written.grapheme_indices(true) {
                let wide = letter.width();
                if used + wide > room && used > 0 {
                    rows.push(start..line + at);
                    (start, used) = (line + at, 0);
                }
                used += wide;
            }
            line += written.len();
            rows.push(start..line);
            line += 1;
            (start, used) = (line, 0);
        }
        let row = rows.iter().rposition(|row| row.start <= self.cursor).unwrap_or_default();
        let before = rows.get(row).map_or("", |row| &self.text[row.start..self.cursor]);
        Rows { column: text::width(before), places: rows, row }
    }
}

impl Rows {
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// The text of a row.
    pub(super) fn text<'a>(&self, editor: &'a Editor, row: usize) -> &'a str {
        self.places.get(row).map_or("", |row| &editor.text[row.clone()])
    }

    /// Where the cursor goes in another row: to the same column.
    fn at(&self, text: &str, row: usize) -> usize {
        let Some(range) = self.places.get(row) else { return text.len() };
        let (mut at, mut used) = (range.start, 0);
        for letter in text[range.clone()].graphemes(true) {
            used += letter.width();
            if used > self.column {
                break;
            }
            at += letter.len();
        }
        // The end of a row that goes on in the next one is the beginning of that one.
        let goes_on = self.places.get(row + 1).is_some_and(|next| next.start == range.end);
        if goes_on && at == range.end && at > range.start {
            let last = text[range.clone()].graphemes(true).next_back();
            at -= last.map_or(0, str::len);
        }
        at
    }
}

#[cfg(test)]
mod tests;
