//! A chat without a terminal and without a client, for tests: what it wants done is done here, in memory.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use sprag_client::{
    Body, Connection, Conversation, Entry, Event, MessageId, MessageState, OwnDevice, PeerView,
    Trust,
};
use sprag_protocol::secret::Secret;
use sprag_protocol::{AccountKeyPair, AccountName, DeviceId, SafetyNumber, Timestamp};

use super::app::{App, Start};
use super::clock::Clock;
use super::draw::draw;
use super::input::{Action, Identity, Input, Outcome};
use super::signs::Signs;

/// 21 November 2024, 20:44 UTC.
pub(super) const NOW: u64 = 1_732_221_840;
pub(super) const COLORS: Signs = Signs { color: true, ascii: false };
pub(super) const PLAIN: Signs = Signs { color: false, ascii: true };

/// A chat, and the histories that it shows.
pub(super) struct World {
    pub(super) app: App,
    pub(super) histories: BTreeMap<AccountName, Vec<Entry>>,
    pub(super) talks: Vec<Conversation>,
    /// What was wanted that is not done here, the newest last.
    pub(super) wanted: Vec<Action>,
    /// Whether sending works.
    pub(super) refuses: Option<sprag_client::Error>,
}

pub(super) fn name(text: &str) -> AccountName {
    AccountName::new(text).unwrap()
}

pub(super) fn id(number: u64) -> MessageId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    MessageId(id)
}

/// A message, a minute after the one before.
pub(super) fn message(position: u64, from: &str, text: &str) -> Entry {
    let at = Timestamp::from_seconds(NOW - 36_000 + position * 60);
    let own = from == "alice";
    Entry {
        position,
        from: name(from),
        device: DeviceId::FIRST,
        own,
        received: at,
        event: Event::Message { id: id(position), written: at, body: Body::Text(text.into()) },
        state: own.then_some(MessageState::Read),
    }
}

/// A safety number that is always the same for the same seeds.
pub(super) fn number(ours: u8, theirs: u8) -> SafetyNumber {
    let key = |seed| AccountKeyPair::from_seed(Secret::copy_of(&[seed; 32])).public();
    SafetyNumber::new((&name("alice"), &key(ours)), (&name("bob"), &key(theirs)))
}

pub(super) fn identity(trust: Trust) -> Identity {
    let key = |seed| AccountKeyPair::from_seed(Secret::copy_of(&[seed; 32])).public();
    let changed = matches!(trust, Trust::KeyChanged { .. });
    let peer = PeerView {
        name: name("bob"),
        key: key(2),
        offered: changed.then(|| key(3)),
        devices: vec![DeviceId::FIRST],
        trust,
    };
    Identity {
        peer: Some(peer),
        number: Some(number(1, 2)),
        offered: changed.then(|| number(1, 3)),
    }
}

pub(super) fn device(number: u32, this: bool) -> OwnDevice {
    let created = Timestamp::from_seconds(NOW - 86_400 * u64::from(number));
    OwnDevice { id: DeviceId::new(number).unwrap(), created, this }
}

impl World {
    /// A chat of alice's with nobody.
    pub(super) fn empty(size: (u16, u16), signs: Signs) -> Self {
        let clock = Clock { now: Timestamp::from_seconds(NOW), zone: TimeZone::UTC };
        let (app, actions) = App::new(Start {
            who: name("alice"),
            relay: "http://127.0.0.1:7474".into(),
            signs,
            clock,
            size,
            connection: Connection::Online,
        });
        let (histories, talks) = (BTreeMap::new(), Vec::new());
        let mut world = Self { app, histories, talks, wanted: Vec::new(), refuses: None };
        world.act(actions);
        world
    }

    /// A chat with a few people.
    pub(super) fn new(size: (u16, u16), signs: Signs) -> Self {
        let mut world = Self::empty(size, signs);
        world.meet("bob", Trust::Verified, 2, &conversation());
        world.meet("carol", Trust::FirstUse, 0, &[message(0, "carol", "See you on Friday")]);
        world.meet(
            "dave",
            Trust::KeyChanged { was_verified: true },
            0,
            &[message(0, "alice", "Hi")],
        );
        world.refresh();
        world
    }

    /// A conversation with somebody.
    pub(super) fn meet(&mut self, with: &str, trust: Trust, unread: u64, history: &[Entry]) {
        let entries = u64::try_from(history.len()).unwrap();
        let at = NOW - 3600 * u64::try_from(self.talks.len()).unwrap();
        self.talks.push(Conversation {
            with: name(with),
            entries,
            unread,
            read_below: entries - unread,
            active: Timestamp::from_seconds(at),
            trust,
            waiting: 0,
        });
        self.histories.insert(name(with), history.to_vec());
    }

    /// Tells that everything changed.
    pub(super) fn refresh(&mut self) {
        self.tell(Input::Happened(sprag_client::Happening::Missed(1)));
    }

    pub(super) fn tell(&mut self, input: Input) {
        let actions = self.app.update(input);
        self.act(actions);
    }

    pub(super) fn done(&mut self, outcome: Outcome) {
        self.tell(Input::Done(outcome));
    }

