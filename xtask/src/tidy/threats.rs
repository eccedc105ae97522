//! Every test that the threat table names exists.

use std::collections::BTreeSet;

use super::{Finding, Source};

/// Looks up what stands between backticks in the last column of the document's tables.
pub(super) fn check(document: &Source, sources: &[Source]) -> Vec<Finding> {
    let rooms = sources.iter().filter(|file| file.path.starts_with("crates/"));
    let functions: BTreeSet<&str> = rooms.flat_map(|file| functions(&file.text)).collect();
    let mut findings = Vec::new();
    for (line, text) in (1..).zip(document.text.lines()) {
        for test in last_column(text).map(tests).unwrap_or_default() {
            if !functions.contains(test) {
                let message = format!("there is no test `{test}` in crates/");
                findings.push(Finding::new(&document.path, line, message));
            }
        }
    }
    findings
}

/// The last cell of a table's row.
fn last_column(line: &str) -> Option<&str> {
    let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    row.rsplit_once('|').map(|(_, last)| last)
}

/// The tests named in a cell: `test` or `file::test`. Other words in backticks, such as a command
/// or a file, are not of this form.
fn tests(cell: &str) -> Vec<&str> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|name| match name.rsplit_once("::") {
            Some((file, test)) if !file.contains(char::is_whitespace) => Some(test),
            Some(_) => None,
            None => Some(name),
        })
        .filter(|test| !test.is_empty() && test.chars().all(is_of_a_name))
        .collect()
}

/// The names of the functions that a file defines.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (before, after) = line.split_once("fn ")?;
        let end = after.find(|c| !is_of_a_name(c)).unwrap_or(after.len());
        if before.ends_with(is_of_a_name) || before.trim_start().starts_with("//") {
            return None;
        }
        after.get(..end).filter(|name| !name.is_empty())
    })
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    fn found(row: &str) -> Vec<String> {
        let head = "# Threats\n\n| attack | what stops it | test |\n|---|---|---|\n";
        let document = source("docs/THREATS.md", &format!("{head}{row}\n"));
        let sources = [
            source("crates/p/tests/hostile.rs", "#[test]\nfn replays_fail() {\n"),
            source("crates/p/src/a.rs", "    async fn waits() {}\n// fn gone()\nlet defn x = 1;"),
            source("xtask/src/a.rs", "fn elsewhere() {}"),
        ];
        check(&document, &sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tests_that_exist_pass() {
        for row in [
            "| a `b` | c `d` | `hostile::replays_fail`, `waits` |",
            "| a | b | `tests/hostile.rs::replays_fail` |",
            "| a | b | no test: see `SECURITY.md`, `cargo xtask fuzz` |",
            "No row, but `a_name`.",
        ] {
            assert_eq!(found(row), [""; 0], "{row}");
        }
    }

    #[test]
    fn tests_that_do_not_exist_are_found() {
        for name in ["hostile::replays_failed", "gone", "x", "elsewhere", "replays"] {
            let test = name.trim_start_matches("hostile::");
            let expected = format!("docs/THREATS.md:5: there is no test `{test}` in crates/");
            assert_eq!(found(&format!("| a | b | `{name}` |")), [expected]);
        }
    }
}
