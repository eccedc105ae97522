//! A relay that moves to PostgreSQL and back, as its clients see it: not at all.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use sprag_api::mailbox::Receipt;
use sprag_relay::Relay;
use sprag_relay::admin::{Progress, migrate};
use sprag_relay::clock::SystemClock;
use sprag_relay::config::{Config, Store};

use crate::administration::place;
use crate::support::device::Device;
use crate::support::store::database;
use crate::world::{config, start};

fn quiet() -> Progress {
    Arc::new(|_, _| {})
}

/// Two people who go on with what they have: tokens, numbers, places, prekeys.
struct People {
    alice: Device,
    bob: Device,
    claimed: BTreeSet<Vec<u8>>,
    /// How many messages bob has got; he acknowledges all but the last one.
    got: u64,
}

impl People {
    async fn send(&mut self, number: u64) -> bool {
        let answer = self.alice.post_message(number, "bob", &[1], &number.to_be_bytes()).await;
        let sent: Receipt = answer.expect("an answer").json();
        sent.duplicate
    }

    /// A bundle that nobody ever got.
    async fn claim(&mut self) {
        let bundle = self.alice.claim("bob").await.bundles.remove(0);
        assert!(bundle.one_time && bundle.one_time_kem);
        assert!(self.claimed.insert(bundle.bundle.0), "handed out twice");
    }

    async fn go_on(&mut self) {
        let next = self.got + 1;
        if self.got > 0 {
            assert!(self.send(self.got).await, "it was accepted before");
        }
        assert!(!self.send(next).await);
        self.claim().await;
        let waiting = self.bob.waiting().await.envelopes;
        let places: Vec<_> = waiting.iter().map(|envelope| envelope.seq).collect();
        assert_eq!(places, (self.got.max(1)..=next).collect::<Vec<_>>());
        let path = format!("/v1/messages?through={}", self.got);
        if self.got > 0 {
            let method = hyper::Method::DELETE;
            let body = crate::support::http::Body::None;
            self.bob.call(method, &path, body).await.expect("an answer").yes();
        }
        self.got = next;
    }

    /// Nobody logs in again.
    async fn at(&mut self, relay: &Relay) {
        for device in [&mut self.alice, &mut self.bob] {
            device.move_to(&place(relay));
        }
        self.go_on().await;
        self.go_on().await;
    }
}

async fn again(
    config: &Config,
    data: &Path,
    store: &Store,
) -> Result<Relay, sprag_relay::StartError> {
    let config = Config { data: data.into(), store: store.clone(), ..config.clone() };
    Relay::start(config, Arc::new(SystemClock)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_that_a_relay_moves() {
    let Some(server) = database().map(Store::Postgres) else { return };
    let world = start(|config| config.store = Store::Folder).await;
    let here = place(&world.relay);
    let alice = Device::register(&here, "alice").await;
    let mut bob = Device::register(&here, "bob").await;
    let keys = bob.one_time_keys();
    bob.publish(&keys).await;
    let mut people = People { alice, bob, claimed: BTreeSet::new(), got: 0 };
    people.at(&world.relay).await;
    let (first, folder) = (world.config.data.clone(), tempfile::tempdir().expect("a folder"));
    let second = config(&folder).data;
    let origin = Some(world.relay.origin().clone());
    let config = Config { origin, ..world.config.clone() };

    // Not under a relay that runs.
    let to_server = (&Store::Folder, &server);
    let refusal = migrate(&first, to_server, quiet()).await.expect_err("it runs");
    assert!(refusal.to_string().contains("another relay runs"), "{refusal}");
    world.relay.stop().await;
    migrate(&first, to_server, quiet()).await.expect("moved");
    let relay = again(&config, &second, &server).await.expect("a relay");
    people.at(&relay).await;

    let to_folder = (&server, &Store::Folder);
    let third = folder.path().join("third");
    let refusal = migrate(&third, to_folder, quiet()).await.expect_err("it runs");
    assert!(refusal.to_string().contains("stop them all first"), "{refusal}");
    relay.stop().await;
    migrate(&third, to_folder, quiet()).await.expect("moved");
    let relay = again(&config, &third, &Store::Folder).await.expect("a relay");
    people.at(&relay).await;
    relay.stop().await;

    for (data, store) in [(&first, &Store::Folder), (&second, &server)] {
        let refusal = again(&config, data, store).await.expect_err("it is old");
        assert!(refusal.to_string().contains("what is left here is old"), "{refusal}");
    }
}
