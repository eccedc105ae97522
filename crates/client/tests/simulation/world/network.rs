//! Wires and calls: what is on its way between devices and the relay.

use std::collections::VecDeque;

use sprag_api::directory::{OpenSession, Register};
use sprag_api::frame::{Hello, Receipt, from_relay, to_relay};
use sprag_api::problem::{Code, Problem};
use sprag_client::{Answer, Call, CallId, Failure, Input};

use super::World;
use crate::device::Link;
use crate::relay::Token;

/// A socket: what is on its way in both directions, each in its order.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) device: usize,
    pub(super) up: VecDeque<to_relay::Frame>,
    pub(super) down: VecDeque<from_relay::Frame>,
}

/// A call on its way.
pub(super) struct Pending {
    pub(super) device: usize,
    life: u64,
    request: Request,
    answer: Option<Result<Came, Failure>>,
}

pub(crate) enum Request {
    Register(Box<Register>),
    Login(Box<OpenSession>),
    Engine(CallId, Call, Option<Token>),
}

enum Came {
    Token(Token),
    Answer(Answer),
}

impl Pending {
    pub(super) fn new(device: usize, life: u64, request: Request) -> Self {
        Self { device, life, request, answer: None }
    }
}

impl World {
    pub(super) fn wire_of(&self, index: usize) -> Option<u64> {
        self.wires.iter().find(|(_, wire)| wire.device == index).map(|(id, _)| *id)
    }

    /// A device tries to connect.
    pub(crate) fn connect(&mut self, index: usize) -> bool {
        let device = &mut self.devices[index];
        if device.off || !matches!(device.link, Link::Down) {
            return false;
        }
        let now = device.now(self.now);
        let request = if let Some(register) = device.engine.registration(now, &mut self.rng) {
            Request::Register(Box::new(register))
        } else if let Some(login) = device.engine.login(now, &mut self.rng) {
            Request::Login(Box::new(login))
        } else {
            return false;
        };
        device.link = Link::Knocking;
        self.calls.push(Pending::new(index, device.life, request));
        true
    }

    /// One call goes a step on: to the relay, or its answer back.
    pub(crate) fn step_call(&mut self, which: usize) -> bool {
        if self.calls.is_empty() {
            return false;
        }
        let which = which % self.calls.len();
        if self.calls[which].answer.is_none() {
            self.do_call(which);
        } else {
            let pending = self.calls.remove(which);
            self.answer(pending);
        }
        true
    }

    /// The relay does what it is asked for, perhaps not for the first time.
    pub(crate) fn do_call(&mut self, which: usize) {
        if self.calls.is_empty() {
            return;
        }
        let which = which % self.calls.len();
        let (relay, now) = (&mut self.relay, self.now);
        let pending = &mut self.calls[which];
        let came = match &pending.request {
            _ if !self.reachable => Err(Failure::Unreachable),
            Request::Register(register) => {
                relay.register(register, now).map(Came::Token).map_err(refused)
            }
            Request::Login(login) => relay.login(login, now).map(Came::Token).map_err(refused),
            Request::Engine(_, call, token) => {
                relay.call(token.as_ref(), call, now).map(Came::Answer).map_err(refused)
            }
        };
        pending.answer = Some(came);
        self.relay_speaks();
    }

    /// The answer is lost, or the request before it was done.
    pub(crate) fn lose_call(&mut self, which: usize) {
        if !self.calls.is_empty() {
            let which = which % self.calls.len();
            self.calls[which].answer = Some(Err(Failure::Unreachable));
        }
    }

    /// The relay does not do it, and says so.
    pub(crate) fn refuse_call(&mut self, which: usize, code: Code) {
        if self.calls.is_empty() {
            return;
        }
        let which = which % self.calls.len();
        let pending = &mut self.calls[which];
        if pending.answer.is_none() {
            pending.answer = Some(Err(refused(Problem::new(code, "").after(5))));
        }
    }

    fn answer(&mut self, pending: Pending) {
        let Pending { device: index, life, request, answer } = pending;
        let device = &mut self.devices[index];
        let Some(answer) = answer.filter(|_| device.life == life && !device.off) else { return };
        match (request, answer) {
            (Request::Engine(call, ..), answer) => {
                let result = answer.map(|came| match came {
                    Came::Answer(answer) => answer,
                    Came::Token(_) => unreachable!("an engine does not log in"),
                });
                self.tell(index, Input::Answer { call, result });
            }
            (Request::Register(_), Ok(Came::Token(token))) => self.registered(index, token),
            (Request::Login(_), Ok(Came::Token(token))) => {
                if device.engine.is_ready() || device.engine.link_code().is_some() {
                    self.open(index, token);
                } else {
                    self.registered(index, token);
                }
            }
            (_, Ok(Came::Answer(_))) => unreachable!("a login gives a token"),
            (Request::Register(_), Err(Failure::Problem(problem)))
                if problem.code == Code::NameTaken =>
            {
                let now = device.now(self.now);
                let login = device.engine.login(now, &mut self.rng).unwrap();
                let request = Request::Login(Box::new(login));
                self.calls.push(Pending::new(index, life, request));
            }
            (Request::Login(_), Err(Failure::Problem(problem)))
                if problem.code == Code::BadSignature =>
            {
                device.link = Link::Down;
                if let Ok(account) = self.relay.look_up(&device.account) {
                    self.tell(index, Input::LoginRefused(Box::new(account)));
                }
            }
            (_, Err(_)) => device.link = Link::Down,
        }
    }

