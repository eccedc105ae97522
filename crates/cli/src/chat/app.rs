//! The state of the chat, and what becomes of it: [`App::update`] takes what happened and gives what is
//! to be done. It knows no terminal, no network and no clock.

use std::collections::BTreeMap;

use sprag_client::{Attachment, Connection, OwnDevice, Status, Trust};
use sprag_protocol::{AccountName, Timestamp};

use super::clock::Clock;
use super::editor::Editor;
use super::entry::View;
use super::input::{Action, Input, Terminal, Transfer};
use super::layout::{Layout, Needs};
use super::notices::{Notice, Notices, Weight};
use super::people::People;
use super::prompt::{Ask, Prompt};
use super::search::Search;
use super::signs::Signs;
use super::talk::{Part, Talk};
use super::text::wrap;
use super::verify::Verify;

/// From how many unread messages on the first of them is not in the newest page.
const FAR: u64 = 90;
/// The most rows of a notice, and which part of the screen it may take.
const NOTICE: usize = 3;
const NOTICE_PART: usize = 4;

/// Everything that is shown, and what is needed for it.
pub(crate) struct App {
    pub(super) who: AccountName,
    pub(super) relay: String,
    pub(super) signs: Signs,
    pub(super) clock: Clock,
    size: (u16, u16),
    /// Whether the person looks at this terminal, as far as it tells.
    pub(super) has_attention: bool,
    pub(super) connection: Connection,
    /// When the next attempt to connect is made.
    pub(super) retry_at: Option<Timestamp>,
    pub(super) status: Option<Box<Status>>,
    /// Whether how the client is may have changed since it was last asked.
    pub(super) is_status_old: bool,
    pub(super) people: People,
    pub(super) talk: Option<Talk>,
    /// What was written and not sent, by conversation.
    pub(super) drafts: BTreeMap<AccountName, Editor>,
    pub(super) screen: Screen,
    pub(super) attention: Attention,
    pub(super) prompt: Option<Prompt>,
    pub(super) notices: Notices,
    pub(super) transfers: BTreeMap<Transfer, Moving>,
    pub(super) next_transfer: Transfer,
    /// Whether the end was asked for.
    pub(super) is_ending: bool,
    pub(super) actions: Vec<Action>,
}

/// What the screen shows.
#[derive(Debug)]
pub(super) enum Screen {
    /// Conversations.
    Talks,
    /// Words, and where they are.
    Search(Search),
    /// Who somebody is.
    Verify(Box<Verify>),
    /// The own devices: `None` until they are loaded.
    Devices { list: Option<Vec<OwnDevice>>, chosen: usize },
    /// What the keys do; the first row that is shown.
    Help(usize),
    /// What was told so far; the first row that is shown.
    Notices(usize),
}

/// Where keys go, among conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attention {
    List,
    Writing,
    Messages,
}

/// A file that is sent or saved.
#[derive(Debug)]
pub(super) struct Moving {
    pub(super) what: String,
    /// The file that is saved.
    pub(super) file: Option<Box<Attachment>>,
    pub(super) done: u64,
    pub(super) total: u64,
}

/// What a chat begins with.
pub(crate) struct Start {
    pub(crate) who: AccountName,
    pub(crate) relay: String,
    pub(crate) signs: Signs,
    pub(crate) clock: Clock,
    pub(crate) size: (u16, u16),
    pub(crate) connection: Connection,
}

impl App {
    /// A chat that has loaded nothing yet, and the first actions.
    pub(crate) fn new(start: Start) -> (Self, Vec<Action>) {
        let Start { who, relay, signs, clock, size, connection } = start;
        let mut app = Self {
            who,
            relay,
            signs,
            clock,
            size,
            has_attention: true,
            connection: Connection::Connecting,
            retry_at: None,
            status: None,
            is_status_old: false,
            people: People::default(),
            talk: None,
            drafts: BTreeMap::new(),
            screen: Screen::Talks,
            attention: Attention::List,
            prompt: None,
            notices: Notices::default(),
            transfers: BTreeMap::new(),
            next_transfer: 0,
            is_ending: false,
            actions: vec![Action::Status],
        };
        app.connected(connection);
        app.refresh_people();
        let actions = std::mem::take(&mut app.actions);
        (app, actions)
    }

