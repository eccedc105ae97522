//! A driver over rows in memory and a relay of a few lines.

use std::collections::{BTreeMap, VecDeque};

use chacha20::{ChaCha20Rng, rand_core::SeedableRng};
use serde_json::{Value as Json, json};
use sprag_api::base64::Base64;
use sprag_api::frame::{FromRelay, Message as _, ToRelay, Welcome, from_relay::Frame, to_relay};
use sprag_api::problem::{Code, Problem};

use sprag_store::{CollectionId, RowId};

use super::action::{Connection, Value as Given};
use super::*;
use crate::exchange::{Body, Method};
use crate::history::Search;
use crate::view::Event as What;

/// What there is around a driver.
struct World {
    driver: Driver,
    rng: ChaCha20Rng,
    now: u64,
    rows: BTreeMap<RowId, Vec<u8>>,
    accounts: BTreeMap<String, Json>,
    blob: Option<(u64, Vec<u8>)>,
    /// What the relay answers in place of what it would, one after the other.
    odd: VecDeque<(u16, Vec<u8>)>,
    file: Vec<u8>,
    said: Vec<ToRelay>,
    saved: Vec<u8>,
    answers: BTreeMap<Ticket, Result<Given, Error>>,
    connections: Vec<Connection>,
    calls: Vec<String>,
    commits: usize,
}

fn key(seed: u64) -> StoreKey {
    StoreKey::random(&mut ChaCha20Rng::seed_from_u64(seed))
}

fn problem(code: Code, change: impl FnOnce(&mut Problem)) -> (u16, Vec<u8>) {
    let mut problem = Problem::new(code, "");
    change(&mut problem);
    (problem.status, serde_json::to_vec(&problem).unwrap())
}

