//! Two nodes on one PostgreSQL, as their clients see them: whoever is connected to one is reached from the other,
//! whether signals go over the database or over NATS, and also where they are lost.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test waits for one kind of frame")]

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use sprag_api::directory::PutDevices;
use sprag_api::frame::from_relay::Frame;
use sprag_api::name::Origin;
use sprag_api::problem::Code;
use sprag_relay::Relay;
use sprag_relay::clock::SystemClock;
use sprag_relay::config::{Config, Rate, ServiceAddress, Store};
use tempfile::TempDir;

use support::Place;
use support::device::{Account, Device};
use support::socket::message;
use support::store::database;

#[path = "../support/mod.rs"]
mod support;

const ORIGIN: &str = "https://relay.example";

/// How the nodes tell each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Database,
    Nats,
    /// Not at all: there is nobody where the bus should be.
    Nobody,
}

/// Two nodes; a client does not care which it talks to.
struct Nodes {
    relays: [Relay; 2],
    places: [Place; 2],
    _folders: [TempDir; 2],
}

impl Nodes {
    /// `None` where there is no database for tests.
    async fn start(way: Way) -> Option<Self> {
        let store = Store::Postgres(database()?);
        let bus = match way {
            Way::Database => None,
            Way::Nats => Some(env::var("SPRAG_TEST_NATS").unwrap()),
            Way::Nobody => Some("nats://127.0.0.1:1".into()),
        };
        let bus = bus.map(ServiceAddress);
        let (a, of_a) = Self::node(&store, bus.as_ref()).await;
        let (b, of_b) = Self::node(&store, bus.as_ref()).await;
        let places = [&a, &b].map(|relay| Place {
            address: relay.address(),
            origin: ORIGIN.into(),
            clock: Arc::new(SystemClock),
            from: Ipv4Addr::LOCALHOST.into(),
        });
        Some(Self { relays: [a, b], places, _folders: [of_a, of_b] })
    }

    async fn node(store: &Store, bus: Option<&ServiceAddress>) -> (Relay, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path());
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.origin = Some(Origin::new(ORIGIN).unwrap());
        config.store = store.clone();
        config.bus = bus.cloned();
        config.limits.registrations_per_address = Rate { burst: 1_000, per_hour: 1_000 };
        (Relay::start(config, Arc::new(SystemClock)).await.unwrap(), folder)
    }

    async fn stop(self) {
        for relay in self.relays {
            relay.stop().await;
        }
    }
}

async fn a_message_reaches_a_device_at_the_other_node(way: Way) {
    let Some(nodes) = Nodes::start(way).await else { return };
    let alice = Device::register(&nodes.places[0], "alice").await;
    let mut bob = Device::register(&nodes.places[0], "bob").await;
    bob.move_to(&nodes.places[1]);
    let (mut receiving, _) = bob.socket().await;
    receiving.drain().await.unwrap();
    let mut sending = alice.send_only().await;
    for number in 1..=if way == Way::Nobody { 2 } else { 50 } {
        let sent = vec![message(number, "bob", &[1], number.to_string())];
        assert!(!sending.send(sent).await.unwrap()[0].accepted().duplicate);
        let envelopes = receiving.receive(1).await.unwrap();
        assert_eq!((envelopes.len(), envelopes[0].number), (1, number));
        receiving.confirm(envelopes[0].seq).await.unwrap();
    }
    nodes.stop().await;
}

/// Both senders at once, one at each node: what they send arrives in the order of the mailbox.
async fn two_nodes_fill_one_mailbox(way: Way) {
    const EACH: u64 = 300;
    let Some(nodes) = Nodes::start(way).await else { return };
    let mut bob = Device::register(&nodes.places[0], "bob").await;
    bob.move_to(&nodes.places[1]);
    let (mut receiving, _) = bob.socket().await;
    let mut senders = Vec::new();
    for (place, name) in nodes.places.iter().zip(["alice", "carol"]) {
        let mut device = Device::register(&nodes.places[0], name).await;
        device.move_to(place);
        senders.push(tokio::spawn(async move {
            let mut socket = device.send_only().await;
            for first in (1..=EACH).step_by(10) {
                let sends = (first..first + 10).map(|n| message(n, "bob", &[1], n.to_string()));
                socket.send(sends.collect()).await.unwrap();
            }
        }));
    }
    let mut envelopes = Vec::new();
    while envelopes.len() as u64 != 2 * EACH {
        let more = receiving.receive(1).await.unwrap();
        receiving.acknowledge(more.last().unwrap().seq).await.unwrap();
        envelopes.extend(more);
    }
    let places: Vec<_> = envelopes.iter().map(|envelope| envelope.seq).collect();
    assert_eq!(places, (1..=2 * EACH).collect::<Vec<_>>());
    for name in ["alice", "carol"] {
        let of = envelopes.iter().filter(|envelope| envelope.sender == name);
        let numbers: Vec<_> = of.map(|envelope| envelope.number).collect();
        assert_eq!(numbers, (1..=EACH).collect::<Vec<_>>());
    }
    for sender in senders {
        sender.await.unwrap();
    }
    nodes.stop().await;
}

