//! Whether somebody is who they say: comparing safety numbers, and what to do about a changed key.

use sprag_client::Trust;
use sprag_protocol::fingerprint::Comparison;
use sprag_protocol::{AccountName, SafetyNumber};

use super::editor::Editor;
use super::input::Identity;
use crate::verify::scanned;

/// The screen of one account.
#[derive(Debug)]
pub(super) struct Verify {
    pub(super) with: AccountName,
    /// What is known, once it was loaded; or why it could not be.
    pub(super) identity: Option<Result<Box<Identity>, String>>,
    /// Where the other side's code is pasted, while it is.
    pub(super) field: Option<Editor>,
    /// What came of the last comparison. It stays.
    pub(super) verdict: Option<Verdict>,
    /// Whether the code is shown alone.
    pub(super) only_qr: bool,
    /// How far down the screen begins.
    pub(super) scroll: usize,
}

/// What came of comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Both see the same keys: the known one, or the new one.
    Same { new: bool },
    /// One of the keys is another one.
    Differs(Comparison),
    /// The text is no code.
    NotACode,
}

impl Verify {
    pub(super) fn new(with: AccountName) -> Self {
        Self { with, identity: None, field: None, verdict: None, only_qr: false, scroll: 0 }
    }

    pub(super) fn known(&self) -> Option<&Identity> {
        self.identity.as_ref()?.as_ref().ok().map(|identity| &**identity)
    }

    pub(super) fn trust(&self) -> Trust {
        self.known().and_then(|known| known.peer.as_ref()).map_or(Trust::Unknown, |peer| peer.trust)
    }

    /// The number to compare now: where a new key is offered, the one under that.
    pub(super) fn number(&self) -> Option<SafetyNumber> {
        let known = self.known()?;
        known.offered.or(known.number)
    }

    /// Compares with the text or the digits that the other side shows.
    pub(super) fn compare(&mut self, text: &str) {
        let Some(known) = self.known() else { return };
        let compare = |number: &SafetyNumber| against(number, text);
        let verdicts =
            [known.offered.as_ref(), known.number.as_ref()].map(|number| number.and_then(compare));
        let verdict = match verdicts {
            [Some(Comparison::Match), _] => Verdict::Same { new: true },
            [_, Some(Comparison::Match)] => Verdict::Same { new: false },
            [Some(other), _] | [None, Some(other)] => Verdict::Differs(other),
            _ => Verdict::NotACode,
        };
        self.verdict = Some(verdict);
    }
}

/// Compares with a code as text, or with sixty digits, however they are spaced.
fn against(number: &SafetyNumber, text: &str) -> Option<Comparison> {
    let text: String = text.split_whitespace().collect();
    if text.len() == 60 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits: String = number.to_string().split_whitespace().collect();
        return Some(if digits == text { Comparison::Match } else { Comparison::BothDiffer });
    }
    let bytes = scanned(&text)?;
    number.compare(&bytes).ok()
}