impl World {
    fn new(name: &str) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let now = 1_800_000_000_000;
        let names = loading::names("http://relay/", name).unwrap();
        let driver = Driver::register(&key(1), names, (None, false), now, &mut rng);
        Self {
            driver,
            rng,
            now,
            rows: BTreeMap::new(),
            accounts: BTreeMap::new(),
            blob: None,
            odd: VecDeque::new(),
            file: Vec::new(),
            said: Vec::new(),
            saved: Vec::new(),
            answers: BTreeMap::new(),
            connections: Vec::new(),
            calls: Vec::new(),
            commits: 0,
        }
    }

    /// Goes on until nothing is left to do; gives when there is more.
    fn run(&mut self) -> Option<u64> {
        loop {
            match self.driver.poll(self.now, &mut self.rng) {
                Step::Commit(batch) => {
                    assert!(matches!(self.driver.poll(self.now, &mut self.rng), Step::Idle(None)));
                    batch.0.iter().for_each(|change| self.apply(change));
                    self.commits += 1;
                    self.driver.committed();
                }
                Step::Read(reads) => {
                    let found = reads.iter().map(|read| self.read(read)).collect();
                    self.driver.loaded(found).unwrap();
                }
                Step::Act(actions) => actions.into_iter().for_each(|action| self.act(action)),
                Step::Idle(wake_at) => return wake_at,
            }
        }
    }

    fn apply(&mut self, change: &sprag_store::RowChange) {
        use sprag_store::RowChange::{Put, Remove, RemoveRange};
        match change {
            Put { row, value } => drop(self.rows.insert(*row, value.clone())),
            Remove { row } => drop(self.rows.remove(row)),
            RemoveRange { collection, from, to } => self.rows.retain(|row, _| {
                row.collection != *collection || !(*from..=*to).contains(&row.position)
            }),
        }
    }

    fn read(&self, read: &RowRead) -> Rows {
        let copy = |(row, value): (&RowId, &Vec<u8>)| (*row, value.clone());
        match read {
            RowRead::Row(row) => self.rows.get_key_value(row).map(copy).into_iter().collect(),
            RowRead::Range { from, to, newest_first, limit } => {
                let range = self.rows.range(*from..=*to).map(copy);
                if *newest_first {
                    range.rev().take(*limit as usize).collect()
                } else {
                    range.take(*limit as usize).collect()
                }
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Request { request, ask, token, .. } => {
                self.calls.push(format!("{} {}", ask.method.as_str(), ask.path));
                let (status, body) =
                    self.odd.pop_front().unwrap_or_else(|| self.answer(&ask, token.is_some()));
                self.driver.answered(request, status, body);
            }
            Action::Connect { socket, url, protocols } => {
                assert_eq!(url, "ws://relay/v1/socket");
                assert_eq!(protocols[1], "token.dG9rZW4");
                self.driver.opened(socket);
            }
            Action::Write { socket, bytes } => {
                let said = ToRelay::decode(&bytes[..]).unwrap();
                if let Some(to_relay::Frame::Hello(_)) = said.frame {
                    let frame = Some(Frame::Welcome(Welcome { window: 64, ..Welcome::default() }));
                    self.driver.said(socket, FromRelay { frame }.encode_to_vec());
                }
                self.said.push(said);
            }
            Action::Answer { ticket, result } => drop(self.answers.insert(ticket, *result)),
            Action::Connection(connection) => self.connections.push(connection),
            Action::Slice { transfer, from, to, .. } => {
                let (from, to) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
                self.driver.sliced(transfer, Some(self.file[from..to].to_vec().into()));
            }
            Action::Save { bytes, .. } => self.saved.extend(bytes),
            Action::HangUp { .. }
            | Action::Notice(_)
            | Action::CaughtUp
            | Action::Registered
            | Action::StoreFailed(_)
            | Action::Progress { .. }
            | Action::Opened
            | Action::Failed(_) => {}
        }
    }

    fn answer(&mut self, ask: &crate::exchange::Ask, signed: bool) -> (u16, Vec<u8>) {
        let ok = |json: Json| (200, serde_json::to_vec(&json).unwrap());
        let body: Json = match &ask.body {
            Body::Json(json) => serde_json::from_slice(json).unwrap(),
            Body::None | Body::Part(..) | Body::Range(..) => Json::Null,
        };
        let path: Vec<&str> = ask.path.split('/').skip(2).collect();
        assert_eq!(signed, !matches!(path[..], ["accounts" | "sessions"]), "{}", ask.path);
        match (ask.method, &path[..]) {
            (Method::Post, ["accounts"]) => {
                self.accounts.insert(body["name"].as_str().unwrap().into(), body);
                ok(json!({ "token": "dG9rZW4", "expires": self.now / 1000 + 900, "mark": 0 }))
            }
            (Method::Post, ["sessions"]) => {
                ok(json!({ "token": "dG9rZW4", "expires": self.now / 1000 + 900, "mark": 0 }))
            }
            (Method::Get, ["accounts", name]) => match self.accounts.get(*name) {
                Some(account) => ok(json!({ "name": name, "account_key": account["account_key"],
                    "device_list": account["device_list"] })),
                None => problem(Code::NotFound, |_| ()),
            },
            (_, ["keys"]) => ok(json!({ "one_time": 100, "one_time_kem": 100 })),
            (Method::Post, ["blobs"]) => {
                self.blob = Some((body["length"].as_u64().unwrap(), Vec::new()));
                self.blob_state()
            }
            (Method::Get, ["blobs", _, "state"]) => self.blob_state(),
            (Method::Patch, ["blobs", _]) => {
                let Body::Part(part, offset) = &ask.body else { panic!() };
                let (_, stored) = self.blob.as_mut().unwrap();
                if *offset != stored.len() as u64 {
                    let there = stored.len() as u64;
                    return problem(Code::OffsetConflict, |problem| problem.offset = Some(there));
                }
                stored.extend_from_slice(part);
                self.blob_state()
            }
            (Method::Get, ["blobs", _]) => {
                let Body::Range(from, Some(to)) = ask.body else { panic!() };
                let (from, to) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
                (206, self.blob.as_ref().unwrap().1[from..to].to_vec())
            }
            _ => problem(Code::NotFound, |_| ()),
        }
    }

    fn blob_state(&self) -> (u16, Vec<u8>) {
        let (length, stored) = self.blob.as_ref().unwrap();
        let id = Base64::from([5; 16]);
        let json = json!({ "id": id, "length": length, "offset": stored.len(),
            "expires": self.now / 1000 + 1000 });
        (200, serde_json::to_vec(&json).unwrap())
    }

    fn wish(&mut self, wish: Wish) -> Ticket {
        self.driver.wish(wish).unwrap()
    }

    fn done(&mut self, wish: Wish) -> Result<Given, Error> {
        let ticket = self.wish(wish);
        self.run();
        self.answers.remove(&ticket).expect("an answer")
    }

    fn count(&self, call: &str) -> usize {
        self.calls.iter().filter(|made| made.starts_with(call)).count()
    }
}