async fn a_newer_connection_takes_over_from_another_node(way: Way) {
    let Some(nodes) = Nodes::start(way).await else { return };
    let mut alice = Device::register(&nodes.places[0], "alice").await;
    let mut bob = Device::register(&nodes.places[0], "bob").await;
    let (mut older, _) = bob.socket().await;
    older.drain().await.unwrap();
    bob.move_to(&nodes.places[1]);
    let (mut newer, _) = bob.socket().await;
    assert_eq!(older.closing().await.unwrap().code, Code::TakenOver.as_str());
    alice.post_message(1, "bob", &[1], b"x").await.unwrap().yes();
    let envelopes = newer.receive(1).await.unwrap();
    newer.confirm(envelopes[0].seq).await.unwrap();
    nodes.stop().await;
}

async fn what_becomes_of_an_account_is_told_at_every_node(way: Way) {
    let Some(nodes) = Nodes::start(way).await else { return };
    let account = Account::new("bob");
    let mut first = account.device(&nodes.places[0], 1);
    first.join(&account).await;
    first.move_to(&nodes.places[1]);
    let (mut at_other, _) = first.socket().await;
    first.move_to(&nodes.places[0]);
    let second = account.device(&nodes.places[0], 2);
    let list = account.list(2, &[&first.local, &second.local]);
    let put = PutDevices { device_list: list.clone() };
    first.put("/v1/accounts/bob/devices", &put).await.unwrap().yes();
    if way != Way::Nobody {
        let told = at_other.find(|frame| match frame {
            Frame::DevicesChanged(changed) => Some(changed.device_list.clone()),
            _ => None,
        });
        assert_eq!(told.await.unwrap(), list.0);
        // Claims at the one node, low water at the other.
        let mut alice = Device::register(&nodes.places[0], "alice").await;
        alice.claim("bob").await;
        at_other.find(|frame| matches!(frame, Frame::PrekeysLow(_)).then_some(())).await.unwrap();
    }
    // Removed there: its sockets are closed here.
    first
        .call(hyper::Method::DELETE, "/v1/accounts/bob", support::http::Body::None)
        .await
        .unwrap()
        .yes();
    let closing = at_other.closing().await.unwrap();
    assert_eq!(closing.code, Code::Unauthenticated.as_str());
    nodes.stop().await;
}

async fn who_polls_is_woken_from_another_node(way: Way) {
    let Some(nodes) = Nodes::start(way).await else { return };
    let mut alice = Device::register(&nodes.places[0], "alice").await;
    let mut bob = Device::register(&nodes.places[0], "bob").await;
    bob.move_to(&nodes.places[1]);
    let (polled, ()) = tokio::join!(bob.get("/v1/messages?wait=25"), async {
        alice.post_message(1, "bob", &[1], b"x").await.unwrap().yes();
    });
    assert!(String::from_utf8_lossy(&polled.unwrap().body).contains("alice"));
    nodes.stop().await;
}

async fn a_node_that_goes_leaves_nothing_behind(way: Way) {
    let Some(nodes) = Nodes::start(way).await else { return };
    let mut alice = Device::register(&nodes.places[0], "alice").await;
    let mut bob = Device::register(&nodes.places[0], "bob").await;
    let (mut receiving, _) = bob.socket().await;
    alice.move_to(&nodes.places[1]);
    alice.post_message(1, "bob", &[1], b"one").await.unwrap().yes();
    receiving.receive(1).await.unwrap();
    let Nodes { relays: [a, b], places, _folders } = nodes;
    a.stop().await;
    alice.post_message(2, "bob", &[1], b"two").await.unwrap().yes();
    bob.move_to(&places[1]);
    let (mut receiving, welcome) = bob.socket().await;
    assert!(!welcome.rolled_back);
    let numbers: Vec<_> = receiving.drain().await.unwrap().iter().map(|e| e.number).collect();
    assert_eq!(numbers, [1, 2], "what was not acknowledged comes again");
    b.stop().await;
}

macro_rules! each_way {
    ($($test:ident),+ $(,)?) => {
        mod over_the_database { $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(super::Way::Database).await }
        )+ }
        mod over_nats { $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(super::Way::Nats).await }
        )+ }
        mod with_every_signal_lost { $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(super::Way::Nobody).await }
        )+ }
    };
}

each_way! {
    a_message_reaches_a_device_at_the_other_node,
    two_nodes_fill_one_mailbox,
    a_newer_connection_takes_over_from_another_node,
    what_becomes_of_an_account_is_told_at_every_node,
    who_polls_is_woken_from_another_node,
    a_node_that_goes_leaves_nothing_behind,
}
