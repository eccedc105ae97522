//! What every command of a client does around its work: a runtime, signals, opening and closing the profile.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use anstream::ColorChoice;
use anyhow::{Context, Result};
use clap::Args;
use sprag_client::{Client, Config, Connection, Error, Events, Happening};
use tokio::runtime;

use crate::failure::Interrupted;
use crate::out::Out;
use crate::profile::{Choice, Profile};
use crate::serve::system;
use crate::signals::Stop;

/// How long a command waits for the relay, where nothing else is said.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// How long a command that is done waits for what is still to be told, such as receipts.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// What every command of a client can be told.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Manner {
    #[command(flatten)]
    pub(crate) choice: Choice,

    /// Print JSON instead of text: one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Never ask anything; what would have to be asked is an error
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
}

/// A profile that a command works on.
pub(crate) struct Place {
    pub(crate) profile: Profile,
    pub(crate) out: Out,
    pub(crate) stop: Stop,
}

/// Whether a command needs the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It connects, by itself and again.
    Relay,
    /// What is here is enough.
    Here,
}

/// What was said before the command.
pub(crate) struct Begun {
    pub(crate) profile: Option<String>,
    pub(crate) color: ColorChoice,
}

impl Begun {
    /// Runs a command on the profile that was chosen.
    pub(crate) fn on(
        self,
        manner: &Manner,
        act: impl AsyncFnOnce(&Place) -> Result<()>,
    ) -> Result<()> {
        system::keep_files_private();
        let out = Out::new(manner.json, manner.no_input, self.color);
        let mut choice = manner.choice.clone();
        choice.profile = choice.profile.or(self.profile);
        let place = Place { profile: Profile::of(&choice)?, out, stop: Stop::listen()? };
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("the system gives no threads")?;
        let outcome = runtime.block_on(act(&place));
        // A prompt that was interrupted still waits for its line.
        runtime.shutdown_background();
        outcome
    }
}

impl Place {
    /// Opens the profile, does something, and closes it, whatever came of it. A signal ends what is
    /// being done.
    pub(crate) async fn with_client(
        &self,
        reach: Reach,
        act: impl AsyncFnOnce(&Client) -> Result<()>,
    ) -> Result<()> {
        self.with_patient_client(reach, async |client| self.unless_stopped(act(client)).await).await
    }

    /// The same, but whoever acts heeds the signals.
    pub(crate) async fn with_patient_client(
        &self,
        reach: Reach,
        act: impl AsyncFnOnce(&Client) -> Result<()>,
    ) -> Result<()> {
        let client = self.open(reach).await?;
        let outcome = tokio::select! {
            biased;
            outcome = act(&client) => outcome,
            never = warn(client.events(), self.out) => match never {},
        };
        client.close().await;
        outcome
    }

    async fn open(&self, reach: Reach) -> Result<Client> {
        let config = || match reach {
            Reach::Relay => Config::existing(),
            Reach::Here => Config::existing().offline(),
        };
        self.unless_stopped(self.profile.open(self.out, &self.stop, config)).await
    }

    /// Does something until it is done, or a signal comes.
    pub(crate) async fn unless_stopped<T>(
        &self,
        act: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::select! {
            biased;
            outcome = act => outcome,
            () = self.stop.asked() => Err(Interrupted.into()),
        }
    }
}

/// Says what a person must know whatever they wanted to do.
async fn warn(mut events: Events, out: Out) -> Infallible {
    while let Some(happening) = events.next().await {
        if happening == Happening::StartedAfresh {
            out.say(
                "this profile comes from a backup or is an older copy of itself: every session starts \
                 afresh, and what was received since the copy was made is not here",
            );
        } else if happening == Happening::Cloned {
            out.say(
                "another copy of this profile is in use, and messages may reach only one of them: \
                 end one, and link it as a device of its own",
            );
        }
    }
    pending().await
}

/// Lets what is still to be told to others go out, such as receipts; what cannot goes with the next
/// command.
pub(crate) async fn settle(client: &Client) {
    if matches!(client.connection(), Connection::Online) {
        let _ = client.rest(SETTLE_WITHIN).await;
    }
}

/// Waits for a connection.
pub(crate) async fn connected(client: &Client) -> Result<(), Error> {
    client.online(CONNECT_WITHIN).await
}
