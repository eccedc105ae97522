//! What the system tells a relay while it runs.

use std::io;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGTERM, SIGINT (Ctrl-C).
    Stop,
    /// SIGHUP.
    Reload,
}

/// All signals from now on.
#[cfg(unix)]
pub(super) fn all() -> io::Result<UnboundedReceiver<Signal>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (to, signals) = unbounded_channel();
    for (kind, meaning) in [
        (SignalKind::terminate(), Signal::Stop),
        (SignalKind::interrupt(), Signal::Stop),
        (SignalKind::hangup(), Signal::Reload),
    ] {
        let mut signal = signal(kind)?;
        let to = to.clone();
        tokio::spawn(
            async move { while signal.recv().await.is_some() && to.send(meaning).is_ok() {} },
        );
    }
    Ok(signals)
}

/// All signals from now on.
#[cfg(not(unix))]
pub(super) fn all() -> io::Result<UnboundedReceiver<Signal>> {
    let (to, signals) = unbounded_channel();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && to.send(Signal::Stop).is_ok() {}
    });
    Ok(signals)
}
