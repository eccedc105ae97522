//! `sprag admin`: what whoever runs a relay does with its data folder or its database.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::{Value, json};
use sprag_api::name::AccountName;
use sprag_relay::admin::{self, Admin, AdminError, MoveError, restore};
use sprag_relay::clock::SystemClock;
use sprag_relay::config::Store;
use tokio::runtime;

use crate::arguments::{AdminCommand, AdminOptions};
use crate::failure::{Unreachable, usage};
use crate::serve::amount::{Count, Span};
use crate::serve::settings::{Kept, Settings};
use crate::serve::system;

/// How long the operations port may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What was done: a text for people, and the same for programs.
struct Done {
    text: String,
    json: Value,
}

/// Does one thing.
pub(crate) fn run(options: AdminOptions) -> Result<()> {
    let AdminOptions { place, json, command } = options;
    system::keep_files_private();
    let settings = place.settings().map_err(usage)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    let done = runtime.block_on(act(command, &settings, json))?;
    let line = if json { done.json.to_string() } else { done.text };
    Ok(writeln!(io::stdout(), "{line}")?)
}

async fn act(command: AdminCommand, settings: &Settings, json: bool) -> Result<Done> {
    let data = || settings.data().map_err(usage);
    let admin = async || -> Result<Admin> {
        // The folder is not needed where everything is on a server.
        let data = if settings.store() == Store::Folder { data()? } else { PathBuf::new() };
        Ok(Admin::open(&data, &settings.store()).await?)
    };
    match command {
        AdminCommand::Invite { uses, expires } => invite(&admin().await?, uses, expires).await,
        AdminCommand::Stats => stats(&admin().await?).await,
        AdminCommand::Backup { folder } => back_up(&admin().await?, &folder).await,
        AdminCommand::Restore { folder } if settings.store() == Store::Folder => {
            put_back(&folder, &data()?)
        }
        AdminCommand::Restore { .. } => Err(AdminError::NotHere.into()),
        AdminCommand::Restored => restored(&settings.store()).await,
        AdminCommand::Migrate { to: Kept(to) } => {
            migrate(&data()?, (&settings.store(), &to), json).await
        }
        AdminCommand::RemoveAccount { name } => remove_account(&admin().await?, name).await,
        AdminCommand::Health => health(settings.ops_listen()),
    }
}

async fn invite(admin: &Admin, Count(uses): Count, Span(lifetime): Span) -> Result<Done> {
    let invitation = admin.invite(uses, lifetime, &SystemClock).await?;
    Ok(Done { text: invitation.code.clone(), json: json!(invitation) })
}

async fn stats(admin: &Admin) -> Result<Done> {
    let json = json!(admin.statistics(&SystemClock).await?);
    let figures = json.as_object().into_iter().flatten();
    let lines: Vec<_> = figures.map(|(name, figure)| format!("{name:<16}{figure}")).collect();
    Ok(Done { text: lines.join("\n"), json })
}

async fn back_up(admin: &Admin, folder: &Path) -> Result<Done> {
    admin.back_up(folder).await?;
    let text = format!("backed up into {}", folder.display());
    Ok(Done { text, json: json!({ "backup": folder }) })
}

async fn restored(store: &Store) -> Result<Done> {
    admin::after_restore(store).await?;
    let text = "nothing of before the restore will be used again; start the relay".into();
    Ok(Done { text, json: json!({ "restored": true }) })
}

/// Moves everything from one storage to the other.
async fn migrate(data: &Path, places: (&Store, &Store), json: bool) -> Result<Done> {
    let watched = !json && io::stderr().is_terminal();
    let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    let shown = bar.clone();
    let progress = move |kind: &'static str, rows: u64| {
        shown.set_message(format!("moving {kind}: {rows}"));
        shown.tick();
    };
    let bar = bar.with_style(indicatif::ProgressStyle::with_template("{spinner} {msg}")?);
    let moved = admin::migrate(data, places, Arc::new(progress)).await;
    bar.finish_and_clear();
    let moved = moved.map_err(|error| {
        if matches!(error, MoveError::Same) { usage(error.into()) } else { error.into() }
    })?;
    let rows = moved.0.iter().filter(|(_, rows)| *rows > 0);
    let mut lines: Vec<_> = rows.map(|(kind, rows)| format!("{kind:<16}{rows}")).collect();
    let to = match places.1 {
        Store::Folder => format!("in {}", data.display()),
        Store::Postgres(_) => "in the other database".into(),
    };
    lines.push(format!(
        "everything is {to}; start the relay with the new --store, and keep what is left in the old \
         place until you are sure: no relay starts on it any more"
    ));
    let counts: serde_json::Map<_, _> =
        moved.0.iter().map(|(kind, rows)| ((*kind).to_owned(), json!(rows))).collect();
    Ok(Done { text: lines.join("\n"), json: json!({ "moved": counts }) })
}

async fn remove_account(admin: &Admin, name: String) -> Result<Done> {
    let name = AccountName::new(name).map_err(|invalid| usage(invalid.into()))?;
    if !admin.remove_account(name.clone()).await? {
        bail!("there is no account {name}");
    }
    Ok(Done { text: format!("removed {name}"), json: json!({ "removed": name }) })
}

fn put_back(backup: &Path, data: &Path) -> Result<Done> {
    restore(backup, data)?;
    let text = format!("restored into {}", data.display());
    Ok(Done { text, json: json!({ "restored": data }) })
}

/// Whether the relay says that it is ready.
fn health(ops: Option<SocketAddr>) -> Result<Done> {
    let ops = ops.context("the relay has no operations port: name one with --ops-listen");
    let ops = ops.map_err(usage)?;
    let unreachable = |why: String| anyhow::Error::new(Unreachable).context(why);
    // In words: a broken pipe would be taken for a reader who has seen enough.
    let status = ask(ops).map_err(|error| unreachable(format!("no answer at {ops}: {error}")))?;
    if status != "200" {
        return Err(unreachable("the relay is not ready".into()));
    }
    Ok(Done { text: "ready".into(), json: json!({ "ready": true }) })
}

/// The status of `GET /readyz`.
fn ask(ops: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&ops, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {ops}\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let status = line.split(' ').nth(1).ok_or(io::ErrorKind::InvalidData)?;
    Ok(status.into())
}
