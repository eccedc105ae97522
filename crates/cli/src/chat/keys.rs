//! What keys and pasted text do.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::app::{App, Attention, Screen};
use super::editor::{Editor, Reach};
use super::input::{Action, Terminal};
use super::prompt::{Ask, Prompt};
use super::search::Search;
use super::talk::{Part, Talk};
use super::verify::Verify;

mod answers;
mod pages;

/// The longest text that can be sent, in bytes.
const LONGEST: usize = sprag_client::content::MAX_TEXT_LEN;

/// A key with what was held down, but for Shift, which the letter shows.
#[derive(Clone, Copy)]
struct Press {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
    shift: bool,
}

/// What one listed thing after another is gone through with; `None` for other keys.
fn steps(press: Press, page: isize) -> Option<isize> {
    match (press.code, press.ctrl) {
        (KeyCode::Up | KeyCode::Char('k'), false) | (KeyCode::Char('p'), true) => Some(-1),
        (KeyCode::Down | KeyCode::Char('j'), false) | (KeyCode::Char('n'), true) => Some(1),
        (KeyCode::PageUp, _) => Some(-page),
        (KeyCode::PageDown, _) => Some(page),
        (KeyCode::Home, _) => Some(isize::MIN),
        (KeyCode::End, _) => Some(isize::MAX),
        _ => None,
    }
}

impl App {
    pub(super) fn press(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let both = KeyModifiers::CONTROL | KeyModifiers::ALT;
        let is_letter = matches!(key.code, KeyCode::Char(_));
        // Some systems tell AltGr, which is for letters, as both.
        let held = |modifier| {
            key.modifiers.contains(modifier) && !(is_letter && key.modifiers.contains(both))
        };
        let press = Press {
            code: key.code,
            ctrl: held(KeyModifiers::CONTROL),
            alt: held(KeyModifiers::ALT),
            shift: held(KeyModifiers::SHIFT),
        };
        if self.press_anywhere(press) {
            return;
        }
        if self.prompt.is_some() {
            return self.press_prompt(press);
        }
        if press.code == KeyCode::Esc && self.notices.dismiss() {
            return;
        }
        match &self.screen {
            Screen::Talks => match self.attention {
                Attention::List => self.press_list(press),
                Attention::Writing => self.press_writing(press),
                Attention::Messages => self.press_messages(press),
            },
            Screen::Search(_) => self.press_search(press),
            Screen::Verify(_) => self.press_verify(press),
            Screen::Devices { .. } => self.press_devices(press),
            Screen::Help(_) | Screen::Notices(_) => self.press_page(press),
        }
    }

    /// Keys that do the same everywhere. False where it is none.
    fn press_anywhere(&mut self, press: Press) -> bool {
        match (press.code, press.ctrl) {
            (KeyCode::Char('c'), true) => {
                let was_asked = matches!(&self.prompt, Some(Prompt { ask: Ask::Quit(_), .. }));
                self.is_ending |= was_asked;
                self.end();
            }
            (KeyCode::Char('q'), true) => self.end(),
            (KeyCode::Char('l'), true) => self.act(Action::Terminal(Terminal::Redraw)),
            (KeyCode::Char('z'), true) => self.act(Action::Terminal(Terminal::Suspend)),
            (KeyCode::Char('r'), true) => self.act(Action::Reconnect),
            _ if self.prompt.is_some() => return false,
            (KeyCode::F(1), _) => self.screen = Screen::Help(0),
            (KeyCode::F(2), _) => self.show_identity(),
            (KeyCode::F(3), _) | (KeyCode::Char('f'), true) => self.show_search(),
            (KeyCode::F(4), _) => self.show_devices(),
            (KeyCode::F(5), _) => self.show_notices(),
            _ => return false,
        }
        true
    }

    pub(super) fn show_search(&mut self) {
        self.screen = Screen::Search(Search::default());
    }

    pub(super) fn show_devices(&mut self) {
        self.screen = Screen::Devices { list: None, chosen: 0 };
        self.act(Action::Devices);
        self.act(Action::Status);
    }

    pub(super) fn show_notices(&mut self) {
        self.notices.is_up = false;
        self.screen = Screen::Notices(0);
    }

    /// Who the other side of the conversation is that is open, or chosen in the list.
    pub(super) fn show_identity(&mut self) {
        let chosen = || self.people.chosen().map(|chosen| chosen.with.clone());
        let open = || self.talk.as_ref().map(|talk| talk.with.clone());
        let with = match self.attention {
            Attention::List => chosen().or_else(open),
            Attention::Writing | Attention::Messages => open().or_else(chosen),
        };
        if let Some(with) = with {
            self.notices.is_up = false;
            self.screen = Screen::Verify(Box::new(Verify::new(with.clone())));
            self.act(Action::Identity(with));
        }
    }

