//! Fitting text into rows: every row fits, and nothing is lost.

use super::{cut, ends, width, wrap};

#[test]
fn words_stay_whole_where_they_can() {
    assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    assert_eq!(wrap("one two three", 8), ["one two", "three"]);
    assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
    assert_eq!(wrap("", 5), [""]);
    assert_eq!(wrap("a\n\nb", 5), ["a", "", "b"]);
    assert_eq!(wrap("    indented code", 12), ["    indented", "code"]);
}

#[test]
fn wide_letters_and_marks() {
    assert_eq!(wrap("日本語日本語", 5), ["日本", "語日", "本語"]);
    assert_eq!(width("日本"), 4);
    assert_eq!(width("e\u{301}"), 1);
    assert_eq!(wrap("e\u{301}e\u{301}e\u{301}", 2), ["e\u{301}e\u{301}", "e\u{301}"]);
    assert_eq!(wrap("שלום עולם", 5), ["שלום", "עולם"]);
    // One letter that is wider than the row stands alone.
    assert_eq!(wrap("日a", 1), ["日", "a"]);
}

#[test]
fn a_letter_with_a_thousand_marks_is_cut() {
    let rows = wrap(&format!("a{}b", "\u{301}".repeat(1000)), 10);
    assert_eq!(rows.len(), 1);
    assert!(rows[0].chars().count() <= 18);
    assert!(rows[0].ends_with('b'));
}

#[test]
fn every_row_fits() {
    let text =
        "A sentence with words,  two  spaces, 日本語 and\ttabs, andaverylongwordthatfitsnowhere.";
    for wide in 2..40 {
        for row in wrap(text, wide) {
            assert!(width(&row) <= wide, "{row:?} in {wide}");
        }
    }
}

#[test]
fn cutting() {
    assert_eq!(cut("hello", 5, "…"), "hello");
    assert_eq!(cut("hello!", 5, "…"), "hell…");
    assert_eq!(cut("日本語", 5, "…"), "日本…");
    assert_eq!(cut("日本語", 4, "…"), "日…");
    assert_eq!(cut("hello", 0, "…"), "");
    assert_eq!(ends("left", "right", 12, "…"), "left   right");
    assert_eq!(ends("leftleft", "right", 12, "…"), "leftl… right");
    assert_eq!(ends("left", "right", 3, "…"), "ri…");
}
