//! Writing: the cursor is always between two letters, and nothing is lost.

use super::{Editor, Reach};

fn shown(editor: &Editor, width: usize) -> (Vec<String>, usize, usize) {
    let rows = editor.rows(width);
    let texts = (0..rows.count()).map(|row| rows.text(editor, row).to_owned()).collect();
    (texts, rows.row, rows.column)
}

#[test]
fn writing_and_deleting() {
    let mut editor = Editor::of("helo");
    editor.left(Reach::Letter);
    editor.insert("l");
    assert_eq!(editor.text(), "hello");
    editor.right(Reach::Letter);
    editor.right(Reach::Letter);
    editor.insert(" world");
    editor.delete_left(Reach::Word);
    assert_eq!(editor.text(), "hello ");
    editor.left(Reach::Line);
    editor.delete_right(Reach::Letter);
    assert_eq!(editor.text(), "ello ");
    editor.delete_right(Reach::Line);
    assert!(editor.is_empty());
    editor.delete_left(Reach::Letter);
    editor.delete_left(Reach::Word);
    editor.delete_right(Reach::Word);
    assert!(editor.is_empty());
}

#[test]
fn letters_are_whole() {
    let mut editor = Editor::of("a👩\u{200d}🚀e\u{301}日");
    editor.left(Reach::Letter);
    editor.delete_left(Reach::Letter);
    assert_eq!(editor.text(), "a👩\u{200d}🚀日");
    editor.delete_left(Reach::Letter);
    assert_eq!(editor.text(), "a日");
    // A mark joins the letter before it.
    editor.insert("\u{301}");
    editor.delete_left(Reach::Letter);
    assert_eq!(editor.text(), "日");
}

#[test]
fn rows_and_the_cursor() {
    let mut editor = Editor::of("one\ntwo three");
    assert_eq!(
        shown(&editor, 5),
        (vec!["one".into(), "two ".into(), "thre".into(), "e".into()], 3, 1)
    );
    assert!(editor.up(5));
    assert_eq!(shown(&editor, 5).1, 2);
    assert!(editor.up(5));
    assert!(editor.up(5));
    assert_eq!(shown(&editor, 5).1, 0);
    assert!(!editor.up(5));
    assert!(editor.down(5));
    assert_eq!(shown(&editor, 5).1, 1);
    assert_eq!(shown(&Editor::of("a\n"), 5), (vec!["a".into(), String::new()], 1, 0));
    assert_eq!(shown(&Editor::default(), 5), (vec![String::new()], 0, 0));
}

#[test]
fn going_up_and_down_meets_every_row() {
    for width in 1..12 {
        let mut editor = Editor::of("日本語 is\n\nwritten in 日本 ok");
        let rows = editor.rows(width).count();
        let mut steps = 0;
        while editor.up(width) {
            steps += 1;
        }
        assert_eq!(steps, rows - 1, "{width}");
        while editor.down(width) {
            steps += 1;
        }
        assert_eq!(steps, 2 * (rows - 1), "{width}");
    }
}

#[test]
fn pasted_text_is_made_harmless() {
    let mut editor = Editor::default();
    editor.insert("a\r\nb\u{1b}[31m\u{202e}c");
    assert_eq!(editor.text(), "a\nbc");
    let mut line = Editor::default();
    line.insert_line("a\nb\n");
    assert_eq!(line.text(), "a b");
}
