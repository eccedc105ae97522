//! The handshake of a socket.

use axum::extract::{FromRequestParts as _, State, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::response::Response;
use sprag_api::limit;
use sprag_api::problem::{Code, Problem};

use crate::app::Shared;
use crate::auth;
use crate::error::Failure;
use crate::openapi::{AnyCall, WithPath, WithToken};
use crate::peer::ClientAddress;

/// How much is read from a connection at once: kept for as long as it is open.
const READ_BUFFER: usize = 3 * 1024;
/// Seconds after which to try again where an account has too many sockets.
const CLOSE_RETRY: u32 = 10;

/// Open the socket: send, receive and acknowledge on one connection.
///
/// A WebSocket handshake (RFC 6455) whose subprotocols are `sprag.v1` and `token.` with the token, since a
/// browser can send a token in no other way. The answer's subprotocol is `sprag.v1`. Each binary message is
/// one frame in protobuf; `docs/API.md` describes them.
#[utoipa::path(
    get,
    path = "/v1/socket",
    tag = "messages",
    params(("Sec-WebSocket-Protocol" = String, Header, description = "`sprag.v1, token.TOKEN`")),
    responses(
        (status = 101, description = "Open"),
        AnyCall, WithPath, WithToken,
    ),
)]
pub(crate) async fn open(State(app): State<Shared>, mut parts: Parts) -> Result<Response, Failure> {
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &app).await;
    let upgrade = upgrade.map_err(|_| {
        Failure::malformed("this path takes the handshake of a WebSocket (RFC 6455, version 13)")
    })?;
    let from = ClientAddress::from_request_parts(&mut parts, &app).await?;
    let token = auth::subprotocol_token(&parts.headers).ok_or_else(|| {
        let detail = "a socket offers the subprotocols `sprag.v1` and `token.TOKEN`";
        Failure::new(Code::Unauthenticated, detail)
    });
    let caller = auth::authenticate(&app, token, from).await?;
    let place = app.limits.socket(caller.bearer.device.account).ok_or_else(|| {
        let most = app.config.limits.sockets_per_account;
        let detail = format!("an account has at most {most} sockets: close one");
        Failure::from(Problem::new(Code::TooManyConnections, detail).after(CLOSE_RETRY))
    })?;
    Ok(upgrade
        .protocols([auth::SUBPROTOCOL])
        .max_frame_size(limit::FRAME_LEN)
        .max_message_size(limit::FRAME_LEN)
        .read_buffer_size(READ_BUFFER)
        .on_upgrade(async move |socket| {
            super::serve(app, socket, caller.bearer).await;
            drop(place);
        }))
}
