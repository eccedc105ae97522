//! Blobs: attachments that clients encrypted, uploaded in parts and downloaded in ranges.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use sprag_api::base64::Base64;
use sprag_api::blob::{Blob, CreateBlob};
use sprag_api::limit;
use sprag_api::problem::{Code, Problem};

use crate::app::{App, Shared};
use crate::auth::{self, AuthedDevice};
use crate::error::Failure;
use crate::extract::{BlobInPath, Json, Octets};
use crate::openapi::{AnyCall, WithBody, WithPath, WithToken};
use crate::storage::{BlobRecord, PartRefusal, Storage};

mod range;

use range::Wanted;

/// Where a part begins.
const UPLOAD_OFFSET: &str = "upload-offset";

/// Create a blob: make room for its bytes, which come in parts.
#[utoipa::path(
    post,
    path = "/v1/blobs",
    tag = "blobs",
    request_body = CreateBlob,
    responses(
        (status = 201, description = "Created, without bytes", body = Blob),
        AnyCall, WithBody, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: AuthedDevice,
    Json(CreateBlob { length }): Json<CreateBlob>,
) -> Result<(StatusCode, Json<Blob>), Failure> {
    if length == 0 {
        return Err(Failure::malformed("a blob has at least one byte"));
    }
    if length > limit::BLOB_LEN {
        let detail = format!("a blob is at most {} bytes", limit::BLOB_LEN);
        return Err(Failure::new(Code::TooLarge, detail));
    }
    let id = auth::random()?;
    let lifetime = app.config.limits.blob_lifetime.as_secs();
    let expires = app.clock.now().saturating_add(lifetime);
    let record = BlobRecord { owner: caller.bearer.device.account, length, offset: 0, expires };
    let quota = app.config.limits.blob_bytes_per_account;
    if app.storage.create_blob(id, record.clone(), quota).await? {
        Ok((StatusCode::CREATED, shown(id, &record)))
    } else {
        let detail = format!(
            "the blobs of an account have at most {quota} bytes in all: delete some, or wait until they expire"
        );
        Err(Failure::new(Code::QuotaExceeded, detail))
    }
}

fn shown(id: [u8; 16], record: &BlobRecord) -> Json<Blob> {
    Json(Blob {
        id: Base64::from(id),
        length: record.length,
        offset: record.offset,
        expires: record.expires,
    })
}

