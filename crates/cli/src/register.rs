//! `sprag register`: a new account, and a profile for it.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use sprag_api::name::Origin;
use sprag_client::{Client, Config, Error};
use sprag_protocol::AccountName;

use crate::failure::Interrupted;
use crate::profile::{Lock, Making};
use crate::running::{Manner, Place};

/// Where a relay is that was not named.
pub(crate) const DEFAULT_RELAY: &str = "http://127.0.0.1:7474";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The account's name: 1 to 64 of a-z, 0-9, '.', '_' and '-'
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) new: New,

    /// The code that a relay wants where not everybody may register
    #[arg(long, value_name = "CODE")]
    pub(crate) invitation: Option<String>,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// What a new profile is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct New {
    /// The relay
    #[arg(long, env = "SPRAG_RELAY", value_name = "URL", default_value = DEFAULT_RELAY)]
    pub(crate) relay: String,

    /// What keeps the keys from whoever has the profile's files [default: key-file]
    #[arg(long, value_name = "HOW")]
    pub(crate) lock: Option<Lock>,
}

/// Makes the profile and registers.
pub(crate) async fn run(options: &Options, place: &Place) -> Result<()> {
    let Options { name, new, invitation, .. } = options;
    check(name, &new.relay)?;
    let config = || {
        let config = Config::new(&new.relay, name);
        match invitation {
            Some(code) => config.invitation(code),
            None => config,
        }
    };
    let making = place.profile.make(new.lock, place.out, &place.stop).await?;
    let opened = tokio::select! {
        biased;
        opened = Client::register(config().store(making.storage())) => opened,
        () = place.stop.asked() => {
            place.out.say(GOES_ON);
            return Err(Interrupted.into());
        }
    };
    let client = match opened {
        Ok(client) => client,
        Err(error) => return Err(failed(error, place, making).await),
    };
    client.close().await;
    tell(options, place, &making)
}

/// Before anything is made or asked.
pub(crate) fn check(name: &str, relay: &str) -> Result<(), Error> {
    AccountName::new(name).map_err(|_| Error::Name)?;
    Origin::new(relay.strip_suffix('/').unwrap_or(relay)).map_err(|_| Error::Origin)?;
    Ok(())
}

/// Takes back what was made, but where the relay may have taken the account.
pub(crate) async fn failed(error: Error, place: &Place, making: Making<'_>) -> anyhow::Error {
    let profile = place.profile.name();
    making.undo().await;
    if error == Error::Registered {
        return anyhow::Error::new(error).context(format!("there is a profile {profile} already"));
    }
    if place.profile.exists() && error.retryable() {
        place.out.say(GOES_ON);
    }
    error.into()
}

/// What to do where it is not known how far it came.
pub(crate) const GOES_ON: &str =
    "It is not known whether the relay took it: run the same command again, and it goes on.";

fn tell(options: &Options, place: &Place, making: &Making<'_>) -> Result<()> {
    let Options { name, new, .. } = options;
    let (profile, command) = (&place.profile, place.profile.command());
    let folder = profile.folder().display();
    let value = json!({
        "account": name,
        "relay": new.relay.trim_end_matches('/'),
        "profile": profile.name(),
        "folder": profile.folder(),
        "lock": making.lock().name(),
    });
    let text = format!("Registered {name} at {}.", new.relay);
    place.out.data(&value, &text)?;
    if !place.out.is_json() {
        place.out.say(&format!("The profile {} is in {folder}.", profile.name()));
    }
    place.out.say(&making.protection());
    if !place.out.is_json() {
        place.out.say(&format!(
            "Next: {command} send NAME \"Hello\", {command} recv, {command} verify NAME, {command} backup FILE"
        ));
    }
    Ok(())
}
