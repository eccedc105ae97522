//! The connection: made, kept, made again.

use std::mem;

use rand_core::CryptoRng;
use sprag_api::directory::{Account, Session};
use sprag_api::frame::{
    Acknowledge, FromRelay, Hello, Message as _, ToRelay, from_relay::Frame, to_relay,
};
use sprag_api::problem::Code;

use super::action::{Action, Connection};
use super::calls::For;
use super::{Driver, millis, seconds};
use crate::error::Error;
use crate::exchange::{Ask, Lost, of_signed, parse};
use crate::input::Input;
use crate::retry::{
    ANSWER_WITHIN, Broken, HELD, SILENCE, closed_by_relay, is_final, is_listed, pause,
};

/// Where the connection stands. Times are in milliseconds since 1970.
pub(super) enum State {
    /// It was told not to connect.
    Offline,
    /// To be begun, or a new device waits to be signed in.
    Idle,
    /// The relay is asked to take the account.
    Registering,
    /// A token is needed, or the relay is asked who we are to it.
    Token,
    /// The socket is being opened.
    Opening {
        socket: u64,
        until: u64,
    },
    /// Its first word is awaited.
    Greeting {
        socket: u64,
        until: u64,
    },
    /// It is there; when something was last heard, and when the relay was asked to say something.
    Online {
        socket: u64,
        heard: u64,
        asked: Option<u64>,
    },
    Waiting {
        until: u64,
    },
    Ended,
}

/// The connection of a driver.
pub(super) struct Line {
    pub(super) state: State,
    /// How it is shown.
    pub(super) shown: Connection,
    failures: u32,
    began: u64,
    /// Whether the token was given since this attempt began.
    pub(super) fresh: bool,
    /// Whether the name is taken, perhaps by ourselves: a login tells.
    pub(super) taken: bool,
    /// Whether a registration was sent whose answer never came.
    pub(super) unsure: bool,
    sockets: u64,
}

impl Line {
    pub(super) fn new(offline: bool) -> Self {
        let state = if offline { State::Offline } else { State::Idle };
        let shown = if offline { Connection::Offline } else { Connection::Connecting };
        let (failures, began, sockets) = (0, 0, 0);
        Self { state, shown, failures, began, fresh: false, taken: false, unsure: false, sockets }
    }

    fn socket(&self) -> Option<u64> {
        match self.state {
            State::Opening { socket, .. }
            | State::Greeting { socket, .. }
            | State::Online { socket, .. } => Some(socket),
            State::Offline
            | State::Idle
            | State::Registering
            | State::Token
            | State::Waiting { .. }
            | State::Ended => None,
        }
    }

    /// The socket that frames go out on.
    pub(super) fn online(&self) -> Option<u64> {
        if let State::Online { socket, .. } = self.state { Some(socket) } else { None }
    }

    /// When it has something to do next.
    pub(super) fn wake_at(&self) -> Option<u64> {
        match self.state {
            State::Opening { until, .. }
            | State::Greeting { until, .. }
            | State::Waiting { until } => Some(until),
            State::Online { asked: Some(asked), .. } => Some(after(asked, ANSWER_WITHIN)),
            State::Online { heard, asked: None, .. } => Some(after(heard, SILENCE)),
            State::Offline | State::Idle | State::Registering | State::Token | State::Ended => None,
        }
    }
}

fn after(moment: u64, time: std::time::Duration) -> u64 {
    moment.saturating_add(millis(time))
}

impl Driver {
    /// Goes on with the connection, as far as that can be done now.
    pub(super) fn go_on_with_line<R: CryptoRng>(&mut self, now: u64, rng: &mut R) {
        match &mut self.line.state {
            State::Idle => self.connect(now, rng),
            State::Token => self.open_socket(now, rng),
            State::Waiting { until } if *until <= now => self.connect(now, rng),
            State::Opening { until, .. } | State::Greeting { until, .. } if *until <= now => {
                self.broken(Error::Unreachable.into(), now, rng);
            }
            State::Online { asked: Some(asked), .. } if after(*asked, ANSWER_WITHIN) <= now => {
                self.broken(Error::Unreachable.into(), now, rng);
            }
            State::Online { heard, asked: asked @ None, .. } if after(*heard, SILENCE) <= now => {
                *asked = Some(now);
                // A browser sends no pings; this the relay answers, and it changes nothing.
                self.write(to_relay::Frame::Acknowledge(Acknowledge { through: 0 }));
            }
            State::Offline
            | State::Registering
            | State::Opening { .. }
            | State::Greeting { .. }
            | State::Online { .. }
            | State::Waiting { .. }
            | State::Ended => {}
        }
    }

