//! What there is to tell a person besides messages.

use std::collections::VecDeque;

use sprag_protocol::Timestamp;

/// How many are kept.
const KEPT: usize = 200;
/// How long one stays that asks for nothing, in seconds.
const STAYS: u64 = 8;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It goes by itself.
    Note,
    /// It stays until it was seen.
    Warning,
}

#[derive(Debug)]
pub(super) struct Notice {
    pub(super) at: Timestamp,
    pub(super) weight: Weight,
    pub(super) text: String,
    /// How often in a row.
    pub(super) times: usize,
}

/// All of them, the newest last.
#[derive(Debug, Default)]
pub(super) struct Notices {
    kept: VecDeque<Notice>,
    /// Whether the newest is still to be seen.
    pub(super) is_up: bool,
}

impl Notices {
    pub(super) fn add(&mut self, at: Timestamp, weight: Weight, text: String) {
        self.is_up = true;
        if let Some(last) = self.kept.back_mut()
            && last.text == text
        {
            last.times += 1;
            last.at = at;
            return;
        }
        self.kept.push_back(Notice { at, weight, text, times: 1 });
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// The one to show now.
    pub(super) fn current(&self) -> Option<&Notice> {
        self.kept.back().filter(|_| self.is_up)
    }

    /// Takes down what was up for long enough.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let is_over = self.current().is_some_and(|notice| {
            notice.weight == Weight::Note && now.seconds() >= notice.at.seconds() + STAYS
        });
        self.is_up &= !is_over;
    }

    /// Takes down what is up. True where that was a warning, and so what the key was for.
    pub(super) fn dismiss(&mut self) -> bool {
        let warned = self.current().is_some_and(|notice| notice.weight == Weight::Warning);
        self.is_up = false;
        warned
    }

    /// From the newest on.
    pub(super) fn all(&self) -> impl Iterator<Item = &Notice> {
        self.kept.iter().rev()
    }
}

impl Notice {
    /// What it says while it is up.
    pub(super) fn words(&self) -> String {
        let way = if self.weight == Weight::Warning { " [Esc: seen]" } else { "" };
        format!("{}{way}", self.record())
    }

    /// What it says, and how often it was told.
    pub(super) fn record(&self) -> String {
        let mark = match self.weight {
            Weight::Note => "",
            Weight::Warning => "! ",
        };
        let times = if self.times > 1 { format!(" ({} times)", self.times) } else { String::new() };
        format!("{mark}{}{times}", self.text)
    }
}
