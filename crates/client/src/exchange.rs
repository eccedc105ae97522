//! Calls as HTTP has them: what goes out, and what an answer means. Who sends it is a driver's business.

use bytes::Bytes;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sprag_api::base64::Base64;
use sprag_api::directory::{OpenSession, Register, Session};
use sprag_api::problem::{Code, Problem};
use sprag_protocol::{AccountName, Timestamp};
use sprag_store::{Batch, Collection, Key};

use crate::effects::Call;
use crate::error::Error;
use crate::input::{Answer, Failure};

/// A token that ends within so many seconds is not used any more.
const SPARE: u64 = 60;

/// The methods that a relay's calls have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Look.
    Get,
    /// Make.
    Post,
    /// Replace.
    Put,
    /// Go on with a blob.
    Patch,
    /// Take away.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What goes along with a call.
#[derive(Clone)]
pub enum Body {
    /// Nothing.
    None,
    /// JSON.
    Json(Bytes),
    /// A part of a blob, and where it begins.
    Part(Bytes, u64),
    /// Nothing, but only what is behind so many bytes is wanted, and no more than up to the second.
    Range(u64, Option<u64>),
}

/// What is asked of a relay.
#[derive(Clone)]
pub struct Ask {
    /// How.
    pub method: Method,
    /// What, from `/v1/` on.
    pub path: String,
    /// With what.
    pub body: Body,
}

impl Ask {
    pub(crate) fn new(method: Method, path: impl Into<String>, body: Body) -> Self {
        Self { method, path: path.into(), body }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path, Body::None)
    }

    pub(crate) fn lookup(name: &str) -> Self {
        Self::get(format!("/v1/accounts/{name}"))
    }

    pub(crate) fn register(register: &Register) -> Self {
        Self::new(Method::Post, "/v1/accounts", json(register))
    }

    pub(crate) fn leave(own: &AccountName) -> Self {
        Self::new(Method::Delete, format!("/v1/accounts/{own}"), Body::None)
    }

    pub(crate) fn log_in(login: &OpenSession) -> Self {
        Self::new(Method::Post, "/v1/sessions", json(login))
    }

    pub(crate) fn blob(method: Method, blob: [u8; 16], body: Body) -> Self {
        Self::new(method, format!("/v1/blobs/{}", Base64::from(blob)), body)
    }

    /// What the engine of this account asks for.
    pub(crate) fn of(call: &Call, own: &AccountName) -> Self {
        match call {
            Call::Lookup(name) => Self::lookup(name.as_str()),
            Call::Claim(name) => {
                Self::new(Method::Post, format!("/v1/keys/{name}/claim"), Body::None)
            }
            Call::Publish(keys) => Self::new(Method::Put, "/v1/keys", json(keys)),
            Call::CountKeys => Self::get("/v1/keys"),
            Call::PutDevices(list) => {
                Self::new(Method::Put, format!("/v1/accounts/{own}/devices"), json(list))
            }
        }
    }
}

/// Which answer a call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Account,
    Claimed,
    Counts,
    Nothing,
}

impl Kind {
    pub(crate) fn of(call: &Call) -> Self {
        match call {
            Call::Lookup(_) => Self::Account,
            Call::Claim(_) => Self::Claimed,
            Call::Publish(_) | Call::CountKeys => Self::Counts,
            Call::PutDevices(_) => Self::Nothing,
        }
    }

    /// The answer, out of its body.
    pub(crate) fn read(self, body: &[u8]) -> Result<Answer, Lost> {
        match self {
            Self::Account => parse(body).map(Answer::Account),
            Self::Claimed => parse(body).map(Answer::Claimed),
            Self::Counts => parse(body).map(Answer::Counts),
            Self::Nothing => Ok(Answer::Done),
        }
    }
}

/// Why a call has no answer that can be used.
#[derive(Debug)]
pub(crate) enum Lost {
    /// Nothing was sent: no connection could be made.
    #[cfg_attr(not(feature = "native"), expect(dead_code, reason = "a browser does not tell"))]
    NoConnection,
    /// The connection cannot be secured.
    #[cfg_attr(not(feature = "native"), expect(dead_code, reason = "a browser does not tell"))]
    Insecure,
    /// No answer came, and what was sent may have been done.
    NoAnswer,
    /// The answer is none of a relay.
    Nonsense,
    /// The relay refuses.
    Problem(Box<Problem>),
}