    /// Does what is wanted, as a client would.
    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Conversations => self.done(Outcome::Conversations(Ok(self.talks.clone()))),
                Action::Peek(names) => {
                    for with in names {
                        let last = self.histories.get(&with).and_then(|history| history.last());
                        if let Some(last) = last.cloned() {
                            self.done(Outcome::Peeked(with, Box::new(last)));
                        }
                    }
                }
                Action::History(with, part) => {
                    let (before, limit) = part.range();
                    let page = self.page(&with, before, limit);
                    self.done(Outcome::History(with, part, Ok(page)));
                }
                Action::Send(with, text) => self.send(with, text),
                Action::MarkRead(with, through) => {
                    let known = self.talks.iter_mut().find(|talk| talk.with == with).unwrap();
                    (known.unread, known.read_below) = (0, through + 1);
                    self.wanted.push(Action::MarkRead(with.clone(), through));
                    self.done(Outcome::Marked(with, Ok(())));
                }
                other @ (Action::Retry(..)
                | Action::Meet(_)
                | Action::Identity(_)
                | Action::Verify(..)
                | Action::Accept(_)
                | Action::Devices
                | Action::Link(..)
                | Action::Remove(_)
                | Action::Search(..)
                | Action::Status
                | Action::Reconnect
                | Action::Upload { .. }
                | Action::Save { .. }
                | Action::Terminal(_)) => self.wanted.push(other),
            }
        }
    }

    fn page(&self, with: &AccountName, before: Option<u64>, limit: usize) -> Vec<Entry> {
        let history = self.histories.get(with).map_or(&[][..], Vec::as_slice);
        let before = before.and_then(|before| usize::try_from(before).ok());
        let end = before.unwrap_or(history.len()).min(history.len());
        history[end.saturating_sub(limit)..end].to_vec()
    }

    fn send(&mut self, with: AccountName, text: String) {
        if let Some(error) = self.refuses.clone() {
            return self.done(Outcome::Sent(with, Err((text, error))));
        }
        let history = self.histories.entry(with.clone()).or_default();
        let position = u64::try_from(history.len()).unwrap();
        let mut entry = message(position, "alice", &text);
        entry.received = Timestamp::from_seconds(NOW);
        entry.state = Some(MessageState::Sending);
        history.push(entry);
        if let Some(talk) = self.talks.iter_mut().find(|talk| talk.with == with) {
            talk.entries += 1;
        }
        self.done(Outcome::Sent(with, Ok(())));
    }

    /// A message comes in.
    pub(super) fn receive(&mut self, from: &str, text: &str) {
        let history = self.histories.entry(name(from)).or_default();
        let mut entry = message(u64::try_from(history.len()).unwrap(), from, text);
        entry.received = Timestamp::from_seconds(NOW);
        history.push(entry.clone());
        let talk = self.talks.iter_mut().find(|talk| talk.with == name(from)).unwrap();
        talk.entries += 1;
        talk.unread += 1;
        let with = name(from);
        let happening = sprag_client::Happening::Entry { with, entry: Box::new(entry) };
        self.tell(Input::Happened(happening));
    }

    /// Presses keys: letters as they are, others in angle brackets, such as `<Up>`, `<C-c>`, `<A-Enter>`.
    pub(super) fn press(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            let mut key = KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE);
            if letter == '<' {
                let (named, after) = rest.split_once('>').unwrap();
                key = self::key(named);
                rest = after;
            }
            self.tell(Input::Key(key));
        }
    }

    pub(super) fn resize(&mut self, width: u16, height: u16) {
        self.tell(Input::Size(width, height));
    }

    /// Draws, on a terminal of the same size.
    pub(super) fn terminal(&self) -> Terminal<TestBackend> {
        let (width, height) = self.app.size();
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(&self.app, frame)).unwrap();
        terminal
    }

    /// What is on the screen, row by row.
    pub(super) fn screen(&self) -> String {
        self.terminal().backend().to_string()
    }

    pub(super) fn shows(&self, text: &str) -> bool {
        self.screen().contains(text)
    }

    /// The text that was sent last in a conversation.
    pub(super) fn last(&self, with: &str) -> String {
        let entry = self.histories[&name(with)].last().unwrap();
        let Event::Message { body: Body::Text(text), .. } = &entry.event else { panic!("no text") };
        text.clone()
    }
}

/// Some history with bob.
pub(super) fn conversation() -> Vec<Entry> {
    let mut history = vec![
        message(0, "alice", "Hello, Bob!"),
        message(1, "bob", "Hello! 日本語 and e\u{301} and שלום"),
        message(2, "bob", "How are you?"),
        message(
            3,
            "alice",
            "Fine. This one is longer, so that it goes on in a second row of the screen.",
        ),
        message(4, "alice", "What about\nlunch?"),
        message(5, "bob", "A trick: \u{1b}[2J\u{202e}gpj.exe"),
        message(6, "bob", "Yes"),
    ];
    for entry in &mut history[..3] {
        entry.received = Timestamp::from_seconds(NOW - 86_400);
    }
    history[3].state = Some(MessageState::Delivered);
    history[4].state = Some(MessageState::Failed(sprag_client::view::Failed::Refused));
    history
}

fn key(named: &str) -> KeyEvent {
    let (modifiers, code) = match named.split_once('-') {
        Some(("C", code)) => (KeyModifiers::CONTROL, code),
        Some(("A", code)) => (KeyModifiers::ALT, code),
        Some(("S", code)) => (KeyModifiers::SHIFT, code),
        _ => (KeyModifiers::NONE, named),
    };
    let code = match code {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "PgUp" => KeyCode::PageUp,
        "PgDn" => KeyCode::PageDown,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        "F1" => KeyCode::F(1),
        "F2" => KeyCode::F(2),
        "F3" => KeyCode::F(3),
        "F4" => KeyCode::F(4),
        "F5" => KeyCode::F(5),
        letter => KeyCode::Char(letter.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}
