//! One connection: a place at the door, TLS where it is on, HTTP/1.1, perhaps an upgrade.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::Service as _;

use super::door::{Door, Place};
use super::head::HeadTimer;
use super::requests::counted;
use super::stream::Stream;
use super::turns::Turns;
use crate::config::Limits;
use crate::metrics;
use crate::peer::PeerAddress;
use crate::tls::Terms;

/// The longest head of a request, and the most that is read of a body at once, in bytes.
const BUFFER: usize = 16 * 1024;

/// How long a request that is under way may still take when the relay is being stopped.
const FINISH_WITHIN: Duration = Duration::from_secs(4);

/// What happens to the connections of one port.
#[derive(Clone)]
pub(super) struct Service {
    routes: Router,
    door: Arc<Door>,
    turns: Turns,
    terms: Option<Arc<Terms>>,
    header_timeout: Duration,
    keep_alive: Duration,
    write_timeout: Duration,
    stopping: watch::Receiver<bool>,
    /// Dropped when nothing of this is left, the routes included.
    _present: Sender<Infallible>,
}

impl Service {
    /// Without TLS.
    pub(super) fn new(
        routes: Router,
        door: Arc<Door>,
        limits: &Limits,
        stopping: watch::Receiver<bool>,
        present: Sender<Infallible>,
    ) -> Self {
        Self {
            routes: counted(routes),
            door,
            turns: Turns::start(),
            terms: None,
            header_timeout: limits.header_timeout,
            keep_alive: limits.keep_alive,
            write_timeout: limits.write_timeout,
            stopping,
            _present: present,
        }
    }

    /// On these terms.
    pub(super) fn encrypted(self, terms: Option<Arc<Terms>>) -> Self {
        Self { terms, ..self }
    }

    /// How often its connections have their turn.
    pub(super) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Returns once the relay is being stopped.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let mut stopping = self.stopping.clone();
        async move {
            // One who is gone without a word has stopped it too.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// Goes on with a connection in a task of its own, or closes it where there is no room.
    pub(super) fn take(&self, stream: TcpStream, peer: SocketAddr) {
        if let Some(place) = self.door.enter(peer.ip()) {
            let turns = self.turns.clone();
            let serve = self.clone().serve(stream, peer.ip(), place);
            tokio::spawn(async move { turns.paced(serve).await });
        } else {
            // Reset, so that nothing of it lingers in the system.
            let _ = stream.set_zero_linger();
        }
    }

    async fn serve(self, stream: TcpStream, peer: IpAddr, place: Place) {
        // Frames are small, and wait for nothing.
        let _ = stream.set_nodelay(true);
        let Some(terms) = self.terms.clone() else {
            return self.speak(stream, peer, place).await;
        };
        match timeout(self.header_timeout, terms.shake(stream)).await {
            Ok(Ok(Some(stream))) => self.speak(stream, peer, place).await,
            Ok(Ok(None)) => {}
            Ok(Err(_)) | Err(_) => ::metrics::counter!(metrics::HANDSHAKES_FAILED).increment(1),
        }
    }

    /// HTTP until its end, or until an upgrade: then whoever upgraded it has the stream, and this task
    /// with its buffers is gone.
    async fn speak<S>(self, stream: S, peer: IpAddr, place: Place)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let stopped = self.stopped();
        let Self { routes, header_timeout, keep_alive, write_timeout, .. } = self;
        let stream = Stream::new(stream, place, write_timeout);
        let timer = HeadTimer::new(stream.arrival(), header_timeout, keep_alive);
        let service = service_fn(move |request| call(routes.clone(), request, peer));
        let connection = http1::Builder::new()
            .timer(timer)
            .header_read_timeout(header_timeout)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        // How a connection ends is up to the other side: nothing to tell anybody.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = stopped => {
                connection.as_mut().graceful_shutdown();
                let _ = timeout(FINISH_WITHIN, connection).await;
            }
        }
    }
}

async fn call(
    mut routes: Router,
    mut request: Request<Incoming>,
    peer: IpAddr,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(PeerAddress(peer));
    routes.call(request).await
}
