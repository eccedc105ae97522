//! A play as one JSON document: what the page shows, and what it and `sprag learn` export.
//!
//! The same request gives the same bytes on every machine, so an export can be made again from its
//! own first lines. Keys and steps have names and explanations in words beside what they are.

use serde::Serialize;
use sprag_protocol::PublicKey;

use crate::explain::{self, parents};
use crate::holdings::{Held, Holdings};
use crate::model::Design;
use crate::play::{Message, Play, Request, Step, What};
use crate::record::{Hex, Party, Record, name};
use crate::schedule::Label;
use crate::story::steps::Field;
use crate::theft::{Row, Stand, Theft, When, With};
use crate::view::{EventView, PlaceView};
use crate::wire;

/// Raised when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// A play.
#[derive(Serialize)]
pub struct Document {
    format: &'static str,
    version: u32,
    /// As text: JavaScript's numbers are too short for it.
    seed: String,
    schedule: String,
    design: Design,
    /// Whether this is a model for teaching and not what Sprag does.
    model: bool,
    steps: Vec<StepView>,
    messages: Vec<MessageView>,
    theft: Option<TheftView>,
}

#[derive(Serialize)]
struct StepView {
    number: usize,
    /// As in the schedule; none for the beginning.
    action: Option<String>,
    kind: &'static str,
    /// Who did it.
    party: Party,
    message: Option<Label>,
    title: String,
    text: String,
    refusal: Option<String>,
    events: Vec<Explained>,
    alice: HoldingsView,
    bob: HoldingsView,
    on_their_way: Vec<Label>,
}

#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    event: EventView,
    /// The key in words.
    name: String,
    /// What the event means.
    text: String,
    /// The keys that it was derived from.
    from: Vec<PlaceView>,
}

#[derive(Serialize)]
struct HoldingsView {
    keys: Vec<HeldView>,
    ratchet_key: Option<Hex>,
    theirs: Option<Hex>,
    /// Bytes of the state of the sessions.
    stored: usize,
}

#[derive(Serialize)]
struct HeldView {
    place: PlaceView,
    name: String,
    hex: Hex,
    kept: bool,
}

#[derive(Serialize)]
struct MessageView {
    message: Label,
    from: Party,
    text: String,
    chain: u64,
    n: u32,
    sealed: usize,
    opened: Option<usize>,
    lost: Option<usize>,
    hex: Hex,
    fields: Vec<Field>,
}

#[derive(Serialize)]
struct TheftView {
    victim: Party,
    after: usize,
    stolen: usize,
    healed: Option<Label>,
    rows: Vec<RowView>,
}

#[derive(Serialize)]
struct RowView {
    message: Label,
    from: Party,
    text: String,
    chain: u64,
    n: u32,
    sent: When,
    stand: Stand,
    readable: bool,
    with: Option<With>,
    /// Whether the thief reads the header, if not the text.
    header: bool,
    refusal: Option<String>,
    why: String,
}

impl From<&Play> for Document {
    fn from(play: &Play) -> Self {
        let Play { request, steps, messages, theft } = play;
        let Request { seed, schedule, design, theft: stolen } = request;
        let actions = schedule.actions().iter().map(ToString::to_string).map(Some);
        let actions = std::iter::once(None).chain(actions);
        let numbered = steps.iter().zip(actions).enumerate();
        let steps = numbered.map(|(number, (step, action))| {
            let view = StepView::of(step, *design, messages);
            let on_their_way = messages.iter().filter(|message| message.is_on_its_way(number));
            let on_their_way = on_their_way.map(|message| message.label).collect();
            StepView { number, action, on_their_way, ..view }
        });
        let stolen = theft.as_ref().zip(*stolen);
        Self {
            format: "sprag-learn-play",
            version: VERSION,
            seed: seed.to_string(),
            schedule: schedule.to_string(),
            design: *design,
            model: *design != Design::DoubleRatchet,
            steps: steps.collect(),
            messages: messages.iter().map(MessageView::from).collect(),
            theft: stolen.map(|(theft, (victim, after))| TheftView::of(theft, victim, after)),
        }
    }
}

impl Message {
    fn is_on_its_way(&self, step: usize) -> bool {
        let by = |at: Option<usize>| at.is_some_and(|at| at <= step);
        self.sealed <= step && !by(self.opened) && !by(self.lost)
    }
}

