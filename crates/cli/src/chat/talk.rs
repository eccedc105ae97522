//! The conversation that is open: the part of its history that is loaded, and what of it is on the screen.

use std::collections::BTreeMap;

use sprag_client::{Entry, MessageId, MessageState};
use sprag_protocol::AccountName;

use super::entry::{Row, Shown, View};

/// How many entries are loaded at once.
pub(super) const PAGE: usize = 100;
/// How many entries above and below those on the screen are there before they are needed.
const AHEAD: usize = 40;

/// What is loaded is one piece of the history, without gaps.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) with: AccountName,
    entries: BTreeMap<u64, Shown>,
    places: BTreeMap<MessageId, u64>,
    /// States as they were told, which a page may not have yet that was read before.
    states: BTreeMap<MessageId, MessageState>,
    /// Whether the piece begins with the first entry, and ends with the newest.
    has_first: bool,
    has_newest: bool,
    /// What is being loaded, so that it is asked for once.
    loading: Option<Part>,
    scroll: Scroll,
    /// The entry that is chosen, while a person looks through them.
    pub(super) chosen: Option<u64>,
    /// The first entry that was unread when the conversation was opened.
    pub(super) divider: Option<u64>,
    /// Where the screen begins once that is loaded.
    start: Option<u64>,
    /// Whether the newest are to be shown once they are loaded.
    wants_newest: bool,
    /// Up to where it was marked as read.
    pub(super) marked: Option<u64>,
}

/// Where the lower edge of the screen is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scroll {
    /// Below the newest entry, also of those that come.
    Newest,
    /// In this entry, of which so many rows are below the edge.
    At { position: u64, hidden: usize },
}

/// A part of the history to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The end of it.
    Newest,
    /// What is before the loaded piece, which begins here.
    Before(u64),
    /// What is after it, which ends here.
    After(u64),
    /// What is around a place.
    Around(u64),
}

impl Part {
    /// Below which position, and how many.
    pub(super) fn range(self) -> (Option<u64>, usize) {
        let page = u64::try_from(PAGE).unwrap_or(u64::MAX);
        match self {
            Self::Newest => (None, PAGE),
            Self::Before(first) => (Some(first), PAGE),
            Self::After(last) => (Some(last.saturating_add(1).saturating_add(page)), PAGE),
            Self::Around(place) => (Some(place.saturating_add(page / 2)), PAGE),
        }
    }
}

impl Talk {
    /// Nothing of it is loaded yet. What is unread, from a place on, is shown from there on.
    pub(super) fn new(with: AccountName, unread: Option<u64>) -> Self {
        Self {
            with,
            entries: BTreeMap::new(),
            places: BTreeMap::new(),
            states: BTreeMap::new(),
            has_first: false,
            has_newest: false,
            loading: None,
            scroll: Scroll::Newest,
            chosen: None,
            divider: unread,
            start: unread,
            wants_newest: false,
            marked: None,
        }
    }

    pub(super) fn entry(&self, position: u64) -> Option<&Shown> {
        self.entries.get(&position)
    }

