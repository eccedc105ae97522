//! What is counted of every request.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tokio::time::Instant;

use crate::metrics;

/// The same routes, with every request counted.
pub(super) fn counted(routes: Router) -> Router {
    routes.layer(from_fn(count))
}

async fn count(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    // The route as it was written down, never the path that a client asked for.
    let route = route.as_ref().map_or("none", MatchedPath::as_str).to_owned();
    let status = response.status().as_str().to_owned();
    let took = began.elapsed().as_secs_f64();
    ::metrics::histogram!(metrics::REQUEST_SECONDS, "route" => route.clone()).record(took);
    ::metrics::counter!(metrics::REQUESTS, "method" => method, "route" => route, "status" => status)
        .increment(1);
    response
}

/// Methods that a client made up are counted as one.
fn method(method: &Method) -> &'static str {
    let known =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let names = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    known.iter().zip(names).find(|(known, _)| *known == method).map_or("other", |(_, name)| name)
}
