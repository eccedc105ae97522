//! Calls to the relay, with the token that they need.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use sprag_api::directory::{Account, KeyCounts, OpenSession, Register, Session};
use sprag_api::problem::{Code, Problem};
use sprag_store::{Batch, Profile, Store};
use tokio::sync::{Mutex, Semaphore, mpsc};

use super::desk::{Desk, Order, ask};
use super::http::{Ask, Http};
use super::{Error, clock};
use crate::effects::Call;
use crate::exchange::{Ask as Asked, Body, Kind, Lost, Method, Token, json, of_signed, parse};
use crate::input::{Answer, Failure};

/// How many calls of the engine are under way at once.
const AT_ONCE: usize = 8;

/// A relay, as this device may use it.
pub(super) struct Net {
    pub(super) http: Http,
    offline: bool,
    orders: mpsc::WeakSender<Order>,
    token: Mutex<Option<Arc<Token>>>,
    prekeys: StdMutex<Option<KeyCounts>>,
    permits: Semaphore,
}

/// The token that a profile holds.
pub(super) fn kept_token<S: Store>(profile: &mut Profile<S>) -> Option<Token> {
    // One that cannot be read is got anew.
    let value = profile.read(&Token::place()).ok()??;
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
        if let Call::Lookup(name) = &call {
            return self.lookup(name.as_str()).await.map(Answer::Account).map_err(Failure::from);
        }
        let own = self.desk(|desk| desk.engine().account().clone()).await;
        let ask = Asked::of(&call, &own.map_err(|_| Failure::Unreachable)?);
        let body = self.send(ask.method, &ask.path, ask.body).await?;
        let answer = Kind::of(&call).read(&body)?;
        if let Answer::Counts(counts) = answer {
            *self.prekeys.lock().unwrap_or_else(PoisonError::into_inner) = Some(counts);
        }
        Ok(answer)
    }

    /// With the token, where there is one: a device that is not part of its account yet has none.
    async fn lookup(&self, name: &str) -> Result<Account, Refusal> {
        let path = format!("/v1/accounts/{name}");
        if self.token.lock().await.is_some() {
            return self.ask(Method::Get, &path, Body::None).await;
        }
        self.look_up(name).await.map_err(Refusal::Lost)
    }

    /// Looks an account up without a token.
    pub(super) async fn look_up(&self, name: &str) -> Result<Account, Lost> {
        let path = format!("/v1/accounts/{name}");
        let ask = Ask { method: Method::Get, path: &path, token: None, body: Body::None };
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
            let (token, body) = (Arc::clone(token), body.clone());
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
        if let Some(token) = kept.as_ref().filter(|token| token.lasts(clock::now())) {
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
        let ask = Ask { method: Method::Post, path: "/v1/sessions", token: None, body };
        parse(&self.http.call(ask).await?)
    }

    /// Registers the account; its token is there then.
    pub(super) async fn register(&self, register: &Register) -> Result<(), Lost> {
        let body = json(register);
        let ask = Ask { method: Method::Post, path: "/v1/accounts", token: None, body };
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
            token.keep(&mut batch);
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

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoToken(_) => Self::Unreachable,
            Refusal::Lost(lost) => lost.into(),
        }
    }
}

impl From<Lost> for Refusal {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl Refusal {
    /// The problem, where the relay refuses.
    pub(super) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Lost(lost) => lost.problem(),
            Self::NoToken(_) => None,
        }
    }
}

/// Why a login was refused.
fn of_login(lost: Lost, login: &OpenSession) -> Error {
    of_signed(lost, login.login.time)
}
