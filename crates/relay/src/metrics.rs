//! What is counted, and under which names.
//!
//! The names and labels are an interface: `docs/OPERATIONS.md` lists them. No label holds a name, an
//! address or anything else that a client chose.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use sprag_api::problem::Code;

use crate::storage::{Expired, SendRefusal, Statistics, Stored};

/// Connections that are open; `port`: `main`, `ops`.
pub(crate) const CONNECTIONS: &str = "sprag_connections";
/// Connections that were closed at once; `port`, and `reason`: `total`, `address`.
pub(crate) const CONNECTIONS_REFUSED: &str = "sprag_connections_refused_total";
/// Failures to take a connection, as when no file descriptor is left.
pub(crate) const ACCEPT_ERRORS: &str = "sprag_accept_errors_total";
/// TLS handshakes that came to nothing.
pub(crate) const HANDSHAKES_FAILED: &str = "sprag_tls_handshakes_failed_total";
/// Sockets that are open.
pub(crate) const SOCKETS: &str = "sprag_sockets";
/// Requests; `method`, `route`, `status`.
pub(crate) const REQUESTS: &str = "sprag_http_requests_total";
/// How long requests took until their answer began; `route`.
pub(crate) const REQUEST_SECONDS: &str = "sprag_http_request_seconds";
/// What was refused for its rate; `kind`: `registration`, `address-call`, `account-call`, `send`, `claim`.
pub(crate) const RATE_LIMITED: &str = "sprag_rate_limited_total";
/// Sends that were stored.
pub(crate) const SENDS_ACCEPTED: &str = "sprag_sends_accepted_total";
/// Sends that had been stored before.
pub(crate) const SENDS_DUPLICATE: &str = "sprag_sends_duplicate_total";
/// Sends that were not stored; `code`.
pub(crate) const SENDS_REFUSED: &str = "sprag_sends_refused_total";
/// Envelopes handed to their device.
pub(crate) const DELIVERED: &str = "sprag_envelopes_delivered_total";
/// Acknowledgements that deleted envelopes.
pub(crate) const ACKNOWLEDGED: &str = "sprag_acknowledgements_total";
/// Bundles handed out, one for each device; `kind`: `one-time`, `last-resort`.
pub(crate) const CLAIMS: &str = "sprag_claims_total";
/// The jobs of one group commit.
pub(crate) const COMMIT_JOBS: &str = "sprag_commit_batch_jobs";
/// How long a group commit took.
pub(crate) const COMMIT_SECONDS: &str = "sprag_commit_seconds";
/// What was deleted for its age; `kind`: `envelope`, `blob`, `token`, `invitation`.
pub(crate) const EXPIRED: &str = "sprag_expired_total";
/// Lines of signals for other nodes; `outcome`: `sent`, `lost`.
pub(crate) const SIGNALS: &str = "sprag_signals_total";
/// How much is stored; `kind`: `accounts`, `devices`, `envelopes`, `blobs`, `tokens`.
pub(crate) const STORED: &str = "sprag_stored";
/// The bytes of it; `kind`: `envelopes`, `blobs`.
pub(crate) const STORED_BYTES: &str = "sprag_stored_bytes";

/// Every name, its kind, and what it means.
const ALL: [(&str, Kind, &str); 20] = [
    (CONNECTIONS, Kind::Gauge, "Connections that are open"),
    (CONNECTIONS_REFUSED, Kind::Counter, "Connections closed at once, by the limit that they met"),
    (ACCEPT_ERRORS, Kind::Counter, "Failures to take a connection"),
    (HANDSHAKES_FAILED, Kind::Counter, "TLS handshakes that came to nothing"),
    (SOCKETS, Kind::Gauge, "Sockets that are open"),
    (REQUESTS, Kind::Counter, "HTTP requests"),
    (REQUEST_SECONDS, Kind::Histogram, "Seconds until the answer to a request began"),
    (RATE_LIMITED, Kind::Counter, "Requests refused for their rate"),
    (SENDS_ACCEPTED, Kind::Counter, "Sends stored durably"),
    (SENDS_DUPLICATE, Kind::Counter, "Sends that had been stored before"),
    (SENDS_REFUSED, Kind::Counter, "Sends not stored, by error code"),
    (DELIVERED, Kind::Counter, "Envelopes handed to their device"),
    (ACKNOWLEDGED, Kind::Counter, "Acknowledgements that deleted envelopes"),
    (CLAIMS, Kind::Counter, "Prekey bundles handed out, one for each device"),
    (COMMIT_JOBS, Kind::Histogram, "Jobs in one group commit"),
    (COMMIT_SECONDS, Kind::Histogram, "Seconds that a group commit took"),
    (EXPIRED, Kind::Counter, "What was deleted for its age"),
    (SIGNALS, Kind::Counter, "Lines of signals for other nodes"),
    (STORED, Kind::Gauge, "How much is stored"),
    (STORED_BYTES, Kind::Gauge, "Bytes of what is stored"),
];

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

