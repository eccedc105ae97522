//! What is counted of every request, and when a connection ends with an answer.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use hyper::body::Body as _;
use tokio::time::{Instant, sleep};

use crate::limits::HELD_BACK;
use crate::metrics;

/// The same routes, with every request counted.
pub(super) fn counted(routes: Router) -> Router {
    routes.layer(from_fn(count))
}

async fn count(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let has_body = !request.body().is_end_stream();
    let mut response = next.run(request).await;
    if has_body && answers_early(response.status()) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    // The route as it was written down, never the path that a client asked for.
    let route = route.as_ref().map_or("none", MatchedPath::as_str).to_owned();
    let status = response.status().as_str().to_owned();
    let took = began.elapsed().as_secs_f64();
    ::metrics::histogram!(metrics::REQUEST_SECONDS, "route" => route.clone()).record(took);
    ::metrics::counter!(metrics::REQUESTS, "method" => method, "route" => route, "status" => status)
        .increment(1);
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        sleep(HELD_BACK).await;
    }
    response
}

/// Whether an answer with this status is given before the body is read: the rest of the body would be in
/// the way of the next request, so the connection ends, and says so.
fn answers_early(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
    )
}

/// Methods that a client made up are counted as one.
fn method(method: &Method) -> &'static str {
    let known =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let names = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    known.iter().zip(names).find(|(known, _)| *known == method).map_or("other", |(_, name)| name)
}