    fn connect<R: CryptoRng>(&mut self, now: u64, rng: &mut R) {
        let Some(engine) = &self.engine else { return };
        if engine.is_removed() {
            return self.broken(Error::Removed.into(), now, rng);
        }
        if engine.device().is_none() {
            self.line.state = State::Idle;
            return self.show_connection(Connection::Linking);
        }
        self.line.began = now;
        self.line.fresh = false;
        self.line.taken = false;
        self.show_connection(Connection::Connecting);
        let Some(engine) = &self.engine else { return };
        if let Some(register) = engine.registration(seconds(now), rng) {
            self.line.state = State::Registering;
            let what = For::Registration { signed: register.login.time };
            self.ask(what, Ask::register(&register), false);
        } else {
            self.line.state = State::Token;
            self.open_socket(now, rng);
        }
    }

    pub(super) fn registered<R: CryptoRng>(
        &mut self,
        result: Result<Vec<u8>, Lost>,
        signed: u64,
        now: u64,
        rng: &mut R,
    ) {
        if !matches!(self.line.state, State::Registering) {
            return;
        }
        match result.and_then(|body| parse::<Session>(&body)) {
            Ok(session) => {
                self.line.state = State::Token;
                self.line.taken = true;
                self.has_token(&session);
            }
            // It may be ours, and the answer was lost.
            Err(lost) if lost.is(Code::NameTaken) => {
                self.line.state = State::Token;
                self.line.taken = true;
                self.calls.token = None;
            }
            Err(Lost::NoAnswer) => {
                self.line.unsure = true;
                self.broken(Error::Unreachable.into(), now, rng);
            }
            Err(lost) => self.broken(of_signed(lost, signed).into(), now, rng),
        }
    }

    /// With a token the socket is opened; without one the relay is asked for it.
    fn open_socket<R: CryptoRng>(&mut self, now: u64, rng: &mut R) {
        // The engine is to know first that it is registered.
        if !self.inputs.is_empty() {
            return;
        }
        let Some(engine) = &self.engine else { return };
        let Some(token) = self.calls.token(now) else { return self.log_in(now, rng) };
        let protocols = ["sprag.v1".to_owned(), format!("token.{}", token.text())];
        let url = format!("ws{}/v1/socket", engine.origin().as_str().trim_start_matches("http"));
        let socket = self.line.sockets;
        self.line.sockets += 1;
        self.line.state = State::Opening { socket, until: after(now, ANSWER_WITHIN) };
        self.actions.push(Action::Connect { socket, url, protocols });
    }

    /// Where the connection needs a token, it cannot be made.
    pub(super) fn line_has_no_token<R: CryptoRng>(&mut self, why: Error, now: u64, rng: &mut R) {
        if !matches!(self.line.state, State::Token) {
            return;
        }
        let refused = matches!(why, Error::Relay { code: Code::BadSignature, .. });
        match &self.engine {
            Some(_) if refused && self.line.taken => {
                self.broken(Error::NameTaken.into(), now, rng);
            }
            // Because this device was removed, or because the relay does not know the account.
            Some(engine) if refused => {
                self.line.state = State::Registering;
                let ask = Ask::lookup(engine.account().as_str());
                self.ask(For::WhoAreWe(why), ask, false);
            }
            Some(_) | None => self.broken(why.into(), now, rng),
        }
    }

    /// The relay has said what our account is to it.
    pub(super) fn who_we_are<R: CryptoRng>(
        &mut self,
        result: Result<Vec<u8>, Lost>,
        otherwise: Error,
        now: u64,
        rng: &mut R,
    ) {
        let Some(engine) = &self.engine else { return };
        let why = match result.and_then(|body| parse::<Account>(&body)) {
            Err(lost) if lost.is(Code::NotFound) => Error::AccountGone,
            Err(lost) => lost.into(),
            Ok(account) => match is_listed(engine, &account) {
                None => Error::AccountGone,
                Some(true) => otherwise,
                Some(false) => {
                    self.input(Input::LoginRefused(Box::new(account)), now, rng);
                    let removed = self.engine.as_ref().is_some_and(crate::Engine::is_removed);
                    if removed { Error::Removed } else { otherwise }
                }
            },
        };
        self.broken(why.into(), now, rng);
    }

