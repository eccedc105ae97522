//! The walls between rooms: who may appear in whose dependency tree.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use super::Finding;
use crate::project::{Package, Project, output};

/// The target of what runs in a browser.
const WEB: &str = "wasm32-unknown-unknown";

const SQL: &[&str] = &["libsqlite3-sys", "postgres", "rusqlite", "sqlx", "tokio-postgres"];
const TERMINAL: &[&str] = &["anstream", "clap", "crossterm", "indicatif", "ratatui"];
const NETWORK: &[&str] = &["axum", "hyper", "mio", "reqwest", "tokio-tungstenite", "tungstenite"];
/// What an operating system gives: randomness, clocks, threads of its own, logs, files.
const SYSTEM: &[&str] = &[
    "async-std",
    "chrono",
    "env_logger",
    "futures",
    "getrandom",
    "js-sys",
    "log",
    "smol",
    "tempfile",
    "time",
    "tokio",
    "tracing",
    "wasm-bindgen",
];
/// What a ratchet is made of.
const RATCHET: &[&str] = &["aes-gcm-siv", "libcrux-ml-kem", "x25519-dalek"];
/// Errors are decisions below the command line; this makes stories of them.
const STORIES: &[&str] = &["anyhow"];

/// One room, and its walls.
struct Room {
    package: &'static str,
    /// The rooms that it may reach, by whatever way.
    rooms: &'static [&'static str],
    /// Whether it is built for the web too; its tree there is looked at as well.
    web: bool,
    /// What it must not reach, by whatever way.
    never: &'static [&'static [&'static str]],
    /// What it must not ask for itself, though a room below may.
    never_itself: &'static [&'static str],
}

const ROOMS: [Room; 9] = [
    Room {
        package: "sprag-protocol",
        rooms: &[],
        web: true,
        never: &[SYSTEM, SQL, TERMINAL, NETWORK],
        never_itself: STORIES,
    },
    Room {
        package: "sprag-api",
        rooms: &[],
        web: true,
        never: &[RATCHET, &["axum"], SQL, TERMINAL],
        never_itself: STORIES,
    },
    Room {
        package: "sprag-store",
        rooms: &["sprag-protocol"],
        web: true,
        never: &[NETWORK, TERMINAL],
        never_itself: STORIES,
    },
    Room {
        package: "sprag-client",
        rooms: &["sprag-api", "sprag-protocol", "sprag-store"],
        web: true,
        never: &[&["axum"], TERMINAL],
        never_itself: STORIES,
    },
    Room {
        package: "sprag-relay",
        rooms: &["sprag-api"],
        web: false,
        never: &[RATCHET],
        never_itself: STORIES,
    },
    Room {
        package: "sprag-learn",
        rooms: &["sprag-protocol"],
        web: true,
        never: &[SYSTEM, SQL, TERMINAL, NETWORK],
        never_itself: STORIES,
    },
    Room {
        package: "sprag-learn-wasm",
        rooms: &["sprag-learn", "sprag-protocol"],
        web: true,
        never: &[SQL, TERMINAL, NETWORK],
        never_itself: STORIES,
    },
    Room {
        package: "sprag-cli",
        rooms: &[
            "sprag-api",
            "sprag-client",
            "sprag-learn",
            "sprag-protocol",
            "sprag-relay",
            "sprag-store",
        ],
        web: false,
        never: &[],
        never_itself: SQL,
    },
    Room {
        package: "sprag-wasm",
        rooms: &["sprag-api", "sprag-client", "sprag-protocol", "sprag-store"],
        web: true,
        never: &[&["axum", "tokio"], SQL, TERMINAL],
        never_itself: STORIES,
    },
];

/// What lies beside the rooms, and what nothing may depend on.
const BESIDE: [&str; 3] = ["sprag-bench", "xtask", "xtask-bind"];

/// Looks at the tree of every room that exists, as built here and as built for the web.
pub(super) fn check(project: &Project) -> Result<Vec<Finding>> {
    let metadata = project.metadata()?;
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let manifest = Manifest::read(project, package)?;
        findings.extend(beside(package, &manifest));
        let Some(room) = ROOMS.iter().find(|room| room.package == package.name) else {
            if !BESIDE.contains(&package.name.as_str()) {
                findings.push(manifest.finding(&package.name, "this room has no walls yet"));
            }
            continue;
        };
        let targets: &[Option<&str>] = if room.web { &[None, Some(WEB)] } else { &[None] };
        for target in targets {
            let tree = tree(project, room, *target)?;
            for finding in walls(room, &tree, &manifest) {
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
    }
    Ok(findings)
}

fn tree(project: &Project, room: &Room, target: Option<&str>) -> Result<String> {
    let arguments = ["tree", "--locked", "--edges", "normal", "--prefix", "depth", "-p"];
    let mut cargo = project.cargo(arguments);
    cargo.args([room.package, "--format", "{p}"]);
    if let Some(target) = target {
        cargo.args(["--target", target]);
    }
    output(&mut cargo)
}

/// Follows a tree (`0sprag-api v0.1.0`, `1serde v1.0.0`, ...) and names what must not be there,
/// each package once, with the way that leads to it.
fn walls(room: &Room, tree: &str, manifest: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    let mut way: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let digits = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len());
        let (depth, package) = line.split_at(digits);
        let name = package.split(' ').next().unwrap_or_default();
        let Ok(depth) = depth.parse::<usize>() else { continue };
        way.truncate(depth);
        way.push(name);
        let Some((first, further)) = way.get(1..).and_then(<[&str]>::split_first) else { continue };
        let itself = further.is_empty() && room.never_itself.contains(&name);
        if (itself || is_walled_off(room, name)) && seen.insert(name) {
            let by = match way.get(1..depth) {
                Some(between @ [_, ..]) => format!(" (by way of {})", between.join(", ")),
                _ => String::new(),
            };
            let message = format!("{} must not reach {name}{by}", room.package);
            findings.push(manifest.finding(first, &message));
        }
    }
    findings
}