impl StepView {
    fn of(step: &Step, design: Design, messages: &[Message]) -> Self {
        let Step { what, records, holdings: [alice, bob], stored: [alices, bobs] } = step;
        let message = what.message();
        let (kind, refusal) = match what {
            What::Begun => ("begun", None),
            What::Sent(_) => ("sent", None),
            What::Opened(_) => ("opened", None),
            What::Refused(_, refusal) => ("refused", Some(refusal.clone())),
            What::Lost(_) => ("lost", None),
        };
        let text = messages.iter().find(|other| Some(other.label) == message);
        Self {
            number: 0,
            action: None,
            kind,
            party: what.party(),
            message,
            title: explain::title(what, text.map(|message| message.text.as_str())),
            text: explain::text(what, records, design),
            refusal,
            events: records.iter().map(|record| Explained::of(record, design)).collect(),
            alice: HoldingsView::of(alice, *alices),
            bob: HoldingsView::of(bob, *bobs),
            on_their_way: Vec::new(),
        }
    }
}

impl What {
    /// Which message it is about.
    #[must_use]
    pub fn message(&self) -> Option<Label> {
        match self {
            Self::Begun => None,
            Self::Sent(label)
            | Self::Opened(label)
            | Self::Refused(label, _)
            | Self::Lost(label) => Some(*label),
        }
    }

    /// Who did it. A message is lost by nobody; its sender is named.
    #[must_use]
    pub fn party(&self) -> Party {
        match self {
            Self::Begun => Party::Alice,
            Self::Sent(label) | Self::Lost(label) => label.from,
            Self::Opened(label) | Self::Refused(label, _) => label.from.other(),
        }
    }
}

impl Explained {
    fn of(record: &Record, design: Design) -> Self {
        let place = record.place();
        Self {
            event: record.into(),
            name: place.map_or_else(|| "DH step".to_owned(), name),
            text: explain::event(record, design),
            from: if record.is_derived() {
                let parents = place.map(parents).unwrap_or_default();
                parents.into_iter().map(PlaceView::from).collect()
            } else {
                Vec::new()
            },
        }
    }
}

impl HoldingsView {
    fn of(holdings: &Holdings, stored: usize) -> Self {
        let hex = |key: Option<PublicKey>| key.map(|key| Hex::of(key.as_bytes()));
        Self {
            keys: holdings.keys.iter().map(HeldView::from).collect(),
            ratchet_key: hex(holdings.ratchet_key),
            theirs: hex(holdings.theirs),
            stored,
        }
    }
}

impl From<&Held> for HeldView {
    fn from(held: &Held) -> Self {
        let Held { place, key, kept } = held;
        Self { place: (*place).into(), name: name(*place), hex: Hex::of(key), kept: *kept }
    }
}

impl From<&Message> for MessageView {
    fn from(message: &Message) -> Self {
        let Message { label, text, bytes, chain, n, sealed, opened, lost } = message;
        Self {
            message: *label,
            from: label.from,
            text: text.clone(),
            chain: *chain,
            n: *n,
            sealed: *sealed,
            opened: *opened,
            lost: *lost,
            hex: bytes.clone(),
            fields: wire::fields(&bytes.0, *chain, *n),
        }
    }
}

impl TheftView {
    fn of(theft: &Theft, victim: Party, after: usize) -> Self {
        let Theft { stolen, rows, healed, .. } = theft;
        let row = |row: &Row| RowView::of(row, theft.opens_header(row.message));
        let rows = rows.iter().map(row).collect();
        Self { victim, after, stolen: *stolen, healed: *healed, rows }
    }
}

impl RowView {
    fn of(row: &Row, header: bool) -> Self {
        Self {
            message: row.message,
            from: row.from,
            text: row.text.clone(),
            chain: row.chain,
            n: row.n,
            sent: row.sent,
            stand: row.stand,
            readable: row.readable,
            with: row.with,
            header,
            refusal: row.refusal.clone(),
            why: row.why(),
        }
    }
}

/// The document of a request.
///
/// # Errors
/// As [`play`](crate::play()).
pub fn of(request: Request) -> Result<Document, crate::Error> {
    Ok(Document::from(&crate::play(request)?))
}

/// As JSON, indented, with a line break at the end.
#[must_use]
pub fn lines(document: &impl Serialize) -> Vec<u8> {
    // What is written here has no maps with odd keys and no types that can fail.
    let mut json = serde_json::to_vec_pretty(document).unwrap_or_default();
    json.push(b'\n');
    json
}
