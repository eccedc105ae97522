//! `sprag devices`: the devices of the account; linking a new one, removing one.

use std::io::{self, IsTerminal, Read};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use sprag_client::{Client, Config, Error, Link, LinkCode, Linking};
use sprag_protocol::DeviceId;

use crate::display;
use crate::failure::{Interrupted, usage};
use crate::out::Out;
use crate::profile::Making;
use crate::register::{self, New};
use crate::running::{self, Manner, Place, Reach};
use crate::verify::{agreed, on_dark};

/// The longest text that is taken for a link code, in bytes.
const MAX_CODE: u64 = 1024;

/// How long it is waited for a new device to take what it gets.
const HAND_OVER_WITHIN: Duration = Duration::from_secs(60);

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the devices of the account, as without any command
    List,
    /// Sign a new device into the account; the new one shows a code
    Link(LinkOptions),
    /// Make this a new device of an account that you have elsewhere: it shows a code, and waits
    New(NewOptions),
    /// Take a device out of the account: it can neither send nor receive any more
    Remove {
        /// The device's number
        device: u32,

        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct LinkOptions {
    /// The code; with -, and where it is left out, it is read from standard input
    #[arg(value_name = "CODE")]
    code: Option<String>,

    /// Give the new device the account key too: then it can link and remove devices
    #[arg(long)]
    account_key: bool,

    /// Give it the conversations so far
    #[arg(long)]
    history: bool,
}

#[derive(Args, Debug)]
pub(crate) struct NewOptions {
    /// The account's name
    name: String,

    #[command(flatten)]
    new: New,
}

/// Lists, links, removes.
pub(crate) async fn run(options: &Options, place: &Place) -> Result<()> {
    match &options.command {
        None | Some(Command::List) => {
            place.with_client(Reach::Here, async |client| list(client, place.out).await).await
        }
        Some(Command::Link(options)) => link(options, place).await,
        Some(Command::New(options)) => new(options, place).await,
        Some(Command::Remove { device, yes }) => remove(*device, *yes, place).await,
    }
}

async fn list(client: &Client, out: Out) -> Result<()> {
    for device in client.devices().await? {
        let (number, created) = (device.id.get(), device.created);
        let value =
            json!({ "device": number, "created": created.seconds(), "this": device.this });
        let this = if device.this { "  this one" } else { "" };
        out.data(&value, &format!("{number}  since {}{this}", display::time(created)))?;
    }
    Ok(())
}

async fn link(options: &LinkOptions, place: &Place) -> Result<()> {
    let code = code(options.code.as_deref()).map_err(usage)?;
    let what = Link { account_key: options.account_key, history: options.history };
    place
        .with_client(Reach::Relay, async |client| {
            running::connected(client).await?;
            let device = client.link(code.clone(), what).await?;
            let text = format!("Linked: it is device {}.", device.get());
            place.out.data(&json!({ "linked": device.get() }), &text)?;
            place.out.say("Waiting until it has everything that it is to get.");
            if client.rest(HAND_OVER_WITHIN).await.is_err() || client.status().await?.queued > 0 {
                place.out.say("It does not answer yet: it gets the rest with your next command.");
            }
            Ok(())
        })
        .await
}

/// Whoever sees the code while it is new can misuse it: it need not be in the command line.
fn code(given: Option<&str>) -> Result<LinkCode> {
    let text = match given {
        Some(text) if text != "-" => text.to_owned(),
        None if io::stdin().is_terminal() => bail!("give the CODE that the new device shows"),
        _ => {
            let mut text = String::new();
            let read = io::stdin().lock().take(MAX_CODE).read_to_string(&mut text);
            read.context("there is no code on standard input")?;
            text
        }
    };
    Ok(LinkCode::parse(&text)?)
}

async fn new(options: &NewOptions, place: &Place) -> Result<()> {
    let NewOptions { name, new } = options;
    register::check(name, &new.relay)?;
    let making = place.profile.make(new.lock, place.out, &place.stop).await?;
    let config = Config::new(&new.relay, name).store(making.storage());
    let linking = match Client::link_new_device(config).await {
        Ok(linking) => linking,
        Err(error) => return Err(register::failed(error, place, making).await),
    };
    show(&linking, place)?;
    let client = linking.client().clone();
    let linked = tokio::select! {
        biased;
        linked = linking.linked() => linked.map_err(Into::into),
        () = place.stop.asked() => {
            place.out.say("Not linked yet: run the same command again, and it goes on waiting.");
            Err(Interrupted.into())
        }
    };
    if linked.is_ok() {
        // Contacts, and whatever else the other device sends at once.
        let _ = client.caught_up(running::CONNECT_WITHIN).await;
        running::settle(&client).await;
    }
    let device = client.status().await.ok().and_then(|status| status.device);
    client.close().await;
    linked.and_then(|_| tell(device, options, place, &making))
}

fn show(linking: &Linking, place: &Place) -> Result<()> {
    let (code, out) = (linking.code().to_string(), place.out);
    for line in display::qr(code.as_bytes()).into_iter().flatten() {
        out.text(&on_dark(&line))?;
    }
    out.data(&json!({ "code": code }), &code)?;
    out.say("Give this code to a device of the account, and to nobody else: sprag devices link CODE");
    out.say("Waiting until that is done; Ctrl-C ends the waiting.");
    Ok(())
}

fn tell(
    device: Option<DeviceId>,
    options: &NewOptions,
    place: &Place,
    making: &Making<'_>,
) -> Result<()> {
    let value = json!({
        "account": options.name,
        "device": device.map(DeviceId::get),
        "profile": place.profile.name(),
        "folder": place.profile.folder(),
        "lock": making.lock().name(),
    });
    let number = device.map(|device| format!(" {}", device.get())).unwrap_or_default();
    place.out.data(&value, &format!("Linked: this is device{number} of {}.", options.name))?;
    place.out.say(&making.protection());
    Ok(())
}

async fn remove(device: u32, yes: bool, place: &Place) -> Result<()> {
    let device = DeviceId::new(device).ok_or(Error::Refused(sprag_client::Refusal::NoSuchDevice))?;
    place
        .with_client(Reach::Relay, async |client| {
            running::connected(client).await?;
            let question = format!("Remove device {}? It cannot be undone.", device.get());
            if !yes && !agreed(place, &question, "--yes").await? {
                place.out.say("Nothing was changed.");
                return Ok(());
            }
            client.remove_device(device).await?;
            running::settle(client).await;
            let text = format!("Removed device {}.", device.get());
            place.out.data(&json!({ "removed": device.get() }), &text)
        })
        .await
}
