//! What the learner decides: who sends next, what arrives and what is lost.
//!
//! As text a schedule is short enough for an address: actions with points between them. `A` and `B`:
//! Alice, Bob writes the next message. `dA1`: Alice's first message is delivered (again, if it was
//! before). `xA1`: it is lost. What is neither is on its way, for as long as the learner wants.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::record::Party;

/// The most actions of a schedule: an address has to hold them, a person to follow them.
pub const MAX_ACTIONS: usize = 200;

/// A message by its name: A1 is Alice's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// Who wrote it.
    pub from: Party,
    /// Counted from 1, for each of the two.
    pub number: u16,
}

/// One decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Somebody writes the next message; it is on its way then.
    Send(Party),
    /// A message arrives.
    Deliver(Label),
    /// A message is lost.
    Drop(Label),
}

/// Decisions, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule(Vec<Action>);

/// Why something is not a schedule. Actions are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It does not read `A`, `B`, `dA1` or `xA1`.
    #[error("action {0} is not one: write A, B, dA1 (deliver A1) or xA1 (lose it)")]
    Unreadable(usize),
    /// Only Alice can begin: Bob has no session before her first message reaches him.
    #[error("action {0}: Bob cannot write before something of Alice's has reached him")]
    NothingReceived(usize),
    /// No such message was sent up to there.
    #[error("action {0}: there is no such message yet")]
    UnknownMessage(usize),
    /// The message was lost before.
    #[error("action {0}: that message was lost")]
    Lost(usize),
    /// What has arrived cannot be lost any more.
    #[error("action {0}: that message has arrived")]
    Arrived(usize),
    /// There are too many actions.
    #[error("a schedule has at most {MAX_ACTIONS} actions")]
    TooLong,
}

/// Where a message is while a schedule is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    OnItsWay,
    Arrived,
    Lost,
}

impl Schedule {
    /// Takes actions that can follow each other.
    ///
    /// # Errors
    /// Every [`ScheduleError`] but `Unreadable`.
    pub fn new(actions: Vec<Action>) -> Result<Self, ScheduleError> {
        if actions.len() > MAX_ACTIONS {
            return Err(ScheduleError::TooLong);
        }
        let mut messages: [Vec<Where>; 2] = [Vec::new(), Vec::new()];
        for (at, action) in (1..).zip(&actions) {
            check(*action, &mut messages, at)?;
        }
        Ok(Self(actions))
    }

    /// The actions.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        &self.0
    }
}

fn check(
    action: Action,
    [alices, bobs]: &mut [Vec<Where>; 2],
    at: usize,
) -> Result<(), ScheduleError> {
    let label = match action {
        Action::Send(Party::Alice) => {
            alices.push(Where::OnItsWay);
            return Ok(());
        }
        Action::Send(Party::Bob) if alices.contains(&Where::Arrived) => {
            bobs.push(Where::OnItsWay);
            return Ok(());
        }
        Action::Send(Party::Bob) => return Err(ScheduleError::NothingReceived(at)),
        Action::Deliver(label) | Action::Drop(label) => label,
    };
    let messages = if label.from == Party::Alice { alices } else { bobs };
    let index = usize::from(label.number).checked_sub(1);
    let message = index.and_then(|index| messages.get_mut(index));
    let message = message.ok_or(ScheduleError::UnknownMessage(at))?;
    *message = match (*message, matches!(action, Action::Deliver(_))) {
        (Where::Lost, _) => return Err(ScheduleError::Lost(at)),
        (Where::Arrived, false) => return Err(ScheduleError::Arrived(at)),
        (_, true) => Where::Arrived,
        (Where::OnItsWay, false) => Where::Lost,
    };
    Ok(())
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let mut actions = Vec::new();
        for (at, token) in (1..).zip(text.split('.')) {
            if at > MAX_ACTIONS {
                return Err(ScheduleError::TooLong);
            }
            actions.push(action(token).ok_or(ScheduleError::Unreadable(at))?);
        }
        Self::new(actions)
    }
}

fn action(token: &str) -> Option<Action> {
    if let Some(from) = party(token) {
        return Some(Action::Send(from));
    }
    let (what, label) = (token.get(..1)?, label(token.get(1..)?)?);
    match what {
        "d" => Some(Action::Deliver(label)),
        "x" => Some(Action::Drop(label)),
        _ => None,
    }
}

fn party(letter: &str) -> Option<Party> {
    match letter {
        "A" => Some(Party::Alice),
        "B" => Some(Party::Bob),
        _ => None,
    }
}

fn label(name: &str) -> Option<Label> {
    let (from, number) = (party(name.get(..1)?)?, name.get(1..)?);
    // One way to write each: no signs, no zeros in front.
    let plain = !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| plain)?;
    Some(Label { from, number })
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}{}", self.from.initial(), self.number))
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(from) => write!(formatter, "{}", from.initial()),
            Self::Deliver(label) => write!(formatter, "d{label}"),
            Self::Drop(label) => write!(formatter, "x{label}"),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, action) in self.0.iter().enumerate() {
            let point = if index == 0 { "" } else { "." };
            write!(formatter, "{point}{action}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
