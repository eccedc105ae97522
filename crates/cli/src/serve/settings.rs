//! What `sprag serve` can be told: by flags, by variables, by a file, in this order.
//!
//! A setting has one name and one text form in all three: `--mailbox-bytes 64MiB`,
//! `SPRAG_MAILBOX_BYTES=64MiB`, `mailbox-bytes = "64MiB"`.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use etcetera::BaseStrategy;
use serde::Deserialize;
use serde::de::{self, Deserializer};
use sprag_api::limit;
use sprag_api::name;
use sprag_relay::config::{Acme, Config, Limits, Registration, ServiceAddress, Store, Tls};

use super::amount::{Allowance, Count, Size, Span};

macro_rules! settings {
    (
        general { $( $(#[$attribute:meta])* $name:ident: $kind:ty, )+ }
        limits { $(
            $(#[$doc:meta])* $limit:ident: $of:ty = $variable:literal $unit:literal,
        )+ }
    ) => {
        /// Each is `None` or empty where nobody said anything.
        #[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Eq)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub(crate) struct Settings {
            $( $(#[$attribute])* pub(crate) $name: $kind, )+
            $(
                $(#[$doc])*
                #[arg(long, env = $variable, value_name = $unit)]
                #[arg(help_heading = LIMITS, hide_short_help = true)]
                #[serde(deserialize_with = "one")]
                pub(crate) $limit: Option<$of>,
            )+
        }

        impl Settings {
            /// These, and where they say nothing, the others.
            fn or(self, other: Self) -> Self {
                Self {
                    $( $name: Setting::or(self.$name, other.$name), )+
                    $( $limit: self.$limit.or(other.$limit), )+
                }
            }
        }
    };
}

settings! {
    general {
        /// Get certificates for these names by ACME, and listen for HTTPS on port 443
        #[arg(value_name = "DOMAIN", env = "SPRAG_DOMAIN", value_delimiter = ',')]
        #[serde(deserialize_with = "several")]
        domain: Vec<String>,

        /// Listen here [default: 127.0.0.1:7474; with a domain, port 443 of all]
        #[arg(long, env = "SPRAG_LISTEN", value_name = "ADDRESS:PORT")]
        #[serde(deserialize_with = "one")]
        listen: Option<Address>,

        /// Answer /healthz, /readyz and /metrics here, or nowhere with "off" [default: 127.0.0.1:7475]
        #[arg(long, env = "SPRAG_OPS_LISTEN", value_name = "ADDRESS:PORT")]
        #[serde(deserialize_with = "one")]
        ops_listen: Option<OpsAddress>,

        /// Keep everything in this folder [default: sprag/relay in the XDG data folder]
        #[arg(long, env = "SPRAG_DATA", value_name = "FOLDER")]
        #[serde(deserialize_with = "one")]
        data: Option<PathBuf>,

        /// Keep everything in `sqlite`, in that folder, or in `postgres://USER@HOST/DATABASE` [default: sqlite]
        #[arg(long, env = "SPRAG_STORE", value_name = "ADDRESS", hide_env_values = true)]
        #[serde(deserialize_with = "one")]
        store: Option<Kept>,

        /// Let nodes on one PostgreSQL tell each other over `nats://HOST:PORT`, and not over the database
        #[arg(long, env = "SPRAG_BUS", value_name = "ADDRESS", hide_env_values = true)]
        #[serde(deserialize_with = "one")]
        bus: Option<BusAddress>,

        /// How clients reach the relay, which their logins name [default: from DOMAIN or --listen]
        #[arg(long, env = "SPRAG_ORIGIN", value_name = "URL")]
        #[serde(deserialize_with = "one")]
        origin: Option<Origin>,

        /// Who may register: open, invitation or closed [default: open]
        #[arg(long, env = "SPRAG_REGISTRATION", value_name = "WHO")]
        #[serde(deserialize_with = "one")]
        registration: Option<Who>,

        /// A proxy in front adds X-Forwarded-For; only with this is it believed [default: false]
        #[arg(long, env = "SPRAG_BEHIND_PROXY", value_name = "BOOL")]
        #[arg(num_args = 0..=1, default_missing_value = "true", require_equals = true)]
        #[serde(deserialize_with = "one")]
        behind_proxy: Option<bool>,

        /// Encrypt with the certificate chain in this PEM file; SIGHUP reads it again
        #[arg(long, env = "SPRAG_TLS_CERTIFICATE", value_name = "FILE")]
        #[serde(deserialize_with = "one")]
        tls_certificate: Option<PathBuf>,

        /// The private key of that certificate, a PEM file
        #[arg(long, env = "SPRAG_TLS_KEY", value_name = "FILE")]
        #[serde(deserialize_with = "one")]
        tls_key: Option<PathBuf>,

        /// Where the certificate authority writes to about trouble
        #[arg(long, env = "SPRAG_ACME_CONTACT", value_name = "EMAIL", value_delimiter = ',')]
        #[serde(deserialize_with = "several")]
        acme_contact: Vec<String>,

        /// The certificate authority [default: Let's Encrypt]
        #[arg(long, env = "SPRAG_ACME_DIRECTORY", value_name = "URL")]
        #[serde(deserialize_with = "one")]
        acme_directory: Option<String>,

        /// Trust this root (a PEM file) for the authority's own HTTPS, not the public ones
        #[arg(long, env = "SPRAG_ACME_DIRECTORY_ROOT", value_name = "FILE")]
        #[serde(deserialize_with = "one")]
        acme_directory_root: Option<PathBuf>,

        /// Log from this level on: error, warn, info, debug, trace [default: info]
        #[arg(long, env = "SPRAG_LOG", value_name = "LEVEL")]
        #[serde(deserialize_with = "one")]
        log: Option<Level>,

        /// How log lines on standard error look: text or json [default: text]
        #[arg(long, env = "SPRAG_LOG_FORMAT", value_name = "FORMAT")]
        #[serde(deserialize_with = "one")]
        log_format: Option<LogFormat>,
    }

    limits {
        /// Envelopes in one mailbox [default: 10000]
        mailbox_envelopes: Count = "SPRAG_MAILBOX_ENVELOPES" "N",

        /// Ciphertext in one mailbox [default: 64MiB]
        mailbox_bytes: Size = "SPRAG_MAILBOX_BYTES" "SIZE",

        /// How long an envelope waits [default: 30d]
        envelope_lifetime: Span = "SPRAG_ENVELOPE_LIFETIME" "TIME",

        /// How long a blob is kept [default: 30d]
        blob_lifetime: Span = "SPRAG_BLOB_LIFETIME" "TIME",

        /// All blobs of one account [default: 1GiB]
        blob_bytes_per_account: Size = "SPRAG_BLOB_BYTES_PER_ACCOUNT" "SIZE",

        /// Registrations from one address [default: 10+20/h]
        registrations_per_address: Allowance = "SPRAG_REGISTRATIONS_PER_ADDRESS" "RATE",

        /// Logins and other calls without a token, from one address [default: 300+18000/h]
        calls_per_address: Allowance = "SPRAG_CALLS_PER_ADDRESS" "RATE",

        /// Calls with a token, of one account [default: 600+36000/h]
        calls_per_account: Allowance = "SPRAG_CALLS_PER_ACCOUNT" "RATE",

        /// Sends of one account [default: 1000+72000/h]
        sends_per_account: Allowance = "SPRAG_SENDS_PER_ACCOUNT" "RATE",

        /// Claims of one account's keys by another [default: 10+20/h]
        claims_per_pair: Allowance = "SPRAG_CLAIMS_PER_PAIR" "RATE",

        /// Claims of one account's one-time prekeys by everyone [default: 100+200/h]
        claims_per_target: Allowance = "SPRAG_CLAIMS_PER_TARGET" "RATE",

        /// Connections in all [default: 20000]
        connections: Count = "SPRAG_CONNECTIONS" "N",

        /// Connections from one address [default: 256]
        connections_per_address: Count = "SPRAG_CONNECTIONS_PER_ADDRESS" "N",

        /// Sockets of one account [default: 16]
        sockets_per_account: Count = "SPRAG_SOCKETS_PER_ACCOUNT" "N",

        /// Envelopes delivered ahead of their acknowledgement [default: 512]
        window: Count = "SPRAG_WINDOW" "N",

        /// How long the head of a request or a TLS handshake may take [default: 10s]
        header_timeout: Span = "SPRAG_HEADER_TIMEOUT" "TIME",

        /// How long the body of a request may take [default: 30s]
        body_timeout: Span = "SPRAG_BODY_TIMEOUT" "TIME",

        /// How long a connection is kept for a next request [default: 75s]
        keep_alive: Span = "SPRAG_KEEP_ALIVE" "TIME",

        /// How long a socket may be silent; it is asked at half of it [default: 120s]
        idle_timeout: Span = "SPRAG_IDLE_TIMEOUT" "TIME",

        /// How long a client may leave unread what is sent to it [default: 30s]
        write_timeout: Span = "SPRAG_WRITE_TIMEOUT" "TIME",
    }
}

const LIMITS: &str = "Limits (RATE: how many at once + how many more an hour)";

impl Settings {
    /// Only what tells where a relay is.
    pub(crate) fn of(
        data: Option<PathBuf>,
        store: Option<Kept>,
        ops_listen: Option<OpsAddress>,
    ) -> Self {
        Self { ops_listen, data, store, ..Self::default() }
    }

    /// These, completed by the file.
    pub(crate) fn completed(self, file: Option<&Path>) -> Result<Self> {
        let Some(file) = file else { return Ok(self) };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the configuration {}", file.display()))?;
        let others = toml::from_str(&text).map_err(|error| {
            let error = error.to_string();
            anyhow!("the configuration {} is wrong: {}", file.display(), error.trim_end())
        })?;
        Ok(self.or(others))
    }

    /// The data folder.
    pub(crate) fn data(&self) -> Result<PathBuf> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let folders = etcetera::choose_base_strategy()
            .context("there is no home folder to keep data in: name one with --data")?;
        Ok(folders.data_dir().join("sprag").join("relay"))
    }

    /// What everything is kept in.
    pub(crate) fn store(&self) -> Store {
        self.store.clone().map_or(Store::Folder, |Kept(store)| store)
    }

    /// How much is logged.
    pub(crate) fn log_level(&self) -> Level {
        self.log.unwrap_or(Level(tracing::Level::INFO))
    }

    /// How log lines look.
    pub(crate) fn log_format(&self) -> LogFormat {
        self.log_format.unwrap_or(LogFormat::Text)
    }

    /// Where the relay answers whoever runs it.
    pub(crate) fn ops_listen(&self) -> Option<SocketAddr> {
        self.ops_listen.map_or(Some(SocketAddr::from(([127, 0, 0, 1], 7475))), |ops| ops.0)
    }

    /// What the relay is told.
    pub(crate) fn config(&self) -> Result<Config> {
        let defaults = Config::new(self.data()?);
        let tls = self.tls()?;
        let listen = match (self.listen, &tls) {
            (Some(Address(address)), _) => address,
            (None, Tls::Acme(_)) => SocketAddr::from(([0; 16], 443)),
            (None, Tls::Off | Tls::Files { .. }) => defaults.listen,
        };
        let origin = self.origin.clone().map(|Origin(origin)| origin);
        if tls != Tls::Off && origin.as_ref().is_some_and(|origin| !is_https(origin)) {
            bail!(
                "the origin begins with http://, but connections are encrypted: make it https://"
            );
        }
        Ok(Config {
            listen,
            ops_listen: self.ops_listen(),
            store: self.store(),
            bus: self.bus.clone().map(|BusAddress(address)| address),
            origin,
            registration: self.registration.map_or(defaults.registration, |Who(who)| who),
            tls,
            behind_proxy: self.behind_proxy.unwrap_or_default(),
            limits: self.limits()?,
            ..defaults
        })
    }

    fn tls(&self) -> Result<Tls> {
        let by_acme = !self.domain.is_empty();
        let of_acme = !self.acme_contact.is_empty()
            || self.acme_directory.is_some()
            || self.acme_directory_root.is_some();
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => bail!("--tls-certificate needs its private key: add --tls-key"),
            (None, Some(_)) => bail!("--tls-key needs its certificate: add --tls-certificate"),
            (Some(_), Some(_)) if by_acme => {
                bail!(
                    "a domain gets its certificate by ACME: leave out either the domain or --tls-certificate"
                )
            }
            (_, _) if of_acme && !by_acme => {
                bail!(
                    "the settings of ACME need a domain to certify: add it, as in: sprag serve chat.example.org"
                )
            }
            (Some(certificates), Some(key)) => {
                Ok(Tls::Files { certificates: certificates.clone(), key: key.clone() })
            }
            (None, None) if by_acme => Ok(Tls::Acme(self.acme())),
            (None, None) => Ok(Tls::Off),
        }
    }

    fn acme(&self) -> Acme {
        let contact = |contact: &String| {
            if contact.contains(':') { contact.clone() } else { format!("mailto:{contact}") }
        };
        Acme {
            domains: self.domain.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
            contacts: self.acme_contact.iter().map(contact).collect(),
            directory: self.acme_directory.clone().unwrap_or_else(|| Acme::LETS_ENCRYPT.into()),
            directory_root: self.acme_directory_root.clone(),
        }
    }

    fn limits(&self) -> Result<Limits> {
        let defaults = Limits::default();
        let count = |setting: Option<Count>, default| setting.map_or(default, |Count(n)| n);
        let size = |setting: Option<Size>, default| setting.map_or(default, |Size(n)| n);
        let span = |setting: Option<Span>, default| setting.map_or(default, |Span(time)| time);
        let rate = |setting: Option<Allowance>, default| setting.map_or(default, |Allowance(r)| r);
        let mailbox_bytes = size(self.mailbox_bytes, defaults.mailbox_bytes);
        if usize::try_from(mailbox_bytes).is_ok_and(|bytes| bytes < limit::CIPHERTEXT_LEN) {
            bail!("--mailbox-bytes is less than one message may have: give at least 96KiB");
        }
        Ok(Limits {
            mailbox_envelopes: count(self.mailbox_envelopes, defaults.mailbox_envelopes),
            mailbox_bytes,
            envelope_lifetime: span(self.envelope_lifetime, defaults.envelope_lifetime),
            blob_lifetime: span(self.blob_lifetime, defaults.blob_lifetime),
            blob_bytes_per_account: size(
                self.blob_bytes_per_account,
                defaults.blob_bytes_per_account,
            ),
            registrations_per_address: rate(
                self.registrations_per_address,
                defaults.registrations_per_address,
            ),
            calls_per_address: rate(self.calls_per_address, defaults.calls_per_address),
            calls_per_account: rate(self.calls_per_account, defaults.calls_per_account),
            sends_per_account: rate(self.sends_per_account, defaults.sends_per_account),
            claims_per_pair: rate(self.claims_per_pair, defaults.claims_per_pair),
            claims_per_target: rate(self.claims_per_target, defaults.claims_per_target),
            connections: count(self.connections, defaults.connections),
            connections_per_address: count(
                self.connections_per_address,
                defaults.connections_per_address,
            ),
            sockets_per_account: count(self.sockets_per_account, defaults.sockets_per_account),
            window: count(self.window, defaults.window),
            header_timeout: span(self.header_timeout, defaults.header_timeout),
            body_timeout: span(self.body_timeout, defaults.body_timeout),
            keep_alive: span(self.keep_alive, defaults.keep_alive),
            idle_timeout: span(self.idle_timeout, defaults.idle_timeout),
            write_timeout: span(self.write_timeout, defaults.write_timeout),
        })
    }
}

pub(crate) fn is_https(origin: &name::Origin) -> bool {
    origin.as_str().starts_with("https://")
}

/// A value that may not have been said.
trait Setting {
    fn or(this: Self, other: Self) -> Self;
}

impl<T> Setting for Option<T> {
    fn or(this: Self, other: Self) -> Self {
        this.or(other)
    }
}

impl<T> Setting for Vec<T> {
    fn or(this: Self, other: Self) -> Self {
        if this.is_empty() { other } else { this }
    }
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) SocketAddr);

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map(Self)
            .map_err(|_| "give an IP address and a port, such as 127.0.0.1:7474 or [::]:443")
    }
}

/// Where to listen, if anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpsAddress(pub(crate) Option<SocketAddr>);

impl FromStr for OpsAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self(None));
        }
        text.parse()
            .map(|address| Self(Some(address)))
            .map_err(|_| "give an IP address and a port, such as 127.0.0.1:7475, or off")
    }
}

