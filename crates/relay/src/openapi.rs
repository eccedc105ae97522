//! The `OpenAPI` document, which comes from the handlers, and the page that shows it without any other
//! server.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use sprag_api::problem::{Code, Problem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, Object, OpenApi, Ref, RefOr, Response as Documented,
    ResponseBuilder, Type,
};
use utoipa::{IntoResponses, OpenApi as _};
use utoipa_swagger_ui::Config;

use crate::app::Shared;
use crate::error::{self, Failure};

/// What the page may load: what this relay serves, and pictures inside its stylesheet.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The document without its calls.
pub(crate) fn outline() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(
            title = "Sprag relay",
            description = "Key directory and mailboxes. Bytes are base64url without padding, times are \
                seconds since 1970, errors are problem details (RFC 9457) with a `code`. `docs/API.md` \
                tells the whole, with the socket's frames.",
            license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        ),
        tags(
            (name = "accounts", description = "Accounts and their devices"),
            (name = "keys", description = "Prekeys"),
            (name = "sessions", description = "Tokens"),
            (name = "messages", description = "Mailboxes"),
            (name = "blobs", description = "Encrypted attachments"),
        ),
        components(schemas(Problem, Code)),
    )]
    struct Outline;

    let mut outline = Outline::openapi();
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("What `POST /v1/sessions` answers: 32 bytes as base64url"))
        .build();
    let components = outline.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(token));
    outline
}

/// What any call may answer.
pub(crate) struct AnyCall;

/// What a call that takes a token may answer besides.
pub(crate) struct WithToken;

/// What a call whose path or query can be malformed may answer besides.
pub(crate) struct WithPath;

/// What a call that takes a body may answer besides.
pub(crate) struct WithBody;

type Responses = BTreeMap<String, RefOr<Documented>>;

impl IntoResponses for AnyCall {
    fn responses() -> Responses {
        problems(&[
            (429, "Too much: `rate-limited`, `quota-exceeded`, `mailbox-full`"),
            (500, "`internal`: a fault of the relay"),
            (503, "`unavailable`, `shutting-down`: nothing was done"),
        ])
    }
}

impl IntoResponses for WithToken {
    fn responses() -> Responses {
        problems(&[(401, "`unauthenticated`: no token, or one that opens nothing (any more)")])
    }
}

impl IntoResponses for WithPath {
    fn responses() -> Responses {
        problems(&[(400, "`malformed`")])
    }
}

impl IntoResponses for WithBody {
    fn responses() -> Responses {
        problems(&[
            (400, "`malformed`"),
            (408, "`timeout`: the body did not come in time"),
            (413, "`too-large`"),
            (415, "`unsupported-media-type`"),
        ])
    }
}

fn problems(statuses: &[(u16, &str)]) -> Responses {
    let documented = statuses.iter().map(|(status, description)| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let mut response = ResponseBuilder::new()
            .description(*description)
            .content("application/problem+json", content);
        if matches!(status, 429 | 503) {
            let header = HeaderBuilder::new()
                .schema(Some(Object::with_type(Type::Integer)))
                .description(Some("Seconds after which to try again, where that helps"))
                .build();
            response = response.header("Retry-After", header);
        }
        (status.to_string(), RefOr::T(response.build()))
    });
    documented.collect()
}

/// `/docs/openapi.json`, and the page at `/docs/`.
pub(crate) fn pages(document: OpenApi) -> Router<Shared> {
    let document = Arc::new(document);
    // The base layout has no field for the address of another document.
    let config = Config::new(["/docs/openapi.json"]).use_base_layout().validator_url("none");
    let config = Arc::new(config);
    let start = Arc::clone(&config);
    Router::new()
        .route("/docs", get(|| async { Redirect::to("/docs/") }))
        .route("/docs/openapi.json", get(|| async move { axum::Json(&*document).into_response() }))
        .route("/docs/", get(|| async move { page("index.html", start) }))
        .route("/docs/{*file}", get(|Path(file): Path<String>| async move { page(&file, config) }))
}

fn page(file: &str, config: Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(file, config) {
        Ok(Some(file)) => {
            let headers: [(HeaderName, HeaderValue); 2] = [
                (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            ];
            let content_type = [(header::CONTENT_TYPE, file.content_type)];
            (StatusCode::OK, headers, content_type, file.bytes.into_owned()).into_response()
        }
        Ok(None) => error::nowhere().into_response(),
        Err(error) => {
            tracing::error!(%error, "the page of the API cannot be put together");
            Failure::internal().into_response()
        }
    }
}
