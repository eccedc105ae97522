//! Words are marked where they are, whatever their case.

use super::place;

#[test]
fn words_are_found_whatever_their_case() {
    let at = |text: &'static str, words| {
        let (start, end) = place(text, words);
        &text[start..end]
    };
    assert_eq!(at("say Hello there", "hello"), "Hello");
    assert_eq!(at("ÄPFEL", "äpf"), "ÄPF");
    assert_eq!(at("aab", "ab"), "ab");
    assert_eq!(at("abc", "x"), "");
    assert_eq!(at("", "x"), "");
}
