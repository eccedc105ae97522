//! Keys on the screens of their own: search, verification, devices, help, notices.

use crossterm::event::KeyCode;

use super::{Press, edit, steps};
use crate::chat::app::{App, Screen};
use crate::chat::draw::verify::furthest;
use crate::chat::input::Action;
use crate::chat::prompt::{Ask, Prompt};

/// The shortest text that is looked for, in bytes.
const SHORTEST: usize = 2;

impl App {
    fn page_rows(&self) -> isize {
        isize::try_from(self.layout().page.height).unwrap_or(1).max(2) - 1
    }

    pub(super) fn press_search(&mut self, press: Press) {
        let page = self.page_rows();
        let Screen::Search(search) = &mut self.screen else { return };
        match (press.code, press.ctrl) {
            (KeyCode::Esc, _) => self.screen = Screen::Talks,
            (KeyCode::Enter, _) => {
                if let Some((with, entry)) = search.hit() {
                    let (with, place) = (with.clone(), entry.position);
                    self.open(with, Some(place));
                }
            }
            (KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown, _)
            | (KeyCode::Char('n' | 'p'), true) => {
                search.step(steps(press, page).unwrap_or_default());
            }
            _ => {
                let before = search.words().to_owned();
                edit(&mut search.field, press);
                if before != search.words() {
                    self.search_again();
                }
            }
        }
    }

    /// Looks for the words as they are now.
    pub(super) fn search_again(&mut self) {
        let Screen::Search(search) = &mut self.screen else { return };
        search.serial += 1;
        search.is_busy = search.words().len() >= SHORTEST;
        if search.is_busy {
            let (serial, words) = (search.serial, search.words().to_owned());
            self.act(Action::Search(serial, words));
        } else {
            search.hits = None;
        }
    }

    pub(super) fn press_verify(&mut self, press: Press) {
        let page = self.page_rows();
        let Screen::Verify(verify) = &mut self.screen else { return };
        if let Some(field) = &mut verify.field {
            match (press.code, press.ctrl) {
                (KeyCode::Esc, _) => verify.field = None,
                (KeyCode::Enter, _) => {
                    let text = field.take();
                    verify.field = None;
                    verify.compare(&text);
                }
                _ => edit(field, press),
            }
            return;
        }
        let known = verify.known().is_some();
        match (press.code, press.ctrl) {
            (KeyCode::Esc | KeyCode::Char('q'), false) if verify.only_qr => verify.only_qr = false,
            (KeyCode::Esc | KeyCode::Char('q'), false) => self.screen = Screen::Talks,
            (KeyCode::Char('c'), false) if known => verify.field = Some(super::Editor::new()),
            (KeyCode::Char('o'), false) if known => verify.only_qr = !verify.only_qr,
            (KeyCode::Char('m'), false) if known => self.set_verified(true),
            (KeyCode::Char('u'), false) if known => self.set_verified(false),
            (KeyCode::Char('a'), false) => self.ask_accept(),
            (KeyCode::Char('r'), false) => {
                let with = verify.with.clone();
                self.act(Action::Identity(with));
            }
            _ => {
                let rows = steps(press, page).unwrap_or_default();
                self.scroll_verify(rows);
            }
        }
    }

    fn scroll_verify(&mut self, rows: isize) {
        let Screen::Verify(verify) = &self.screen else { return };
        let top = verify.scroll.saturating_add_signed(rows).min(furthest(self, verify));
        if let Screen::Verify(verify) = &mut self.screen {
            verify.scroll = top;
        }
    }

    fn set_verified(&mut self, verified: bool) {
        let Screen::Verify(verify) = &self.screen else { return };
        if verify.known().is_some_and(|known| known.offered.is_some()) {
            return self.note("First decide about the new key: a accepts it.");
        }
        let with = verify.with.clone();
        self.act(Action::Verify(with, verified));
    }

    fn ask_accept(&mut self) {
        let Screen::Verify(verify) = &self.screen else { return };
        if verify.known().is_some_and(|known| known.offered.is_some()) {
            let with = verify.with.clone();
            self.ask(Prompt::new(Ask::Accept(with)));
        }
    }

    pub(super) fn press_devices(&mut self, press: Press) {
        let page = self.page_rows();
        let Screen::Devices { list, chosen } = &mut self.screen else { return };
        let count = list.as_ref().map_or(0, Vec::len);
        match (press.code, press.ctrl) {
            (KeyCode::Esc | KeyCode::Char('q'), false) => self.screen = Screen::Talks,
            (KeyCode::Char('l'), false) => self.ask(Prompt::new(Ask::LinkCode)),
            (KeyCode::Char('x') | KeyCode::Delete, false) => {
                let device = list.as_ref().and_then(|list| list.get(*chosen)).copied();
                match device {
                    Some(device) if device.this => {
                        self.note("This is the device you use; remove it on another one.");
                    }
                    Some(device) => self.ask(Prompt::new(Ask::Remove(device.id))),
                    None => {}
                }
            }
            _ => {
                let by = steps(press, page).unwrap_or_default();
                *chosen = chosen.saturating_add_signed(by).min(count.saturating_sub(1));
            }
        }
    }

    pub(super) fn press_page(&mut self, press: Press) {
        let page = self.page_rows();
        let rows = self.rows_of_page();
        let most = rows.saturating_sub(page.unsigned_abs());
        match (press.code, press.ctrl, &mut self.screen) {
            (KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?'), false, _) => {
                self.screen = Screen::Talks;
            }
            (_, _, Screen::Help(top) | Screen::Notices(top)) => {
                let by = steps(press, page).unwrap_or_default();
                *top = top.saturating_add_signed(by).min(most);
            }
            _ => {}
        }
    }

    /// Shows who somebody is anew, after something changed.
    pub(in crate::chat) fn refresh_identity(&mut self) {
        if let Screen::Verify(verify) = &self.screen {
            let with = verify.with.clone();
            self.act(Action::Identity(with));
        }
    }
}
