//! Calls: which wait, which are under way, and the token that they need.

use std::collections::VecDeque;
use std::mem;

use rand_core::CryptoRng;
use sprag_api::directory::{KeyCounts, Session};
use sprag_api::problem::Code;

use super::action::{Action, Value};
use super::line::State;
use super::{Driver, seconds};
use crate::effects::{Call, CallId, Refusal};
use crate::error::Error;
use crate::exchange::{Ask, Kind, Lost, Token, of_signed, parse, refusal};
use crate::input::{Answer, Failure, Input, Ticket};
use crate::retry::ANSWER_WITHIN;
use crate::sorted::Map;

/// How many calls of the engine are under way at once.
const AT_ONCE: usize = 8;

/// What an answer is for.
pub(super) enum For {
    Registration { signed: u64 },
    Login { signed: u64 },
    WhoAreWe(Error),
    Engine { generation: u64, call: CallId, kind: Kind },
    Leaving(Ticket),
    File(u64),
}

/// A call.
struct Out {
    what: For,
    ask: Ask,
    /// Whether it needs a token, and the one that it has.
    signed: bool,
    token: Option<String>,
    /// Whether its token opened nothing once already.
    again: bool,
}

/// The calls of a driver.
#[derive(Default)]
pub(super) struct Calls {
    next: u64,
    out: Map<u64, Out>,
    waiting: VecDeque<Out>,
    pub(super) token: Option<Token>,
    logging_in: bool,
    pub(super) prekeys: Option<KeyCounts>,
}

impl Calls {
    /// The token, where it still lasts.
    pub(super) fn token(&self, now: u64) -> Option<&Token> {
        self.token.as_ref().filter(|token| token.lasts(seconds(now)))
    }

    /// What waits and what is under way for files is nobody's any more.
    pub(super) fn forget_file(&mut self, transfer: u64) {
        let of_it = |out: &Out| matches!(out.what, For::File(of) if of == transfer);
        self.waiting.retain(|out| !of_it(out));
        self.out.retain(|_, out| !of_it(out));
    }

    /// Forgets everything but the token.
    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.waiting.clear();
        self.logging_in = false;
    }
}

impl Driver {
    /// A call of the engine.
    pub(super) fn engine_asks(&mut self, call: CallId, what: &Call) {
        let Some(engine) = &self.engine else { return };
        if matches!(self.line.state, State::Offline) {
            self.inputs.push_back(Input::Answer { call, result: Err(Failure::Unreachable) });
            return;
        }
        // Looking up goes without a token too: a device that is not part of its account yet has none.
        let signed = !matches!(what, Call::Lookup(_)) || self.calls.token.is_some();
        let ask = Ask::of(what, engine.account());
        let generation = self.generation;
        self.ask(For::Engine { generation, call, kind: Kind::of(what) }, ask, signed);
    }

    pub(super) fn ask(&mut self, what: For, ask: Ask, signed: bool) {
        let out = Out { what, ask, signed, token: None, again: false };
        self.calls.waiting.push_back(out);
    }

    /// Sends what waits, as far as there is room and a token.
    pub(super) fn send_calls<R: CryptoRng>(&mut self, now: u64, rng: &mut R) {
        for mut out in mem::take(&mut self.calls.waiting) {
            let of_engine = |out: &Out| matches!(out.what, For::Engine { .. });
            let full = self.calls.out.values().filter(|out| of_engine(out)).count() >= AT_ONCE;
            if full && of_engine(&out) {
                self.calls.waiting.push_back(out);
                continue;
            }
            if out.signed {
                let Some(token) = self.calls.token(now) else {
                    self.calls.waiting.push_back(out);
                    self.log_in(now, rng);
                    continue;
                };
                out.token = Some(token.text().to_owned());
            }
            self.send(out);
        }
    }

    fn send(&mut self, out: Out) {
        let request = self.calls.next;
        self.calls.next += 1;
        let (ask, token) = (out.ask.clone(), out.token.clone());
        self.calls.out.insert(request, out);
        self.actions.push(Action::Request { request, ask, token, within: ANSWER_WITHIN });
    }

