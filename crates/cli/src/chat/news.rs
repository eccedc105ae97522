//! What the client tells while the chat runs.

use sprag_client::effects::Lie;
use sprag_client::{Connection, Entry, Error, Happening};
use sprag_protocol::{AccountName, Timestamp};

use super::app::{App, Screen};
use super::input::Action;

impl App {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what was missed, or is new, may be anything"
    )]
    pub(super) fn happened(&mut self, happening: Happening) {
        self.is_status_old = true;
        match happening {
            Happening::Connection(connection) => self.connected(connection),
            Happening::CaughtUp => {}
            Happening::Entry { with, entry } => self.arrived(&with, *entry),
            Happening::State { with, id, state } => {
                if let Some(talk) = self.talk.as_mut().filter(|talk| talk.with == with) {
                    talk.set_state(id, state);
                }
            }
            Happening::Conversation(_) => self.refresh_people(),
            Happening::KeyChanged(with) => {
                self.warn(format!(
                    "The key of {with} has changed. Nothing is sent there until you decide: F2."
                ));
                self.refresh_people();
                self.refresh_identity();
            }
            Happening::Unreadable { from, .. } => self.note(format!(
                "A message of {from} could not be read; it was asked for again."
            )),
            Happening::RelayLies { account, why } => self.warn(lie(&account, why)),
            Happening::NoSuchAccount(name) => {
                self.warn(format!("The relay has no account {name}: what you wrote there failed."));
                self.refresh_people();
            }
            Happening::DevicesChanged => {
                if matches!(self.screen, Screen::Devices { .. }) {
                    self.act(Action::Devices);
                }
                self.note("The devices of your account have changed: F4 lists them.");
            }
            Happening::Linked => self.note("This device is part of the account now."),
            Happening::Removed => self.warn(Error::Removed.to_string()),
            Happening::StartedAfresh => self.warn(
                "This is an older copy of the profile, or a restored backup: everything is encrypted \
                 with new keys from here on. Messages since then may be missing.",
            ),
            Happening::Cloned => self.warn(
                "Another copy of this profile is in use. Use only one of them, and link the other \
                 device properly: F4.",
            ),
            Happening::StoreFailed(error) => {
                self.warn(format!("{error}. What was being done was undone, and is tried again."));
            }
            // What was missed may be anything.
            _ => self.look_anew(),
        }
    }

    fn look_anew(&mut self) {
        self.people.forget();
        self.refresh_people();
        self.refresh_identity();
        self.reload();
    }

    pub(super) fn connected(&mut self, connection: Connection) {
        self.retry_at = None;
        match &connection {
            Connection::Waiting { retry_in, .. } => {
                let at = self.clock.now.seconds().saturating_add(retry_in.as_secs());
                self.retry_at = Some(Timestamp::from_seconds(at));
            }
            Connection::Ended(Error::TakenOver) => self.warn(
                "Another copy of this profile took over the connection. Ctrl-R goes on here.",
            ),
            Connection::Ended(why) => self.warn(format!("Not connected any more: {why}.")),
            Connection::Offline | Connection::Connecting | Connection::Online => {}
        }
        self.connection = connection;
    }

    fn arrived(&mut self, with: &AccountName, entry: Entry) {
        self.people.said(with.clone(), &entry);
        self.refresh_people();
        let has_attention = self.has_attention;
        let Some(talk) = self.talk.as_mut().filter(|talk| talk.with == *with) else { return };
        if !has_attention && talk.divider.is_none() && !entry.own {
            talk.divider = Some(entry.position);
        }
        if !talk.add(entry) {
            self.reload();
        }
    }
}

fn lie(account: &AccountName, why: Lie) -> String {
    let what = match why {
        Lie::UnsignedList => "a device list that its owner did not sign",
        Lie::OlderList => "an old device list",
        Lie::BadBundle => "keys that do not belong to its device",
        Lie::Malformed => "something that makes no sense",
    };
    format!("The relay gave {what} for {account}. It was not taken; ask who runs the relay.")
}
