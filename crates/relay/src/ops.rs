//! What whoever runs the relay asks it: whether it lives, whether it is ready, what it counted.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use sprag_api::problem::{Code, Problem};
use tokio::time::timeout;

use crate::app::Shared;
use crate::error::Failure;
use crate::peer::ClientAddress;

/// How long the storage may take to say that it can commit.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// What the main port answers: the same to everybody, but not as often as anybody likes.
pub(crate) fn health(app: Shared) -> Router {
    let routes = Router::new().route("/healthz", get(alive)).route("/readyz", get(ready_in_turn));
    routes.with_state(app)
}

/// Everything that the operations port answers.
pub(crate) fn router(app: Shared, metrics: Option<PrometheusHandle>) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(async move || show(metrics.as_ref())))
        .with_state(app)
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready_in_turn(
    State(app): State<Shared>,
    ClientAddress(from): ClientAddress,
) -> Result<&'static str, Failure> {
    app.limits.address_call(from, app.clock.now())?;
    ready(State(app)).await
}

async fn ready(State(app): State<Shared>) -> Result<&'static str, Failure> {
    if *app.stopping.borrow() {
        return Err(Problem::new(Code::ShuttingDown, "the relay is being stopped").after(1).into());
    }
    if let Ok(Ok(())) = timeout(READY_WITHIN, app.storage.ready()).await {
        return Ok("ready\n");
    }
    let detail = "the storage cannot commit; see the relay's log";
    Err(Problem::new(Code::Unavailable, detail).after(5).into())
}

fn show(metrics: Option<&PrometheusHandle>) -> Result<Response, Failure> {
    let elsewhere = "the program around this relay collects its metrics";
    let metrics = metrics.ok_or_else(|| Failure::new(Code::NotFound, elsewhere))?;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], metrics.render()).into_response())
}
