//! Every file says on its first line what it is for, and is short enough to be read at a sitting.
//! (Functions are measured by clippy, see `clippy.toml`.)

use super::{Finding, Source};

/// A file stays under this many lines.
const LINES: usize = 600;

/// Looks at the first line and the length of every file.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Source { path, text } in sources {
        if !text.starts_with("//!") {
            let message = "the file does not open with a `//!` line that says what it is for";
            findings.push(Finding::new(path, 1, message.to_owned()));
        }
        let lines = text.lines().count();
        if lines >= LINES {
            let message = format!("the file has {lines} lines; it must stay under {LINES}");
            findings.push(Finding::new(path, lines, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    #[test]
    fn a_short_file_with_a_purpose_passes() {
        let text = format!("//! Purpose.\n{}", "\n".repeat(LINES - 2));
        assert_eq!(check(&[source("crates/a/src/lib.rs", &text)]), []);
    }

    #[test]
    fn a_file_without_a_purpose_is_found() {
        for text in ["", "\n//! Late.\n", "// Not for readers of the docs.\n"] {
            let findings = check(&[source("xtask/src/a.rs", text)]);
            assert_eq!(findings.len(), 1, "{text:?}");
            assert_eq!((findings[0].path.as_str(), findings[0].line), ("xtask/src/a.rs", 1));
        }
    }

    #[test]
    fn a_long_file_is_found() {
        let text = format!("//! Purpose.\n{}", "\n".repeat(LINES - 1));
        let findings = check(&[source("bench/a.rs", &text)]);
        let expected = "bench/a.rs:600: the file has 600 lines; it must stay under 600";
        assert_eq!(findings.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }
}
