//! The table of contents: every path, and what all answers have in common.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::{accounts, blobs, error, keys, messages, openapi, pages, sessions, socket};

/// The calls, with their document.
fn calls() -> (Router<Shared>, OpenApi) {
    OpenApiRouter::with_openapi(openapi::outline())
        .routes(routes!(accounts::register))
        .routes(routes!(accounts::look_up, accounts::remove))
        .routes(routes!(accounts::replace_devices))
        .routes(routes!(keys::publish, keys::count))
        .routes(routes!(keys::claim))
        .routes(routes!(sessions::open, sessions::close))
        .routes(routes!(messages::send))
        .routes(routes!(messages::fetch, messages::acknowledge))
        .routes(routes!(socket::upgrade::open))
        .routes(routes!(blobs::create))
        .routes(routes!(blobs::download, blobs::append, blobs::remove))
        .routes(routes!(blobs::state))
        .split_for_parts()
}

/// Everything that this relay answers.
pub(crate) fn router(app: Shared) -> Router {
    let (calls, document) = calls();
    let calls = calls.method_not_allowed_fallback(error::method_not_allowed);
    calls
        .merge(openapi::pages(document))
        .method_not_allowed_fallback(error::method_not_allowed)
        .fallback(pages::serve)
        .layer(any_origin())
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(unless_set(header::CACHE_CONTROL, "no-store"))
        .layer(unless_set(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ))
        .layer(unless_set(header::REFERRER_POLICY, "no-referrer"))
        .layer(unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .with_state(app)
}

/// Pages of any origin may call: what lets a call in is a token, which no browser adds by itself.
fn any_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::RANGE,
            HeaderName::from_static("upload-offset"),
        ])
        .expose_headers([header::ALLOW, header::CONTENT_RANGE, header::RETRY_AFTER])
        .max_age(Duration::from_hours(24))
}

fn unless_set(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

#[cfg(test)]
mod tests;
