//! What handlers take out of a request, with problems instead of axum's own answers.
//!
//! Bodies are bounded in length and in time. An error says where the fault is and what belongs there,
//! but never repeats what was sent: that may be a token or an invitation.

use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequest, FromRequestParts, Path as AxumPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sprag_api::base64::Base64;
use sprag_api::limit;
use sprag_api::name::AccountName;
use sprag_api::problem::{Code, Problem};

use crate::app::{App, Shared};
use crate::error::Failure;
use crate::limits::Memory;
use crate::peer::ClientAddress;

/// Seconds after which to try again where the memory for bodies is in use.
const BUSY_RETRY: u32 = 1;

/// A JSON body, in either direction.
#[derive(Clone, Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// The query of a URL.
#[derive(Clone, Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// The account that a path names.
#[derive(Clone, Debug)]
pub(crate) struct NameInPath(pub(crate) AccountName);

/// The blob that a path names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlobInPath(pub(crate) [u8; 16]);

/// A body of bytes (`application/octet-stream`), as long as a part of a blob may be.
#[derive(Debug)]
pub(crate) struct Octets {
    pub(crate) bytes: Bytes,
    /// The memory that it takes up, given back when this is dropped.
    _memory: Memory,
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Failure> {
        expect_type(request.headers(), "application/json")?;
        let body = read(app, request, limit::FRAME_LEN).await?;
        parse(&body.bytes).map(Self)
    }
}

impl FromRequest<Shared> for Octets {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Failure> {
        expect_type(request.headers(), "application/octet-stream")?;
        read(app, request, limit::BLOB_PART_LEN).await
    }
}

impl<T: DeserializeOwned> FromRequestParts<Shared> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|_| {
                Failure::malformed("the query is not what this call takes; /docs says what it is")
            })
    }
}

impl FromRequestParts<Shared> for NameInPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        let name = AccountName::new(segment(parts, app).await?);
        name.map(Self).map_err(|invalid| Failure::malformed(invalid.to_string()))
    }
}

impl FromRequestParts<Shared> for BlobInPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        let id = Base64::parse(&segment(parts, app).await?).ok().and_then(|id| id.array());
        id.map(Self).ok_or_else(|| {
            Failure::malformed("a blob's id is 16 bytes, as base64url without padding")
        })
    }
}

/// The one variable segment of the path.
async fn segment(parts: &mut Parts, app: &Shared) -> Result<String, Failure> {
    let path = AxumPath::<String>::from_request_parts(parts, app).await;
    path.map(|AxumPath(segment)| segment).map_err(|_| Failure::malformed("the path is not UTF-8"))
}

/// The media type is this one, whatever its parameters.
fn expect_type(headers: &HeaderMap, expected: &str) -> Result<(), Failure> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.and_then(|given| given.split(';').next()).map(str::trim);
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case(expected)) {
        Ok(())
    } else {
        let detail = format!("this call takes a body of the type {expected}");
        Err(Failure::new(Code::UnsupportedMediaType, detail))
    }
}

/// The whole body, if it is no longer than that, comes in time, and there is memory for it.
async fn read(app: &App, request: Request, longest: usize) -> Result<Octets, Failure> {
    let from = ClientAddress::find(request.headers(), request.extensions(), app)?;
    let memory = app.limits.memory(from.0);
    let body = request.into_body();
    // What announces itself as too long is not even begun.
    if body.size_hint().lower() > u64::try_from(longest).unwrap_or(u64::MAX) {
        return Err(too_large(longest));
    }
    let timeout = app.config.limits.body_timeout;
    tokio::time::timeout(timeout, collect(body, longest, memory)).await.unwrap_or_else(|_| {
        let detail = format!("the body must be here within {} s", timeout.as_secs());
        Err(Failure::new(Code::Timeout, detail))
    })
}

fn too_large(longest: usize) -> Failure {
    Failure::new(Code::TooLarge, format!("the body of this call is at most {longest} bytes"))
}

/// Takes memory for what has come, not for what is announced: whoever sends slowly keeps little.
async fn collect(mut body: Body, longest: usize, mut memory: Memory) -> Result<Octets, Failure> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::malformed("the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > longest {
            return Err(too_large(longest));
        }
        if !memory.grow(data.len() as u64) {
            let problem = Problem::new(Code::Unavailable, "too much is being uploaded at once");
            return Err(problem.after(BUSY_RETRY).into());
        }
        whole.extend_from_slice(&data);
    }
    Ok(Octets { bytes: whole.freeze(), _memory: memory })
}

/// Takes a JSON object; an error says where it is wrong.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    // The parser would take an array of a structure's fields, too.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Failure::malformed("line 1, column 1: expected an object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let whole = error.to_string();
        let (line, column) = (error.line(), error.column());
        let detail = match expectation(&whole) {
            Some(what) => format!("line {line}, column {column}: {what}"),
            None => format!("line {line}, column {column}: not what this call takes"),
        };
        Failure::malformed(detail)
    })
}

/// What a parser's message says belongs there, without what was there instead.
fn expectation(message: &str) -> Option<String> {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let unexpected = ["invalid type: ", "invalid value: ", "invalid length "];
    if unexpected.iter().any(|start| message.starts_with(start)) {
        // What is expected comes from this program, and it comes last.
        return message.rsplit_once(", expected ").map(|(_, what)| format!("expected {what}"));
    }
    if message.starts_with("unknown field ") || message.starts_with("unknown variant ") {
        return message.rsplit_once(", expected ").map(|(_, what)| {
            let what = what.strip_prefix("one of ").unwrap_or(what);
            format!("no field of this call; its fields are {what}")
        });
    }
    Some(message.to_owned())
}

#[cfg(test)]
mod tests;
