//! The walkthrough as text. Whatever a colour says, a word says too.

use std::env;
use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};
use sprag_learn::record::{Happening, Hex, Party, Record, name};
use sprag_learn::story::LAST_STEP;
use sprag_learn::story::steps::{Cost, Field, Mode, Part, Seen, Step, Wire};
use sprag_protocol::PublicKey;
use sprag_protocol::trace::Place;
use table::theft;
use terminal_size::{Height, Width, terminal_size};

mod played;
mod table;

pub(super) use played::{again, play};

const TITLE: Style = Style::new().bold();
/// Keys that are alive.
const SECRET: Style = AnsiColor::Yellow.on_default();
const GONE: Style = Style::new().dimmed().strikethrough();
const QUIET: Style = Style::new().dimmed();
const PUBLIC: Style = AnsiColor::Cyan.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// The narrowest text that can be read, and the widest that is pleasant to.
const NARROWEST: usize = 40;
const WIDEST: usize = 100;

/// Lines of a terminal that says nothing about itself.
const ROWS: usize = 24;
/// Lines that a page leaves free, for the opening or the prompt.
const FREE: usize = 3;
/// Lines of a page at the least, however small the terminal is.
const SHORTEST: usize = 5;

/// What there is room for.
#[derive(Clone, Copy)]
pub(super) struct Screen {
    width: usize,
    page: usize,
}

/// Text in a style.
struct Styled<T>(Style, T);

impl<T: Display> Display for Styled<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(style, text) = self;
        write!(formatter, "{style}{text}{style:#}")
    }
}

impl Screen {
    /// The terminal's; where there is none, as wide as `COLUMNS` says.
    pub(super) fn current() -> Self {
        let (width, rows) = match terminal_size() {
            Some((Width(width), Height(rows))) => (Some(width.into()), rows.into()),
            None => (env::var("COLUMNS").ok().and_then(|width| width.parse().ok()), ROWS),
        };
        Self {
            width: width.unwrap_or(WIDEST).clamp(NARROWEST, WIDEST),
            page: rows.saturating_sub(FREE).max(SHORTEST),
        }
    }
}

/// What goes before the first step.
pub(super) fn opening(seed: u64, screen: Screen) -> String {
    let mut out = String::new();
    paragraph(
        &mut out,
        &format!(
            "Alice and Bob talk, and every key is shown as it is derived, used, kept and erased. \
             All bytes are real; of each key you see the first 8. Seed: {seed}"
        ),
        screen.width,
    );
    out
}

/// What goes after the last.
pub(super) fn closing(seed: u64) -> String {
    format!("\nThe same again, byte for byte: sprag learn --seed {seed}\n")
}

/// One step, in pages that fit on the screen.
pub(super) fn pages(step: &Step, screen: Screen) -> Vec<String> {
    let Screen { width, page: height } = screen;
    let head = format!("Step {} of {}: {}", step.number, LAST_STEP, step.title);
    let mut pages = vec![format!("\n{}\n", Styled(TITLE, head))];
    let blocks = blocks(&step.parts, width);
    for (index, block) in blocks.iter().flat_map(|block| cut(block, height)).enumerate() {
        match pages.last_mut() {
            Some(page) if index == 0 || lines(page) + lines(&block) <= height => *page += &block,
            _ => pages.push(block),
        }
    }
    pages
}

/// A block that is longer than a page, in pages: after the explanation, if that is enough.
fn cut(block: &str, height: usize) -> Vec<String> {
    if lines(block) > height
        && let Some((text, rest)) = block.rsplit_once("\n\n")
        && lines(rest) < height
    {
        return vec![format!("{text}\n"), format!("\n{rest}")];
    }
    let lines: Vec<_> = block.split_inclusive('\n').collect();
    lines.chunks(height).map(<[&str]>::concat).collect()
}

fn lines(text: &str) -> usize {
    text.lines().count()
}

/// Explanations, each with the first thing that it explains; and what follows that.
fn blocks(parts: &[Part], width: usize) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block = String::new();
    let mut before: Option<&Part> = None;
    for part in parts {
        let explained = before.is_none_or(|before| matches!(before, Part::Text(_)));
        let alike = before.map(std::mem::discriminant) == Some(std::mem::discriminant(part));
        let stands_alone = matches!(part, Part::Text(_) | Part::Events { .. });
        if !explained && (stands_alone || !alike) {
            blocks.push(std::mem::take(&mut block));
        }
        let goes_on = alike && !stands_alone;
        if !goes_on {
            block.push('\n');
        }
        block += &self::part(part, width, goes_on);
        before = Some(part);
    }
    blocks.push(block);
    blocks
}