impl From<Lost> for Error {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::NoConnection | Lost::NoAnswer => Self::Unreachable,
            Lost::Insecure => Self::Insecure,
            Lost::Nonsense => Self::NotARelay,
            Lost::Problem(problem) => {
                Self::Relay { code: problem.code, retry_after: problem.retry_after }
            }
        }
    }
}

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Problem(problem) => Self::Problem(problem),
            Lost::NoConnection | Lost::Insecure | Lost::NoAnswer | Lost::Nonsense => {
                Self::Unreachable
            }
        }
    }
}

impl Lost {
    /// The problem, where the relay refuses.
    pub(crate) fn problem(&self) -> Option<&Problem> {
        if let Self::Problem(problem) = self { Some(problem) } else { None }
    }

    /// Whether the relay refuses with this code.
    pub(crate) fn is(&self, code: Code) -> bool {
        self.problem().is_some_and(|problem| problem.code == code)
    }
}

/// What an answer that says no means. A code of a later version is taken as its status says.
pub(crate) fn refusal(status: u16, body: &[u8]) -> Lost {
    if let Ok(problem) = parse::<Problem>(body) {
        return Lost::Problem(Box::new(problem));
    }
    let code = match status {
        401 => Code::Unauthenticated,
        403 => Code::Forbidden,
        404 => Code::NotFound,
        408 => Code::Timeout,
        413 => Code::TooLarge,
        429 => Code::RateLimited,
        500 => Code::Internal,
        501..=599 => Code::Unavailable,
        _ => return Lost::Nonsense,
    };
    Lost::Problem(Box::new(Problem::new(code, "")))
}

/// Why a login or a registration, signed at this time, was refused.
pub(crate) fn of_signed(lost: Lost, signed: u64) -> Error {
    if let Lost::Problem(problem) = &lost
        && problem.code == Code::ClockSkew
    {
        let theirs = problem.time.unwrap_or(signed);
        return Error::ClockSkew { seconds: signed.cast_signed().saturating_sub_unsigned(theirs) };
    }
    lost.into()
}

/// Why there is no blob.
pub(crate) fn of_blob(lost: Lost) -> Error {
    if lost.is(Code::NotFound) {
        Error::FileGone
    } else if lost.is(Code::RangeNotSatisfiable) {
        Error::FileDamaged
    } else {
        lost.into()
    }
}

pub(crate) fn json(value: &impl Serialize) -> Body {
    // All that is sent is plain structs: there is nothing in them that JSON does not have.
    Body::Json(serde_json::to_vec(value).unwrap_or_default().into())
}

/// How many objects and lists an answer may have: many more than any needs.
const MAX_NESTED: usize = 128;

pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Lost> {
    // What is passed over may nest, and reading it must not exhaust the stack.
    if body.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > MAX_NESTED {
        return Err(Lost::Nonsense);
    }
    // Unescaping makes no string longer. (Pairs of surrogates are not read: a relay writes UTF-8 as it is.)
    let mut unescaped = vec![0; body.len()];
    let parsed = serde_json_core::from_slice_escaped(body, &mut unescaped);
    parsed.map(|(value, _)| value).map_err(|_| Lost::Nonsense)
}

/// A token, while it lasts; sealed in the store, so that the next start needs no login.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Token {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(uint64, tag = "2")]
    expires: u64,
}

impl Drop for Token {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.text);
    }
}

impl Token {
    pub(crate) fn of(session: &Session) -> Self {
        Self { text: session.token.to_string(), expires: session.expires }
    }

    /// As it goes into a header.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn lasts(&self, now: Timestamp) -> bool {
        self.expires > now.seconds().saturating_add(SPARE)
    }

    /// Where a profile keeps it.
    pub(crate) fn place() -> Key {
        Collection::new(DRIVERS[0]).at(0)
    }

    pub(crate) fn keep(&self, batch: &mut Batch) {
        batch.put(Self::place(), self.encode_to_vec());
    }
}

/// A driver's own records, which the engine does not know.
pub(crate) const DRIVERS: [&str; 2] = ["native/token", "native/uploads"];

/// Those do not belong to a restored profile: its token may be another's by now.
pub(crate) fn forget_drivers(batch: &mut Batch) {
    for name in DRIVERS {
        batch.remove_range(Collection::new(name), 0, u64::MAX);
    }
}

#[cfg(test)]
mod tests;
