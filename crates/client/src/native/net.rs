//! Calls to the relay, with the token that they need.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use bytes::Bytes;
use hyper::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sprag_api::directory::{Account, KeyCounts, OpenSession, Register, Session};
use sprag_api::problem::{Code, Problem};
use sprag_store::{Batch, Collection, Key, Profile, Store};
use tokio::sync::{Mutex, Semaphore, mpsc};

use super::desk::{Desk, Order, ask, put};
use super::http::{Ask, Body, Http, Lost};
use super::{Error, clock};
use crate::effects::Call;
use crate::input::{Answer, Failure};

/// How many calls of the engine are under way at once.
const AT_ONCE: usize = 8;
/// A token that ends within so many seconds is not used any more.
const SPARE: u64 = 60;

/// A relay, as this device may use it.
pub(super) struct Net {
    pub(super) http: Http,
    offline: bool,
    orders: mpsc::WeakSender<Order>,
    token: Mutex<Option<Arc<Token>>>,
    prekeys: StdMutex<Option<KeyCounts>>,
    permits: Semaphore,
}

/// A token, while it lasts; sealed in the store, so that the next start needs no login.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Token {
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
    fn of(session: &Session) -> Self {
        Self { text: session.token.to_string(), expires: session.expires }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn lasts(&self) -> bool {
        self.expires > clock::now().seconds().saturating_add(SPARE)
    }
}

fn place() -> Key {
    Collection::new("native/token").at(0)
}

/// The token that a profile holds.
pub(super) fn kept_token<S: Store>(profile: &mut Profile<S>) -> Option<Token> {
    // One that cannot be read is got anew.
    let value = profile.read(&place()).ok()??;
    prost::Message::decode(&value[..]).ok()
}

impl Net {
    pub(super) fn new(
        http: Http,
        offline: bool,
        orders: mpsc::WeakSender<Order>,
        token: Option<Token>,
    ) -> Self {
        Self {
            http,
            offline,
            orders,
            token: Mutex::new(token.map(Arc::new)),
            prekeys: StdMutex::new(None),
            permits: Semaphore::new(AT_ONCE),
        }
    }

    /// How many one-time prekeys the relay had left when it was last asked.
    pub(super) fn prekeys(&self) -> Option<KeyCounts> {
        *self.prekeys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what the engine asks for.
    pub(super) async fn answer(&self, call: Call) -> Result<Answer, Failure> {
        if self.offline {
            return Err(Failure::Unreachable);
        }
        let _permit = self.permits.acquire().await.map_err(|_| Failure::Unreachable)?;
        match call {
            Call::Lookup(name) => self.lookup(name.as_str()).await.map(Answer::Account),
            Call::Claim(name) => {
                let path = format!("/v1/keys/{name}/claim");
                self.ask(Method::POST, &path, Body::None).await.map(Answer::Claimed)
            }
            Call::Publish(keys) => {
                let counts = self.ask(Method::PUT, "/v1/keys", json(&keys)).await;
                counts.map(|counts| self.counted(counts))
            }
            Call::CountKeys => {
                let counts = self.ask(Method::GET, "/v1/keys", Body::None).await;
                counts.map(|counts| self.counted(counts))
            }
            Call::PutDevices(list) => {
                let own = self.desk(|desk| desk.engine().account().clone()).await;
                let own = own.map_err(|_| Failure::Unreachable)?;
                let path = format!("/v1/accounts/{own}/devices");
                self.send(Method::PUT, &path, json(&list)).await.map(|_| Answer::Done)
            }
        }
        .map_err(|refusal| match refusal {
            Refusal::Lost(Lost::Problem(problem)) => Failure::Problem(problem),
            Refusal::Lost(_) | Refusal::NoToken(_) => Failure::Unreachable,
        })
    }

    fn counted(&self, counts: KeyCounts) -> Answer {
        *self.prekeys.lock().unwrap_or_else(PoisonError::into_inner) = Some(counts);
        Answer::Counts(counts)
    }

    /// With the token, where there is one: a device that is not part of its account yet has none.
    async fn lookup(&self, name: &str) -> Result<Account, Refusal> {
        let path = format!("/v1/accounts/{name}");
        if self.token.lock().await.is_some() {
            return self.ask(Method::GET, &path, Body::None).await;
        }
        self.look_up(name).await.map_err(Refusal::Lost)
    }

    /// Looks an account up without a token.
    pub(super) async fn look_up(&self, name: &str) -> Result<Account, Lost> {
        let path = format!("/v1/accounts/{name}");
        let ask = Ask { method: Method::GET, path: &path, token: None, body: Body::None };
        parse(&self.http.call(ask).await?)
    }

    /// A call with a token, and its answer.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<T, Refusal> {
        parse(&self.send(method, path, body).await?).map_err(Refusal::Lost)
    }

