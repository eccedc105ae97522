//! The `sprag` command.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use arguments::{Arguments, Command};

mod admin;
mod arguments;
mod learn;
mod serve;

/// What was asked for was done.
const DONE: u8 = 0;
/// The command line asks for something that there is not.
const USAGE: u8 = 1;
/// Anything else that went wrong.
const UNEXPECTED: u8 = 2;
/// The relay does not answer, or not as it should.
const UNREACHABLE: u8 = 3;

/// What was asked for makes no sense.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Usage(anyhow::Error);

/// The relay does not answer, or not as it should.
#[derive(Debug, thiserror::Error)]
#[error("is it running?")]
struct Unreachable;

/// The same error, as one of usage.
fn usage(error: anyhow::Error) -> anyhow::Error {
    Usage(error).into()
}

fn main() -> ExitCode {
    ExitCode::from(match Arguments::try_parse() {
        Ok(arguments) => code(run(arguments)),
        Err(answer) => {
            let code = if answer.use_stderr() { USAGE } else { DONE };
            // Where even this cannot be written, nobody is there to be told.
            let _ = answer.print();
            code
        }
    })
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { command, color } = arguments;
    match command {
        Some(Command::Learn(options)) => learn::run(options, color.into()),
        Some(Command::Serve(options)) => serve::run(*options),
        Some(Command::Admin(options)) => admin::run(options),
        None => Ok(Arguments::command().print_help()?),
    }
}

/// A reader that has seen enough (`sprag learn | head`) is no failure.
fn code(outcome: anyhow::Result<()>) -> u8 {
    let Err(error) = outcome else { return DONE };
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().map(io::Error::kind) == Some(io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return DONE;
    }
    // The same: the exit code says it too.
    let _ = writeln!(anstream::stderr(), "sprag: {error:#}");
    if error.is::<Usage>() {
        USAGE
    } else if error.is::<Unreachable>() {
        UNREACHABLE
    } else {
        UNEXPECTED
    }
}
