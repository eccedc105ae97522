//! Pages for people, beside the calls: files that whoever runs the relay gave it, such as the web chat.
//!
//! They are a table in memory, so that a path names an entry of it or nothing: no path reaches a file
//! system. What a page may do in a browser stands in its headers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::app::Shared;
use crate::error;
use kind::Kind;

mod accept;
mod kind;

/// What a page may load and do: what this relay serves, WebAssembly, pictures that it made itself. No
/// markup from text: the browser itself refuses it (Trusted Types, and no policy may be made).
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    connect-src 'self'; img-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What a page may ask a device for: the camera, to scan a code; passkeys; putting text on the clipboard.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), browsing-topics=(), camera=(self), \
    clipboard-write=(self), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), \
    gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), \
    publickey-credentials-create=(self), publickey-credentials-get=(self), screen-wake-lock=(), usb=(), \
    xr-spatial-tracking=()";

/// Below it names change whenever the content does.
const HASHED: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Kept, but asked for again each time.
const ASK: &str = "no-cache";

/// Files that a relay serves to browsers. Cloning it copies no file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pages(Arc<BTreeMap<String, Page>>);

#[derive(PartialEq, Eq)]
struct Page {
    kind: Kind,
    is_hashed: bool,
    /// The first one needs no decoding; the others come in the order in which they are preferred.
    forms: Vec<Form>,
}

/// The bytes of a page, in one of the encodings that it is kept in.
#[derive(PartialEq, Eq)]
struct Form {
    encoding: &'static str,
    etag: String,
    bytes: Bytes,
}

/// The encodings of files that are kept compressed, by what their names end with.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

impl Pages {
    /// Files by their names from the root, such as `index.html` and `assets/app-1a2b.js`. A folder is
    /// served by its `index.html`. `NAME.br` and `NAME.gz` are the compressed forms of `NAME`; what lies in
    /// `assets/` is taken to have a name that changes with its content.
    pub fn new(files: impl IntoIterator<Item = (String, Cow<'static, [u8]>)>) -> Self {
        let files: BTreeMap<_, _> = files.into_iter().map(|(name, it)| (name, bytes(it))).collect();
        let pages = files.iter().filter_map(|(name, plain)| {
            // What has no kind is served to nobody; compressed forms are looked at below.
            let kind = Kind::of(name)?;
            let mut forms = vec![Form::new("identity", plain)];
            for (encoding, ending) in ENCODINGS {
                let compressed = files.get(&format!("{name}{ending}"));
                forms.extend(compressed.map(|compressed| Form::new(encoding, compressed)));
            }
            let page = Page { kind, is_hashed: name.starts_with(HASHED), forms };
            Some((name.clone(), page))
        });
        Self(Arc::new(pages.collect()))
    }

    /// Whether there is none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is at a path as it stands in a request.
    fn find(&self, path: &str) -> Found<'_> {
        let Some(name) = path.strip_prefix('/') else { return Found::Nothing };
        let folder = name.is_empty() || name.ends_with('/');
        let index = format!("{name}{}index.html", if folder { "" } else { "/" });
        match (self.0.get(name), self.0.get(&index)) {
            (Some(page), _) => Found::Page(page),
            (None, Some(page)) if folder => Found::Page(page),
            (None, Some(_)) => Found::Folder,
            (None, None) => Found::Nothing,
        }
    }
}

/// What a path leads to.
enum Found<'a> {
    Page(&'a Page),
    /// A folder, named without the `/` behind it, from which its links would lead elsewhere.
    Folder,
    Nothing,
}

impl fmt::Debug for Pages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

fn bytes(content: Cow<'static, [u8]>) -> Bytes {
    match content {
        Cow::Borrowed(content) => Bytes::from_static(content),
        Cow::Owned(content) => Bytes::from(content),
    }
}

impl Form {
    fn new(encoding: &'static str, bytes: &Bytes) -> Self {
        let hash = Sha256::digest(bytes);
        let half = hash.get(..16).unwrap_or_default();
        Self { encoding, etag: format!("\"{}\"", HEXLOWER.encode(half)), bytes: bytes.clone() }
    }
}

/// The answer where no call has the path: a page, or that there is nothing.
pub(crate) async fn serve(
    State(app): State<Shared>,
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let reads = method == Method::GET || method == Method::HEAD;
    match app.config.pages.find(uri.path()) {
        Found::Nothing => error::nowhere().into_response(),
        Found::Page(_) | Found::Folder if !reads => {
            let allow = [(header::ALLOW, HeaderValue::from_static("GET,HEAD"))];
            (allow, error::method_not_allowed().await).into_response()
        }
        Found::Folder => Redirect::permanent(&format!("{}/", uri.path())).into_response(),
        Found::Page(page) => answer(page, &method, &headers),
    }
}

fn answer(page: &Page, method: &Method, asked: &HeaderMap) -> Response {
    let Some(form) = page.best(asked) else { return error::nowhere().into_response() };
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, if page.is_hashed { FOREVER } else { ASK }),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::VARY, "accept-encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(etag) = HeaderValue::from_str(&form.etag) {
        headers.insert(header::ETAG, etag);
    }
    if accept::matches(asked, &form.etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(page.kind.media_type()));
    if form.encoding != "identity" {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(form.encoding));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(form.bytes.len()));
    if *method != Method::HEAD {
        *response.body_mut() = Body::from(form.bytes.clone());
    }
    response
}

impl Page {
    /// The smallest form that is accepted; where none is, the plain one.
    fn best(&self, asked: &HeaderMap) -> Option<&Form> {
        let accepted = self.forms.iter().skip(1).filter(|form| accept::takes(asked, form.encoding));
        accepted.min_by_key(|form| form.bytes.len()).or(self.forms.first())
    }
}

#[cfg(test)]
mod tests;