    /// A call with a token. A token that opens nothing any more is replaced, once.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Bytes, Refusal> {
        let token = self.token().await.map_err(Refusal::NoToken)?;
        let ask = |token: &Arc<Token>| {
            let (method, token, body) = (method.clone(), Arc::clone(token), body.clone());
            async move { self.http.call(Ask { method, path, token: Some(token.text()), body }).await }
        };
        match ask(&token).await {
            Err(Lost::Problem(problem)) if problem.code == Code::Unauthenticated => {
                self.forget(&token).await;
                let token = self.token().await.map_err(Refusal::NoToken)?;
                ask(&token).await.map_err(Refusal::Lost)
            }
            outcome => outcome.map_err(Refusal::Lost),
        }
    }

    /// The token: the one that is there, or a new one.
    pub(super) async fn token(&self) -> Result<Arc<Token>, Error> {
        if self.offline {
            return Err(Error::Offline);
        }
        // Held all the while, so that nobody else logs in at the same time.
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.lasts()) {
            return Ok(Arc::clone(token));
        }
        let login = self.desk(Desk::login).await?.ok_or(Error::Removed)?;
        let session = self.log_in(&login).await.map_err(|lost| of_login(lost, &login))?;
        let token = Arc::new(Token::of(&session));
        *kept = Some(Arc::clone(&token));
        drop(kept);
        self.keep(&token).await;
        Ok(token)
    }

    async fn log_in(&self, login: &OpenSession) -> Result<Session, Lost> {
        let body = json(login);
        let ask = Ask { method: Method::POST, path: "/v1/sessions", token: None, body };
        parse(&self.http.call(ask).await?)
    }

    /// Registers the account; its token is there then.
    pub(super) async fn register(&self, register: &Register) -> Result<(), Lost> {
        let body = json(register);
        let ask = Ask { method: Method::POST, path: "/v1/accounts", token: None, body };
        let session: Session = parse(&self.http.call(ask).await?)?;
        let token = Arc::new(Token::of(&session));
        *self.token.lock().await = Some(Arc::clone(&token));
        self.keep(&token).await;
        Ok(())
    }

    /// This token opens nothing any more.
    pub(super) async fn forget(&self, token: &Arc<Token>) {
        let mut kept = self.token.lock().await;
        if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, token)) {
            *kept = None;
        }
    }

    /// Whatever token there is, it opens nothing any more.
    pub(super) async fn forget_all(&self) {
        *self.token.lock().await = None;
    }

    async fn keep(&self, token: &Token) {
        let token = token.clone();
        let keep = move |desk: &mut Desk| {
            let mut batch = Batch::new();
            put(&mut batch, place(), &token);
            // Where it cannot be kept, the next start logs in.
            let _ = desk.keep(&batch);
        };
        let _ = self.desk(keep).await;
    }

    /// Asks the desk.
    pub(super) async fn desk<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Desk) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let orders = self.orders.upgrade().ok_or(Error::Closed)?;
        ask(&orders, what).await
    }
}

/// Why a call with a token has no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is no token to be had.
    NoToken(Error),
    /// The call itself.
    Lost(Lost),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoToken(error) => error,
            Refusal::Lost(lost) => lost.into(),
        }
    }
}

impl Refusal {
    /// The problem, where the relay refuses.
    pub(super) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Lost(Lost::Problem(problem)) => Some(problem),
            Self::Lost(_) | Self::NoToken(_) => None,
        }
    }
}

/// Why a login, or a registration, was refused.
fn of_login(lost: Lost, login: &OpenSession) -> Error {
    of_signed(lost, login.login.time)
}

/// The same, of something signed at this time.
pub(super) fn of_signed(lost: Lost, signed: u64) -> Error {
    if let Lost::Problem(problem) = &lost
        && problem.code == Code::ClockSkew
    {
        let theirs = problem.time.unwrap_or(signed);
        return Error::ClockSkew { seconds: signed.cast_signed().saturating_sub_unsigned(theirs) };
    }
    lost.into()
}

pub(super) fn json(value: &impl Serialize) -> Body {
    // All that is sent is plain structs: there is nothing in them that JSON does not have.
    Body::Json(serde_json::to_vec(value).unwrap_or_default().into())
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Lost> {
    serde_json::from_slice(body).map_err(|_| Lost::Nonsense)
}
