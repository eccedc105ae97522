//! A play: what comes of a seed and a schedule. A pure function, so to go back is to look at an
//! earlier step, and a longer schedule begins like a shorter one.

use sprag_protocol::sessions::DecryptError;

use crate::conversation::{Conversation, Sent};
use crate::error::{Error, Result};
use crate::holdings::Holdings;
use crate::model::{Design, Model};
use crate::record::{Hex, Party, Record};
use crate::schedule::{Action, Label, Schedule};
use crate::theft::{Loot, Theft};
use crate::{model, schedule};

/// What the two say, in turn; then it begins again.
const ALICE: [&str; 6] = [
    "Hello, Bob!",
    "Are you there?",
    "The train leaves at nine.",
    "Platform four.",
    "I have both tickets.",
    "See you at the station.",
];
const BOB: [&str; 6] = [
    "Hello, Alice!",
    "Yes, I am on my way.",
    "Shall I bring coffee?",
    "Ten minutes.",
    "I see you!",
    "Wait for me.",
];

/// What is to be played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Where every byte comes from.
    pub seed: u64,
    /// What the two do.
    pub schedule: Schedule,
    /// With which keys.
    pub design: Design,
    /// Whose phone is copied, and after which step.
    pub theft: Option<(Party, usize)>,
}

/// All of it.
pub struct Play {
    /// What was asked for.
    pub request: Request,
    /// One more than there are actions: the first is the handshake's beginning.
    pub steps: Vec<Step>,
    /// In the order in which they were sealed.
    pub messages: Vec<Message>,
    /// What the thief reads.
    pub theft: Option<Theft>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happened.
    pub what: What,
    /// What the trace reported meanwhile.
    pub records: Vec<Record>,
    /// What each holds after it: Alice, then Bob.
    pub holdings: [Holdings; 2],
    /// How many bytes the state of each takes; with a model, 0.
    pub stored: [usize; 2],
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Both have keys, and Alice takes Bob's bundle.
    Begun,
    /// A message is on its way.
    Sent(Label),
    /// A message was read.
    Opened(Label),
    /// A message was refused; what was said.
    Refused(Label, String),
    /// A message is lost.
    Lost(Label),
}

/// A message, and when what happened to it: in steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its name.
    pub label: Label,
    /// What it says.
    pub text: String,
    /// What goes over the network.
    pub bytes: Hex,
    /// The root step that began its chain; 0 where there is no chain.
    pub chain: u64,
    /// Its number in the chain.
    pub n: u32,
    /// The step in which it was sealed.
    pub sealed: usize,
    /// The step in which it was read, if it was.
    pub opened: Option<usize>,
    /// The step in which it was lost, if it was.
    pub lost: Option<usize>,
}

/// Plays it.
///
/// # Errors
/// [`Error::TheftTooLate`]; the others cannot happen with a [`Schedule`], or the core is broken.
pub fn play(request: Request) -> Result<Play> {
    let actions = request.schedule.actions();
    if request.theft.is_some_and(|(_, after)| after > actions.len()) {
        return Err(Error::TheftTooLate);
    }
    let (mut stage, records) = Stage::open(request.seed, request.design)?;
    let mut steps = Vec::with_capacity(actions.len() + 1);
    let mut holdings = <[Holdings; 2]>::default();
    let mut loot = None;
    let mut next = Some((What::Begun, records));
    for after in 0..=actions.len() {
        if let Some(action) = after.checked_sub(1).and_then(|index| actions.get(index)) {
            next = Some(stage.act(*action)?);
        }
        let (what, records) = next.take().ok_or(Error::Contradiction)?;
        for (party, holdings) in Party::BOTH.into_iter().zip(&mut holdings) {
            holdings.follow(party, &records);
        }
        let stored = Party::BOTH.map(|party| stage.stored(party));
        steps.push(Step { what, records, holdings: holdings.clone(), stored });
        if let Some((victim, _)) = request.theft.filter(|(_, theft)| *theft == after) {
            loot = Some(stage.loot(victim));
        }
    }
    let theft = loot.map(|loot| loot.try_all(stage.sent())).transpose()?;
    let messages = stage.sent().iter().map(Message::of).collect();
    Ok(Play { request, steps, messages, theft })
}

