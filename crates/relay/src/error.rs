//! Errors on their way out: every one is a problem (RFC 9457), also those of unknown paths, of bodies
//! that do not parse and of the relay itself.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sprag_api::device_list::InvalidList;
use sprag_api::login::LoginRefusal;
use sprag_api::prekey::InvalidPreKey;
use sprag_api::problem::{Code, Problem};

use crate::limits::Exhausted;
use crate::storage::{Damaged, Unavailable};

/// Seconds after which to try again when the storage failed.
const STORAGE_RETRY: u32 = 5;

/// What a handler answers instead of its result.
#[derive(Debug)]
pub(crate) struct Failure(Box<Problem>);

impl Failure {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// The request is not what the API says.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Code::Malformed, detail)
    }

    /// A failure inside the relay; what it was is in the log.
    pub(crate) fn internal() -> Self {
        Self::new(Code::Internal, "this is a fault of the relay: tell whoever runs it")
    }

    /// The token opens nothing (any more).
    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            Code::Unauthenticated,
            "the token is unknown or expired, or its device is no longer listed: open a session",
        )
    }

    #[cfg(test)]
    pub(crate) fn problem(&self) -> &Problem {
        &self.0
    }
}

impl From<Damaged> for Failure {
    fn from(error: Damaged) -> Self {
        tracing::error!(%error, "a mailbox cannot be read");
        Self::internal()
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<Failure> for Problem {
    fn from(Failure(problem): Failure) -> Self {
        *problem
    }
}

impl From<Unavailable> for Failure {
    fn from(Unavailable: Unavailable) -> Self {
        Problem::new(Code::Unavailable, "nothing was done; try again").after(STORAGE_RETRY).into()
    }
}

impl From<Exhausted> for Failure {
    fn from(exhausted: Exhausted) -> Self {
        Problem::from(exhausted).into()
    }
}

impl From<InvalidList> for Failure {
    fn from(invalid: InvalidList) -> Self {
        let code = match invalid {
            InvalidList::Malformed => Code::Malformed,
            InvalidList::BadSignature => Code::BadSignature,
        };
        Self::new(code, invalid.to_string())
    }
}

impl From<InvalidPreKey> for Failure {
    fn from(invalid: InvalidPreKey) -> Self {
        let code = match invalid {
            InvalidPreKey::Malformed => Code::Malformed,
            InvalidPreKey::BadSignature => Code::BadSignature,
        };
        Self::new(code, invalid.to_string())
    }
}

impl From<LoginRefusal> for Failure {
    fn from(refusal: LoginRefusal) -> Self {
        let code = match refusal {
            LoginRefusal::Malformed => Code::Malformed,
            LoginRefusal::OtherOrigin => Code::OtherOrigin,
            LoginRefusal::ClockSkew => Code::ClockSkew,
            LoginRefusal::BadSignature => Code::BadSignature,
        };
        Self::new(code, refusal.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&*problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = problem.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// There is nothing at this path.
pub(crate) fn nowhere() -> Failure {
    Failure::new(Code::NotFound, "there is nothing at this path; /docs lists what there is")
}

/// The answer where the path has no such method; `Allow` is added by the router.
pub(crate) async fn method_not_allowed() -> Failure {
    Failure::new(Code::MethodNotAllowed, "the header Allow lists the methods of this path")
}

/// The answer where a handler panicked.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Failure::internal().into_response()
}

#[cfg(test)]
mod tests;