/// Upload the next part of an own blob, at most 1 MiB.
#[utoipa::path(
    patch,
    path = "/v1/blobs/{id}",
    tag = "blobs",
    params(
        ("id" = String, Path, description = "The blob's id",
            pattern = "^[A-Za-z0-9_-]{21}[AQgw]$"),
        ("Upload-Offset" = u64, Header, description = "Where this part begins: the blob's `offset`"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "Stored durably; `offset` is where the next part begins",
            body = Blob),
        (status = 404, description = "`not-found`: no such blob of this account", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`offset-conflict`, with the `offset` where the part must begin",
            body = Problem, content_type = "application/problem+json"),
        AnyCall, WithBody, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn append(
    State(app): State<Shared>,
    caller: AuthedDevice,
    BlobInPath(id): BlobInPath,
    headers: HeaderMap,
    body: Octets,
) -> Result<Json<Blob>, Failure> {
    let offset = upload_offset(&headers)?;
    if body.bytes.is_empty() {
        return Err(Failure::malformed("a part has at least one byte"));
    }
    let owner = caller.bearer.device.account;
    let record = own(&app, &caller, id).await?;
    match app.storage.append_blob(owner, id, offset, body.bytes.clone()).await? {
        Ok(offset) => Ok(shown(id, &BlobRecord { offset, ..record })),
        Err(PartRefusal::NotFound) => Err(unknown()),
        Err(PartRefusal::Offset(offset)) => {
            let mut problem = Problem::new(
                Code::OffsetConflict,
                format!("the next part of this blob begins at {offset}"),
            );
            problem.offset = Some(offset);
            Err(problem.into())
        }
        Err(PartRefusal::TooLong) => {
            let detail = format!("the part goes beyond the blob's {} bytes", record.length);
            Err(Failure::new(Code::TooLarge, detail))
        }
    }
}

fn upload_offset(headers: &HeaderMap) -> Result<u64, Failure> {
    let offset = headers.get(UPLOAD_OFFSET).and_then(|value| value.to_str().ok());
    let digits = offset.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let offset = digits.and_then(|digits| digits.parse().ok());
    offset.ok_or_else(|| {
        Failure::malformed("the header Upload-Offset says, in digits, where the part begins")
    })
}

/// How far the upload of an own blob has come.
#[utoipa::path(
    get,
    path = "/v1/blobs/{id}/state",
    tag = "blobs",
    params(("id" = String, Path, description = "The blob's id",
            pattern = "^[A-Za-z0-9_-]{21}[AQgw]$")),
    responses(
        (status = 200, description = "The upload goes on at `offset`", body = Blob),
        (status = 404, description = "`not-found`: no such blob of this account", body = Problem,
            content_type = "application/problem+json"),
        AnyCall, WithPath, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn state(
    State(app): State<Shared>,
    caller: AuthedDevice,
    BlobInPath(id): BlobInPath,
) -> Result<Json<Blob>, Failure> {
    Ok(shown(id, &own(&app, &caller, id).await?))
}

/// A blob of the caller's account; others' are as unknown as those that do not exist.
async fn own(app: &App, caller: &AuthedDevice, id: [u8; 16]) -> Result<BlobRecord, Failure> {
    let record = live(app, id).await?;
    if record.owner == caller.bearer.device.account { Ok(record) } else { Err(unknown()) }
}

async fn live(app: &App, id: [u8; 16]) -> Result<BlobRecord, Failure> {
    let record = app.storage.blob(id).await?.ok_or_else(unknown)?;
    if record.expires > app.clock.now() { Ok(record) } else { Err(unknown()) }
}

fn unknown() -> Failure {
    Failure::new(Code::NotFound, "there is no such blob, or it has expired")
}

/// Download a blob, or a range of it.
///
/// Any account that knows the id may. A blob is there once its upload is complete.
#[utoipa::path(
    get,
    path = "/v1/blobs/{id}",
    tag = "blobs",
    params(
        ("id" = String, Path, description = "The blob's id",
            pattern = "^[A-Za-z0-9_-]{21}[AQgw]$"),
        ("Range" = Option<String>, Header, description = "One range of bytes (RFC 9110, section 14.2); \
            others are passed over"),
    ),
    responses(
        (status = 200, description = "The whole", body = Vec<u8>,
            content_type = "application/octet-stream"),
        (status = 206, description = "The range that `Content-Range` names", body = Vec<u8>,
            content_type = "application/octet-stream"),
        (status = 404, description = "`not-found`: no such blob, or not complete", body = Problem,
            content_type = "application/problem+json"),
        (status = 416, description = "`range-not-satisfiable`: the range begins beyond the end",
            body = Problem, content_type = "application/problem+json"),
        AnyCall, WithPath, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn download(
    State(app): State<Shared>,
    _: AuthedDevice,
    BlobInPath(id): BlobInPath,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let BlobRecord { length, offset, .. } = live(&app, id).await?;
    if offset != length {
        return Err(unknown());
    }
    let (status, first, end) = match range::wanted(&headers, length) {
        Wanted::Whole => (StatusCode::OK, 0, length),
        Wanted::Range { first, end } => (StatusCode::PARTIAL_CONTENT, first, end),
        Wanted::Nothing => return Ok(nothing_there(length)),
    };
    let storage = Arc::clone(&app.storage);
    let mut response = Body::from_stream(pieces(storage, id, first, end)).into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end - first));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        content_range(headers, &format!("bytes {first}-{}/{length}", end - 1));
    }
    Ok(response)
}

fn nothing_there(length: u64) -> Response {
    let detail = format!("the blob has {length} bytes");
    let mut response = Failure::new(Code::RangeNotSatisfiable, detail).into_response();
    content_range(response.headers_mut(), &format!("bytes */{length}"));
    response
}

fn content_range(headers: &mut HeaderMap, range: &str) {
    if let Ok(value) = HeaderValue::from_str(range) {
        headers.insert(header::CONTENT_RANGE, value);
    }
}

/// The bytes from `first` up to `end`, read as they are sent. A blob that is deleted meanwhile breaks
/// the connection off: the client must not take what it has for the whole.
fn pieces(
    storage: Arc<dyn Storage>,
    id: [u8; 16],
    first: u64,
    end: u64,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(first, move |offset| {
        let storage = Arc::clone(&storage);
        async move {
            if offset >= end {
                return Ok(None);
            }
            let piece = storage.read_blob(id, offset).await.map_err(io::Error::other)?;
            let mut piece = piece.ok_or_else(|| io::Error::other("the blob is gone"))?;
            piece.truncate(usize::try_from(end - offset).unwrap_or(usize::MAX));
            let next = offset + u64::try_from(piece.len()).unwrap_or(u64::MAX);
            Ok(Some((piece, next)))
        }
    })
}

/// Delete an own blob.
#[utoipa::path(
    delete,
    path = "/v1/blobs/{id}",
    tag = "blobs",
    params(("id" = String, Path, description = "The blob's id",
            pattern = "^[A-Za-z0-9_-]{21}[AQgw]$")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "`not-found`: no such blob of this account", body = Problem,
            content_type = "application/problem+json"),
        AnyCall, WithPath, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn remove(
    State(app): State<Shared>,
    caller: AuthedDevice,
    BlobInPath(id): BlobInPath,
) -> Result<StatusCode, Failure> {
    if app.storage.remove_blob(caller.bearer.device.account, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown())
    }
}
