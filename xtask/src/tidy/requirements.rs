//! Every numbered requirement of the protocol's specification is named where it is met and where
//! it is tested, and no code names a requirement that the specification does not have.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Source};

/// Compares the requirements (`[M-AREA-1]`) of the document with those that the rooms name.
pub(super) fn check(document: &Source, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let defined = defined(document, &mut findings);
    let mut in_code = BTreeSet::new();
    let mut in_tests = BTreeSet::new();
    for file in sources.iter().filter(|file| file.path.starts_with("crates/")) {
        for (line, text, place) in lines(file) {
            for id in named(text) {
                if !defined.contains_key(id) {
                    let message = format!("{id} is not in {}", document.path);
                    findings.push(Finding::new(&file.path, line, message));
                }
                match place {
                    Place::Code => in_code.insert(id),
                    Place::Test => in_tests.insert(id),
                    Place::Elsewhere => false,
                };
            }
        }
    }
    for (id, line) in &defined {
        let mut missing = |there: &BTreeSet<&str>, place: &str| {
            if !there.contains(id) {
                let message = format!("{id} is named in no {place} of a room");
                findings.push(Finding::new(&document.path, *line, message));
            }
        };
        missing(&in_code, "code");
        missing(&in_tests, "test");
    }
    if defined.is_empty() {
        let message = "there is no numbered requirement, such as **[M-AREA-1]**".to_owned();
        findings.push(Finding::new(&document.path, 1, message));
    }
    findings
}

/// The document's requirements, each with its first line. Bold marks the place of definition,
/// which must be one.
fn defined<'a>(document: &'a Source, findings: &mut Vec<Finding>) -> BTreeMap<&'a str, usize> {
    let mut defined = BTreeMap::new();
    let mut bold = BTreeSet::new();
    for (line, text) in (1..).zip(document.text.lines()) {
        for id in named(text) {
            if text.contains(&format!("[{id}]")) {
                defined.entry(id).or_insert(line);
            }
            if text.contains(&format!("**[{id}]**")) && !bold.insert(id) {
                let message = format!("{id} is defined twice");
                findings.push(Finding::new(&document.path, line, message));
            }
        }
    }
    defined
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Code,
    Test,
    /// An example, a benchmark: may name a requirement, and counts for nothing.
    Elsewhere,
}

/// The lines of a file, numbered, each with the place it counts for.
///
/// In code, what `#[cfg(test)]` marks is a test: up to the brace that closes it at the same depth,
/// as rustfmt sets it, or only the next line if that is an item without a body.
fn lines(file: &Source) -> impl Iterator<Item = (usize, &str, Place)> {
    let whole = place(&file.path);
    let mut marked: Option<&str> = None;
    let mut attributes = false;
    (1..).zip(file.text.lines()).map(move |(line, text)| {
        let depth = text.get(..text.len() - text.trim_start().len()).unwrap_or_default();
        let mut here = whole;
        if whole == Place::Code {
            if let Some(start) = marked {
                here = Place::Test;
                let trimmed = text.trim();
                attributes &= trimmed.starts_with("#[") || trimmed.starts_with("//");
                let bodiless = depth == start && !attributes && trimmed.ends_with(';');
                if bodiless || (depth == start && trimmed.starts_with('}')) {
                    marked = None;
                }
            } else if text.trim() == "#[cfg(test)]" {
                here = Place::Test;
                marked = Some(depth);
                attributes = true;
            }
        }
        (line, text, here)
    })
}

fn place(path: &str) -> Place {
    // crates/ROOM/src/... and crates/ROOM/tests/...
    let mut parts = path.split('/').skip(2);
    match parts.next() {
        Some("tests") => Place::Test,
        Some("src") if parts.any(|part| part == "tests" || part == "tests.rs") => Place::Test,
        Some("src") => Place::Code,
        _ => Place::Elsewhere,
    }
}