impl Message {
    fn of(sent: &Sent) -> Self {
        // There are at most `MAX_ACTIONS`.
        let step = |at: u32| usize::try_from(at).unwrap_or(schedule::MAX_ACTIONS);
        Self {
            label: sent.label,
            text: sent.text.clone(),
            bytes: Hex::of(&sent.bytes),
            chain: sent.chain,
            n: sent.n,
            sealed: step(sent.sealed),
            opened: sent.opened.map(step),
            lost: sent.lost.map(step),
        }
    }
}

/// Where it is played.
enum Stage {
    Real(Box<Conversation>),
    Model(Box<Model>),
}

/// What a thief took.
enum Stolen {
    Real(Loot),
    Model(model::Loot),
}

impl Stolen {
    fn try_all(&self, sent: &[Sent]) -> Result<Theft> {
        match self {
            Self::Real(loot) => loot.try_all(sent),
            Self::Model(loot) => Ok(loot.try_all(sent)),
        }
    }
}

impl Stage {
    /// The handshake is the real one in every design.
    fn open(seed: u64, design: Design) -> Result<(Self, Vec<Record>)> {
        let mut talk = Conversation::new(seed)?;
        let records = talk.initiate()?;
        if design == Design::DoubleRatchet {
            return Ok((Self::Real(Box::new(talk)), records));
        }
        let (model, records) = Model::after(&mut talk, records, design)?;
        Ok((Self::Model(Box::new(model)), records))
    }

    fn act(&mut self, action: Action) -> Result<(What, Vec<Record>)> {
        match action {
            Action::Send(from) => {
                let records = self.seal(from, &self.next_text(from))?;
                let label = self.sent().last().ok_or(Error::Contradiction)?.label;
                Ok((What::Sent(label), records))
            }
            Action::Deliver(label) => {
                let (records, opened) = self.arrive(self.find(label)?)?;
                let what = match opened {
                    Ok(()) => What::Opened(label),
                    Err(refusal) => What::Refused(label, refusal),
                };
                Ok((what, records))
            }
            Action::Drop(label) => {
                self.lose(self.find(label)?)?;
                Ok((What::Lost(label), Vec::new()))
            }
        }
    }

    fn next_text(&self, from: Party) -> String {
        let written = self.sent().iter().filter(|sent| sent.from == from).count();
        let lines = from.of([ALICE, BOB]);
        lines.get(written % lines.len()).copied().unwrap_or_default().to_owned()
    }

    fn seal(&mut self, from: Party, text: &str) -> Result<Vec<Record>> {
        match self {
            Self::Real(talk) => Ok(talk.seal(from, text)?.1),
            Self::Model(model) => Ok(model.seal(from, text)),
        }
    }

    fn arrive(&mut self, index: usize) -> Result<(Vec<Record>, Result<(), String>)> {
        match self {
            Self::Real(talk) => {
                let (records, opened) = talk.arrive(index)?;
                Ok((records, opened.map_err(|refusal: DecryptError| refusal.to_string())))
            }
            Self::Model(model) => {
                let (records, opened) = model.arrive(index)?;
                Ok((records, opened.map_err(|refusal| refusal.to_string())))
            }
        }
    }

    fn lose(&mut self, index: usize) -> Result<()> {
        let (sent, actions) = match self {
            Self::Real(talk) => (&mut talk.sent, &mut talk.actions),
            Self::Model(model) => (&mut model.sent, &mut model.actions),
        };
        *actions += 1;
        sent.get_mut(index).ok_or(Error::Contradiction)?.lost = Some(*actions);
        Ok(())
    }

    fn find(&self, label: Label) -> Result<usize> {
        self.sent().iter().position(|sent| sent.label == label).ok_or(Error::Contradiction)
    }

    fn sent(&self) -> &[Sent] {
        match self {
            Self::Real(talk) => &talk.sent,
            Self::Model(model) => &model.sent,
        }
    }

    fn loot(&self, victim: Party) -> Stolen {
        match self {
            Self::Real(talk) => Stolen::Real(Loot::of(talk, victim)),
            Self::Model(model) => Stolen::Model(model.loot(victim)),
        }
    }

    fn stored(&self, party: Party) -> usize {
        match self {
            Self::Real(talk) => talk.side(party).stored(),
            Self::Model(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests;