    fn press_list(&mut self, press: Press) {
        let page = isize::try_from(self.layout().list.height / 2).unwrap_or(1).max(1);
        if let Some(by) = steps(press, page) {
            return self.people.step(by);
        }
        match (press.code, press.ctrl) {
            (KeyCode::Enter | KeyCode::Right | KeyCode::Char('l'), false) => {
                let chosen = self.people.chosen().map(|chosen| chosen.with.clone());
                match chosen {
                    Some(with) => self.open(with, None),
                    None => self.ask(Prompt::new(Ask::Name)),
                }
            }
            (KeyCode::Tab | KeyCode::Esc, false) if self.talk.is_some() => {
                self.attention = Attention::Writing;
            }
            (KeyCode::Char('n'), false) => self.ask(Prompt::new(Ask::Name)),
            (KeyCode::Char('/'), false) => self.show_search(),
            (KeyCode::Char('v'), false) => self.show_identity(),
            (KeyCode::Char('d'), false) => self.show_devices(),
            (KeyCode::Char('m'), false) => self.show_notices(),
            (KeyCode::Char('?'), false) => self.screen = Screen::Help(0),
            (KeyCode::Char('q'), false) => self.end(),
            _ => {}
        }
    }

    fn press_writing(&mut self, press: Press) {
        let newline = press.alt || press.shift;
        match (press.code, press.ctrl) {
            (KeyCode::Enter, false) if newline => self.write("\n"),
            (KeyCode::Char('j'), true) => self.write("\n"),
            (KeyCode::Enter, _) => self.send(),
            (KeyCode::Esc | KeyCode::Tab, _) => self.attention = Attention::List,
            (KeyCode::Up, false) if !self.move_row(true) => self.choose_messages(),
            (KeyCode::Down, false) => drop(self.move_row(false)),
            (KeyCode::PageUp, _) => self.scroll(true),
            (KeyCode::PageDown, _) => self.scroll(false),
            (KeyCode::Char('n'), true) => self.open_beside(1),
            (KeyCode::Char('p'), true) => self.open_beside(-1),
            (KeyCode::Char('o'), true) => self.ask_file(),
            (KeyCode::End, true) => self.show_newest(),
            _ => {
                if let Some(draft) = self.draft_mut() {
                    edit(draft, press);
                }
            }
        }
    }

    fn write(&mut self, text: &str) {
        if let Some(draft) = self.draft_mut() {
            draft.insert(text);
        }
    }

    /// One row up or down in what is written. False where there is none.
    fn move_row(&mut self, up: bool) -> bool {
        let width = usize::from(self.layout().input.width).saturating_sub(2);
        let draft = self.draft_mut();
        draft.is_some_and(|draft| if up { draft.up(width) } else { draft.down(width) })
    }

    fn send(&mut self) {
        let Some(draft) = self.draft_mut().filter(|draft| !draft.is_blank()) else { return };
        let long = draft.text().len();
        if long > LONGEST {
            return self.warn(format!(
                "This is {long} bytes long, and a message at most {LONGEST}: send it as a file (Ctrl-O)."
            ));
        }
        let text = draft.take();
        if let Some(talk) = &mut self.talk {
            talk.divider = None;
            let with = talk.with.clone();
            self.drafts.remove(&with);
            self.act(Action::Send(with, text));
        }
        self.show_newest();
    }

    fn ask_file(&mut self) {
        if let Some(talk) = &self.talk {
            let to = talk.with.clone();
            self.ask(Prompt::new(Ask::File { to }));
        }
    }

    fn open_beside(&mut self, by: isize) {
        let open = self.talk.as_ref().map(|talk| &talk.with);
        if let Some(with) = self.people.beside(open, by) {
            self.open(with, None);
        }
    }

    fn choose_messages(&mut self) {
        if self.with_view(|talk, view| talk.choose_next(true, view)) == Some(true) {
            self.attention = Attention::Messages;
        }
    }

    fn scroll(&mut self, up: bool) {
        let rows = usize::from(self.layout().history.height).saturating_sub(2).max(1);
        self.with_view(
            |talk, view| {
                if up { talk.scroll_up(rows, view) } else { talk.scroll_down(rows, view) }
            },
        );
    }