fn part(part: &Part, width: usize, goes_on: bool) -> String {
    let mut out = String::new();
    match part {
        Part::Text(text) => paragraph(&mut out, text, width),
        Part::Value { party, name, bytes } => {
            let bytes_long = bytes.0.len();
            let party = party.to_string();
            let hex = Styled(PUBLIC, short(&bytes.0));
            out = format!("  {party:<5}  {name:<27} {hex}  {bytes_long:>4} bytes, public\n");
        }
        Part::Events { title, records } => {
            out = format!("  {}\n", Styled(TITLE, title));
            out.extend(records.iter().map(event));
        }
        Part::Both { place, alice, bob } => {
            if !goes_on {
                out = format!("  {:<14}{:<20}Bob\n", "", "Alice");
            }
            out += &both(*place, alice, bob);
        }
        Part::Wire(wire) => out = self::wire(wire),
        Part::Check { what, holds } => {
            let verdict = if *holds { Styled(GOOD, "yes: ") } else { Styled(BAD, "NO: ") };
            let mut lines = String::new();
            paragraph(&mut lines, what, width.saturating_sub(7));
            let indented = lines.trim_end().replace('\n', "\n       ");
            out = format!("  {verdict}{indented}\n");
        }
        Part::Seen(seen) => out = self::seen(seen),
        Part::Cost(cost) => out = self::cost(cost),
        Part::Theft(table) => out = theft(table, Party::Bob),
    }
    out
}

fn both(place: Place, alice: &[u8; 32], bob: &[u8; 32]) -> String {
    let verdict = if alice == bob { Styled(GOOD, "equal") } else { Styled(BAD, "DIFFER") };
    let [alice, bob] = [alice, bob].map(|key| Styled(SECRET, short(key)));
    format!("  {:<14}{alice}   {bob}   {verdict}\n", name(place))
}

/// The first 8 bytes, and that there are more.
fn short(bytes: &[u8]) -> String {
    let more = if bytes.len() > 8 { "…" } else { "" };
    format!("{}{more}", Hex(bytes.iter().take(8).copied().collect()))
}

fn event(record: &Record) -> String {
    let (verb, place, style) = match record.happening {
        Happening::Derived(place) => ("derived", place, SECRET),
        Happening::Used(place) => ("used", place, SECRET),
        Happening::Kept(place) => ("kept", place, SECRET),
        Happening::Erased(place) => ("erased", place, GONE),
        Happening::DhStep { ours, theirs, .. } => {
            let line = |verb, party: Party, key: PublicKey| {
                let (owner, key) = (format!("{party}'s ratchet key"), short(key.as_bytes()));
                format!("    {verb:<8} {owner:<20} {}\n", Styled(PUBLIC, key))
            };
            return line("DH step", record.party, ours) + &line("", record.party.other(), theirs);
        }
    };
    let verb = Styled(if verb == "erased" { QUIET } else { Style::new() }, format!("{verb:<8}"));
    let key = record.key.map_or("(a prekey, not shown)".into(), |key| short(&key));
    format!("    {verb} {:<20} {}\n", name(place), Styled(style, key))
}

fn wire(wire: &Wire) -> String {
    let Wire { message, from, bytes, fields } = wire;
    let title = format!("What {from}'s {message} shows on the way: {} bytes", bytes.0.len());
    let mut rest = bytes.0.as_slice();
    let lines = fields.iter().map(|Field { name, meaning, length }| {
        let (bytes, after) = rest.split_at_checked(*length).unwrap_or((rest, &[]));
        rest = after;
        let style = if meaning.starts_with("visible") { PUBLIC } else { GOOD };
        let (hex, meaning) = (short(bytes), Styled(style, meaning));
        format!("    {name:<18}{length:>5}  {hex:<17}  {meaning}\n")
    });
    format!("  {}\n{}", Styled(TITLE, title), lines.collect::<String>())
}

fn seen(seen: &Seen) -> String {
    let Seen { message, ratchet_key, previous, n, .. } = seen;
    let (Some(key), Some(previous), Some(n)) = (ratchet_key, previous, n) else {
        let nothing = Styled(GOOD, "cannot be read: ratchet key, PN and N are sealed");
        return format!("  {message:<9} {nothing}\n");
    };
    let key = Styled(BAD, short(&key.0));
    let counters = Styled(BAD, format!("PN {previous}, N {n}"));
    format!("  {message:<9} everybody reads: ratchet key {key}  {counters}\n")
}

fn cost(cost: &Cost) -> String {
    let Cost { mode, outcome, dh, chain_steps, header_trials, unchanged } = cost;
    let mode = match mode {
        Mode::Plain => "plain",
        Mode::HeaderEncrypted => "header encryption",
    };
    let style = if dh + chain_steps == 0 { GOOD } else { BAD };
    let work = Styled(style, format!("{dh} DH, {chain_steps} chain steps"));
    let trials =
        if *header_trials > 0 { format!(", {header_trials} header trials") } else { String::new() };
    let state = if *unchanged { "" } else { "; STATE CHANGED" };
    format!("  {mode:<18} {work}{trials}; answer: \"{outcome}\"{state}\n")
}

/// Wraps a paragraph. A line that begins with a space stays as it is.
fn paragraph(out: &mut String, text: &str, width: usize) {
    for line in text.lines() {
        if line.starts_with(' ') {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        let mut column = 0;
        for word in line.split(' ') {
            let long = word.chars().count();
            if column > 0 && column + 1 + long > width {
                out.push('\n');
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += long;
        }
        out.push('\n');
    }
}
