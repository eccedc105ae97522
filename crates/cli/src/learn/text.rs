//! The walkthrough as text. Whatever a colour says, a word says too.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};

use super::recorder::{Happening, Hex, Record, name};
use super::steps::{Cost, Mode, Part, Seen, Step, Wire};
use table::theft;

mod table;

const TITLE: Style = Style::new().bold();
/// Keys that are alive.
const SECRET: Style = AnsiColor::Yellow.on_default();
const GONE: Style = Style::new().dimmed().strikethrough();
const QUIET: Style = Style::new().dimmed();
const PUBLIC: Style = AnsiColor::Cyan.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// The widest text that is pleasant to read.
const WIDEST: usize = 100;

/// Text in a style.
struct Styled<T>(Style, T);

impl<T: Display> Display for Styled<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(style, text) = self;
        write!(formatter, "{style}{text}{style:#}")
    }
}

/// How wide the terminal is, at most [`WIDEST`]. Of all that is linked here only clap asks the
/// terminal, and it tells by how it wraps a help text.
pub(super) fn width() -> usize {
    let words = "x ".repeat(WIDEST);
    let probe = clap::Command::new("").max_term_width(WIDEST).help_template("{about}").about(words);
    let help = probe.clone().render_help().to_string();
    let longest = help.lines().map(str::len).max().unwrap_or(WIDEST);
    // The longest line of one-letter words has an odd length.
    longest.div_ceil(2).saturating_mul(2).clamp(40, WIDEST)
}

/// What goes before the first step.
pub(super) fn opening(seed: u64, width: usize) -> String {
    let mut out = String::new();
    paragraph(
        &mut out,
        &format!(
            "Alice and Bob talk, and every key is shown as it is derived, used, kept and erased. \
             All bytes are real; of each key you see the first 8. Seed: {seed}"
        ),
        width,
    );
    out
}

/// What goes after the last.
pub(super) fn closing(seed: u64) -> String {
    format!("\nThe same again, byte for byte: sprag learn --seed {seed}\n")
}

/// One step.
pub(super) fn step(step: &Step, width: usize) -> String {
    let head = format!("Step {} of {}: {}", step.number, super::LAST_STEP, step.title);
    let mut out = format!("\n{}\n", Styled(TITLE, head));
    let mut before = None;
    for part in &step.parts {
        let kind = std::mem::discriminant(part);
        let goes_on = before == Some(kind) && !matches!(part, Part::Text(_) | Part::Events { .. });
        if !goes_on {
            out.push('\n');
        }
        before = Some(kind);
        out += &self::part(part, width, goes_on);
    }
    out
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
            records.iter().for_each(|record| out += &event(record));
        }
        Part::Both { place, alice, bob } => {
            if !goes_on {
                out = format!("  {:<14}{:<20}{:<20}\n", "", "Alice", "Bob");
            }
            let verdict = if alice == bob { Styled(GOOD, "equal") } else { Styled(BAD, "DIFFER") };
            let [alice, bob] = [alice, bob].map(|key| Styled(SECRET, short(key)));
            out += &format!("  {:<14}{alice}   {bob}   {verdict}\n", name(*place));
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
        Part::Theft(table) => out = theft(table),
    }
    out
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
        Happening::DhStep { step, ours, theirs } => {
            let [ours, theirs] = [ours, theirs].map(|key| Styled(PUBLIC, short(key.as_bytes())));
            return format!(
                "    DH step {step}: our ratchet key   {ours}\n               their ratchet key {theirs}\n"
            );
        }
    };
    let verb = Styled(if verb == "erased" { QUIET } else { Style::new() }, format!("{verb:<8}"));
    let key = record.key.map_or("(never shown)".into(), |key| short(&key));
    format!("    {verb} {:<20} {}\n", name(place), Styled(style, key))
}

fn wire(wire: &Wire) -> String {
    let Wire { message, from, bytes, fields } = wire;
    let title = format!("What {from}'s {message} shows on the way: {} bytes", bytes.0.len());
    let mut out = format!("  {}\n", Styled(TITLE, title));
    let mut rest = bytes.0.as_slice();
    for field in fields {
        let (bytes, after) = rest.split_at_checked(field.length).unwrap_or((rest, &[]));
        rest = after;
        let style = if field.meaning.starts_with("visible") { PUBLIC } else { GOOD };
        let hex = format!("{:<17}", short(bytes));
        let (name, length, meaning) = (field.name, field.length, Styled(style, field.meaning));
        out += &format!("    {name:<18}{length:>5}  {hex}  {meaning}\n");
    }
    out
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
