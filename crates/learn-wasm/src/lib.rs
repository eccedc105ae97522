//! The walkthrough for JavaScript: a request goes in as JSON, a document comes out as JSON, the same
//! bytes that `sprag learn --json` prints. Conversions, no logic.

use serde::Deserialize;
use sprag_learn::guide::guide as chapters;
use sprag_learn::play::Request;
use sprag_learn::{Design, Party, document};
use wasm_bindgen::prelude::wasm_bindgen;

/// What is to be played.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// As text: JavaScript's numbers are too short for it.
    seed: String,
    schedule: String,
    design: String,
    theft: Option<Thief>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thief {
    victim: Victim,
    after: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Victim {
    Alice,
    Bob,
}

/// Plays `{ seed, schedule, design, theft: null | { victim, after } }`.
///
/// # Errors
/// What is wrong with the request, for a person.
#[wasm_bindgen]
pub fn play(request: &str) -> Result<String, String> {
    let asked: Asked = serde_json::from_str(request).map_err(|error| error.to_string())?;
    let document = document::of(asked.request()?).map_err(|error| error.to_string())?;
    text(document::lines(&document))
}

/// The nine chapters, with the play that they lead through.
///
/// # Errors
/// What is wrong with the seed, for a person.
#[wasm_bindgen]
pub fn guide(seed: &str) -> Result<String, String> {
    let guide = chapters(self::seed(seed)?).map_err(|error| error.to_string())?;
    text(document::lines(&guide))
}

impl Asked {
    fn request(self) -> Result<Request, String> {
        let Self { seed, schedule, design, theft } = self;
        let design = design.parse::<Design>().map_err(|error| error.to_string())?;
        Ok(Request {
            seed: self::seed(&seed)?,
            schedule: schedule.parse().map_err(|error| format!("{error}"))?,
            design,
            theft: theft.map(|Thief { victim, after }| (victim.into(), after)),
        })
    }
}

impl From<Victim> for Party {
    fn from(victim: Victim) -> Self {
        match victim {
            Victim::Alice => Self::Alice,
            Victim::Bob => Self::Bob,
        }
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "a seed is a number from 0 to 18446744073709551615".into())
}

fn text(json: Vec<u8>) -> Result<String, String> {
    String::from_utf8(json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_gives_a_document() {
        let request = r#"{"seed":"7","schedule":"A.dA1","design":"double-ratchet","theft":{"victim":"bob","after":1}}"#;
        let document = play(request).unwrap();
        assert!(document.contains("sprag-learn-play") && document.ends_with("}\n"));
        assert_eq!(play(request), Ok(document));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let asked = |seed: &str, schedule: &str, design: &str| {
            let request =
                format!(r#"{{"seed":"{seed}","schedule":"{schedule}","design":"{design}"}}"#);
            play(&request).unwrap_err()
        };
        assert!(asked("x", "A", "double-ratchet").contains("seed"));
        assert!(asked("1", "B", "double-ratchet").contains("Bob cannot write"));
        assert!(asked("1", "A", "none").contains("designs"));
        assert!(play("{").is_err() && guide("-1").is_err());
    }
}
