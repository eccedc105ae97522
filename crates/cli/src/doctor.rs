//! `sprag doctor`: what is well with a profile and its relay, what is not, and what to do then.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use clap::Args;
use serde_json::json;
use sprag_client::{Client, Conversation, Error, Status};
use sprag_store::StoreError;
use tokio::time::{Instant, sleep, timeout};

use crate::display;
use crate::failure::{DONE, Told, UNEXPECTED, UNREACHABLE, verdict};
use crate::out::Out;
use crate::profile::Lock;
use crate::running::{self, Manner, Place, Reach};

/// How many entries of a history are read at once.
const STEP: usize = 256;
/// Below this many one-time prekeys something keeps new ones from the relay.
const FEW_PREKEYS: u32 = 10;

/// How long the relay may take to count them, and how often it is looked whether it has.
const COUNT_WITHIN: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Ok,
    Warn,
    Fail,
}

/// What is told as it is found, and what the command ends with.
struct Report {
    out: Out,
    exit: u8,
}

/// Looks at everything.
pub(crate) async fn run(place: &Place) -> Result<()> {
    let mut report = Report { out: place.out, exit: DONE };
    profile(place, &mut report)?;
    if place.profile.exists() {
        files(place, &mut report)?;
        if let Ok(Some(lock)) = place.profile.lock() {
            report.ok("lock", protection(lock))?;
        }
        let began = Instant::now();
        let looked = place
            .with_client(Reach::Relay, async |client| examine(client, began, &mut report).await)
            .await;
        if let Err(error) = looked {
            unopened(&error, &mut report)?;
        }
    }
    match report.exit {
        DONE => Ok(()),
        exit => Err(Told { exit, code: "not-well" }.into()),
    }
}

fn profile(place: &Place, report: &mut Report) -> Result<()> {
    let (name, folder) = (place.profile.name(), place.profile.folder().display());
    if place.profile.exists() {
        return report.ok("profile", format!("{name}, in {folder}"));
    }
    let command = place.profile.command();
    let remedy = format!("make one: {command} register NAME");
    report.fail("profile", format!("there is no profile {name} in {folder}"), &remedy, UNEXPECTED)
}

fn protection(lock: Lock) -> &'static str {
    match lock {
        Lock::KeyFile => "a key file: whoever can read your files can read your messages",
        Lock::Passphrase => "a passphrase",
        Lock::Keyring => "the keyring of this system",
    }
}

/// Whether only the owner can read what is there.
#[cfg(unix)]
fn files(place: &Place, report: &mut Report) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let profile = &place.profile;
    let files = [profile.folder().to_path_buf(), profile.database(), profile.key_file()];
    let mut fine = true;
    for file in files {
        let mode = match std::fs::metadata(&file) {
            Ok(found) => found.permissions().mode(),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                fine = false;
                let what = format!("{} cannot be looked at: {error}", file.display());
                report.fail("files", what, "check who owns it", UNEXPECTED)?;
                continue;
            }
        };
        if mode & 0o077 != 0 {
            fine = false;
            let what = format!("others can get at {} (mode {:o})", file.display(), mode & 0o777);
            report.warn("files", what, &format!("chmod go= {}", file.display()))?;
        }
    }
    if fine { report.ok("files", "only you can read them") } else { Ok(()) }
}

/// Elsewhere the folder's rules are the owner's business.
#[cfg(not(unix))]
fn files(_: &Place, _: &mut Report) -> Result<()> {
    Ok(())
}

/// The store, and then the relay, with the client at work.
async fn examine(client: &Client, began: Instant, report: &mut Report) -> Result<()> {
    let status = client.status().await?;
    store(client, &status, report).await?;
    let relay = &status.relay;
    report.ok("account", format!("{} at {relay}", status.account))?;
    encryption(relay, report)?;
    match running::connected(client).await {
        Ok(()) => {
            let took = began.elapsed().as_millis();
            report.ok("relay", format!("connected and logged in within {took} ms"))?;
            report.ok("clock", "it agrees with the relay's")?;
        }
        Err(error @ Error::ClockSkew { .. }) => {
            report.fail("clock", error, "set the clock", UNREACHABLE)?;
        }
        Err(error) => {
            let remedy = "look whether the relay runs, and whether this machine reaches it";
            report.fail("relay", error, remedy, UNREACHABLE)?;
            return Ok(());
        }
    }
    let _ = client.caught_up(running::CONNECT_WITHIN).await;
    running::settle(client).await;
    account(client, report).await
}

/// Every record of a history can be read.
async fn store(client: &Client, status: &Status, report: &mut Report) -> Result<()> {
    let talks = client.conversations().await?;
    let mut entries = 0;
    for talk in &talks {
        match count(client, talk).await {
            Ok(count) => entries += count,
            Err(error) => {
                let what = format!("a conversation cannot be read: {error}");
                return report.fail(
                    "store",
                    what,
                    "restore a backup into a new profile",
                    UNEXPECTED,
                );
            }
        }
    }
    let size = status.store_size.map(display::size).unwrap_or_default();
    let talks = talks.len();
    report.ok("store", format!("{talks} conversations, {entries} entries, all readable; {size}"))
}

