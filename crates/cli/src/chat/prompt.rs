//! Questions in the lowest line: a text is asked for, or yes or no.

use std::path::PathBuf;

use sprag_client::{Attachment, LinkCode};
use sprag_protocol::{AccountName, DeviceId};

use super::editor::Editor;

/// A question that is open.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) ask: Ask,
    pub(super) field: Editor,
    /// Why the last answer does not do.
    pub(super) error: Option<String>,
    /// Whether an answer is being worked on.
    pub(super) is_busy: bool,
}

/// What is asked for.
#[derive(Debug)]
pub(super) enum Ask {
    /// The name of an account to write to.
    Name,
    /// The path of a file to send.
    File { to: AccountName },
    /// The text beside it.
    Caption { to: AccountName, path: PathBuf },
    /// Where to save a file.
    Save { file: Box<Attachment> },
    /// What a new device shows.
    LinkCode,
    /// Whether it gets the account key.
    LinkKey { code: LinkCode },
    /// Whether it gets the history.
    LinkHistory { code: LinkCode, account_key: bool },
    /// Whether to remove a device.
    Remove(DeviceId),
    /// Whether to accept a new key.
    Accept(AccountName),
    /// Whether to end, although something is not done: what.
    Quit(String),
}

impl Prompt {
    pub(super) fn new(ask: Ask) -> Self {
        Self::filled(ask, "")
    }

    /// With an answer that can be changed.
    pub(super) fn filled(ask: Ask, answer: &str) -> Self {
        Self { ask, field: Editor::of(answer), error: None, is_busy: false }
    }
}

impl Ask {
    /// Whether yes or no is the answer.
    pub(super) fn is_choice(&self) -> bool {
        match self {
            Self::Name
            | Self::File { .. }
            | Self::Caption { .. }
            | Self::Save { .. }
            | Self::LinkCode => false,
            Self::LinkKey { .. }
            | Self::LinkHistory { .. }
            | Self::Remove(_)
            | Self::Accept(_)
            | Self::Quit(_) => true,
        }
    }

    /// The question.
    pub(super) fn question(&self) -> String {
        match self {
            Self::Name => "Write to (account name): ".into(),
            Self::File { to } => format!("Send {to} the file: "),
            Self::Caption { .. } => "Text beside it (may be empty): ".into(),
            Self::Save { .. } => "Save as: ".into(),
            Self::LinkCode => "The code that the new device shows: ".into(),
            Self::LinkKey { .. } => {
                "May the new device link and remove devices too (it gets the account key)?".into()
            }
            Self::LinkHistory { .. } => "Give it the conversations so far?".into(),
            Self::Remove(device) => {
                format!("Remove device {}? It cannot send or receive any more.", device.get())
            }
            Self::Accept(with) => format!("Accept the new key of {with}? What waits is sent then."),
            Self::Quit(why) => format!("{why} Quit all the same?"),
        }
    }
}
