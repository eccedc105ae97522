//! The list of conversations.

use std::collections::BTreeMap;

use sprag_client::{Conversation, Entry};
use sprag_protocol::AccountName;

use super::entry::brief;

/// Conversations, the one in which something happened last first, and what was said last in each.
#[derive(Debug, Default)]
pub(super) struct People {
    list: Vec<Conversation>,
    last: BTreeMap<AccountName, (bool, String)>,
    chosen: Option<AccountName>,
    /// Whether the list was ever loaded.
    pub(super) is_loaded: bool,
    /// Whether it is being loaded, and has to be again after that.
    loading: bool,
    stale: bool,
}

impl People {
    /// Whether to ask for the list now; once that is answered, it is asked for again where needed.
    pub(super) fn ask(&mut self) -> bool {
        self.stale = self.loading;
        !std::mem::replace(&mut self.loading, true)
    }

    /// Takes the list. Gives those of whom it is not known what was said last.
    pub(super) fn load(&mut self, list: Vec<Conversation>) -> Vec<AccountName> {
        let unknown = list.iter().filter(|talk| talk.entries > 0);
        let unknown = unknown.filter(|talk| !self.last.contains_key(&talk.with));
        let unknown = unknown.map(|talk| talk.with.clone()).collect();
        self.list = list;
        self.is_loaded = true;
        if self.place().is_none() {
            self.chosen = self.list.first().map(|talk| talk.with.clone());
        }
        unknown
    }

    /// The list was answered, or could not be. Whether it has to be asked for again.
    pub(super) fn answered(&mut self) -> bool {
        self.loading = false;
        std::mem::take(&mut self.stale)
    }

    /// This was said last in a conversation.
    pub(super) fn said(&mut self, with: AccountName, entry: &Entry) {
        self.last.insert(with, (entry.own, brief(entry)));
    }

    /// What was said last, and whether by the own account.
    pub(super) fn last(&self, with: &AccountName) -> Option<(bool, &str)> {
        self.last.get(with).map(|(own, text)| (*own, text.as_str()))
    }

    /// What was said last is not known any more.
    pub(super) fn forget(&mut self) {
        self.last.clear();
    }

    pub(super) fn list(&self) -> &[Conversation] {
        &self.list
    }

    pub(super) fn get(&self, with: &AccountName) -> Option<&Conversation> {
        self.list.iter().find(|talk| talk.with == *with)
    }

    /// Unread messages in all conversations.
    pub(super) fn unread(&self) -> u64 {
        self.list.iter().map(|talk| talk.unread).sum()
    }

    /// Where the chosen one is.
    pub(super) fn place(&self) -> Option<usize> {
        let chosen = self.chosen.as_ref()?;
        self.list.iter().position(|talk| talk.with == *chosen)
    }

    pub(super) fn chosen(&self) -> Option<&Conversation> {
        self.list.get(self.place()?)
    }

    pub(super) fn choose(&mut self, with: AccountName) {
        self.chosen = Some(with);
    }

    /// So many further up (below 0) or down.
    pub(super) fn step(&mut self, by: isize) {
        let last = self.list.len().saturating_sub(1);
        let place = self.place().unwrap_or_default().saturating_add_signed(by).min(last);
        self.chosen = self.list.get(place).map(|talk| talk.with.clone());
    }

    /// The one so many places after another.
    pub(super) fn beside(&self, with: Option<&AccountName>, by: isize) -> Option<AccountName> {
        let at = with.and_then(|with| self.list.iter().position(|talk| talk.with == *with));
        let place = match at {
            Some(place) => place.checked_add_signed(by)?,
            None => 0,
        };
        self.list.get(place).map(|talk| talk.with.clone())
    }
}