async fn count(client: &Client, talk: &Conversation) -> Result<usize, Error> {
    let (mut count, mut before) = (0, None);
    loop {
        let page = client.history(talk.with.as_str(), before, STEP).await?;
        let Some(first) = page.first() else { return Ok(count) };
        (count, before) = (count + page.len(), Some(first.position));
    }
}

fn encryption(relay: &str, report: &mut Report) -> Result<()> {
    let host = relay.strip_prefix("http://");
    match host {
        None => report.ok("tls", "the way to the relay is encrypted"),
        Some(host) if is_loopback(host) => {
            report.ok("tls", "none, and none needed on this machine")
        }
        Some(_) => {
            let what = "the way to the relay is not encrypted: who listens sees who writes to whom";
            report.warn("tls", what, "ask whoever runs the relay for an https:// address")
        }
    }
}

fn is_loopback(host: &str) -> bool {
    ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
}

/// What the relay has of this device, and what it is still to get.
async fn account(client: &Client, report: &mut Report) -> Result<()> {
    let status = client.status().await?;
    let devices = client.devices().await?;
    match devices.iter().find(|device| device.this) {
        Some(this) if status.ready => {
            let (number, all) = (this.id.get(), devices.len());
            report.ok("device", format!("number {number} of {all} in the account's list"))?;
        }
        _ => {
            let remedy = "link it again, with a new profile: sprag devices new";
            report.fail("device", "it is not in the account's list", remedy, UNEXPECTED)?;
        }
    }
    prekeys(client, report).await?;
    let unsettled = status.queued + status.in_flight;
    if unsettled == 0 {
        return report.ok("outbox", "nothing waits to be sent");
    }
    let what = format!("{} wait to be sent, {} are on their way", status.queued, status.in_flight);
    report.warn("outbox", what, "see for whom: sprag list")
}

/// What others begin conversations with while this device is away.
async fn prekeys(client: &Client, report: &mut Report) -> Result<()> {
    let counted = async {
        loop {
            if let Some(prekeys) = client.status().await?.prekeys {
                return Ok::<_, Error>(prekeys);
            }
            sleep(LOOK_AGAIN).await;
        }
    };
    let Ok(counted) = timeout(COUNT_WITHIN, counted).await else {
        let remedy = "run this again; if it stays so, tell whoever runs the relay";
        return report.warn("prekeys", "the relay does not say how many it has", remedy);
    };
    let prekeys = counted?;
    let what =
        format!("{} and {} one-time prekeys at the relay", prekeys.one_time, prekeys.one_time_kem);
    if prekeys.one_time.min(prekeys.one_time_kem) < FEW_PREKEYS {
        let remedy = "run this again; if it stays so, tell whoever runs the relay";
        return report.warn("prekeys", what, remedy);
    }
    report.ok("prekeys", what)
}

/// Why the profile cannot be opened.
fn unopened(error: &anyhow::Error, report: &mut Report) -> Result<()> {
    let store = error.chain().find_map(|cause| match cause.downcast_ref() {
        Some(Error::Store(error)) => Some(*error),
        _ => None,
    });
    let (what, remedy) = match store {
        Some(StoreError::InUse { .. }) => ("process", "end that process, or wait until it ends"),
        Some(StoreError::Damaged | StoreError::Foreign) => {
            ("store", "restore a backup into a new profile: sprag -p NEW backup restore FILE")
        }
        Some(StoreError::WrongKey) => ("lock", "use the passphrase or key that it was locked with"),
        Some(StoreError::Full) => ("store", "make room on the disk"),
        Some(StoreError::Exposed) => ("files", "chmod 600 the key file"),
        _ => ("store", "do what it says"),
    };
    report.fail(what, format!("{error:#}"), remedy, verdict(error).exit.max(UNEXPECTED))
}

impl Report {
    fn ok(&mut self, name: &str, what: impl fmt::Display) -> Result<()> {
        self.tell(name, Health::Ok, &what.to_string(), None)
    }

    fn warn(&mut self, name: &str, what: impl fmt::Display, remedy: &str) -> Result<()> {
        self.tell(name, Health::Warn, &what.to_string(), Some(remedy))
    }

    fn fail(&mut self, name: &str, what: impl fmt::Display, remedy: &str, exit: u8) -> Result<()> {
        self.exit = self.exit.max(exit);
        self.tell(name, Health::Fail, &what.to_string(), Some(remedy))
    }

    fn tell(&self, name: &str, health: Health, what: &str, remedy: Option<&str>) -> Result<()> {
        let (word, color) = match health {
            Health::Ok => ("ok", AnsiColor::Green),
            Health::Warn => ("warn", AnsiColor::Yellow),
            Health::Fail => ("FAIL", AnsiColor::Red),
        };
        let value = json!({
            "check": name,
            "result": word.to_ascii_lowercase(),
            "what": what,
            "remedy": remedy,
        });
        let style = Style::new().fg_color(Some(color.into()));
        let mut text = format!("{style}{word:<4}{style:#}  {name:<8} {}", display::line(what));
        if let Some(remedy) = remedy {
            text = format!("{text}\n                -> {remedy}");
        }
        self.out.data(&value, &text)
    }
}
