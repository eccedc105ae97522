//! Where a request comes from, for limits only: it is neither stored nor logged.

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};

use crate::app::{App, Shared};
use crate::error::Failure;

/// The other end of the connection, as whoever accepted it puts it into the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// The client's address: the other end, or what the proxy in front of this relay says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    fn of(headers: &HeaderMap, extensions: &Extensions, behind_proxy: bool) -> Option<Self> {
        let PeerAddress(peer) = *extensions.get()?;
        let told = if behind_proxy { forwarded_for(headers) } else { None };
        Some(Self(told.unwrap_or(peer)))
    }

    /// The client that a request is of.
    pub(crate) fn find(
        headers: &HeaderMap,
        extensions: &Extensions,
        app: &App,
    ) -> Result<Self, Failure> {
        Self::of(headers, extensions, app.config.behind_proxy).ok_or_else(|| {
            tracing::error!("a request came without its peer's address");
            Failure::internal()
        })
    }
}

impl FromRequestParts<Shared> for ClientAddress {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        Self::find(&parts.headers, &parts.extensions, app)
    }
}

/// The last entry of `X-Forwarded-For`: the one that the nearest proxy wrote. Those before it are what
/// the client says of itself.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let entry = last.rsplit(',').next()?.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn seen(forwarded: &[&str], behind_proxy: bool) -> Option<IpAddr> {
        let mut request = Request::builder();
        for value in forwarded {
            request = request.header("X-Forwarded-For", *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(PeerAddress(IpAddr::from([10, 0, 0, 1])));
        ClientAddress::of(&parts.headers, &parts.extensions, behind_proxy)
            .map(|ClientAddress(address)| address)
    }

    #[test]
    fn a_proxy_is_believed_only_where_there_is_one() {
        let peer = Some(IpAddr::from([10, 0, 0, 1]));
        let client = Some(IpAddr::from([192, 0, 2, 7]));
        assert_eq!(seen(&["192.0.2.7"], false), peer);
        assert_eq!(seen(&["192.0.2.7"], true), client);
        assert_eq!(seen(&[], true), peer);
        assert_eq!(seen(&["unknown"], true), peer);
    }

    #[test]
    fn only_the_nearest_proxys_entry_counts() {
        let client = Some(IpAddr::from([192, 0, 2, 7]));
        assert_eq!(seen(&["198.51.100.1, 192.0.2.7"], true), client);
        assert_eq!(seen(&["198.51.100.1", "192.0.2.7"], true), client);
        assert_eq!(seen(&["198.51.100.1,192.0.2.7:4711"], true), client);
        assert_eq!(seen(&["192.0.2.7, 2001:db8::1"], true), "2001:db8::1".parse().ok());
        assert_eq!(seen(&["[2001:db8::1]"], true), "2001:db8::1".parse().ok());
        assert_eq!(seen(&["[2001:db8::1]:4711"], true), "2001:db8::1".parse().ok());
    }

    #[test]
    fn without_an_accept_loop_there_is_no_address() {
        let (parts, ()) = Request::new(()).into_parts();
        assert_eq!(ClientAddress::of(&parts.headers, &parts.extensions, false), None);
    }
}
