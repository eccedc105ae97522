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

/// How long the storage may take to say that it can commit.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// `/healthz` and `/readyz`, for the main port too.
pub(crate) fn health(app: Shared) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(app)
}

/// Everything that the operations port answers.
pub(crate) fn router(app: Shared, metrics: Option<PrometheusHandle>) -> Router {
    health(app).route("/metrics", get(async move || show(metrics.as_ref())))
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
