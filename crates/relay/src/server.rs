//! A relay from its start to its end: connections, TLS, what goes on beside them, and how it stops.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use sprag_api::name::Origin;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::app::{App, Intake, Shared};
use crate::bus::nats::{self, NatsError};
use crate::bus::{self, Bus, Outbox};
use crate::clock::Clock;
use crate::config::{Config, Limits, Store, Tls};
use crate::folder::{DataFolder, FolderError};
use crate::hub::Hub;
use crate::limits::Limiters;
use crate::postgres::{Postgres, PostgresError};
use crate::sqlite::{OpenError, Sqlite};
use crate::storage::{MailboxQuota, Storage};
use crate::tls::{Terms, TlsError};
use crate::{metrics, ops, router, upkeep};

use connection::Service;
use door::Door;

mod connection;
mod door;
mod head;
mod listen;
mod requests;
mod stream;
mod turns;

/// How long connections may take to end by themselves once the relay is being stopped.
const LEAVE_WITHIN: Duration = Duration::from_secs(7);
/// How long the last commits may take after that.
const COMMIT_WITHIN: Duration = Duration::from_secs(1);
/// How long the databases may take to close then.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// Connections of the operations port, in all.
const OPS_CONNECTIONS: u32 = 64;

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It cannot have its data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its databases cannot be used.
    #[error(transparent)]
    Storage(#[from] OpenError),
    /// Its database cannot be used.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// Its bus cannot be used.
    #[error(transparent)]
    Bus(#[from] NatsError),
    /// A relay that keeps everything in its folder is alone.
    #[error("a bus is for nodes that share a PostgreSQL database: name that too, or no bus")]
    BusAlone,
    /// Its connections cannot be encrypted.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// It cannot listen where it was told to.
    #[error("cannot listen on {address}; {}", remedy(source.kind()))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot know how clients reach it.
    #[error(
        "{0} does not tell how clients reach this relay, and their logins name that; \
         give the origin, such as https://chat.example.org"
    )]
    Origin(SocketAddr),
    /// The system gives no thread.
    #[error("the system gives no thread to open the databases")]
    Thread,
}

fn remedy(kind: io::ErrorKind) -> &'static str {
    #[expect(clippy::wildcard_enum_match_arm, reason = "io::ErrorKind has no end")]
    match kind {
        io::ErrorKind::AddrInUse => "another program does; stop it, or choose another port",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need the right to them (CAP_NET_BIND_SERVICE), or choose a higher one"
        }
        _ => "choose another address",
    }
}

/// A relay that runs, until [`Relay::stop`]. Dropped without that it ends too, but waits for nothing.
pub struct Relay {
    address: SocketAddr,
    ops_address: Option<SocketAddr>,
    app: Shared,
    terms: Option<Arc<Terms>>,
    door: Arc<Door>,
    /// Ends when nothing is left of any connection.
    left: Receiver<Infallible>,
    stopping: watch::Sender<bool>,
    /// What goes on to the very end.
    beside: JoinSet<()>,
    /// Given back last.
    folder: DataFolder,
}

impl Relay {
    /// Starts a relay. When this returns, it takes connections.
    ///
    /// # Errors
    /// [`StartError`], whose text says what to do.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let folder = DataFolder::take(&config.data)?;
        let (terms, renewal) = match Terms::new(&config.tls, folder.path())? {
            Some((terms, renewal)) => (Some(Arc::new(terms)), renewal),
            None => (None, None),
        };
        let (listener, address) = listen::bind(config.listen)?;
        let ops = config.ops_listen.map(listen::bind).transpose()?;
        let origin = origin(&config, address)?;
        let (stopping, stopped) = watch::channel(false);
        let Opened { app, bus } = open(config, clock, origin, stopped).await?;