/// The requirements named in a line: `M-`, capitals, `-`, digits, as a word of their own.
fn named(line: &str) -> Vec<&str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
        .filter(|word| {
            word.strip_prefix("M-").and_then(|rest| rest.split_once('-')).is_some_and(
                |(area, number)| {
                    let capitals = area.chars().all(|c| c.is_ascii_uppercase());
                    let digits = number.chars().all(|c| c.is_ascii_digit());
                    capitals && digits && !area.is_empty() && !number.is_empty()
                },
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    fn found(document: &str, sources: &[Source]) -> Vec<String> {
        let document = source("docs/PROTOCOL.md", document);
        check(&document, sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_requirement_is_a_word_of_its_own() {
        assert_eq!(named("// M-KDF-1, [M-A-02]; (M-ZZ-30)."), ["M-KDF-1", "M-A-02", "M-ZZ-30"]);
        let none = "ML-KEM-1024 XM-A-1 M-a-1 M--1 M-A- M-A-1b M-A-1-2 M-1-A AES-256-GCM-SIV";
        assert_eq!(named(none), [""; 0]);
    }

    #[test]
    fn named_in_code_and_in_a_test_passes() {
        let code = "//! x\n// M-A-1\nfn f() {}\n#[cfg(test)]\nmod tests {\n    // M-A-1\n}\n";
        assert_eq!(found("**[M-A-1]** MUST.", &[source("crates/p/src/f.rs", code)]), [""; 0]);
    }

    #[test]
    fn tests_lie_in_their_folders_too() {
        for path in ["crates/p/tests/a.rs", "crates/p/src/f/tests.rs", "crates/p/src/tests/a.rs"] {
            let sources = [source("crates/p/src/f.rs", "M-A-1"), source(path, "M-A-1")];
            assert_eq!(found("**[M-A-1]** MUST.", &sources), [""; 0], "{path}");
        }
    }

    #[test]
    fn untested_and_unmet_requirements_are_found() {
        let sources = [
            source("crates/p/src/f.rs", "// M-A-1"),
            source("crates/p/tests/f.rs", "// M-A-2"),
            source("crates/p/examples/f.rs", "// M-A-1 M-A-2"),
            source("xtask/src/f.rs", "// M-A-1 M-A-2 M-A-3"),
        ];
        let expected = [
            "docs/PROTOCOL.md:1: M-A-1 is named in no test of a room",
            "docs/PROTOCOL.md:3: M-A-2 is named in no code of a room",
        ];
        assert_eq!(found("**[M-A-1]** MUST.\n\n**[M-A-2]** MUST.", &sources), expected);
    }

    #[test]
    fn unknown_and_repeated_requirements_are_found() {
        let sources = [
            source("crates/p/src/f.rs", "\n// M-A-1 M-A-9"),
            source("crates/p/tests/f.rs", "// M-A-1"),
        ];
        let expected = [
            "docs/PROTOCOL.md:3: M-A-1 is defined twice",
            "crates/p/src/f.rs:2: M-A-9 is not in docs/PROTOCOL.md",
        ];
        assert_eq!(found("**[M-A-1]** a\nsee [M-A-1]\n**[M-A-1]** b", &sources), expected);
    }

    #[test]
    fn a_document_without_requirements_is_found() {
        assert_eq!(found("# Protocol", &[]).len(), 1);
    }

    #[test]
    fn code_goes_on_after_what_is_only_for_tests() {
        let text = "a\n#[cfg(test)]\nmod tests;\nb\n#[cfg(test)]\n#[path = \"x\"]\nfn f() {\n    g();\n}\nc\nmod m {\n    #[cfg(test)]\n    fn h(\n    ) {\n    }\n    d\n}\n";
        let file = source("crates/p/src/f.rs", text);
        let code: Vec<&str> = lines(&file)
            .filter(|(_, _, place)| *place == Place::Code)
            .map(|(_, text, _)| text.trim())
            .collect();
        assert_eq!(code, ["a", "b", "c", "mod m {", "d", "}"]);
    }
}