    pub(super) fn socket_opened(&mut self, socket: u64, now: u64) {
        let (State::Opening { socket: ours, .. }, Some(engine)) = (&self.line.state, &self.engine)
        else {
            return;
        };
        if *ours == socket {
            let hello = Hello { counter: engine.counter(), send_only: false };
            self.line.state = State::Greeting { socket, until: after(now, ANSWER_WITHIN) };
            self.write(to_relay::Frame::Hello(hello));
        }
    }

    pub(super) fn socket_said<R: CryptoRng>(
        &mut self,
        socket: u64,
        bytes: &[u8],
        now: u64,
        rng: &mut R,
    ) {
        if self.line.socket() != Some(socket) {
            return;
        }
        let Ok(FromRelay { frame }) = FromRelay::decode(bytes) else {
            return self.broken(Error::NotARelay.into(), now, rng);
        };
        if let Some(Frame::Closing(closing)) = frame {
            if Code::parse(&closing.code) == Some(Code::Unauthenticated) {
                self.calls.token = None;
            }
            return self.broken(closed_by_relay(&closing.code, closing.retry_after), now, rng);
        }
        match (&mut self.line.state, frame) {
            (State::Greeting { .. }, Some(Frame::Welcome(welcome))) => {
                self.line.state = State::Online { socket, heard: now, asked: None };
                self.input(Input::Welcome(welcome), now, rng);
                self.show_connection(Connection::Online);
            }
            (State::Online { heard, asked, .. }, frame) => {
                (*heard, *asked) = (now, None);
                // None is a frame of a later version.
                if let Some(frame) = frame {
                    self.input(Input::Frame(frame), now, rng);
                }
            }
            _ => self.broken(Error::NotARelay.into(), now, rng),
        }
    }

    pub(super) fn socket_closed<R: CryptoRng>(&mut self, socket: u64, now: u64, rng: &mut R) {
        if self.line.socket() != Some(socket) {
            return;
        }
        // A page is not told why a socket does not open: perhaps a token that was kept is not good any more.
        if matches!(self.line.state, State::Opening { .. }) && !self.line.fresh {
            self.calls.token = None;
            self.line.state = State::Token;
            return;
        }
        self.broken(Error::Unreachable.into(), now, rng);
    }

    /// There is no connection, or none any more.
    pub(super) fn broken<R: CryptoRng>(&mut self, broken: Broken, now: u64, rng: &mut R) {
        let Broken { why, retry_after } = broken;
        if let Some(socket) = self.line.socket() {
            self.actions.push(Action::HangUp { socket });
        }
        let held = now.saturating_sub(self.line.began) >= millis(HELD);
        self.line.failures = if held { 1 } else { self.line.failures.saturating_add(1) };
        let was = if is_final(&why) {
            self.show_connection(Connection::Ended(why));
            mem::replace(&mut self.line.state, State::Ended)
        } else {
            let until = after(now, pause(self.line.failures, retry_after, rng));
            self.show_connection(Connection::Waiting { why, until });
            mem::replace(&mut self.line.state, State::Waiting { until })
        };
        if matches!(was, State::Online { .. }) && self.engine.is_some() {
            self.input(Input::Disconnected, now, rng);
        }
    }

    /// Somebody wants a connection now.
    pub(super) fn reconnect_now(&mut self, now: u64) {
        let idle = matches!(self.line.state, State::Waiting { .. } | State::Ended);
        if idle && !self.engine.as_ref().is_some_and(crate::Engine::is_removed) {
            self.line.failures = 0;
            self.line.state = State::Waiting { until: now };
        }
    }

    pub(super) fn show_connection(&mut self, connection: Connection) {
        if self.line.shown != connection {
            self.line.shown.clone_from(&connection);
            self.told.push(Action::Connection(connection));
        }
    }

    pub(super) fn write(&mut self, frame: to_relay::Frame) {
        if let Some(socket) = self.line.socket() {
            let bytes = ToRelay { frame: Some(frame) }.encode_to_vec();
            self.actions.push(Action::Write { socket, bytes });
        }
    }
}
