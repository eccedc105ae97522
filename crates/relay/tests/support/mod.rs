//! What the tests of the relay share: a small client of its own, which speaks to it as any client does.

#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod device;
pub(crate) mod http;
pub(crate) mod socket;
pub(crate) mod store;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sprag_relay::clock::Clock;
use tokio::net::{TcpSocket, TcpStream};

/// How long anything is waited for before a test fails. Nothing here takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The relay is not there, or has closed the connection.
pub(crate) type Lost = Box<dyn std::error::Error + Send + Sync>;

/// Where a relay is, and what time it is there.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) origin: String,
    pub(crate) clock: Arc<dyn Clock>,
    /// From which of this machine's addresses its clients come.
    pub(crate) from: IpAddr,
}

impl Place {
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// The same place for clients that come from another address: a loopback of Linux has many.
    pub(crate) fn seen_from(&self, address: [u8; 4]) -> Self {
        Self { from: address.into(), ..self.clone() }
    }

    /// A connection.
    pub(crate) async fn connect(&self) -> Result<TcpStream, Lost> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.from, 0).into())?;
        let stream = soon(socket.connect(self.address)).await??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Fails where this takes too long.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> Result<T, Lost> {
    Ok(tokio::time::timeout(PATIENCE, what).await?)
}
