//! Who calls: bearer tokens of devices, over HTTP and for the socket.
//!
//! A token is 32 random bytes. The relay keeps its SHA-256 only, and finds it by that: no comparison
//! takes a time that says anything about a token, and a copy of the database opens nothing.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use sprag_api::base64::Base64;
use sprag_api::problem::Code;

use crate::app::{App, Shared};
use crate::error::Failure;
use crate::peer::ClientAddress;
use crate::storage::{Bearer, Hash};

/// The subprotocol that the socket answers with; a client offers it beside `token.` and its token.
pub(crate) const SUBPROTOCOL: &str = "sprag.v1";

/// A bearer token, as a client holds it.
pub(crate) struct Token([u8; 32]);

impl Token {
    /// A new one.
    pub(crate) fn random() -> Result<Self, Failure> {
        random().map(Self)
    }

    /// Takes base64url.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Base64::parse(text).ok()?.array().map(Self)
    }

    /// What the relay keeps of it.
    pub(crate) fn hash(&self) -> Hash {
        hash(&self.0)
    }

    /// For the answer that hands it out.
    pub(crate) fn into_base64(self) -> Base64 {
        Base64::from(self.0)
    }
}

/// What the relay keeps of tokens and of invitations.
pub(crate) fn hash(secret: &[u8]) -> Hash {
    Sha256::digest(secret).into()
}

/// Random bytes for tokens and names.
#[expect(clippy::disallowed_methods, reason = "this is where randomness enters the relay")]
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the operating system gives no random bytes");
        Failure::internal()
    })?;
    Ok(bytes)
}

/// A device that showed a valid token.
#[derive(Clone, Debug)]
pub(crate) struct AuthedDevice {
    pub(crate) bearer: Bearer,
    /// The token's hash.
    pub(crate) token: Hash,
}

impl FromRequestParts<Shared> for AuthedDevice {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        let from = ClientAddress::from_request_parts(parts, app).await?;
        let token = bearer(&parts.headers).ok_or_else(|| {
            let detail = "this call takes a token, as `Authorization: Bearer TOKEN`";
            Failure::new(Code::Unauthenticated, detail)
        });
        authenticate(app, token, from).await
    }
}

/// A call that needs no token; how many come from one address is limited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anyone {
    pub(crate) from: ClientAddress,
}

impl FromRequestParts<Shared> for Anyone {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        let from = ClientAddress::from_request_parts(parts, app).await?;
        app.limits.address_call(from.0, app.clock.now())?;
        Ok(Self { from })
    }
}

/// A call that may come with a token: it counts for the account then, and for the address otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller;

impl FromRequestParts<Shared> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            AuthedDevice::from_request_parts(parts, app).await.map(|_| Self)
        } else {
            Anyone::from_request_parts(parts, app).await.map(|_| Self)
        }
    }
}

/// Finds the device of a token. A call with a token counts for its account, one without or with one
/// that opens nothing counts for its address.
pub(crate) async fn authenticate(
    app: &App,
    token: Result<Token, Failure>,
    from: ClientAddress,
) -> Result<AuthedDevice, Failure> {
    let now = app.clock.now();
    let stranger = |failure: Failure| match app.limits.address_call(from.0, now) {
        Ok(()) => failure,
        Err(exhausted) => exhausted.into(),
    };
    let token = token.map_err(stranger)?.hash();
    let bearer = app.storage.bearer(token, now).await?;
    let bearer = bearer.ok_or_else(|| stranger(Failure::unauthenticated()))?;
    app.limits.account_call(bearer.device.account, now)?;
    Ok(AuthedDevice { bearer, token })
}

/// The token of `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Option<Token> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("Bearer") { Token::parse(token.trim()) } else { None }
}

/// The token among the subprotocols of a socket, `sprag.v1, token.TOKEN`: a browser can send it no
/// other way.
pub(crate) fn subprotocol_token(headers: &HeaderMap) -> Option<Token> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offered = offered.iter().filter_map(|value| value.to_str().ok());
    let offered = offered.flat_map(|value| value.split(',')).map(str::trim);
    let (mut speaks, mut token) = (false, None);
    for protocol in offered {
        speaks |= protocol == SUBPROTOCOL;
        token = token.or_else(|| protocol.strip_prefix("token.").and_then(Token::parse));
    }
    token.filter(|_| speaks)
}

#[cfg(test)]
mod tests;
