//! A relay in a folder of its own, and a client that speaks HTTP byte by byte.

use std::net::{self, IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sprag_relay::Relay;
use sprag_relay::clock::SystemClock;
use sprag_relay::config::{Config, Limits};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::support::store::store;

/// What should happen must happen within this.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// What is never to be reached in a test.
pub(crate) const NEVER: Duration = Duration::from_hours(1);

/// A relay, and its data folder, which goes with it.
pub(crate) struct World {
    pub(crate) relay: Relay,
    pub(crate) folder: TempDir,
    pub(crate) config: Config,
}

/// A configuration for any free port, in this folder.
pub(crate) fn config(folder: &TempDir) -> Config {
    let mut config = Config::new(folder.path().join("data"));
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.ops_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let patient = Limits {
        header_timeout: NEVER,
        body_timeout: NEVER,
        keep_alive: NEVER,
        write_timeout: NEVER,
        ..Limits::default()
    };
    config.limits = patient;
    config.store = store();
    config
}

pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(&folder);
    change(&mut config);
    let relay = Relay::start(config.clone(), Arc::new(SystemClock)).await.expect("a relay");
    World { relay, folder, config }
}

impl World {
    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client::to(self.relay.address()).await
    }

    pub(crate) async fn operations(&self) -> Client<TcpStream> {
        Client::to(self.relay.ops_address().expect("an operations port")).await
    }

    /// A connection from another address of this machine.
    pub(crate) async fn connect_from(&self, address: [u8; 4]) -> Client<TcpStream> {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(IpAddr::from(address), 0)).expect("an own address");
        Client(socket.connect(self.relay.address()).await.expect("a connection"))
    }
}

/// A connection.
pub(crate) struct Client<S>(pub(crate) S);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client<TcpStream> {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        // The relay has its turn, and then none until this is connected: one that refuses it would be
        // faster than its client otherwise.
        yield_now().await;
        let stream = net::TcpStream::connect(address).expect("a connection");
        stream.set_nonblocking(true).expect("a stream");
        Self(TcpStream::from_std(stream).expect("a stream"))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("sent");
    }

    /// `GET`, and the connection stays open.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: relay\r\n\r\n")).await;
        self.answer().await.expect("an answer")
    }

    /// The next answer; `None` where the connection is closed instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        timeout(SOON, self.read_answer()).await.expect("in time")
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            // A reset closes a connection too.
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).expect("text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let lines = head.to_ascii_lowercase();
        let length = lines.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
        self.0.read_exact(&mut body).await.expect("the body");
        let body = String::from_utf8(body).expect("text");
        Some(Answer { status: status.expect("a status"), head: lines, body })
    }

    /// Everything that comes until the other side closes the connection.
    pub(crate) async fn answer_bytes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = timeout(SOON, self.0.read_to_end(&mut bytes)).await.expect("closed in time");
        assert!(read.is_ok() || bytes.is_empty());
        bytes
    }

    /// Waits until the other side closes the connection; nothing may come before.
    pub(crate) async fn closed(&mut self) {
        let mut byte = [0];
        let read = timeout(SOON, self.0.read(&mut byte)).await.expect("closed in time");
        assert!(matches!(read, Ok(0) | Err(_)), "something came");
    }
}
