//! Where output goes: data to standard output, talk to standard error.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{Effects, Style};
use anyhow::Result;
use serde_json::Value;

use crate::display;

/// How the command talks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    json: bool,
    asks: bool,
    color: ColorChoice,
}

/// What does not matter most.
pub(crate) const DIM: Style = Style::new().effects(Effects::DIMMED);
/// What matters most.
pub(crate) const BOLD: Style = Style::new().effects(Effects::BOLD);

impl Out {
    /// Writes JSON or text, and asks where that is wanted and there is a terminal.
    pub(crate) fn new(json: bool, no_input: bool, color: ColorChoice) -> Self {
        Self { json, asks: !no_input && io::stdin().is_terminal(), color }
    }

    /// Whether data is JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Whether there is somebody to ask.
    pub(crate) fn asks(self) -> bool {
        self.asks
    }

    /// Whether what is drawn may have colours.
    pub(crate) fn has_color(self) -> bool {
        let choice = match self.color {
            ColorChoice::Auto => AutoStream::choice(&io::stdout()),
            chosen @ (ColorChoice::AlwaysAnsi | ColorChoice::Always | ColorChoice::Never) => chosen,
        };
        !matches!(choice, ColorChoice::Never)
    }

    /// One line of data: this value, or this text, in which styles are kept where they are wanted.
    /// It has reached whoever reads it, or the system, when this returns.
    pub(crate) fn data(self, value: &Value, text: &str) -> Result<()> {
        let line = if self.json { display::json(value) } else { text.to_owned() };
        let mut stdout = AutoStream::new(io::stdout().lock(), self.color);
        writeln!(stdout, "{line}")?;
        Ok(stdout.flush()?)
    }

    /// Text only, where data is not JSON.
    pub(crate) fn text(self, text: &str) -> Result<()> {
        if self.json {
            return Ok(());
        }
        let mut stdout = AutoStream::new(io::stdout().lock(), self.color);
        writeln!(stdout, "{text}")?;
        Ok(stdout.flush()?)
    }

    /// Says something to the person. Where that cannot be written, nobody is there to hear it.
    pub(crate) fn say(self, text: &str) {
        let mut stderr = AutoStream::new(io::stderr().lock(), self.color);
        let _ = writeln!(stderr, "{text}");
    }

    /// Whether a bar that moves makes sense: somebody watches.
    pub(crate) fn shows_progress(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }
}
