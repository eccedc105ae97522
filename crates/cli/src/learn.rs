//! `sprag learn`: Alice and Bob, step by step. The script runs the core and yields steps as data;
//! `text` and `json` are two ways to show them.

use std::io::{self, BufRead, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Result};

use crate::arguments::LearnOptions;
use steps::Walkthrough;

mod conversation;
mod json;
mod recorder;
mod script;
mod steps;
mod text;
mod theft;

pub(crate) use script::LAST_STEP;

/// Runs the walkthrough and shows it.
pub(crate) fn run(options: LearnOptions, color: ColorChoice) -> Result<()> {
    let seed = options.seed.map_or_else(random_seed, Ok)?;
    let mut walkthrough = script::walk(seed)?;
    walkthrough.steps.retain(|step| step.number >= options.step);
    let mut stdout = AutoStream::new(io::stdout().lock(), color);
    if options.json {
        json::write(&walkthrough, &mut stdout)?;
        return Ok(stdout.flush()?);
    }
    let pauses = !options.no_input && io::stdin().is_terminal() && io::stdout().is_terminal();
    show(&walkthrough, pauses, &mut stdout)?;
    Ok(stdout.flush()?)
}

fn show(walkthrough: &Walkthrough, pauses: bool, stdout: &mut impl Write) -> Result<()> {
    let screen = text::Screen::current();
    stdout.write_all(text::opening(walkthrough.seed, screen).as_bytes())?;
    let steps = walkthrough.steps.iter().map(|step| text::pages(step, screen));
    let pages: Vec<_> = steps.enumerate().flat_map(|(step, pages)| with(step, pages)).collect();
    for (index, (step, page)) in pages.iter().enumerate() {
        stdout.write_all(page.as_bytes())?;
        stdout.flush()?;
        let Some((next, _)) = pages.get(index + 1).filter(|_| pauses) else { continue };
        let what = if step == next { "to go on" } else { "for the next step" };
        if !goes_on(what)? {
            break;
        }
    }
    Ok(stdout.write_all(text::closing(walkthrough.seed).as_bytes())?)
}

fn with(step: usize, pages: Vec<String>) -> impl Iterator<Item = (usize, String)> {
    pages.into_iter().map(move |page| (step, page))
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

#[cfg(test)]
mod tests;
