//! The `sprag` command.

use std::env;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use clap::error::ErrorKind;

use arguments::{Arguments, Command};
use failure::{DONE, Told, USAGE, verdict};
use running::Begun;

mod admin;
mod arguments;
mod backup;
mod chat;
mod devices;
mod display;
mod doctor;
mod failure;
mod first;
mod keyring;
mod learn;
mod messages;
mod out;
mod pages;
mod passphrase;
mod profile;
mod register;
mod running;
mod serve;
mod settings;
mod signals;
mod verify;

use messages::{list, recv, search, send};

fn main() -> ExitCode {
    ExitCode::from(match Arguments::try_parse() {
        Ok(arguments) => code(run(arguments)),
        Err(answer) => misunderstood(&answer),
    })
}

fn run(arguments: Arguments) -> Result<()> {
    let Arguments { command, profile, color } = arguments;
    let begun = Begun { profile, color: color.into() };
    let Some(command) = command else { return first::steps(begun) };
    match command {
        Command::Register(o) => begun.on(&o.manner, async |place| register::run(&o, place).await),
        Command::Send(o) => begun.on(&o.manner, async |place| send::run(&o, place).await),
        Command::Recv(o) => begun.on(&o.manner, async |place| recv::run(&o, place).await),
        Command::Chat(o) => begun.on(&o.manner, async |place| chat::run(&o, place).await),
        Command::List(o) => begun.on(&o.manner, async |place| list::run(&o, place).await),
        Command::Search(o) => begun.on(&o.manner, async |place| search::run(&o, place).await),
        Command::Verify(o) => begun.on(&o.manner, async |place| verify::run(&o, place).await),
        Command::Devices(o) => begun.on(&o.manner, async |place| devices::run(&o, place).await),
        Command::Backup(o) => begun.on(&o.manner, async |place| backup::run(&o, place).await),
        Command::Settings(o) => begun.on(&o.manner, async |place| settings::run(&o, place).await),
        Command::Doctor(o) => begun.on(&o.manner, async |place| doctor::run(place).await),
        Command::Serve(options) => serve::run(*options),
        Command::Admin(options) => admin::run(options),
        Command::Learn(options) => learn::run(options, begun.color),
        Command::Completions(options) => pages::completions(options),
        Command::Man(options) => pages::manual(&options),
    }
}

/// What the command ends with. A reader that has seen enough (`sprag learn | head`) is no failure.
fn code(outcome: Result<()>) -> u8 {
    let Err(error) = outcome else { return DONE };
    if failure::is_enough(&error) {
        return DONE;
    }
    let verdict = verdict(&error);
    if !error.is::<Told>() {
        // Where this cannot be written, the exit code says it too.
        let _ = writeln!(anstream::stderr(), "{}", failure::told(&error, verdict, wants_json()));
    }
    verdict.exit
}

/// What clap says of arguments that are none, or of a question for help.
fn misunderstood(answer: &clap::Error) -> u8 {
    if !answer.use_stderr() {
        // Where this cannot be written, nobody is there to be told.
        let _ = answer.print();
        return DONE;
    }
    if wants_json() && answer.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let text = answer.to_string();
        let line = text.lines().next().unwrap_or_default();
        let error = failure::usage(anyhow::anyhow!("{}", line.trim_start_matches("error: ")));
        return code(Err(error));
    }
    let _ = answer.print();
    USAGE
}

/// Whether errors are to be told to a program; known also where the rest is not understood.
fn wants_json() -> bool {
    env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}
