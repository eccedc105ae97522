//! Where connections come in.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::StartError;
use super::connection::Service;
use crate::metrics;

/// How many connections the system holds until they are accepted.
const BACKLOG: i32 = 1024;
/// How long accepting pauses when it fails: what is missing (file descriptors, memory) is not there a
/// moment later either.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens there; gives the address too, with the port that the system chose where none was asked for.
/// `[::]` takes IPv4 connections as well.
pub(super) fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A relay that is started again need not wait for the connections of the one before.
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from_std(socket.into())?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound().map_err(|source| StartError::Listen { address, source })
}

/// Hands over connections until the relay is being stopped; then the port is closed.
pub(super) async fn accept(listener: TcpListener, service: Service) {
    let mut stopped = pin!(service.stopped());
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            () = stopped.as_mut() => return,
            accepted = service.turns().paced(listener.accept()) => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                failing = false;
                service.take(stream, peer);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                ::metrics::counter!(metrics::ACCEPT_ERRORS).increment(1);
                if !failing {
                    tracing::error!(%error, "cannot accept connections for now");
                }
                failing = true;
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether only the connection that was next is lost.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}