    /// Whether anything is loaded, or known not to be there.
    pub(super) fn is_loaded(&self) -> bool {
        self.has_newest || !self.entries.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn first(&self) -> Option<u64> {
        self.entries.keys().next().copied()
    }

    fn last(&self) -> Option<u64> {
        self.entries.keys().next_back().copied()
    }

    /// The newest entry, where it is on the screen.
    pub(super) fn newest_in_sight(&self) -> Option<u64> {
        (self.has_newest && self.scroll == Scroll::Newest).then(|| self.last()).flatten()
    }

    /// What is to be loaded, where it is not yet asked for.
    pub(super) fn ask(&mut self, part: Part) -> Option<Part> {
        let is_new = self.loading.is_none() || matches!(part, Part::Newest | Part::Around(_));
        is_new.then(|| *self.loading.insert(part))
    }

    /// What the screen will need next.
    pub(super) fn wanted(&mut self, view: &View<'_>) -> Option<Part> {
        if self.loading.is_some() {
            return None;
        }
        let (first, last) = (self.first()?, self.last()?);
        let (top, bottom) = self.sight(view)?;
        let near = |from: u64, to: u64| self.entries.range(from..to).take(AHEAD).count() < AHEAD;
        let part = if !self.has_first && near(first, top) {
            Part::Before(first)
        } else if !self.has_newest && near(bottom, last) {
            Part::After(last)
        } else {
            return None;
        };
        self.ask(part)
    }

    /// Takes a part of the history that was asked for.
    pub(super) fn load(&mut self, part: Part, page: Vec<Entry>, view: &View<'_>) {
        if self.loading == Some(part) {
            self.loading = None;
        }
        let starts_it = page.len() < PAGE || page.first().is_some_and(|entry| entry.position == 0);
        match part {
            Part::Newest => {
                if !self.joins(&page) {
                    self.forget();
                }
                self.has_newest = true;
                self.has_first |= starts_it;
                if std::mem::take(&mut self.wants_newest) {
                    self.scroll = Scroll::Newest;
                }
            }
            Part::Around(_) => {
                self.forget();
                self.has_first = starts_it;
                self.has_newest = false;
            }
            Part::Before(first) if self.first() == Some(first) => self.has_first = starts_it,
            Part::After(last) if self.last() == Some(last) => {
                self.has_newest = !page.iter().any(|entry| entry.position > last);
            }
            // The piece is another one by now.
            Part::Before(_) | Part::After(_) => return,
        }
        for entry in page {
            self.put(entry);
        }
        match (self.start.take(), part) {
            (Some(start), _) => self.begin_at(start, view),
            (None, Part::Around(place)) => self.choose(place, view),
            (None, Part::Newest | Part::Before(_) | Part::After(_)) => {}
        }
    }

    /// Shows this entry as the first one on the screen, where there is that much below it.
    fn begin_at(&mut self, place: u64, view: &View<'_>) {
        if self.entries.contains_key(&place) {
            self.scroll = Scroll::At { position: place, hidden: 0 };
            let height = self.height(place, view);
            self.scroll_down(view.height.saturating_sub(height), view);
        }
    }

    /// Whether a page and what is loaded are one piece.
    fn joins(&self, page: &[Entry]) -> bool {
        match (page.first(), self.last()) {
            (Some(first), Some(last)) => first.position <= last.saturating_add(1),
            (_, None) => true,
            (None, Some(_)) => false,
        }
    }

    fn forget(&mut self) {
        self.entries.clear();
        self.places.clear();
        self.has_first = false;
        self.scroll = Scroll::Newest;
    }

    /// Takes an entry that is new. False where it has no place in what is loaded: then the newest are to
    /// be loaded anew.
    pub(super) fn add(&mut self, entry: Entry) -> bool {
        let joins = match self.last() {
            Some(last) => entry.position <= last.saturating_add(1),
            None => entry.position == 0,
        };
        if joins && self.has_newest {
            self.put(entry);
        }
        joins || !self.has_newest
    }

    fn put(&mut self, mut entry: Entry) {
        let position = entry.position;
        if let sprag_client::Event::Message { id, .. } = entry.event {
            self.places.insert(id, position);
            if let Some(told) = self.states.get(&id) {
                entry.state = entry.state.map(|state| state.max(*told));
            }
        }
        self.entries.insert(position, Shown::new(entry));
    }

    /// A message has another state now.
    pub(super) fn set_state(&mut self, id: MessageId, state: MessageState) {
        self.states.insert(id, state);
        let place = self.places.get(&id);
        if let Some(shown) = place.and_then(|place| self.entries.get_mut(place)) {
            shown.entry.state = Some(state);
        }
    }

    /// A message is tried again: what was told of it before does not count any more.
    pub(super) fn try_again(&mut self, id: MessageId) {
        self.set_state(id, MessageState::Queued);
        self.states.remove(&id);
    }

    /// Where the lower edge is, in terms of an entry that is loaded.
    fn edge(&self) -> Option<(u64, usize)> {
        let last = self.last()?;
        Some(match self.scroll {
            Scroll::At { position, hidden } if self.entries.contains_key(&position) => {
                (position, hidden)
            }
            Scroll::At { .. } | Scroll::Newest => (last, 0),
        })
    }

    fn height(&self, position: u64, view: &View<'_>) -> usize {
        let before = self.entries.range(..position).next_back().map(|(_, shown)| shown);
        self.entries.get(&position).map_or(0, |shown| shown.block(before, view).height())
    }

    /// The rows on the screen, from the top, with the entries that they belong to.
    pub(super) fn rows(&self, view: &View<'_>) -> Vec<(u64, Row)> {
        let Some((edge, mut hidden)) = self.edge() else { return Vec::new() };
        let mut rows = Vec::new();
        let mut above = self.entries.range(..=edge).rev().peekable();
        while let Some((position, shown)) = above.next() {
            if rows.len() >= view.height {
                break;
            }
            let before = above.peek().map(|(_, shown)| *shown);
            let block = shown.block(before, view).rows(std::mem::take(&mut hidden));
            rows.extend(block.into_iter().rev().map(|row| (*position, row)));
        }
        rows.truncate(view.height);
        rows.reverse();
        rows
    }

    /// The first and the last entry on the screen.
    pub(super) fn sight(&self, view: &View<'_>) -> Option<(u64, u64)> {
        let (edge, hidden) = self.edge()?;
        let mut rows = 0;
        let mut top = edge;
        for (position, _) in self.entries.range(..=edge).rev() {
            top = *position;
            rows += self.height(top, view);
            if rows >= view.height + hidden {
                break;
            }
        }
        Some((top, edge))
    }

    /// So many rows towards what is older.
    pub(super) fn scroll_up(&mut self, rows: usize, view: &View<'_>) {
        let Some((mut position, hidden)) = self.edge() else { return };
        let mut hidden = hidden + rows;
        loop {
            let height = self.height(position, view);
            if hidden < height {
                break;
            }
            let Some((before, _)) = self.entries.range(..position).next_back() else {
                hidden = height.saturating_sub(1);
                break;
            };
            hidden -= height;
            position = *before;
        }
        self.scroll = Scroll::At { position, hidden };
        self.fill(view);
    }

    /// So many rows towards what is newer.
    pub(super) fn scroll_down(&mut self, rows: usize, view: &View<'_>) {
        let Some((mut position, mut hidden)) = self.edge() else { return };
        let mut rows = rows;
        while rows > hidden {
            rows -= hidden;
            let next = self.entries.range(position.saturating_add(1)..).next();
            let Some((next, _)) = next else {
                self.scroll = self.end(position);
                return;
            };
            position = *next;
            hidden = self.height(position, view);
        }
        hidden -= rows;
        let is_end = hidden == 0 && self.last() == Some(position);
        self.scroll = if is_end { self.end(position) } else { Scroll::At { position, hidden } };
    }

    /// Below the last loaded entry.
    fn end(&self, position: u64) -> Scroll {
        if self.has_newest { Scroll::Newest } else { Scroll::At { position, hidden: 0 } }
    }

    /// Moves down where the screen would not be full although there is more below.
    pub(super) fn fill(&mut self, view: &View<'_>) {
        let rows = self.rows(view).len();
        if self.scroll != Scroll::Newest && rows < view.height {
            self.scroll_down(view.height - rows, view);
        }
    }

    /// To the newest. False where they are not loaded.
    pub(super) fn show_newest(&mut self) -> bool {
        self.chosen = None;
        self.wants_newest = !self.has_newest;
        if self.has_newest {
            self.scroll = Scroll::Newest;
        }
        self.has_newest
    }

    /// To the first of those that are loaded.
    pub(super) fn show_oldest(&mut self, view: &View<'_>) {
        if let Some(first) = self.first() {
            self.chosen = self.chosen.map(|_| first);
            self.scroll = Scroll::At { position: first, hidden: 0 };
            self.fill(view);
        }
    }

    /// Chooses an entry, and shows it.
    pub(super) fn choose(&mut self, place: u64, view: &View<'_>) {
        let found = self.entries.range(..=place).next_back().or(self.entries.iter().next());
        let Some(position) = found.map(|(position, _)| *position) else { return };
        self.chosen = Some(position);
        let Some((top, bottom)) = self.sight(view) else { return };
        if (top..=bottom).contains(&position) && position != top && self.is_whole() {
            return;
        }
        if position <= top {
            self.begin_at(position, view);
        } else {
            self.scroll = if self.last() == Some(position) {
                self.end(position)
            } else {
                Scroll::At { position, hidden: 0 }
            };
            self.fill(view);
        }
    }

    /// Whether the chosen entry is not the one that the lower edge cuts.
    fn is_whole(&self) -> bool {
        match self.edge() {
            Some((position, hidden)) => self.chosen != Some(position) || hidden == 0,
            None => true,
        }
    }

    /// Chooses the next older or newer entry. False where there is none.
    pub(super) fn choose_next(&mut self, older: bool, view: &View<'_>) -> bool {
        let next = match (self.chosen, older) {
            (None, _) => self.edge().map(|(edge, _)| edge),
            (Some(chosen), true) => self.entries.range(..chosen).next_back().map(|(next, _)| *next),
            (Some(chosen), false) => {
                self.entries.range(chosen.saturating_add(1)..).next().map(|(next, _)| *next)
            }
        };
        next.inspect(|next| self.choose(*next, view)).is_some()
    }
}

#[cfg(test)]
mod tests;
