//! HTTP as a client speaks it: one connection, kept for the next call.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sprag_api::problem::{Code, Problem};

use super::{Lost, Place, soon};

/// A connection to the relay.
pub(crate) struct Http {
    place: Place,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// What the relay answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The body of a call.
pub(crate) enum Body {
    None,
    Json(Vec<u8>),
    Octets(Bytes),
}

impl Body {
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::Json(serde_json::to_vec(value).unwrap())
    }
}

impl Http {
    pub(crate) fn to(place: &Place) -> Self {
        Self { place: place.clone(), sender: None }
    }

    /// One call, on the connection that is there or on a new one.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Body,
    ) -> Result<Answer, Lost> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(HOST, self.place.address.to_string());
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let (kind, body) = match body {
            Body::None => (None, Bytes::new()),
            Body::Json(json) => (Some("application/json"), json.into()),
            Body::Octets(octets) => (Some("application/octet-stream"), octets),
        };
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        self.send(request.body(Full::new(body))?).await
    }

    /// Any request at all.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Lost> {
        let ready = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            let stream = self.place.connect().await?;
            let (sender, connection) = soon(handshake(TokioIo::new(stream))).await??;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        let sender = self.sender.as_mut().ok_or("no connection")?;
        let (head, body) = soon(sender.send_request(request)).await??.into_parts();
        let body = soon(body.collect()).await??.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

impl Answer {
    /// The body of an answer that says yes.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        assert!(self.status.is_success(), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// An answer that says yes, perhaps without a body.
    pub(crate) fn yes(&self) {
        assert!(self.status.is_success(), "{self:?}");
    }

    /// What an answer that says no must be: a problem whose parts agree with each other.
    pub(crate) fn problem(&self) -> Problem {
        assert!(self.status.is_client_error() || self.status.is_server_error(), "{self:?}");
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        assert_eq!(problem.status, problem.code.status());
        assert_eq!(problem.kind, format!("urn:sprag:problem:{}", problem.code.as_str()));
        let after = self.headers.get(RETRY_AFTER).map(|after| after.to_str().unwrap().to_owned());
        assert_eq!(after, problem.retry_after.map(|seconds| seconds.to_string()));
        problem
    }

    /// The answer says no, with this code.
    pub(crate) fn refuses(&self, code: Code) -> Problem {
        let problem = self.problem();
        assert_eq!(problem.code, code, "{problem:?}");
        problem
    }
}
