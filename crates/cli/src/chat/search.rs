//! Looking for words in all conversations.

use sprag_client::Entry;
use sprag_protocol::AccountName;

use super::editor::Editor;

/// How many hits are shown.
pub(super) const HITS: usize = 200;

/// The words, and where they were found.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) field: Editor,
    /// Which search is the newest; answers to others come too late.
    pub(super) serial: u64,
    pub(super) is_busy: bool,
    /// The newest first. `None` before the first answer.
    pub(super) hits: Option<Vec<(AccountName, Entry)>>,
    pub(super) chosen: usize,
}

impl Search {
    pub(super) fn words(&self) -> &str {
        self.field.text().trim()
    }

    pub(super) fn found(&mut self, hits: Vec<(AccountName, Entry)>) {
        self.is_busy = false;
        self.chosen = 0;
        self.hits = Some(hits);
    }

    pub(super) fn step(&mut self, by: isize) {
        let last = self.hits.as_ref().map_or(0, |hits| hits.len().saturating_sub(1));
        self.chosen = self.chosen.saturating_add_signed(by).min(last);
    }

    pub(super) fn hit(&self) -> Option<&(AccountName, Entry)> {
        self.hits.as_ref()?.get(self.chosen)
    }
}