    fn registered(&mut self, index: usize, token: Token) {
        let life = self.devices[index].life;
        self.tell(index, Input::Registered);
        if self.devices[index].life == life {
            self.open(index, token);
        }
    }

    fn open(&mut self, index: usize, token: Token) {
        let device = &mut self.devices[index];
        let id = self.next_wire;
        self.next_wire += 1;
        if !self.reachable || self.relay.open(id, token.clone(), self.now).is_err() {
            device.link = Link::Down;
            return;
        }
        device.token = Some(token);
        device.link = Link::Up(id);
        let hello = Hello { counter: device.engine.counter(), send_only: false };
        let up = [to_relay::Frame::Hello(hello)].into();
        self.wires.insert(id, Wire { device: index, up, down: VecDeque::new() });
    }

    /// The relay's words get onto the wires.
    pub(crate) fn relay_speaks(&mut self) {
        while let Some((id, frame)) = self.relay.take_out() {
            if let Some(wire) = self.wires.get_mut(&id) {
                wire.down.push_back(frame);
            }
        }
    }

    /// The next frame of a wire reaches the relay.
    pub(crate) fn step_up(&mut self, which: usize) -> bool {
        let busy = self.wires.iter().filter(|(_, wire)| !wire.up.is_empty());
        let ids: Vec<u64> = busy.map(|(id, _)| *id).collect();
        let Some(id) = pick(&ids, which) else { return false };
        let wire = self.wires.get_mut(&id).unwrap();
        if let Some(frame) = wire.up.pop_front() {
            self.relay.hear(id, frame, self.now);
        }
        self.relay_speaks();
        true
    }

    /// A message was stored, without a device whose mailbox was full, and its sender has not heard so: it
    /// sends it again, hears that it was stored, and nobody knows that a device has not got it. The API
    /// has no answer to that.
    fn excuse(&mut self, index: usize, receipt: &Receipt) {
        let device = &self.devices[index];
        let who = (device.account.clone(), device.device().unwrap());
        let text = device.log.sent.get(&receipt.number).cloned();
        let numbers = self.relay.mailbox(&who).map(|mailbox| &mailbox.numbers);
        let left_out = numbers.and_then(|numbers| numbers.left_out.get(&receipt.number)).cloned();
        let (Some(text), Some(left_out)) = (text, left_out) else { return };
        let Some((_, message)) = self.ledger.of(&text) else { return };
        let to = message.to.clone();
        for (reader, device) in self.devices.iter().enumerate() {
            if device.account == to && device.device().is_some_and(|id| left_out.contains(&id)) {
                self.ledger.excuse(&text, reader);
            }
        }
    }

    /// The next frame of a wire reaches the device.
    pub(crate) fn step_down(&mut self, which: usize) -> bool {
        let busy = self.wires.iter().filter(|(_, wire)| !wire.down.is_empty());
        let ids: Vec<u64> = busy.map(|(id, _)| *id).collect();
        let Some(id) = pick(&ids, which) else { return false };
        let wire = self.wires.get_mut(&id).unwrap();
        let index = wire.device;
        let Some(frame) = wire.down.pop_front() else { return false };
        if let from_relay::Frame::Accepted(accepted) = &frame {
            for receipt in accepted.receipts.iter().filter(|receipt| receipt.duplicate) {
                self.excuse(index, receipt);
            }
        }
        let closing = if let from_relay::Frame::Closing(closing) = &frame {
            Some(closing.code.clone())
        } else {
            None
        };
        let input = if let from_relay::Frame::Welcome(welcome) = frame {
            Input::Welcome(welcome)
        } else {
            Input::Frame(frame)
        };
        self.tell(index, input);
        if let Some(code) = closing {
            self.devices[index].token = None;
            self.hang_up(index);
            if code == Code::TakenOver.as_str() {
                self.devices[index].link = Link::Ousted;
            }
        }
        true
    }

    /// A wire breaks; what was on its way up may still arrive.
    pub(crate) fn break_wire(&mut self, which: usize) {
        let ids: Vec<u64> = self.wires.keys().copied().collect();
        if let Some(id) = pick(&ids, which) {
            if which.is_multiple_of(3) {
                self.drain_up(id);
            }
            let index = self.wires[&id].device;
            self.hang_up(index);
        }
    }

    fn drain_up(&mut self, id: u64) {
        while let Some(frame) = self.wires.get_mut(&id).and_then(|wire| wire.up.pop_front()) {
            self.relay.hear(id, frame, self.now);
        }
        self.relay_speaks();
    }

    /// The device's wire is gone, for both.
    pub(crate) fn hang_up(&mut self, index: usize) {
        let Some(id) = self.wire_of(index) else { return };
        let drains = self.wires[&id].up.len() % 2 == 1;
        if drains {
            self.drain_up(id);
        }
        self.wires.remove(&id);
        self.relay.close(id);
        if matches!(self.devices[index].link, Link::Up(up) if up == id) {
            self.devices[index].link = Link::Down;
            self.tell(index, Input::Disconnected);
        }
    }

    /// The relay ends and starts again; what it has stored stays.
    pub(crate) fn restart_relay(&mut self) {
        self.relay.restart();
        for index in 0..self.devices.len() {
            self.hang_up(index);
        }
    }
}

fn pick(ids: &[u64], which: usize) -> Option<u64> {
    ids.get(which % ids.len().max(1)).copied()
}

fn refused(problem: Problem) -> Failure {
    Failure::Problem(Box::new(problem))
}
