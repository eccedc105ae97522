//! What came of actions.

use sprag_client::{Entry, Error, Refusal, Status};
use sprag_protocol::AccountName;

use super::app::{App, Screen};
use super::editor::Editor;
use super::input::{Action, Outcome, Transfer};
use super::prompt::{Ask, Prompt};
use super::talk::Part;

impl App {
    pub(super) fn answered(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Conversations(list) => self.conversations(list),
            Outcome::Peeked(with, entry) => self.people.said(with, &entry),
            Outcome::History(with, part, page) => self.history(&with, part, page),
            Outcome::Sent(with, result) => self.sent(&with, result),
            Outcome::Changed(with, result) => self.changed(&with, result),
            Outcome::Marked(with, result) => self.marked(&with, result),
            Outcome::Met(with, result) => self.met(with, result),
            Outcome::Identity(with, identity) => {
                if let Screen::Verify(verify) = &mut self.screen
                    && verify.with == with
                {
                    verify.identity = Some(identity.map_err(|error| error.to_string()));
                }
                self.refresh_people();
            }
            Outcome::Devices(devices) => self.devices(devices),
            Outcome::Linked(result) => match result {
                Ok(device) => {
                    self.note(format!("Device {} is part of your account now.", device.get()));
                    self.act(Action::Devices);
                }
                Err(error) => self.warn(format!("The device was not linked: {error}.")),
            },
            Outcome::Removed(device, result) => match result {
                Ok(()) => {
                    self.note(format!("Device {} was removed.", device.get()));
                    self.act(Action::Devices);
                }
                Err(error) => self.warn(format!("The device was not removed: {error}.")),
            },
            Outcome::Found(serial, hits) => self.found(serial, hits),
            Outcome::Status(status) => self.status(status),
            Outcome::Progress(transfer, progress) => {
                if let Some(moving) = self.transfers.get_mut(&transfer) {
                    (moving.done, moving.total) = (progress.done, progress.total);
                }
            }
            Outcome::Uploaded(transfer, to, result) => self.uploaded(transfer, &to, result.err()),
            Outcome::Saved(transfer, result) => self.saved(transfer, result),
        }
    }

    fn conversations(&mut self, list: Result<Vec<sprag_client::Conversation>, Error>) {
        match list {
            Ok(list) => {
                let unknown = self.people.load(list);
                if !unknown.is_empty() {
                    self.act(Action::Peek(unknown));
                }
            }
            Err(error) => self.fail(&error),
        }
        if self.people.answered() {
            self.refresh_people();
        }
    }

    fn history(&mut self, with: &AccountName, part: Part, page: Result<Vec<Entry>, Error>) {
        if self.talk.as_ref().is_none_or(|talk| talk.with != *with) {
            return;
        }
        let page = page.unwrap_or_else(|error| {
            self.fail(&error);
            Vec::new()
        });
        if let (Part::Newest, Some(newest)) = (part, page.last()) {
            self.people.said(with.clone(), newest);
        }
        self.with_view(|talk, view| {
            talk.load(part, page, view);
            talk.fill(view);
        });
    }

    fn sent(&mut self, with: &AccountName, result: Result<(), (String, Error)>) {
        match result {
            Ok(()) => {
                if self.talk.as_ref().is_some_and(|talk| talk.with == *with) {
                    self.reload();
                }
            }
            Err((text, Error::Refused(Refusal::KeyChanged))) => {
                self.give_back(with, &text);
                self.warn(format!("The key of {with} has changed: F2 says what to do."));
            }
            Err((text, error)) => {
                self.give_back(with, &text);
                self.warn(format!("Not sent: {error}."));
            }
        }
        self.refresh_people();
    }

    /// A text that could not be sent goes before what was written since.
    fn give_back(&mut self, with: &AccountName, text: &str) {
        let draft = self.drafts.entry(with.clone()).or_default();
        let since = draft.take();
        *draft = Editor::of(text);
        if !since.is_empty() {
            draft.insert("\n");
            draft.insert(&since);
        }
    }

    fn changed(&mut self, with: &AccountName, result: Result<(), Error>) {
        if let Err(error) = result {
            self.warn(format!("{error}."));
        }
        self.refresh_people();
        self.refresh_identity();
        if self.talk.as_ref().is_some_and(|talk| talk.with == *with) {
            self.reload();
        }
    }

    fn marked(&mut self, with: &AccountName, result: Result<(), Error>) {
        if let Err(error) = result {
            if let Some(talk) = self.talk.as_mut().filter(|talk| talk.with == *with) {
                talk.marked = None;
            }
            self.fail(&error);
        }
        self.refresh_people();
    }

    fn met(&mut self, with: AccountName, result: Result<(), Error>) {
        let is_asked = matches!(&self.prompt, Some(Prompt { ask: Ask::Name, is_busy: true, .. }));
        if !is_asked {
            return;
        }
        match result {
            Ok(()) => {}
            Err(Error::Refused(Refusal::Unreachable) | Error::Unreachable | Error::Timeout) => {
                self.note(format!(
                    "The relay cannot be asked whether there is {with}. What you write waits here."
                ));
            }
            Err(error) => {
                if let Some(prompt) = &mut self.prompt {
                    prompt.is_busy = false;
                    prompt.error = Some(format!("{error}."));
                }
                return;
            }
        }
        self.prompt = None;
        self.open(with, None);
        self.refresh_people();
    }

    fn devices(&mut self, devices: Result<Vec<sprag_client::OwnDevice>, Error>) {
        match devices {
            Ok(devices) => {
                if let Screen::Devices { list, chosen } = &mut self.screen {
                    *chosen = (*chosen).min(devices.len().saturating_sub(1));
                    *list = Some(devices);
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    fn found(&mut self, serial: u64, hits: Result<Vec<(AccountName, Entry)>, Error>) {
        let Screen::Search(search) = &mut self.screen else { return };
        if search.serial != serial {
            return;
        }
        match hits {
            Ok(hits) => search.found(hits),
            Err(error) => {
                search.is_busy = false;
                self.fail(&error);
            }
        }
    }

    fn status(&mut self, status: Box<Status>) {
        self.status = Some(status);
    }

    fn uploaded(&mut self, transfer: Transfer, to: &AccountName, failure: Option<Error>) {
        self.transfers.remove(&transfer);
        if let Some(error) = failure {
            self.warn(format!("The file was not sent: {error}."));
        }
        self.changed(to, Ok(()));
    }

    fn saved(&mut self, transfer: Transfer, result: Result<(), Error>) {
        let Some(moving) = self.transfers.remove(&transfer) else { return };
        match (result, moving.file) {
            (Ok(()), _) => {
                self.note(format!("Saved: {}.", moving.what.trim_start_matches("saving ")));
            }
            (Err(Error::FileExists), Some(file)) if self.prompt.is_none() => {
                let name = moving.what.trim_start_matches("saving ");
                let mut prompt = Prompt::filled(Ask::Save { file }, name);
                prompt.error = Some("There is a file of this name; choose another one.".into());
                self.ask(prompt);
            }
            (Err(error), _) => self.warn(format!("The file was not saved: {error}.")),
        }
    }

    /// What should not fail did.
    fn fail(&mut self, error: &Error) {
        if *error != Error::Closed {
            self.warn(format!("{error}."));
        }
    }
}
