//! HTTP as far as a client of a relay needs it: calls with small bodies, downloads, and the upgrade to a
//! WebSocket, all over the same few connections.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RANGE,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use sprag_api::limit::FRAME_LEN;
use sprag_api::name::Origin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::{Error, tls};
use crate::exchange::{Body, Lost, Method, refusal};
use crate::retry::ANSWER_WITHIN;

/// How long a connection may take to be made, with TLS.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next call: less than a relay keeps it.
const KEEP: Duration = Duration::from_mins(1);
/// How many are kept.
const KEPT: usize = 4;
/// The longest head of an answer, in bytes.
const HEAD_LEN: usize = 16 * 1024;
/// Where uploads say where a part begins.
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// The socket of a relay.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What is asked of a relay.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) body: Body,
}

/// The way to one relay.
pub(super) struct Http {
    host: String,
    port: u16,
    authority: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    idle: Mutex<Vec<(SendRequest<Full<Bytes>>, Instant)>>,
}

impl Http {
    pub(super) fn to(origin: &Origin, trusted: &[u8]) -> Result<Self, Error> {
        let (scheme, authority) = origin.as_str().split_once("://").ok_or(Error::Origin)?;
        let secure = scheme == "https";
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| Error::Origin)?)
            }
            _ => (authority, if secure { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = if secure { Some(tls::connector(&host, trusted)?) } else { None };
        let authority = HeaderValue::from_str(authority).map_err(|_| Error::Origin)?;
        Ok(Self { host, port, authority, tls, idle: Mutex::new(Vec::new()) })
    }

    /// One call, with its whole answer.
    pub(super) async fn call(&self, ask: Ask<'_>) -> Result<Bytes, Lost> {
        let request = self.request(&ask)?;
        let answer = async {
            let (response, sender) = self.exchange(request).await?;
            let (head, body) = response.into_parts();
            let body = whole(body).await?;
            self.keep(sender).await;
            if head.status.is_success() {
                Ok(body)
            } else {
                Err(refusal(head.status.as_u16(), &body))
            }
        };
        timeout(ANSWER_WITHIN, answer).await.map_err(|_| Lost::NoAnswer)?
    }

    /// A call whose answer is long: it comes bit by bit.
    pub(super) async fn download(&self, ask: Ask<'_>) -> Result<Response<Incoming>, Lost> {
        let request = self.request(&ask)?;
        let answer = async {
            let (response, _) = self.exchange(request).await?;
            if response.status().is_success() {
                return Ok(response);
            }
            let status = response.status().as_u16();
            Err(refusal(status, &whole(response.into_body()).await?))
        };
        timeout(ANSWER_WITHIN, answer).await.map_err(|_| Lost::NoAnswer)?
    }

    /// Opens the socket.
    pub(super) async fn socket(&self, token: &str) -> Result<Socket, Lost> {
        let none = Ask { method: Method::Get, path: "/v1/socket", token: None, body: Body::None };
        let mut request = self.request(&none)?;
        let key = generate_key();
        let offer = HeaderValue::from_str(&format!("sprag.v1, token.{token}"));
        let mut offer = offer.map_err(|_| Lost::Nonsense)?;
        offer.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, offer);
        let shown = HeaderValue::from_str(&key).map_err(|_| Lost::Nonsense)?;
        headers.insert(SEC_WEBSOCKET_KEY, shown);
        let opening = async {
            let (response, _) = self.exchange(request).await?;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                let status = response.status().as_u16();
                return Err(refusal(status, &whole(response.into_body()).await?));
            }
            let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
            let spoken = response.headers().get(SEC_WEBSOCKET_PROTOCOL).map(HeaderValue::as_bytes);
            if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes())
                || spoken != Some(b"sprag.v1")
            {
                return Err(Lost::Nonsense);
            }
            let upgraded = hyper::upgrade::on(response).await.map_err(|_| Lost::NoAnswer)?;
            let limits = WebSocketConfig::default()
                .max_message_size(Some(FRAME_LEN))
                .max_frame_size(Some(FRAME_LEN));
            let io = TokioIo::new(upgraded);
            Ok(WebSocketStream::from_raw_socket(io, Role::Client, Some(limits)).await)
        };
        timeout(ANSWER_WITHIN, opening).await.map_err(|_| Lost::NoAnswer)?
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request<Full<Bytes>>, Lost> {
        let request = Request::builder().method(ask.method.as_str()).uri(ask.path);
        let mut request = request.header(HOST, self.authority.clone());
        if let Some(token) = ask.token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value = value.map_err(|_| Lost::Nonsense)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let body = match &ask.body {
            Body::None => Bytes::new(),
            Body::Range(first, end) => {
                let last = end.map_or_else(String::new, |end| end.saturating_sub(1).to_string());
                request = request.header(RANGE, format!("bytes={first}-{last}"));
                Bytes::new()
            }
            Body::Json(json) => {
                request = request.header(CONTENT_TYPE, "application/json");
                json.clone()
            }
            Body::Part(part, offset) => {
                request = request
                    .header(CONTENT_TYPE, "application/octet-stream")
                    .header(UPLOAD_OFFSET, *offset);
                part.clone()
            }
        };
        request.body(Full::new(body)).map_err(|_| Lost::Nonsense)
    }

    /// Sends a request on a connection that is kept, or on a new one.
    async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, SendRequest<Full<Bytes>>), Lost> {
        while let Some(mut sender) = self.kept().await {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, sender)),
                // It comes back where nothing of it was sent.
                Err(mut error) => request = error.take_message().ok_or(Lost::NoAnswer)?,
            }
        }
        let connecting = timeout(CONNECT_WITHIN, self.connect());
        let mut sender = connecting.await.map_err(|_| Lost::NoConnection)??;
        let response = sender.send_request(request).await.map_err(|_| Lost::NoAnswer)?;
        Ok((response, sender))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Lost> {
        let address = (self.host.as_str(), self.port);
        let stream = TcpStream::connect(address).await.map_err(|_| Lost::NoConnection)?;
        // Where the system does not know this wish, messages are slower, and that is all.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => handshake(stream).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await;
                handshake(stream.map_err(|error| insecure(&error))?).await
            }
        }
    }

    async fn kept(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().await;
        idle.retain(|(sender, since)| !sender.is_closed() && since.elapsed() < KEEP);
        idle.pop().map(|(sender, _)| sender)
    }

    async fn keep(&self, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock().await;
        if idle.len() < KEPT && !sender.is_closed() {
            idle.push((sender, Instant::now()));
        }
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, Lost>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_header_size(HEAD_LEN);
    let made = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = made.map_err(|_| Lost::NoConnection)?;
    // Ends with the last sender, or with the socket that it becomes.
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}

/// Whether TLS itself went wrong, or only the connection under it.
fn insecure(error: &std::io::Error) -> Lost {
    let of_tls = error.get_ref().is_some_and(<dyn StdError + Send + Sync>::is::<rustls::Error>);
    if of_tls { Lost::Insecure } else { Lost::NoConnection }
}

async fn whole(body: Incoming) -> Result<Bytes, Lost> {
    let body = Limited::new(body, FRAME_LEN).collect().await;
    body.map(Collected::to_bytes).map_err(|_| Lost::NoAnswer)
}

#[cfg(test)]
mod tests;
