//! How the database is reached: where it is, whether the way to it is encrypted, how long it may be silent.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{AsyncMessage, Client, Config, Notification};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{CONNECT_WITHIN, brief};

/// After so long without an answer from the other machine a connection is given up.
const SILENCE: Duration = Duration::from_secs(10);

/// What every connection asks the server for. A transaction whose node has gone away must not hold its
/// locks for long; no statement of the relay reads a whole table where an index serves; plans are made
/// once and do not depend on values.
const OPTIONS: &str = "-c statement_timeout=15s -c idle_in_transaction_session_timeout=15s \
    -c lock_timeout=10s -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 \
    -c tcp_keepalives_count=3 -c tcp_user_timeout=10s -c client_min_messages=warning \
    -c synchronous_commit=on -c enable_seqscan=off -c jit=off";

/// Why a database cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The address of the database is none. It may hold a password, and is not repeated.
    #[error(
        "the address of the database is wrong ({0}): give \
         postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )]
    Address(String),
    /// The system has no certificates to check the database's against.
    #[error("the system's certificate authorities cannot be used: {0}")]
    Certificates(rustls::Error),
    /// No answer.
    #[error("the database cannot be reached: {0}")]
    Connect(String),
    /// There is no runtime for its connections.
    #[error("there is no runtime for connections to the database")]
    Runtime,
}

/// The way to a database.
pub(crate) struct Link {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Link {
    /// Reads an address (`postgres://...`). A database on another machine is reached over TLS with a
    /// certificate that the system trusts, unless the address says `sslmode=disable`.
    pub(crate) fn to(url: &str) -> Result<Self, LinkError> {
        let mut config: Config = url
            .parse()
            .map_err(|error: tokio_postgres::Error| LinkError::Address(error.to_string()))?;
        if config.get_hosts().is_empty() {
            return Err(LinkError::Address("it names no host".into()));
        }
        if config.get_ssl_mode() == SslMode::Prefer {
            let here = config.get_hosts().iter().all(is_here);
            config.ssl_mode(if here { SslMode::Disable } else { SslMode::Require });
        }
        let asked = config.get_options().unwrap_or_default();
        let options = format!("{OPTIONS} {asked}");
        config.options(options);
        if config.get_application_name().is_none() {
            config.application_name("sprag-relay");
        }
        config.connect_timeout(CONNECT_WITHIN);
        config.keepalives_idle(SILENCE / 2);
        config.keepalives_interval(SILENCE / 5);
        config.keepalives_retries(3);
        config.tcp_user_timeout(SILENCE);
        Ok(Self { config, tls: tls().map_err(LinkError::Certificates)? })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<Client, LinkError> {
        self.listening().await.map(|(client, _)| client)
    }

    /// A connection, and what the server says on it by itself until it is closed.
    pub(crate) async fn listening(
        &self,
    ) -> Result<(Client, UnboundedReceiver<Notification>), LinkError> {
        let connect = timeout(CONNECT_WITHIN, self.config.connect(self.tls()));
        let connected =
            connect.await.map_err(|_| LinkError::Connect("no answer in time".into()))?;
        let (client, mut connection) =
            connected.map_err(|error| LinkError::Connect(reason(&error)))?;
        let (told, news) = unbounded_channel();
        tokio::spawn(async move {
            // Ends with an error or with the client; either way the client is told.
            while let Some(Ok(message)) = poll_fn(|task| connection.poll_message(task)).await {
                if let AsyncMessage::Notification(notification) = message {
                    // Whoever does not listen need not hear.
                    let _ = told.send(notification);
                }
            }
        });
        Ok((client, news))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.debug_struct("Link").finish_non_exhaustive()
    }
}

/// What is wrong, with what is behind it.
fn reason(error: &tokio_postgres::Error) -> String {
    let behind = std::error::Error::source(error).filter(|_| error.as_db_error().is_none());
    behind.map_or_else(|| brief(error), |behind| format!("{}: {behind}", brief(error)))
}

/// Whether a database is on this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn tls() -> Result<MakeRustlsConnect, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests;
