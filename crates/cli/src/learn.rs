//! `sprag learn`: Alice and Bob, step by step. The engine (`sprag-learn`) yields steps as data; `text`
//! is how a terminal shows them.

use std::io::{self, BufRead, IsTerminal, Write};
use std::str::FromStr;

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Result};
use sprag_learn::play::Request;
use sprag_learn::{Error, Party, document, play, story};

use crate::arguments::LearnOptions;
use crate::failure::usage;

mod text;

/// Whose phone is stolen, and after how many actions: `bob@2`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steal(Party, usize);

impl FromStr for Steal {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let said = text.split_once('@').and_then(|(victim, after)| {
            let victim = match victim {
                "alice" => Party::Alice,
                "bob" => Party::Bob,
                _ => return None,
            };
            Some(Self(victim, after.parse().ok()?))
        });
        said.ok_or("say whose phone, and after how many actions: alice@1, bob@2")
    }
}

/// Runs the walkthrough or a play and shows it.
pub(crate) fn run(options: LearnOptions, color: ColorChoice) -> Result<()> {
    let seed = options.seed.map_or_else(random_seed, Ok)?;
    let screen = text::Screen::current();
    let mut shown = Shown { opening: text::opening(seed, screen), ..Shown::default() };
    let json = if let Some(schedule) = options.schedule {
        let theft = options.steal.map(|Steal(victim, after)| (victim, after));
        let request = Request { seed, schedule, design: options.design, theft };
        let play = play(request).map_err(|error| match error {
            Error::Schedule(_) | Error::TheftTooLate => usage(error.into()),
            Error::Protocol(_) | Error::Contradiction => error.into(),
        })?;
        shown.pages = text::play(&play, screen);
        shown.closing = text::again(&play.request);
        document::lines(&document::Document::from(&play))
    } else {
        let mut walkthrough = story::walk(seed)?;
        walkthrough.steps.retain(|step| step.number >= options.step);
        shown.pages = walkthrough.steps.iter().map(|step| text::pages(step, screen)).collect();
        shown.closing = text::closing(seed);
        story::json(&walkthrough)
    };
    let mut stdout = AutoStream::new(io::stdout().lock(), color);
    if options.json {
        // Written at once: a terminal's stream looks at every piece that it is given.
        stdout.write_all(&json)?;
        return Ok(stdout.flush()?);
    }
    let pauses = !options.no_input && io::stdin().is_terminal() && io::stdout().is_terminal();
    show(&shown, pauses, &mut stdout)?;
    Ok(stdout.flush()?)
}

/// What goes to a terminal.
#[derive(Default)]
struct Shown {
    opening: String,
    /// The pages of each step.
    pages: Vec<Vec<String>>,
    closing: String,
}

fn show(shown: &Shown, pauses: bool, stdout: &mut impl Write) -> Result<()> {
    stdout.write_all(shown.opening.as_bytes())?;
    let steps = shown.pages.iter().enumerate();
    let pages: Vec<_> = steps.flat_map(|(step, pages)| with(step, pages)).collect();
    for (index, (step, page)) in pages.iter().enumerate() {
        stdout.write_all(page.as_bytes())?;
        stdout.flush()?;
        let Some((next, _)) = pages.get(index + 1).filter(|_| pauses) else { continue };
        let what = if step == next { "to go on" } else { "for the next step" };
        if !goes_on(what)? {
            break;
        }
    }
    Ok(stdout.write_all(shown.closing.as_bytes())?)
}

fn with(step: usize, pages: &[String]) -> impl Iterator<Item = (usize, &String)> {
    pages.iter().map(move |page| (step, page))
}

/// Asks on stderr whether to go on; the end of the input says no.
fn goes_on(what: &str) -> Result<bool> {
    let mut stderr = anstream::stderr();
    write!(stderr, "\nEnter {what}, q to quit: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer)?;
    if read == 0 {
        writeln!(stderr)?;
    }
    Ok(read > 0 && !answer.trim().eq_ignore_ascii_case("q"))
}

/// Short enough to be typed again.
#[expect(clippy::disallowed_methods, reason = "a driver asks the operating system for a seed")]
fn random_seed() -> Result<u64> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).context("the operating system has no randomness")?;
    Ok(u32::from_be_bytes(bytes).into())
}
