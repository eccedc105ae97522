//! `sprag serve`: a relay from the command line, until it is told to stop.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZero;
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use sprag_relay::clock::SystemClock;
use sprag_relay::config::{Config, Tls};
use sprag_relay::{Relay, StartError};
use tokio::runtime;
use tokio::sync::mpsc::UnboundedReceiver;
use tracing::{error, info, warn};
use tracing_subscriber::filter::LevelFilter;

use crate::arguments::ServeOptions;
use crate::failure::{UNEXPECTED, usage};
use settings::{Level, LogFormat, Settings};
use signals::Signal;

pub(crate) mod amount;
pub(crate) mod settings;
mod signals;
pub(crate) mod system;
mod web;

/// How long stopping may take, whatever happens.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Runs a relay.
pub(crate) fn run(options: ServeOptions) -> Result<()> {
    let ServeOptions { settings, config: file, json } = options;
    let settings = settings.completed(file.as_deref()).map_err(usage)?;
    let mut config = settings.config().map_err(usage)?;
    config.pages = web::pages();
    log(&settings);
    system::keep_files_private();
    let files = system::allow_many_files();
    caution(&config, files);
    // One core is for the thread that writes to the database.
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(cores.saturating_sub(1).max(1))
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    let outcome = runtime.block_on(serve(config, json));
    // Whatever still runs is not waited for.
    runtime.shutdown_background();
    outcome
}

async fn serve(config: Config, json: bool) -> Result<()> {
    // Listened to from the start, so that none is lost.
    let mut signals = signals::all().context("the system gives no signals")?;
    let encrypted = config.tls != Tls::Off;
    let relay = Relay::start(config, Arc::new(SystemClock)).await.map_err(explain)?;
    announce(&relay, encrypted, json);
    until_stopped(&relay, &mut signals).await;
    info!("stopping");
    let _alive = guard();
    tokio::select! {
        () = relay.stop() => info!("stopped"),
        () = stop_asked(&mut signals) => {
            error!("stopped at once, at the second signal");
            process::exit(i32::from(UNEXPECTED));
        }
    }
    Ok(())
}

/// Reloads as often as asked, until the relay is to stop.
async fn until_stopped(relay: &Relay, signals: &mut UnboundedReceiver<Signal>) {
    while signals.recv().await == Some(Signal::Reload) {
        match relay.reload() {
            Ok(()) => info!("certificates reloaded"),
            Err(error) => {
                let error = anyhow::Error::new(error);
                error!("the certificates of before go on: {error:#}");
            }
        }
    }
}

async fn stop_asked(signals: &mut UnboundedReceiver<Signal>) {
    while signals.recv().await == Some(Signal::Reload) {}
}

/// Ends the process if it does not end in time, even if nothing else in it moves any more; unless what
/// this gives is dropped before.
fn guard() -> Sender<()> {
    let (alive, gone) = channel();
    thread::spawn(move || {
        if gone.recv_timeout(STOP_WITHIN) == Err(RecvTimeoutError::Timeout) {
            process::exit(i32::from(UNEXPECTED));
        }
    });
    alive
}

/// Logs go to standard error; who stops reading them stops nothing else.
fn log(settings: &Settings) {
    let Level(level) = settings.log_level();
    let logs = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from_level(level))
        .with_writer(io::stderr)
        .with_ansi(false)
        .log_internal_errors(false);
    // One set up before is the one to keep.
    let _ = match settings.log_format() {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
}

/// What may be a mistake.
fn caution(config: &Config, files: Option<u64>) {
    let open = !config.listen.ip().is_loopback();
    if open && config.tls == Tls::Off && !config.behind_proxy {
        warn!(
            "tokens can be read on the way: connections from other machines are not encrypted \
             (add a domain or --tls-certificate, or listen on loopback behind a proxy)"
        );
    }
    if config.ops_listen.is_some_and(|ops| !ops.ip().is_loopback()) {
        warn!("other machines reach the operations port: metrics are for whoever asks");
    }
    // Databases, log and listeners need some as well.
    let needed = u64::from(config.limits.connections) + 64;
    if files.is_some_and(|files| files < needed) {
        warn!(
            allowed = files,
            needed,
            "fewer files may be open than there may be connections (raise LimitNOFILE, ulimit -n)"
        );
    }
}

/// One line that the relay is there.
fn announce(relay: &Relay, encrypted: bool, json: bool) {
    let url = |scheme: &str, address: SocketAddr| format!("{scheme}://{address}");
    let listening = url(if encrypted { "https" } else { "http" }, relay.address());
    let line = if json {
        let ops = relay.ops_address().map(|address| url("http", address));
        json!({ "listening": listening, "origin": relay.origin(), "ops": ops }).to_string()
    } else {
        format!("listening on {listening}")
    };
    // A relay does not need anybody to read this.
    let _ = writeln!(io::stdout(), "{line}");
    let _ = io::stdout().flush();
}

/// Names the flags that help.
fn explain(error: StartError) -> anyhow::Error {
    let hint = match &error {
        StartError::Origin(_) => Some("--origin"),
        StartError::Listen { .. } => Some("--listen, --ops-listen"),
        StartError::Folder(_) => Some("--data"),
        StartError::Tls(_) => Some("--tls-certificate, --tls-key, or the domain"),
        StartError::Postgres(_) => Some("--store"),
        StartError::Bus(_) | StartError::BusAlone => Some("--bus"),
        StartError::Storage(_) | StartError::Thread => None,
    };
    let error = anyhow::Error::new(error);
    match hint {
        Some(hint) => anyhow::anyhow!("{error:#} (see {hint})"),
        None => error,
    }
}