/// What to keep everything in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept(pub(crate) Store);

impl FromStr for Kept {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "sqlite" {
            return Ok(Self(Store::Folder));
        }
        let is_address = ["postgres://", "postgresql://"].iter().any(|is| text.starts_with(is));
        let address = is_address.then(|| ServiceAddress(text.into()));
        address
            .map(|address| Self(Store::Postgres(address)))
            .ok_or("give sqlite, or postgres://USER@HOST/DATABASE")
    }
}

/// Where the bus is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BusAddress(pub(crate) ServiceAddress);

impl FromStr for BusAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_address = ["nats://", "tls://"].iter().any(|is| text.starts_with(is));
        let address = is_address.then(|| Self(ServiceAddress(text.into())));
        address.ok_or("give nats://HOST:PORT, or tls://HOST:PORT")
    }
}

/// An origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(pub(crate) name::Origin);

impl FromStr for Origin {
    type Err = name::InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        name::Origin::new(text).map(Self)
    }
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who(pub(crate) Registration);

impl FromStr for Who {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self(Registration::Open)),
            "invitation" => Ok(Self(Registration::Invitation)),
            "closed" => Ok(Self(Registration::Closed)),
            _ => Err("give open, invitation or closed"),
        }
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level(pub(crate) tracing::Level);

impl FromStr for Level {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "give error, warn, info, debug or trace")
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("give text or json"),
        }
    }
}

/// What a file holds for one setting; its text is what a flag would have.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, a number, or true or false")]
enum Scalar {
    Text(String),
    Number(i64),
    Truth(bool),
}

impl Scalar {
    fn parse<T: FromStr<Err: Display>, E: de::Error>(&self) -> Result<T, E> {
        match self {
            Self::Text(text) => text.parse(),
            Self::Number(number) => number.to_string().parse(),
            Self::Truth(truth) => truth.to_string().parse(),
        }
        .map_err(E::custom)
    }
}

fn one<'de, T, D>(file: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    Scalar::deserialize(file)?.parse().map(Some)
}

fn several<'de, T, D>(file: D) -> Result<Vec<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a list of texts")]
    enum Several {
        One(Scalar),
        All(Vec<Scalar>),
    }
    match Several::deserialize(file)? {
        Several::One(scalar) => Ok(vec![scalar.parse()?]),
        Several::All(scalars) => scalars.iter().map(Scalar::parse).collect(),
    }
}

#[cfg(test)]
mod tests;