        let recorder = metrics::install();
        let (present, left) = channel(1);
        let mut beside = JoinSet::new();
        if let Some((outbox, bus)) = bus {
            beside.spawn(bus::run(Arc::clone(&app), outbox, bus));
        }
        beside.spawn(upkeep::run(Arc::clone(&app), recorder.clone()));
        beside.extend(renewal);
        let ops_address = ops.as_ref().map(|(_, address)| *address);
        if let Some((listener, _)) = ops {
            beside.spawn(operations(listener, Arc::clone(&app), recorder, present.clone()));
        }
        let door = Arc::new(door(&app.config));
        let routes = router::router(Arc::clone(&app)).merge(ops::health(Arc::clone(&app)));
        let limits = &app.config.limits;
        let of_relay = app.stopping.clone();
        let service = Service::new(routes, Arc::clone(&door), limits, of_relay, present);
        tokio::spawn(listen::accept(listener, service.encrypted(terms.clone())));
        Ok(Self { address, ops_address, app, terms, door, left, stopping, beside, folder })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it answers whoever runs it.
    #[must_use]
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops_address
    }

    /// How clients reach it, as logins name it.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.app.origin
    }

    /// Reads certificate files again, for connections from now on.
    ///
    /// # Errors
    /// [`TlsError`]; then the certificate that was read before goes on.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.terms.as_ref().map_or(Ok(()), |terms| terms.reload())
    }

    /// Stops: no more connections, sockets are told to come again, requests are finished, commits done.
    /// It takes less than ten seconds, whatever anybody does.
    pub async fn stop(self) {
        let Self { app, door, mut left, stopping, mut beside, folder, .. } = self;
        stopping.send_replace(true);
        if timeout(LEAVE_WITHIN, door.empty()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        // What was handed to the storage before is done when this is.
        if timeout(COMMIT_WITHIN, app.storage.ready()).await.is_err() {
            tracing::warn!("the storage did not finish in time");
        }
        beside.shutdown().await;
        // The last one to let go of the storage closes it, which takes a moment.
        let closed = async {
            left.recv().await;
            let _ = spawn_blocking(move || drop(app)).await;
        };
        let _ = timeout(CLOSE_WITHIN, closed).await;
        drop(folder);
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Relay").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What every handler works with, and what connects it to other nodes.
pub(crate) struct Opened {
    pub(crate) app: Shared,
    bus: Option<(Arc<Outbox>, Bus)>,
}

/// Opens the storage, and puts together what every handler works with.
pub(crate) async fn open(
    config: Config,
    clock: Arc<dyn Clock>,
    origin: Origin,
    stopping: watch::Receiver<bool>,
) -> Result<Opened, StartError> {
    let quota = MailboxQuota {
        envelopes: config.limits.mailbox_envelopes,
        bytes: config.limits.mailbox_bytes,
    };
    let (hub, storage, bus) = match &config.store {
        Store::Folder if config.bus.is_some() => return Err(StartError::BusAlone),
        Store::Folder => {
            let hub = Arc::new(Hub::default());
            let (folder, of_storage) = (config.data.clone(), Arc::clone(&hub));
            let opened = spawn_blocking(move || Sqlite::open(&folder, quota, of_storage)).await;
            let storage: Arc<dyn Storage> = Arc::new(opened.map_err(|_| StartError::Thread)??);
            (hub, storage, None)
        }
        Store::Postgres(address) => {
            let outbox = Arc::new(Outbox::default());
            let hub = Arc::new(Hub::among_others(Arc::clone(&outbox)));
            let storage = Postgres::join(&address.0, quota, Arc::clone(&hub)).await?;
            let bus = match &config.bus {
                Some(bus) => nats::bus(&bus.0, storage.relay()).await?,
                None => Postgres::bus(&address.0).await?,
            };
            let storage: Arc<dyn Storage> = Arc::new(storage);
            (hub, storage, Some((outbox, bus)))
        }
    };
    let intake = Intake::default();
    let limits = Limiters::new(&config.limits, bus.is_some());
    let app = Arc::new(App { config, origin, clock, storage, hub, intake, limits, stopping });
    Ok(Opened { app, bus })
}

/// The port for whoever runs the relay. It answers to the very end, so that whoever asks is told that
/// the relay is being stopped.
async fn operations(
    listener: TcpListener,
    app: Shared,
    recorder: Option<PrometheusHandle>,
    present: Sender<Infallible>,
) {
    let (_sender, never) = watch::channel(false);
    let door = Arc::new(Door::new("ops", OPS_CONNECTIONS, OPS_CONNECTIONS));
    let routes = ops::router(Arc::clone(&app), recorder);
    let service = Service::new(routes, door, &app.config.limits, never, present);
    drop(app);
    listen::accept(listener, service).await;
}

fn door(config: &Config) -> Door {
    let Limits { connections, connections_per_address, .. } = config.limits;
    // Behind a proxy every connection comes from the proxy's address.
    let per_address = if config.behind_proxy { connections } else { connections_per_address };
    Door::new("main", connections, per_address)
}

/// How clients reach the relay, where nobody said it.
fn origin(config: &Config, address: SocketAddr) -> Result<Origin, StartError> {
    if let Some(origin) = &config.origin {
        return Ok(origin.clone());
    }
    let ambiguous = StartError::Origin(address);
    if config.behind_proxy {
        return Err(ambiguous);
    }
    let origin = match &config.tls {
        // The authority came to port 443 of this name; so do clients.
        Tls::Acme(acme) => acme.domains.first().map(|domain| format!("https://{domain}")),
        Tls::Off | Tls::Files { .. } if address.ip().is_unspecified() => None,
        Tls::Off if address.port() == 80 => Some(format!("http://{}", host(address))),
        Tls::Off => Some(format!("http://{address}")),
        Tls::Files { .. } if address.port() == 443 => Some(format!("https://{}", host(address))),
        Tls::Files { .. } => Some(format!("https://{address}")),
    };
    origin.and_then(|origin| Origin::new(origin.to_ascii_lowercase()).ok()).ok_or(ambiguous)
}

/// The address as a URL names it, without the port.
fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

#[cfg(test)]
mod tests;