    /// Asks for a token, where nobody does already.
    pub(super) fn log_in<R: CryptoRng>(&mut self, now: u64, rng: &mut R) {
        let Some(engine) = &self.engine else { return };
        if self.calls.logging_in {
            return;
        }
        let Some(login) = engine.login(seconds(now), rng) else {
            return self.no_token(&Error::Removed, now, rng);
        };
        self.calls.logging_in = true;
        let what = For::Login { signed: login.login.time };
        let ask = Ask::log_in(&login);
        self.send(Out { what, ask, signed: false, token: None, again: false });
    }

    /// A call has an answer; a status of 0 is none.
    pub(super) fn take_answer<R: CryptoRng>(
        &mut self,
        request: u64,
        (status, body): (u16, Vec<u8>),
        now: u64,
        rng: &mut R,
    ) {
        let Some(mut out) = self.calls.out.remove(&request) else { return };
        let result = match status {
            0 => Err(Lost::NoAnswer),
            200..300 => Ok(body),
            _ => Err(refusal(status, &body)),
        };
        if let (Err(lost), Some(used)) = (&result, &out.token)
            && lost.is(Code::Unauthenticated)
        {
            // It opens nothing any more.
            self.calls.token.take_if(|token| token.text() == used);
            if !out.again {
                (out.again, out.token) = (true, None);
                self.calls.waiting.push_front(out);
                return;
            }
        }
        match out.what {
            For::Registration { signed } => self.registered(result, signed, now, rng),
            For::Login { signed } => self.logged_in(result, signed, now, rng),
            For::WhoAreWe(otherwise) => self.who_we_are(result, otherwise, now, rng),
            For::Engine { generation, call, kind } if generation == self.generation => {
                let result = result.and_then(|body| kind.read(&body)).map_err(Failure::from);
                if let Ok(Answer::Counts(counts)) = result {
                    self.calls.prekeys = Some(counts);
                }
                self.inputs.push_back(Input::Answer { call, result });
            }
            For::Engine { .. } => {}
            For::Leaving(ticket) => self.left(ticket, result, now, rng),
            For::File(transfer) => self.file_answered(transfer, (status, result), now),
        }
    }

    /// Takes the account from the relay.
    pub(super) fn delete_account(&mut self, ticket: Ticket) {
        let Some(engine) = &self.engine else {
            return self.answer(ticket, Err(Refusal::NotReady.into()));
        };
        if matches!(self.line.state, State::Offline) {
            return self.answer(ticket, Err(Error::Offline));
        }
        self.ask(For::Leaving(ticket), Ask::leave(engine.account()), true);
    }

    fn left<R: CryptoRng>(
        &mut self,
        ticket: Ticket,
        result: Result<Vec<u8>, Lost>,
        now: u64,
        rng: &mut R,
    ) {
        match result {
            Ok(_) => {
                self.answer(ticket, Ok(Value::Done));
                self.broken(Error::AccountGone.into(), now, rng);
            }
            Err(lost) => self.answer(ticket, Err(lost.into())),
        }
    }

    fn logged_in<R: CryptoRng>(
        &mut self,
        result: Result<Vec<u8>, Lost>,
        signed: u64,
        now: u64,
        rng: &mut R,
    ) {
        self.calls.logging_in = false;
        match result.and_then(|body| parse::<Session>(&body)) {
            Ok(session) => self.has_token(&session),
            Err(lost) => self.no_token(&of_signed(lost, signed), now, rng),
        }
    }

    pub(super) fn has_token(&mut self, session: &Session) {
        let token = Token::of(session);
        token.keep(&mut self.effects.commit);
        self.calls.token = Some(token);
        self.line.fresh = true;
        if mem::take(&mut self.line.taken) {
            self.inputs.push_back(Input::Registered);
        }
    }

    /// There is no token to be had: whatever waits for one gets no answer.
    fn no_token<R: CryptoRng>(&mut self, why: &Error, now: u64, rng: &mut R) {
        for out in mem::take(&mut self.calls.waiting) {
            match out.what {
                For::Engine { generation, call, .. } if generation == self.generation => {
                    let result = Err(Failure::Unreachable);
                    self.inputs.push_back(Input::Answer { call, result });
                }
                For::File(transfer) => self.file_failed(transfer, why.clone(), now),
                For::Leaving(ticket) => self.answer(ticket, Err(why.clone())),
                For::Engine { .. } => {}
                For::Registration { .. } | For::Login { .. } | For::WhoAreWe(_) => {
                    self.calls.waiting.push_back(out);
                }
            }
        }
        self.line_has_no_token(why.clone(), now, rng);
    }
}
