//! Sessions: a login signed by a device becomes a bearer token.

use axum::extract::State;
use axum::http::StatusCode;
use sprag_api::directory::{OpenSession, Session};
use sprag_api::limit;
use sprag_api::login::{Login, LoginRefusal};
use sprag_api::name::Address;
use sprag_api::problem::{Code, Problem};
use sprag_api::signature::VerifyKey;

use crate::app::{App, Shared};
use crate::auth::{Anyone, AuthedDevice, Token};
use crate::error::Failure;
use crate::extract::Json;
use crate::openapi::{AnyCall, WithBody, WithToken};
use crate::storage::{NewSession, Replayed};

/// Somebody's key for logins of devices that do not exist: what it opens is refused all the same. (It
/// is the base point of the curve.)
const NOBODY: [u8; 32] = {
    let mut point = [0x66; 32];
    point[0] = 0x58;
    point
};

/// Open a session: a signed login becomes a token.
///
/// An unknown account and an unknown device are answered like a bad signature.
#[utoipa::path(
    post,
    path = "/v1/sessions",
    tag = "sessions",
    request_body = OpenSession,
    responses(
        (status = 201, description = "Logged in", body = Session),
        (status = 403, description = "`bad-signature`, `other-origin`, `clock-skew` (with the relay's \
            `time`), `login-replayed`", body = Problem, content_type = "application/problem+json"),
        AnyCall, WithBody,
    ),
)]
pub(crate) async fn open(
    State(app): State<Shared>,
    _: Anyone,
    Json(request): Json<OpenSession>,
) -> Result<(StatusCode, Json<Session>), Failure> {
    let now = app.clock.now();
    let address = Address { account: request.name, device: request.device };
    let device = app.storage.device(address.clone()).await?;
    let key = match &device {
        Some(device) => device.identity_key,
        None => VerifyKey::from_bytes(&NOBODY).map_err(|_| LoginRefusal::BadSignature)?,
    };
    let nonce = verified(&app, &request.login, &address, &key)?;
    let device = device.ok_or(LoginRefusal::BadSignature)?;
    app.limits.account_call(device.account, now)?;
    let token = Token::random()?;
    let session = new(&token, nonce, now);
    let mark = app.storage.open_session(device.mailbox, session).await?;
    let mark = mark.map_err(|Replayed| {
        Failure::new(Code::LoginReplayed, "sign a new login, with another nonce")
    })?;
    let session = Session { token: token.into_base64(), expires: session.expires, mark };
    Ok((StatusCode::CREATED, Json(session)))
}

/// Checks a login; gives its nonce.
pub(crate) fn verified(
    app: &App,
    login: &Login,
    address: &Address,
    key: &VerifyKey,
) -> Result<[u8; 16], Failure> {
    let now = app.clock.now();
    login.verify(address, key, &app.origin, now).map_err(|refusal| match refusal {
        LoginRefusal::OtherOrigin => {
            let detail = format!("the login is for another relay; this one is {}", app.origin);
            Failure::new(Code::OtherOrigin, detail)
        }
        LoginRefusal::ClockSkew => {
            let mut problem = Problem::new(Code::ClockSkew, refusal.to_string());
            problem.time = Some(now);
            problem.into()
        }
        LoginRefusal::Malformed | LoginRefusal::BadSignature => refusal.into(),
    })
}

/// What is kept of a token that begins now.
pub(crate) fn new(token: &Token, nonce: [u8; 16], now: u64) -> NewSession {
    NewSession { token: token.hash(), nonce, expires: now.saturating_add(limit::TOKEN_LIFETIME) }
}

/// Close the session: its token opens nothing any more.
#[utoipa::path(
    delete,
    path = "/v1/sessions",
    tag = "sessions",
    responses((status = 204, description = "Closed"), AnyCall, WithToken),
    security(("token" = [])),
)]
pub(crate) async fn close(
    State(app): State<Shared>,
    caller: AuthedDevice,
) -> Result<StatusCode, Failure> {
    app.storage.close_session(caller.token).await?;
    Ok(StatusCode::NO_CONTENT)
}
