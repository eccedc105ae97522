//! What things look like: signs, with ASCII ones where a terminal has no others, and styles, without
//! colours where none are wanted. What a colour says, a sign or a word says too.

use ratatui::style::{Color, Modifier, Style};
use sprag_client::view::Failed;
use sprag_client::{MessageState, Trust};

/// Which signs and styles there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signs {
    /// Whether colours are wanted.
    pub(crate) color: bool,
    /// Whether only ASCII can be drawn.
    pub(crate) ascii: bool,
}

impl Signs {
    fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { unicode }
    }

    /// What stands for more.
    pub(super) fn more(self) -> &'static str {
        self.pick("…", "~")
    }

    pub(super) fn rule(self) -> &'static str {
        self.pick("─", "-")
    }

    pub(super) fn border(self) -> &'static str {
        self.pick("│", "|")
    }

    pub(super) fn dot(self) -> &'static str {
        self.pick("·", "-")
    }

    /// How far a message has come: a shape and a word.
    pub(super) fn state(self, state: MessageState) -> String {
        let (shape, word) = match state {
            MessageState::Queued => (self.pick("·", "."), "queued"),
            MessageState::Sending => (self.pick("↑", "^"), "sending"),
            MessageState::Sent => (self.pick("✓", "+"), "sent"),
            MessageState::Delivered => (self.pick("✓✓", "++"), "delivered"),
            MessageState::Read => (self.pick("✓✓", "++"), "read"),
            MessageState::Failed(why) => {
                let shape = self.pick("✗", "x");
                return format!("{shape} failed: {}; r tries again", reason(why));
            }
        };
        format!("{shape} {word}")
    }

    /// What is known of who somebody is, as one sign.
    pub(super) fn trust(self, trust: Trust) -> &'static str {
        match trust {
            Trust::Unknown => "?",
            Trust::FirstUse => " ",
            Trust::Verified => self.pick("✓", "="),
            Trust::KeyChanged { .. } => "!",
        }
    }

    /// The connection, as one sign: there, on its way, not there.
    pub(super) fn link(self, there: bool, coming: bool) -> &'static str {
        match (there, coming) {
            (true, _) => self.pick("●", "*"),
            (false, true) => self.pick("◌", "~"),
            (false, false) => self.pick("○", "o"),
        }
    }

    fn colored(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    pub(super) fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn quiet() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn chosen() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn own(self) -> Style {
        self.colored(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub(super) fn other(self) -> Style {
        self.colored(Color::Magenta).add_modifier(Modifier::BOLD)
    }

    pub(super) fn good(self) -> Style {
        self.colored(Color::Green)
    }

    pub(super) fn bad(self) -> Style {
        self.colored(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Black on white, whatever the terminal has, for what a camera reads. Without colours it is drawn in
    /// the terminal's own, as for a dark one.
    pub(super) fn paper(self) -> Style {
        if self.color { Style::new().fg(Color::White).bg(Color::Black) } else { Style::new() }
    }

    pub(super) fn of_state(self, state: MessageState) -> Style {
        match state {
            MessageState::Failed(_) => self.bad(),
            MessageState::Read => self.good(),
            MessageState::Queued
            | MessageState::Sending
            | MessageState::Sent
            | MessageState::Delivered => Self::quiet(),
        }
    }

    pub(super) fn of_trust(self, trust: Trust) -> Style {
        match trust {
            Trust::Verified => self.good(),
            Trust::KeyChanged { .. } => self.bad(),
            Trust::Unknown | Trust::FirstUse => Self::quiet(),
        }
    }
}

/// What is known of who somebody is, in words.
pub(super) fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Unknown => "not met yet",
        Trust::FirstUse => "not verified",
        Trust::Verified => "verified",
        Trust::KeyChanged { .. } => "KEY CHANGED",
    }
}

fn reason(why: Failed) -> &'static str {
    match why {
        Failed::NoSuchAccount => "no such account",
        Failed::Refused => "the relay does not take it",
    }
}
