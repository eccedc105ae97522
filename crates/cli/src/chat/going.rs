//! The chat at work: keys, the client and the clock go into the [`App`], and what it wants is done.

use std::io;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use jiff::tz::TimeZone;
use sprag_client::{Client, Events};
use sprag_protocol::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::app::{App, Start};
use super::clock::Clock;
use super::draw::draw;
use super::input::{Action, Input, Outcome, Terminal};
use super::signs::Signs;
use super::terminal::{Taken, give_back};
use super::work::Work;
use crate::failure::Interrupted;
use crate::signals::Stop;

/// How much is taken in before it is drawn.
const AT_ONCE: usize = 1000;

/// Where what happens comes from.
struct Sources<'a> {
    keys: EventStream,
    events: Events,
    outcomes: UnboundedReceiver<Outcome>,
    ticks: Interval,
    stop: &'a Stop,
}

/// Runs until the person ends it.
pub(super) async fn run(client: &Client, signs: Signs, stop: &Stop) -> Result<()> {
    let mut screen = Taken::over(signs.color).context("the terminal cannot be used")?;
    let events = client.events();
    let (mut work, outcomes) = Work::new(client);
    let (mut app, first) = App::new(Start {
        who: client.account().clone(),
        relay: client.relay().to_owned(),
        signs,
        clock: Clock { now: now(), zone: TimeZone::system() },
        size: Taken::size()?,
        connection: client.connection(),
    });
    for action in first {
        work.begin(action);
    }
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut sources = Sources { keys: EventStream::new(), events, outcomes, ticks, stop };
    let outcome = go_on(&mut app, &mut screen, &mut work, &mut sources).await;
    // Keys are the shell's again, and Ctrl-C is a signal.
    drop(sources);
    drop(screen);
    work.end().await;
    outcome
}

async fn go_on(
    app: &mut App,
    screen: &mut Taken,
    work: &mut Work,
    sources: &mut Sources<'_>,
) -> Result<()> {
    loop {
        if !Taken::is_taken() {
            bail!("something in the chat broke");
        }
        screen.terminal.draw(|frame| draw(app, frame)).context("the terminal is gone")?;
        let mut next = Some(sources.next().await?);
        let mut taken = 0;
        while let Some(input) = next {
            for action in app.update(input) {
                if let Action::Terminal(what) = action {
                    match what {
                        Terminal::Quit => return Ok(()),
                        Terminal::Redraw => screen.anew()?,
                        Terminal::Suspend => suspend(screen)?,
                    }
                } else {
                    work.begin(action);
                }
            }
            taken += 1;
            next = if taken < AT_ONCE { sources.next_at_hand().await? } else { None };
        }
        let size = Taken::size().unwrap_or(app.size());
        if size != app.size() {
            let (width, height) = size;
            for action in app.update(Input::Size(width, height)) {
                work.begin(action);
            }
        }
    }
}

impl Sources<'_> {
    /// What happens next.
    async fn next(&mut self) -> Result<Input> {
        loop {
            tokio::select! {
                biased;
                () = self.stop.asked() => return Err(Interrupted.into()),
                event = self.keys.next() => {
                    if let Some(input) = key(event)? {
                        return Ok(input);
                    }
                }
                Some(outcome) = self.outcomes.recv() => return Ok(Input::Done(outcome)),
                Some(happening) = self.events.next() => return Ok(Input::Happened(happening)),
                _ = self.ticks.tick() => return Ok(Input::Tick(now())),
            }
        }
    }

    /// The same, where it is there already.
    async fn next_at_hand(&mut self) -> Result<Option<Input>> {
        tokio::select! {
            biased;
            input = self.next() => input.map(Some),
            () = std::future::ready(()) => Ok(None),
        }
    }
}

/// What a terminal tells; `None` for what the chat has no use for.
fn key(event: Option<io::Result<Event>>) -> Result<Option<Input>> {
    let event = event.context("the terminal is gone")?.context("the terminal cannot be read")?;
    Ok(match event {
        Event::Key(key) => Some(Input::Key(key)),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::FocusGained => Some(Input::Focus(true)),
        Event::FocusLost => Some(Input::Focus(false)),
        Event::Resize(width, height) => Some(Input::Size(width, height)),
        Event::Mouse(_) => None,
    })
}

#[expect(clippy::disallowed_methods, reason = "a driver asks the clock")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(since.as_secs())
}

/// Gives the terminal back until the shell wakes this process up.
fn suspend(screen: &mut Taken) -> Result<()> {
    give_back();
    #[cfg(unix)]
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP)?;
    screen.again().context("the terminal cannot be used")
}
