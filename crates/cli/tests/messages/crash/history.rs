//! What everybody has in the end, held against what was said.

use std::collections::BTreeMap;

use serde_json::Value;

use super::people::{Person, Said};
use crate::world::World;

/// An entry of a history.
struct Entry {
    id: String,
    text: String,
    own: bool,
    state: String,
}

impl Entry {
    fn of(entry: &Value) -> Self {
        let field = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let own = entry["own"] == true;
        Self { id: field("id"), text: field("text"), own, state: field("state") }
    }
}

fn history(world: &World, of: &str, with: &str) -> Vec<Entry> {
    let entries = world.json(of, &["list", with, "--limit", "1000000"]);
    entries.iter().map(Entry::of).collect()
}

/// Whether all that was said has arrived, and those who said it know.
pub(super) fn is_quiet(world: &World, people: &[Person]) -> bool {
    people.iter().all(|person| {
        let own = history(world, person.name, person.other);
        own.iter().filter(|entry| entry.own).all(|entry| entry.state == "delivered")
    })
}

/// What one said is what the other has and has read, in order and once; how much that is.
pub(super) fn check(world: &World, from: &Person, to: &Person) -> usize {
    let own = history(world, from.name, to.name).into_iter().filter(|entry| entry.own);
    let own: Vec<_> = own.map(|entry| (entry.id, entry.text)).collect();
    let others = history(world, to.name, from.name).into_iter().filter(|entry| !entry.own);
    let theirs: Vec<_> = others.map(|entry| (entry.id, entry.text)).collect();
    assert_eq!(own, theirs, "what {} said is not what {} has", from.name, to.name);
    let printed: BTreeMap<_, _> = theirs.into_iter().collect();
    assert!(printed == to.heard.printed, "{} did not read everything", to.name);
    is_what_was_said(&own, &from.said);
    own.len()
}

/// What somebody said, as their own history has it, is what was attempted: in order, nothing twice, and
/// whatever a command told of is there.
fn is_what_was_said(own: &[(String, String)], said: &[Said]) {
    let mut attempts = said.iter();
    for (id, text) in own {
        // What is skipped was never taken.
        let attempt = attempts.by_ref().find(|said| {
            assert!(said.text == *text || said.told.is_none(), "{said:?} was lost");
            said.text == *text
        });
        let attempt = attempt.expect("only what was said is there, in order and once");
        assert!(attempt.told.iter().all(|(told, _)| told == id), "{attempt:?} is {id}");
    }
    assert!(attempts.all(|said| said.told.is_none()), "the end was lost");
}
