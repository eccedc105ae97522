//! What can be set, with its defaults. The `sprag serve` command fills this from flags, variables and a
//! file.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use sprag_api::name::Origin;

use crate::pages::Pages;

/// Where another service is. It may hold a password, and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceAddress(pub String);

impl fmt::Debug for ServiceAddress {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("ServiceAddress(..)")
    }
}

/// What everything is kept in.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Store {
    /// `SQLite`, in the data folder: for one relay on one machine.
    #[default]
    Folder,
    /// PostgreSQL at this address (`postgres://...`): for several equal nodes.
    Postgres(ServiceAddress),
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Registration {
    /// Everyone.
    #[default]
    Open,
    /// Whoever has an invitation.
    Invitation,
    /// Nobody.
    Closed,
}

/// How connections are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Tls {
    /// They are not: for loopback, or behind a proxy that does it.
    #[default]
    Off,
    /// With this certificate chain and key (PEM files).
    Files {
        /// The chain, the relay's own certificate first.
        certificates: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// With certificates got by ACME.
    Acme(Acme),
}

/// How certificates are got by ACME (RFC 8555, tls-alpn-01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// The names to certify.
    pub domains: Vec<String>,
    /// Where the authority writes to about trouble, as `mailto:` addresses.
    pub contacts: Vec<String>,
    /// The authority's directory.
    pub directory: String,
    /// A PEM file of the root that the directory's own certificate is checked against, where it is
    /// not one of the public ones.
    pub directory_root: Option<PathBuf>,
}

impl Acme {
    /// The directory of Let's Encrypt.
    pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
}

/// A token bucket: how many at once, and how many in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The most at once.
    pub burst: u32,
    /// How many come back in an hour.
    pub per_hour: u32,
}

/// What an account, a device or an address may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Envelopes in one mailbox.
    pub mailbox_envelopes: u32,
    /// Bytes of ciphertext in one mailbox.
    pub mailbox_bytes: u64,
    /// How long an envelope waits.
    pub envelope_lifetime: Duration,
    /// How long a blob is kept.
    pub blob_lifetime: Duration,
    /// The bytes of all blobs of an account.
    pub blob_bytes_per_account: u64,
    /// Registrations from one address.
    pub registrations_per_address: Rate,
    /// Logins and other calls without a token, from one address.
    pub calls_per_address: Rate,
    /// Calls with a token, of one account.
    pub calls_per_account: Rate,
    /// Sends of one account.
    pub sends_per_account: Rate,
    /// Claims of one account's keys by another.
    pub claims_per_pair: Rate,
    /// Claims of one account's one-time prekeys by everyone; beyond it the last-resort ones serve.
    pub claims_per_target: Rate,
    /// Connections in all.
    pub connections: u32,
    /// Connections from one address.
    pub connections_per_address: u32,
    /// Sockets of one account.
    pub sockets_per_account: u32,
    /// Envelopes delivered ahead of their acknowledgement.
    pub window: u32,
    /// How long the head of a request may take, and the handshake of TLS.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// How long a connection is kept for a next request.
    pub keep_alive: Duration,
    /// How long nothing at all may come from a socket; a ping goes out at half of it.
    pub idle_timeout: Duration,
    /// How long a write to a client that does not read may take.
    pub write_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        let rate = |burst, per_hour| Rate { burst, per_hour };
        Self {
            mailbox_envelopes: 10_000,
            mailbox_bytes: 64 * 1024 * 1024,
            envelope_lifetime: Duration::from_secs(30 * DAY),
            blob_lifetime: Duration::from_secs(30 * DAY),
            blob_bytes_per_account: 1024 * 1024 * 1024,
            registrations_per_address: rate(10, 20),
            calls_per_address: rate(300, 18_000),
            calls_per_account: rate(600, 36_000),
            sends_per_account: rate(1_000, 72_000),
            claims_per_pair: rate(10, 20),
            claims_per_target: rate(100, 200),
            connections: 20_000,
            connections_per_address: 256,
            sockets_per_account: 16,
            window: 512,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            idle_timeout: Duration::from_mins(2),
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// Everything that a relay is told at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it answers `/healthz`, `/readyz` and `/metrics`; nowhere where there is none.
    pub ops_listen: Option<SocketAddr>,
    /// The folder of its lock and its certificates, and of its databases where they are there.
    pub data: PathBuf,
    /// What everything is kept in.
    pub store: Store,
    /// How nodes tell each other that there is something to look at: over NATS at this address
    /// (`nats://...`), or, where there is none, over the database.
    pub bus: Option<ServiceAddress>,
    /// How clients reach it, as logins name it; where there is none, from the first certified domain, or
    /// from `listen`.
    pub origin: Option<Origin>,
    /// Who may register.
    pub registration: Registration,
    /// How connections are encrypted.
    pub tls: Tls,
    /// Whether a proxy in front of it tells the client's address in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// What an account, a device or an address may do.
    pub limits: Limits,
    /// What it serves to browsers beside its calls.
    pub pages: Pages,
}

impl Config {
    /// The defaults, with this data folder: `http://127.0.0.1:7474`, open registration.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7474)),
            ops_listen: None,
            data: data.into(),
            store: Store::Folder,
            bus: None,
            origin: None,
            registration: Registration::Open,
            tls: Tls::Off,
            behind_proxy: false,
            limits: Limits::default(),
            pages: Pages::default(),
        }
    }
}