const SECONDS: [f64; 12] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
const JOBS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0];

/// The recorder of this process, installed when the first relay in it starts. `None` where the program
/// around it brought one of its own: then that one is told, and `/metrics` has nothing to show.
pub(crate) fn install() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE.get_or_init(|| build().ok()).clone()
}

fn build() -> Result<PrometheusHandle, BuildError> {
    let full = |name: &str| Matcher::Full(name.into());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(full(REQUEST_SECONDS), &SECONDS)?
        .set_buckets_for_metric(full(COMMIT_SECONDS), &SECONDS)?
        .set_buckets_for_metric(full(COMMIT_JOBS), &JOBS)?
        .install_recorder()?;
    for (name, kind, meaning) in ALL {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, meaning),
            Kind::Gauge => metrics::describe_gauge!(name, meaning),
            Kind::Histogram => metrics::describe_histogram!(name, meaning),
        }
    }
    Ok(handle)
}

/// A group commit is done.
pub(crate) fn committed(jobs: usize, took: Duration) {
    metrics::histogram!(COMMIT_JOBS).record(u32::try_from(jobs).unwrap_or(u32::MAX));
    metrics::histogram!(COMMIT_SECONDS).record(took.as_secs_f64());
}

/// A line of signals was sent to other nodes, or was lost.
pub(crate) fn signalled(sent: bool) {
    let outcome = if sent { "sent" } else { "lost" };
    metrics::counter!(SIGNALS, "outcome" => outcome).increment(1);
}

/// The storage has answered to sends.
pub(crate) fn sends(outcomes: &[Result<Stored, SendRefusal>]) {
    let (mut accepted, mut duplicate) = (0, 0);
    for outcome in outcomes {
        match outcome {
            Ok(Stored { duplicate: true, .. }) => duplicate += 1,
            Ok(_) => accepted += 1,
            Err(refusal) => send_refused(refusal.code()),
        }
    }
    metrics::counter!(SENDS_ACCEPTED).increment(accepted);
    metrics::counter!(SENDS_DUPLICATE).increment(duplicate);
}

/// A send was not stored.
pub(crate) fn send_refused(code: Code) {
    metrics::counter!(SENDS_REFUSED, "code" => code.as_str()).increment(1);
}

/// A device's bundle was handed out.
pub(crate) fn claimed(one_time: bool) {
    let kind = if one_time { "one-time" } else { "last-resort" };
    metrics::counter!(CLAIMS, "kind" => kind).increment(1);
}

/// Something expired.
pub(crate) fn expired(expired: Expired) {
    let Expired { envelopes, blobs, tokens, invitations, more: _ } = expired;
    let kinds =
        [("envelope", envelopes), ("blob", blobs), ("token", tokens), ("invitation", invitations)];
    for (kind, count) in kinds {
        metrics::counter!(EXPIRED, "kind" => kind).increment(count);
    }
}

/// How much there is now.
pub(crate) fn stored(statistics: Statistics) {
    let Statistics { accounts, devices, envelopes, envelope_bytes, blobs, blob_bytes, tokens } =
        statistics;
    let stored = [
        ("accounts", accounts),
        ("devices", devices),
        ("envelopes", envelopes),
        ("blobs", blobs),
        ("tokens", tokens),
    ];
    for (kind, count) in stored {
        metrics::gauge!(STORED, "kind" => kind).set(approximately(count));
    }
    for (kind, bytes) in [("envelopes", envelope_bytes), ("blobs", blob_bytes)] {
        metrics::gauge!(STORED_BYTES, "kind" => kind).set(approximately(bytes));
    }
}

/// Gauges are floating-point numbers.
#[expect(clippy::cast_precision_loss, reason = "a gauge of this size needs no last digit")]
fn approximately(count: u64) -> f64 {
    count as f64
}
