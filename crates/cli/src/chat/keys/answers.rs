//! Answers to questions in the lowest line.

use std::path::{Path, PathBuf};

use crossterm::event::KeyCode;
use sprag_client::{Attachment, Link, LinkCode};
use sprag_protocol::AccountName;

use super::{Press, edit};
use crate::chat::app::{App, Moving};
use crate::chat::input::{Action, Terminal, Transfer};
use crate::chat::prompt::{Ask, Prompt};
use crate::display;

impl App {
    pub(super) fn press_prompt(&mut self, press: Press) {
        let Some(prompt) = &mut self.prompt else { return };
        let is_choice = prompt.ask.is_choice();
        match (press.code, press.ctrl) {
            (KeyCode::Esc, _) => self.prompt = None,
            _ if prompt.is_busy => {}
            (KeyCode::Char('y' | 'Y'), false) if is_choice => self.decide(true),
            (KeyCode::Char('n' | 'N'), false) if is_choice => self.decide(false),
            _ if is_choice => {}
            (KeyCode::Enter, _) => self.answer(),
            _ => {
                prompt.error = None;
                edit(&mut prompt.field, press);
            }
        }
    }

    /// Yes or no.
    fn decide(&mut self, yes: bool) {
        let Some(prompt) = self.prompt.take() else { return };
        match prompt.ask {
            Ask::LinkKey { code } => {
                self.ask(Prompt::new(Ask::LinkHistory { code, account_key: yes }));
            }
            Ask::LinkHistory { code, account_key } => {
                self.note("The new device is being signed in.");
                self.act(Action::Link(code, Link { account_key, history: yes }));
            }
            Ask::Remove(device) if yes => self.act(Action::Remove(device)),
            Ask::Accept(with) if yes => self.act(Action::Accept(with)),
            Ask::Quit(_) if yes => self.act(Action::Terminal(Terminal::Quit)),
            Ask::Remove(_)
            | Ask::Accept(_)
            | Ask::Quit(_)
            | Ask::Name
            | Ask::File { .. }
            | Ask::Caption { .. }
            | Ask::Save { .. }
            | Ask::LinkCode => {}
        }
    }

    /// A text.
    fn answer(&mut self) {
        let Some(mut prompt) = self.prompt.take() else { return };
        let text = prompt.field.text().trim().to_owned();
        match prompt.ask {
            Ask::Name => return self.answer_name(&text),
            Ask::File { to } if text.is_empty() => {
                prompt.error = Some("Type the path of a file, or drop it here.".into());
                prompt.ask = Ask::File { to };
            }
            Ask::File { to } => {
                let path = unquoted(&text).into();
                return self.ask(Prompt::new(Ask::Caption { to, path }));
            }
            Ask::Caption { to, path } => {
                let what = format!("sending {}", file_name(&path));
                let transfer = self.begin(what, None);
                let caption = prompt.field.text().to_owned();
                return self.act(Action::Upload { transfer, to, path, caption });
            }
            Ask::Save { file } => {
                let path = if text.is_empty() { safe_name(&file.name) } else { text };
                let path = PathBuf::from(unquoted(&path));
                let what = format!("saving {}", file_name(&path));
                let transfer = self.begin(what, Some(file.clone()));
                return self.act(Action::Save { transfer, file, path });
            }
            Ask::LinkCode => match LinkCode::parse(&text) {
                Ok(code) => return self.ask(Prompt::new(Ask::LinkKey { code })),
                Err(error) => {
                    prompt.error = Some(error.to_string());
                    prompt.ask = Ask::LinkCode;
                }
            },
            Ask::LinkKey { .. }
            | Ask::LinkHistory { .. }
            | Ask::Remove(_)
            | Ask::Accept(_)
            | Ask::Quit(_) => return,
        }
        self.prompt = Some(prompt);
    }

    fn answer_name(&mut self, text: &str) {
        let mut prompt = Prompt::filled(Ask::Name, text);
        match AccountName::new(&text.to_lowercase()) {
            Ok(name) if name == self.who => prompt.error = Some("This is your own account.".into()),
            Ok(name) if self.people.get(&name).is_some() => return self.open(name, None),
            Ok(name) => {
                prompt.is_busy = true;
                self.act(Action::Meet(name));
            }
            Err(error) => prompt.error = Some(error.to_string()),
        }
        self.prompt = Some(prompt);
    }

    fn begin(&mut self, what: String, file: Option<Box<Attachment>>) -> Transfer {
        let transfer = self.next_transfer;
        self.next_transfer += 1;
        self.transfers.insert(transfer, Moving { what, file, done: 0, total: 0 });
        transfer
    }
}

fn file_name(path: &Path) -> String {
    display::line(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// A path as a terminal pastes a file that is dropped on it: in quotes.
fn unquoted(text: &str) -> &str {
    let quoted = |mark| text.strip_prefix(mark).and_then(|text| text.strip_suffix(mark));
    quoted('\'').or_else(|| quoted('"')).unwrap_or(text)
}

/// A name from somebody else, as one for a file in this folder: no folders, not hidden, never empty.
pub(super) fn safe_name(name: &str) -> String {
    let name = display::line(name).replace(['/', '\\', ':'], "_");
    let name = name.trim().trim_start_matches('.');
    if name.is_empty() { "file".into() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::safe_name;

    #[test]
    fn names_of_others_stay_in_this_folder() {
        assert_eq!(safe_name("photo.png"), "photo.png");
        assert_eq!(safe_name("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(safe_name("..\\x"), "_x");
        assert_eq!(safe_name(".bashrc"), "bashrc");
        assert_eq!(safe_name("\u{202e}gpj.exe\n"), "gpj.exe");
        assert_eq!(safe_name(""), "file");
        assert_eq!(safe_name(".."), "file");
    }
}