    fn press_messages(&mut self, press: Press) {
        match (press.code, press.ctrl) {
            (KeyCode::Up | KeyCode::Char('k'), false) => {
                self.with_view(|talk, view| talk.choose_next(true, view));
            }
            (KeyCode::Down | KeyCode::Char('j'), false) => self.choose_newer(),
            (KeyCode::PageUp, _) => self.page_messages(true),
            (KeyCode::PageDown, _) => self.page_messages(false),
            (KeyCode::Home | KeyCode::Char('g'), false) => {
                self.with_view(Talk::show_oldest);
            }
            (KeyCode::Char('r'), false) => self.retry(),
            (KeyCode::Char('s'), false) => self.ask_save(),
            (KeyCode::Char('v'), false) => self.show_identity(),
            (KeyCode::Char('?'), false) => self.screen = Screen::Help(0),
            (KeyCode::Esc | KeyCode::Enter | KeyCode::Tab | KeyCode::End, _)
            | (KeyCode::Char('i' | 'G' | 'q'), false) => self.write_on(),
            _ => {}
        }
    }

    /// The next newer message; after the newest, on with writing.
    fn choose_newer(&mut self) {
        if self.with_view(|talk, view| talk.choose_next(false, view)) != Some(true) {
            self.write_on();
        }
    }

    fn page_messages(&mut self, up: bool) {
        self.scroll(up);
        self.with_view(|talk, view| {
            if let Some((top, bottom)) = talk.sight(view) {
                talk.chosen = Some(if up { top } else { bottom });
            }
        });
    }

    fn write_on(&mut self) {
        self.attention = Attention::Writing;
        self.show_newest();
    }

    fn retry(&mut self) {
        let Some(talk) = &mut self.talk else { return };
        let chosen = talk.chosen.and_then(|chosen| talk.entry(chosen));
        match chosen.filter(|shown| shown.has_failed()).and_then(super::entry::Shown::id) {
            Some(id) => {
                talk.try_again(id);
                let with = talk.with.clone();
                self.act(Action::Retry(with, id));
            }
            None => self.note("Only a message that failed can be tried again."),
        }
    }

    fn ask_save(&mut self) {
        let chosen = self.talk.as_ref().and_then(|talk| talk.entry(talk.chosen?));
        match chosen.and_then(|shown| shown.file()) {
            Some(file) => {
                let (file, name) = (Box::new(file.clone()), answers::safe_name(&file.name));
                self.ask(Prompt::filled(Ask::Save { file }, &name));
            }
            None => self.note("There is no file in this message."),
        }
    }

    /// Pasted text goes where letters go.
    pub(super) fn paste(&mut self, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            if !prompt.ask.is_choice() && !prompt.is_busy {
                prompt.field.insert_line(text);
            }
            return;
        }
        match &mut self.screen {
            Screen::Talks => {
                if self.talk.is_some() {
                    self.attention = Attention::Writing;
                    self.write(text);
                }
            }
            Screen::Search(search) => {
                search.field.insert_line(text);
                self.search_again();
            }
            Screen::Verify(verify) => {
                verify.compare(text);
                verify.field = None;
            }
            Screen::Devices { .. } => {
                self.ask(Prompt::filled(Ask::LinkCode, text.trim()));
            }
            Screen::Help(_) | Screen::Notices(_) => {}
        }
    }

    /// Loads the newest messages of the open conversation.
    pub(super) fn reload(&mut self) {
        self.load(Part::Newest);
    }
}

/// What a key does to a text.
fn edit(text: &mut Editor, press: Press) {
    let word = press.ctrl || press.alt;
    let reach = if word { Reach::Word } else { Reach::Letter };
    match (press.code, word) {
        (KeyCode::Left, _) => text.left(reach),
        (KeyCode::Right, _) => text.right(reach),
        (KeyCode::Backspace, _) => text.delete_left(reach),
        (KeyCode::Delete, _) => text.delete_right(reach),
        (KeyCode::Home, _) | (KeyCode::Char('a'), true) => text.left(Reach::Line),
        (KeyCode::End, _) | (KeyCode::Char('e'), true) => text.right(Reach::Line),
        (KeyCode::Char('b'), true) => text.left(Reach::Word),
        (KeyCode::Char('w' | 'h'), true) => text.delete_left(Reach::Word),
        (KeyCode::Char('d'), true) => text.delete_right(Reach::Word),
        (KeyCode::Char('u'), true) => text.delete_left(Reach::Line),
        (KeyCode::Char('k'), true) => text.delete_right(Reach::Line),
        (KeyCode::Char(letter), false) => text.insert(letter.encode_utf8(&mut [0; 4])),
        _ => {}
    }
}
