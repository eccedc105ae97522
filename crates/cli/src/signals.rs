//! What the system tells a client's command: the first signal asks it to end, the second ends it.

use std::io;
use std::process;
use std::thread;

use anyhow::{Context, Result};
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use crate::failure::UNEXPECTED;

/// Whether the command was asked to end.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on, on a thread of its own: whatever else is stuck, the second signal is heard.
    pub(crate) fn listen() -> Result<Self> {
        let (asked, stop) = watch::channel(false);
        let runtime = runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.context("the system gives no signals")?;
        let mut signals = {
            let _inside = runtime.enter();
            signals().context("the system gives no signals")?
        };
        let listen = move || {
            runtime.block_on(async {
                while signals.recv().await.is_some() {
                    if asked.send_replace(true) {
                        process::exit(i32::from(UNEXPECTED));
                    }
                }
            });
        };
        let thread = thread::Builder::new().name("sprag-signals".into()).spawn(listen);
        thread.context("the system gives no threads")?;
        Ok(Self(stop))
    }

    /// Whether it was.
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is.
    pub(crate) async fn asked(&self) {
        let mut stop = self.0.clone();
        if stop.wait_for(|asked| *asked).await.is_err() {
            // Nobody can ask any more.
            std::future::pending().await
        }
    }
}

/// Everything that asks a command to end, from now on.
#[cfg(unix)]
fn signals() -> io::Result<UnboundedReceiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (to, signals) = unbounded_channel();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signal = signal(kind)?;
        let to = to.clone();
        tokio::spawn(async move { while signal.recv().await.is_some() && to.send(()).is_ok() {} });
    }
    Ok(signals)
}

/// Everything that asks a command to end, from now on.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn signals() -> io::Result<UnboundedReceiver<()>> {
    let (to, signals) = unbounded_channel();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && to.send(()).is_ok() {}
    });
    Ok(signals)
}