fn is_walled_off(room: &Room, name: &str) -> bool {
    let is_room = name.starts_with("sprag-") || BESIDE.contains(&name);
    is_room && !room.rooms.contains(&name) || room.never.iter().any(|list| list.contains(&name))
}

/// Nothing depends on a chore or on a benchmark, not even a test.
fn beside(package: &Package, manifest: &Manifest) -> Vec<Finding> {
    let asked = package.dependencies.iter().map(|dependency| dependency.name.as_str());
    asked
        .filter(|name| BESIDE.contains(name))
        .map(|name| manifest.finding(name, &format!("{} must not depend on {name}", package.name)))
        .collect()
}

/// A room's `Cargo.toml`, to point at its lines.
struct Manifest {
    path: String,
    text: String,
}

impl Manifest {
    fn read(project: &Project, package: &Package) -> Result<Self> {
        let file = &package.manifest_path;
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let path = file.strip_prefix(project.root()).unwrap_or(file).display().to_string();
        Ok(Self { path, text })
    }

    /// A finding at the line that asks for this dependency, or at the first.
    fn finding(&self, dependency: &str, message: &str) -> Finding {
        let asks = |line: &str| {
            let rest = line.trim_start().strip_prefix(dependency);
            rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        };
        let line = (1..).zip(self.text.lines()).find(|(_, text)| asks(text));
        Finding::new(&self.path, line.map_or(1, |(line, _)| line), message.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Dependency;

    fn room(package: &str) -> &'static Room {
        ROOMS.iter().find(|room| room.package == package).expect("a room of the table")
    }

    fn found(package: &str, tree: &str) -> Vec<String> {
        let text = "[dependencies]\nrand = \"1\"\nrand_core.workspace = true\n".to_owned();
        let manifest = Manifest { path: "crates/p/Cargo.toml".to_owned(), text };
        walls(room(package), tree, &manifest).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_clean_tree_passes() {
        let tree =
            "0sprag-client v0.1.0 (/p)\n1sprag-api v0.1.0 (/a)\n2serde v1.0.0\n1tokio v1.0.0";
        assert_eq!(found("sprag-client", tree), [""; 0]);
    }

    #[test]
    fn another_room_is_found() {
        let expected = ["crates/p/Cargo.toml:1: sprag-relay must not reach sprag-protocol"];
        let tree = "0sprag-relay v0.1.0 (/r)\n1sprag-protocol v0.1.0 (/p)\n2sha2 v0.11.0";
        assert_eq!(found("sprag-relay", tree), expected);
    }

    #[test]
    fn what_a_dependency_brings_is_found_once_and_with_its_way() {
        let tree = "0sprag-protocol v0.1.0 (/p)\n1subtle v2.6.1\n1rand_core v0.10.1\n2x v1.0.0\n\
                    3getrandom v0.4.0\n1rand v1.0.0\n2getrandom v0.4.0 (*)";
        let expected = "crates/p/Cargo.toml:3: sprag-protocol must not reach getrandom \
                        (by way of rand_core, x)";
        assert_eq!(found("sprag-protocol", tree), [expected]);
    }

    #[test]
    fn what_is_forbidden_directly_may_come_by_a_room() {
        let tree = "0sprag-cli v0.1.0 (/c)\n1sprag-store v0.1.0 (/s)\n2rusqlite v0.30.0";
        assert_eq!(found("sprag-cli", tree), [""; 0]);
        let tree = "0sprag-cli v0.1.0 (/c)\n1rusqlite v0.30.0";
        let expected = ["crates/p/Cargo.toml:1: sprag-cli must not reach rusqlite"];
        assert_eq!(found("sprag-cli", tree), expected);
    }

    #[test]
    fn nothing_may_depend_on_a_chore() {
        let package = Package {
            name: "sprag-api".to_owned(),
            manifest_path: "/p/Cargo.toml".into(),
            dependencies: vec![Dependency { name: "xtask".to_owned() }],
        };
        let manifest = Manifest { path: "crates/api/Cargo.toml".to_owned(), text: String::new() };
        let expected = "crates/api/Cargo.toml:1: sprag-api must not depend on xtask";
        let findings = beside(&package, &manifest);
        assert_eq!(findings.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn the_picture_has_no_circle() {
        for room in &ROOMS {
            assert!(!room.rooms.contains(&room.package), "{}", room.package);
            for below in room.rooms {
                let below = self::room(below);
                assert!(!below.rooms.contains(&room.package), "{}", room.package);
                // What a room may reach, it may reach by way of any room.
                assert!(below.rooms.iter().all(|name| room.rooms.contains(name)));
            }
        }
    }
}