    /// Takes what happened, and gives what is to be done, in this order.
    #[must_use]
    pub(crate) fn update(&mut self, input: Input) -> Vec<Action> {
        match input {
            Input::Key(key) => self.press(key),
            Input::Paste(text) => self.paste(&text),
            Input::Focus(has_it) => self.has_attention = has_it,
            Input::Size(width, height) => self.resize((width, height)),
            Input::Tick(now) => self.tick(now),
            Input::Happened(happening) => self.happened(happening),
            Input::Done(outcome) => self.answered(outcome),
        }
        self.look_ahead();
        self.mark_read();
        std::mem::take(&mut self.actions)
    }

    fn tick(&mut self, now: Timestamp) {
        self.clock.now = now;
        self.notices.tick(now);
        if std::mem::take(&mut self.is_status_old) {
            self.act(Action::Status);
        }
    }

    fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.with_view(Talk::fill);
    }

    pub(super) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// The columns and rows that it is drawn for.
    pub(crate) fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Whether there is room for anything.
    pub(super) fn is_too_small(&self) -> bool {
        let (width, height) = super::layout::SMALLEST;
        self.size.0 < width || self.size.1 < height
    }

    /// Where everything is now.
    pub(super) fn layout(&self) -> Layout {
        let needs = |input| Needs {
            list: self.attention == Attention::List,
            input,
            banner: self.is_blocked(),
            notice: self.lower_rows(),
        };
        let first = Layout::of(self.size, needs(1));
        let Some(draft) = self.draft() else { return first };
        let rows = draft.rows(usize::from(first.input.width).saturating_sub(2)).count();
        Layout::of(self.size, needs(rows))
    }

    /// Rows above the status: transfers, and a question or a notice.
    fn lower_rows(&self) -> usize {
        self.transfers.len().min(2) + self.asked_rows()
    }

    /// Those of a question or a notice.
    pub(super) fn asked_rows(&self) -> usize {
        match &self.prompt {
            Some(prompt) if prompt.ask.is_choice() => self.told().len(),
            Some(_) => 1 + self.told().len(),
            None => self.told().len(),
        }
    }

    /// What is told in the lowest rows: a question with its answers, why the last answer does not do, or
    /// the notice that is up.
    pub(super) fn told(&self) -> Vec<String> {
        let text = match &self.prompt {
            Some(prompt) if prompt.ask.is_choice() => format!("{} y/n", prompt.ask.question()),
            Some(prompt) => prompt.error.clone().unwrap_or_default(),
            None => self.notices.current().map(Notice::words).unwrap_or_default(),
        };
        if text.is_empty() {
            return Vec::new();
        }
        let mut rows = wrap(&text, self.size.0.into());
        let most = (usize::from(self.size.1) / NOTICE_PART).clamp(1, NOTICE);
        if rows.len() > most {
            rows.truncate(most);
            if let Some(last) = rows.last_mut() {
                last.push_str(self.signs.more());
            }
        }
        rows
    }

    /// How the open conversation is drawn.
    pub(super) fn view(&self) -> View<'_> {
        let area = self.layout().history;
        View {
            width: area.width.into(),
            height: area.height.into(),
            clock: &self.clock,
            signs: self.signs,
            divider: self.talk.as_ref().and_then(|talk| talk.divider),
        }
    }

    /// Does something with the open conversation as it is drawn.
    pub(super) fn with_view<T>(
        &mut self,
        act: impl FnOnce(&mut Talk, &View<'_>) -> T,
    ) -> Option<T> {
        let mut talk = self.talk.take()?;
        let divider = talk.divider;
        self.talk = Some(Talk::new(talk.with.clone(), None));
        let view = View { divider, ..self.view() };
        let outcome = act(&mut talk, &view);
        self.talk = Some(talk);
        Some(outcome)
    }

    /// What is written in the open conversation.
    pub(super) fn draft(&self) -> Option<&Editor> {
        static NOTHING: Editor = Editor::new();
        let talk = self.talk.as_ref()?;
        Some(self.drafts.get(&talk.with).unwrap_or(&NOTHING))
    }

    pub(super) fn draft_mut(&mut self) -> Option<&mut Editor> {
        let with = self.talk.as_ref()?.with.clone();
        Some(self.drafts.entry(with).or_default())
    }

    /// Whether the open conversation waits for a decision about a changed key.
    pub(super) fn is_blocked(&self) -> bool {
        let trust = self.talk.as_ref().map(|talk| self.trust(&talk.with));
        matches!(trust, Some(Trust::KeyChanged { .. }))
    }

    pub(super) fn trust(&self, with: &AccountName) -> Trust {
        self.people.get(with).map_or(Trust::Unknown, |known| known.trust)
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notices.add(self.clock.now, Weight::Note, text.into());
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.notices.add(self.clock.now, Weight::Warning, text.into());
    }

    pub(super) fn ask(&mut self, prompt: Prompt) {
        self.prompt = Some(prompt);
    }

    pub(super) fn refresh_people(&mut self) {
        if self.people.ask() {
            self.act(Action::Conversations);
        }
    }

    /// Opens a conversation; at a place in it, or at its end.
    pub(super) fn open(&mut self, with: AccountName, place: Option<u64>) {
        self.screen = Screen::Talks;
        self.attention = if place.is_some() { Attention::Messages } else { Attention::Writing };
        self.people.choose(with.clone());
        if self.talk.as_ref().is_none_or(|talk| talk.with != with) {
            let known = self.people.get(&with).filter(|known| known.unread > 0);
            let unread = known.map(|known| known.read_below);
            let far = known.filter(|known| known.unread >= FAR).map(|known| known.read_below);
            // A place is asked for, which goes before what is unread.
            let start = if place.is_some() { None } else { unread };
            let mut talk = Talk::new(with, start);
            talk.divider = unread;
            self.talk = Some(talk);
            if let (Some(far), None) = (far, place) {
                return self.load(Part::Around(far));
            }
        }
        match place {
            Some(place) if self.is_at_hand(place) => {
                self.with_view(|talk, view| talk.choose(place, view));
            }
            Some(place) => self.load(Part::Around(place)),
            None => self.show_newest(),
        }
    }

    fn is_at_hand(&self, place: u64) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.entry(place).is_some())
    }

    /// Shows the newest messages.
    pub(super) fn show_newest(&mut self) {
        if self.talk.as_mut().is_some_and(|talk| !talk.show_newest()) {
            self.load(Part::Newest);
        }
    }

    /// Loads a part of the open conversation.
    pub(super) fn load(&mut self, part: Part) {
        let Some(talk) = &mut self.talk else { return };
        if let Some(part) = talk.ask(part) {
            let with = talk.with.clone();
            self.act(Action::History(with, part));
        }
    }

    /// Loads what will be on the screen soon.
    fn look_ahead(&mut self) {
        if let Some(Some(part)) = self.with_view(Talk::wanted)
            && let Some(talk) = &self.talk
        {
            let with = talk.with.clone();
            self.act(Action::History(with, part));
        }
    }

    /// What the person sees is read: the newest message of the open conversation, on a terminal that has
    /// the person's attention.
    fn mark_read(&mut self) {
        let is_seen = self.has_attention
            && matches!(self.screen, Screen::Talks)
            && !self.is_too_small()
            && self.layout().history.height > 0;
        let Some(talk) = self.talk.as_mut().filter(|_| is_seen) else { return };
        let Some(newest) = talk.newest_in_sight() else { return };
        let is_unread = self.people.get(&talk.with).is_some_and(|known| known.unread > 0);
        if is_unread && talk.marked.is_none_or(|marked| marked < newest) {
            talk.marked = Some(newest);
            let with = talk.with.clone();
            self.act(Action::MarkRead(with, newest));
        }
    }

    /// Ends, or asks first where something would be lost.
    pub(super) fn end(&mut self) {
        let unsent: Vec<_> = self.drafts.iter().filter(|(_, draft)| !draft.is_blank()).collect();
        let why = match unsent.first() {
            Some((with, _)) if unsent.len() == 1 => {
                Some(format!("What you wrote to {with} is not sent."))
            }
            Some(_) => {
                Some(format!("What you wrote in {} conversations is not sent.", unsent.len()))
            }
            None if !self.transfers.is_empty() => Some("A file is still on its way.".into()),
            None => None,
        };
        match why {
            Some(why) if !self.is_ending => self.ask(Prompt::new(Ask::Quit(why))),
            _ => self.act(Action::Terminal(Terminal::Quit)),
        }
    }
}

#[cfg(test)]
mod tests;