fn name(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

/// Alice, registered and online, with a relay that knows Bob.
fn alice() -> World {
    let mut bob = World::new("bob");
    bob.run();
    let mut world = World::new("alice");
    world.accounts = bob.accounts;
    world.run();
    assert_eq!(world.connections.last(), Some(&Connection::Online));
    world
}

fn file(length: usize) -> (Outgoing, Vec<u8>) {
    let bytes: Vec<u8> = (0..length).map(|at| (at * 7 % 251).to_le_bytes()[0]).collect();
    let outgoing = Outgoing {
        name: "picture.png".into(),
        media_type: "image/png".into(),
        caption: "look".into(),
        length: length as u64,
        modified: 3,
        id: None,
    };
    (outgoing, bytes)
}

fn send_file(world: &mut World, length: usize) -> Result<Given, Error> {
    let (file, bytes) = file(length);
    world.file = bytes;
    world.done(Wish::SendFile { to: name("bob"), file })
}

#[test]
fn registers_connects_and_goes_on_where_it_was() {
    let mut world = alice();
    assert!(world.driver.engine().unwrap().is_ready());
    assert_eq!(world.count("POST /v1/accounts"), 1);
    assert!(matches!(world.said[0].frame, Some(to_relay::Frame::Hello(_))));

    // Another process, with the same rows: it needs neither a registration nor a login.
    let names = loading::names("http://relay", "alice").unwrap();
    world.driver = Driver::open(&key(1), Some(names), false);
    world.calls.clear();
    world.run();
    assert_eq!(world.connections.last(), Some(&Connection::Online));
    assert_eq!(world.count("POST /v1/accounts") + world.count("POST /v1/sessions"), 0);
}

#[test]
fn a_silent_connection_is_asked_then_given_up_and_made_again() {
    let mut world = alice();
    let said = world.said.len();
    world.now += 61_000;
    world.run();
    assert!(matches!(world.said[said].frame, Some(to_relay::Frame::Acknowledge(_))));
    world.now += 31_000;
    world.run();
    assert!(world.connections.iter().any(|now| matches!(now, Connection::Waiting { .. })));
    world.now += 1;
    world.run();
    assert_eq!(world.connections.last(), Some(&Connection::Online));
}

#[test]
fn a_token_that_opens_nothing_is_replaced_once() {
    let mut world = alice();
    world.odd.push_back(problem(Code::Unauthenticated, |_| ()));
    assert!(matches!(world.done(Wish::Refresh(name("bob"))), Ok(Given::Peer(_))));
    assert_eq!(world.count("POST /v1/sessions"), 1);
    world.odd.extend([
        problem(Code::Unauthenticated, |_| ()),
        (200, br#"{"token": "dG9rZW4", "expires": 1800009999, "mark": 0}"#.to_vec()),
        problem(Code::Unauthenticated, |_| ()),
    ]);
    assert!(world.done(Wish::Refresh(name("bob"))).is_err());
}

#[test]
fn a_name_that_is_taken_ends_it_and_the_profile_is_useless() {
    let mut world = World::new("alice");
    world.odd.push_back(problem(Code::NameTaken, |_| ()));
    world.odd.push_back(problem(Code::BadSignature, |_| ()));
    world.run();
    assert_eq!(world.connections.last(), Some(&Connection::Ended(Error::NameTaken)));
    assert!(world.driver.is_useless());
}

#[test]
fn a_registration_whose_answer_was_lost_is_found_out() {
    let mut world = World::new("alice");
    world.odd.push_back((0, Vec::new()));
    world.run();
    assert!(!world.driver.is_useless(), "the relay may have taken it");
    world.odd.push_back(problem(Code::NameTaken, |_| ()));
    world.now += 1;
    world.run();
    assert_eq!(world.connections.last(), Some(&Connection::Online));
    assert!(world.driver.engine().unwrap().is_ready());
}

#[test]
fn a_file_goes_out_and_comes_back() {
    for length in [1, 65_535, 65_536, 65_537, 3_000_000] {
        let mut world = alice();
        let sent = send_file(&mut world, length).unwrap();
        let Given::Sent { position, .. } = sent else { panic!() };
        let (sealed, stored) = world.blob.clone().unwrap();
        assert_eq!(stored.len() as u64, sealed);
        assert!(!stored.windows(16).any(|part| world.file.starts_with(part)));

        let whole = Wish::ReceiveFile { with: name("bob"), position, from: 0 };
        assert!(matches!(world.done(whole), Ok(Given::File(file)) if file.name == "picture.png"));
        assert!(world.saved == world.file, "{length}");

        if length > 65_536 {
            world.saved.clear();
            let rest = Wish::ReceiveFile { with: name("bob"), position, from: 65_536 };
            assert!(world.done(rest).is_ok());
            assert!(world.saved == world.file[65_536..], "{length}");
        }
    }
}

#[test]
fn an_upload_goes_on_after_failures_and_after_a_restart() {
    let mut world = alice();
    let (outgoing, bytes) = file(3_000_000);
    world.file = bytes;
    assert!(matches!(world.done(Wish::Meet(name("bob"))), Ok(Given::Peer(_))));
    // The relay makes room, takes a part, is gone for one, and then is asked again.
    let ticket = world.wish(Wish::SendFile { to: name("bob"), file: outgoing.clone() });
    while world.blob.as_ref().is_none_or(|(_, stored)| stored.is_empty()) {
        match world.driver.poll(world.now, &mut world.rng) {
            Step::Commit(batch) => {
                batch.0.iter().for_each(|change| world.apply(change));
                world.driver.committed();
            }
            Step::Read(reads) => {
                let found = reads.iter().map(|read| world.read(read)).collect();
                world.driver.loaded(found).unwrap();
            }
            Step::Act(actions) => actions.into_iter().for_each(|action| world.act(action)),
            Step::Idle(_) => panic!("it ended before its first part"),
        }
    }
    let there = world.blob.as_ref().unwrap().1.len();
    assert!(!world.answers.contains_key(&ticket));

    world.driver = Driver::open(&key(1), None, false);
    world.run();
    world.odd.push_back(world.blob_state());
    // The second failure in a row is the first that it rests after.
    world.odd.extend([(0, Vec::new()), (0, Vec::new())]);
    let ticket = world.wish(Wish::SendFile { to: name("bob"), file: outgoing });
    let wake_at = world.run();
    assert!(!world.answers.contains_key(&ticket), "it waits for the next attempt");
    world.now = world.now.max(wake_at.unwrap());
    world.run();
    assert!(matches!(world.answers[&ticket], Ok(Given::Sent { .. })));
    assert_eq!(world.count("POST /v1/blobs"), 1, "what was there was used");
    let (sealed, stored) = world.blob.clone().unwrap();
    assert!(there > 0 && stored.len() as u64 == sealed);
}

#[test]
fn an_altered_file_is_damage_and_a_deleted_one_is_gone() {
    let mut world = alice();
    let Ok(Given::Sent { position, .. }) = send_file(&mut world, 100_000) else { panic!() };
    let receive = || Wish::ReceiveFile { with: name("bob"), position, from: 0 };
    world.odd.push_back(problem(Code::NotFound, |_| ()));
    assert_eq!(world.done(receive()).err(), Some(Error::FileGone));
    world.blob.as_mut().unwrap().1[70_000] ^= 1;
    assert_eq!(world.done(receive()).err(), Some(Error::FileDamaged));
    world.odd.push_back((206, Vec::new()));
    assert_eq!(world.done(receive()).err(), Some(Error::FileDamaged));
    let text = world.done(Wish::Send { to: name("bob"), text: "text".into(), id: None });
    let Ok(Given::Sent { position, .. }) = text else { panic!() };
    let none = Wish::ReceiveFile { with: name("bob"), position, from: 0 };
    assert_eq!(world.done(none).err(), Some(Error::NoSuchMessage));
}

#[test]
fn what_is_wished_for_twice_is_said_once() {
    let mut world = alice();
    let send = |id| Wish::Send { to: name("bob"), text: "once".into(), id };
    let id = crate::MessageId([9; 16]);
    let tickets = [world.wish(send(Some(id))), world.wish(send(Some(id))), world.wish(send(None))];
    world.run();
    let position = |ticket: &Ticket| match &world.answers[ticket] {
        Ok(Given::Sent { position, .. }) => *position,
        _ => panic!(),
    };
    assert_eq!(tickets.each_ref().map(position), [1, 1, 0]);
    let page = world.done(Wish::History { with: name("bob"), before: None, limit: 9 });
    let Ok(Given::Entries(entries)) = page else { panic!() };
    assert_eq!(entries.len(), 2);
    assert!(matches!(entries[1].event, What::Message { id: said, .. } if said == id));
    assert!(entries[1].state.is_some());
}

#[test]
fn wishes_share_a_commit() {
    let mut world = alice();
    let before = world.commits;
    for _ in 0..100 {
        world.wish(Wish::Send { to: name("bob"), text: "text".into(), id: None });
    }
    world.run();
    assert!(world.commits - before <= 4, "{} commits", world.commits - before);
}

#[test]
fn a_search_goes_through_everything_and_a_reader_gets_what_is_new() {
    let mut world = alice();
    for count in 0..600 {
        let text = if count % 100 == 0 { "Needle" } else { "hay" };
        world.wish(Wish::Send { to: name("bob"), text: text.into(), id: None });
    }
    world.run();
    let found =
        world.done(Wish::Search { words: Search::new("needle", str::to_lowercase), limit: 50 });
    assert!(matches!(found, Ok(Given::Found(found)) if found.len() == 6));
    // What one has written oneself is no news.
    let Ok(Given::Incoming(cursor, news)) = world.done(Wish::Incoming(None)) else { panic!() };
    assert!(news.is_empty());
    assert_eq!(cursor[&name("bob")], 64, "some of it, where it is much");
}

#[test]
fn where_there_is_no_connection_a_wish_that_needs_one_says_why() {
    let mut world = alice();
    let end = |driver: &mut Driver| driver.closed(0);
    end(&mut world.driver);
    world.odd.extend([(0, Vec::new()), (0, Vec::new())]);
    world.driver.calls.token = None;
    let refused = world.done(Wish::Refresh(name("bob")));
    assert_eq!(refused.err(), Some(Error::Unreachable));
    let timed_out = world.wish(Wish::Meet(name("carol")));
    world.now += 40_000;
    world.run();
    assert!(world.answers[&timed_out].is_err());
}

#[test]
fn a_removed_account_ends_the_connection() {
    let mut world = alice();
    world.odd.push_back((204, Vec::new()));
    assert!(matches!(world.done(Wish::DeleteAccount), Ok(Given::Done)));
    assert_eq!(world.count("DELETE /v1/accounts/alice"), 1);
    assert_eq!(world.connections.last(), Some(&Connection::Ended(Error::AccountGone)));
}

#[test]
fn after_a_close_everything_is_answered() {
    let mut world = alice();
    let ticket = world.wish(Wish::Meet(name("carol")));
    assert!(matches!(world.driver.poll(world.now, &mut world.rng), Step::Act(_)));
    world.driver.close();
    world.run();
    assert_eq!(world.answers[&ticket].as_ref().err(), Some(&Error::Closed));
    assert_eq!(world.driver.wish(Wish::Incoming(None)).err(), Some(Error::Closed));
}

#[test]
fn rows_are_walked_in_their_order() {
    let row = |id: u8, position| RowId { collection: CollectionId([id; 16]), position };
    let from = |after| match rows::walk(Some(after), 1) {
        RowRead::Range { from, .. } => from,
        RowRead::Row(_) => panic!(),
    };
    assert_eq!(from(row(3, 9)), row(3, 10));
    let mut next = [3; 16];
    next[15] = 4;
    assert_eq!(from(row(3, u64::MAX)), RowId { collection: CollectionId(next), position: 0 });
}
