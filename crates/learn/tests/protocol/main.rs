//! The engine held against the core: the same conversations are held again here, through the core's
//! public face alone, with observers, copies and a thief of their own.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail anywhere")]

mod chance;
mod thief;
mod twin;

use std::collections::BTreeSet;

use chance::schedule;
use serde_json::Value;
use sprag_learn::play::{Request, play};
use sprag_learn::{Design, Party, Schedule, document};
use twin::Twin;

/// How many random conversations there are, each with a theft at a random step.
const WORLDS: u64 = 300;

fn request(seed: u64, design: Design) -> Request {
    let (schedule, theft) = schedule(seed);
    Request { seed, schedule, design, theft: Some(theft) }
}

fn json(request: Request) -> Value {
    serde_json::from_slice(&document::lines(&document::of(request).unwrap())).unwrap()
}

#[test]
fn what_is_shown_as_readable_is_what_the_core_opens_from_the_stolen_bytes() {
    let (mut readable, mut closed, mut healed) = (0, 0, 0);
    for seed in 0..WORLDS {
        let request = request(seed, Design::DoubleRatchet);
        let (victim, after) = request.theft.unwrap();
        let twin = Twin::play(seed, &request.schedule, (victim, after));
        let shown = json(request.clone());
        let rows = shown["theft"]["rows"].as_array().unwrap();
        let is_readable = |row: &Value| row["readable"] == true;
        let shown_readable: Vec<_> = rows.iter().map(is_readable).collect();
        let context = format!("seed {seed}, {victim} after {after}: {}", request.schedule);
        assert_eq!(shown_readable, twin.thief().reads(&twin.sent), "{context}");
        if twin.within_limits() {
            assert_eq!(shown_readable, twin.positions_say(victim, after), "{context}");
        }
        assert_eq!(shown["theft"]["stolen"], twin.thief().len(), "{context}");
        readable += shown_readable.iter().filter(|readable| **readable).count();
        closed += shown_readable.iter().filter(|readable| !**readable).count();
        healed += usize::from(shown["theft"]["healed"].is_string());
    }
    // The worlds are not all alike.
    assert!(readable > 500 && closed > 500 && healed > 50, "{readable} {closed} {healed}");
}

#[test]
fn every_key_that_is_shown_is_the_cores() {
    for seed in 0..40 {
        let request = request(seed, Design::DoubleRatchet);
        let twin = Twin::play(seed, &request.schedule, request.theft.unwrap());
        let shown = json(request);
        let steps = shown["steps"].as_array().unwrap();
        assert_eq!(steps.len(), twin.steps.len());
        for (step, own) in steps.iter().zip(&twin.steps) {
            let events: Vec<_> =
                step["events"].as_array().unwrap().iter().map(twin::line).collect();
            assert_eq!(events, own.events, "seed {seed}, step {}", step["number"]);
        }
        let messages = shown["messages"].as_array().unwrap();
        for (message, sent) in messages.iter().zip(&twin.sent) {
            assert_eq!(message["hex"], twin::hex(&sent.bytes), "seed {seed}");
        }
        // Nothing else in the document is hex.
        let mut shown_hex = BTreeSet::new();
        hex_of(&shown, &mut shown_hex);
        let strange: Vec<_> = shown_hex.difference(&twin.every_hex()).cloned().collect();
        assert_eq!(strange, [""; 0], "seed {seed}");
    }
}

/// Everything that looks like a key or a message.
fn hex_of(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            if text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                into.insert(text.clone());
            }
        }
        Value::Array(values) => values.iter().for_each(|value| hex_of(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| hex_of(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_phone_holds_the_keys_that_are_shown_and_no_other() {
    for seed in 0..40 {
        let request = request(seed, Design::DoubleRatchet);
        let twin = Twin::play(seed, &request.schedule, request.theft.unwrap());
        let play = play(request).unwrap();
        for (number, (step, own)) in play.steps.iter().zip(&twin.steps).enumerate() {
            for (index, party) in Party::BOTH.into_iter().enumerate() {
                let state = &own.states[index];
                let holds = |key: &[u8; 32]| state.windows(32).any(|window| window == key);
                let context = format!("seed {seed}, step {number}, {party}");
                let keys = &step.holdings[index].keys;
                for held in keys {
                    assert!(holds(&held.key), "{:?} is not in the state: {context}", held.place);
                }
                for (place, key) in own
                    .derived
                    .iter()
                    .filter(|(of, _, _)| *of == party)
                    .map(|(_, place, key)| (place, key))
                {
                    let shown = keys.iter().any(|held| held.key == *key);
                    assert_eq!(holds(key), shown, "{place:?}: {context}");
                }
                let kept = keys.iter().filter(|held| held.kept).count();
                assert_eq!(kept, own.kept[index], "{context}");
                assert_eq!(step.stored[index], state.len(), "{context}");
            }
        }
    }
}

#[test]
fn back_and_forward_give_the_same_states() {
    for seed in 0..12 {
        for design in Design::ALL {
            let request = Request { theft: None, ..request(seed, design) };
            let all = play(request.clone()).unwrap();
            let actions = request.schedule.actions();
            for until in (0..actions.len()).rev().step_by(5) {
                let schedule = Schedule::new(actions[..until].to_vec()).unwrap();
                let part = play(Request { schedule, ..request.clone() }).unwrap();
                assert_eq!(part.steps, all.steps[..=until], "seed {seed}, {design}, {until}");
            }
            let again = play(request).unwrap();
            assert_eq!(again.steps, all.steps);
            assert_eq!(again.messages, all.messages);
        }
    }
}

#[test]
fn a_document_is_the_same_byte_for_byte_and_says_what_it_was_made_from() {
    for design in Design::ALL {
        let request = request(5, design);
        let lines = |request| document::lines(&document::of(request).unwrap());
        let one = lines(request.clone());
        let shown: Value = serde_json::from_slice(&one).unwrap();
        let text = |field: &str| shown[field].as_str().unwrap().to_owned();
        let victim = Party::BOTH
            .into_iter()
            .find(|party| shown["theft"]["victim"] == party.to_string().to_lowercase());
        let after = shown["theft"]["after"].as_u64().unwrap();
        let again = Request {
            seed: text("seed").parse().unwrap(),
            schedule: text("schedule").parse().unwrap(),
            design: text("design").parse().unwrap(),
            theft: victim.zip(usize::try_from(after).ok()),
        };
        assert_eq!(again, request);
        assert_eq!(lines(again), one);
        assert_eq!(shown["model"], design != Design::DoubleRatchet);
    }
}

#[test]
fn the_models_lose_what_their_missing_part_would_have_saved() {
    for seed in 0..100 {
        for design in [Design::SingleRatchet, Design::StaticKey] {
            let request = request(seed, design);
            let (victim, after) = request.theft.unwrap();
            let play = play(request).unwrap();
            let theft = play.theft.unwrap();
            for (row, message) in theft.rows.iter().zip(&play.messages) {
                let by = |at: Option<usize>| at.is_some_and(|at| at <= after);
                let past =
                    if row.from == victim { message.sealed <= after } else { by(message.opened) };
                let expected = design == Design::StaticKey || !past;
                assert_eq!(row.readable, expected, "{design}, seed {seed}, {}", row.message);
            }
            if theft
                .rows
                .iter()
                .any(|row| row.readable && row.message == theft.rows[theft.rows.len() - 1].message)
            {
                assert_eq!(theft.healed, None);
            }
        }
    }
}
