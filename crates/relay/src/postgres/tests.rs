//! The contract, kept by PostgreSQL; many nodes at once, connections that break, tables in pieces.
//!
//! They need a database in which they may make schemas, named in `SPRAG_TEST_POSTGRES`; `cargo xtask test`
//! starts one. Without it they say so, and pass.

use std::collections::BTreeSet;
use std::env;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio_postgres::Client;

use crate::bus::Outbox;
use crate::config::{Limits, Rate};
use crate::hub::Hub;
use crate::limits::Limiters;
use crate::storage::contract::{self, NEW, list, name, publish, register, send, send_to, waiting};
use crate::storage::{
    AccountId, Acknowledged, DeviceRecord, Directory, MailboxQuota, Mailboxes, Storage, Upkeep,
};

use super::{Link, Postgres};

/// An address of a schema that nobody else uses.
pub(crate) fn database() -> Option<String> {
    let Ok(address) = env::var("SPRAG_TEST_POSTGRES") else {
        eprintln!("not run: SPRAG_TEST_POSTGRES names no database");
        return None;
    };
    // Nobody else's name for a folder is nobody else's name for a schema.
    let folder = tempfile::tempdir().unwrap();
    let schema =
        folder.path().file_name().unwrap().to_string_lossy().replace('.', "").to_lowercase();
    let named = format!("options=-csearch_path%3Dtest_{schema}&application_name=test_{schema}");
    Some(format!("{address}?{named}"))
}

pub(crate) async fn link(database: &str) -> Client {
    let client = Link::to(database).unwrap().connect().await.unwrap();
    client
        .batch_execute(
            "DO $$ BEGIN EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', \
             current_setting('search_path')); END $$",
        )
        .await
        .unwrap();
    client
}

/// Ends every other connection to this schema, whatever it is doing.
pub(crate) async fn end_connections(admin: &Client) {
    admin
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = current_schema() AND pid <> pg_backend_pid()",
            &[],
        )
        .await
        .unwrap();
}

async fn open(database: &str) -> Postgres {
    let quota = MailboxQuota { envelopes: contract::ENVELOPES, bytes: contract::BYTES };
    Postgres::open(database, quota, Arc::new(Hub::default())).await.unwrap()
}

/// A node without limits that a test would meet.
async fn node(database: &str) -> Postgres {
    let quota = MailboxQuota { envelopes: 100_000, bytes: 1 << 30 };
    let hub = Hub::among_others(Arc::new(Outbox::default()));
    Postgres::open(database, quota, Arc::new(hub)).await.unwrap()
}

macro_rules! keeps {
    ($($check:ident),+ $(,)?) => { $(
        #[tokio::test]
        async fn $check() {
            let Some(database) = database() else { return };
            contract::$check(&open(&database).await).await;
        }
    )+ };
}

contract::every_check!(keeps);

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_make_the_tables_once() {
    let Some(database) = database() else { return };
    let nodes = join_all((0..6).map(|_| node(&database))).await;
    let names: BTreeSet<_> = nodes.iter().map(Postgres::relay).collect();
    assert_eq!(names.len(), 1);
    register(&nodes[0], "alice", 10).await;
    assert!(nodes[5].account(name("alice")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_has_one_order_on_all_nodes() {
    let Some(database) = database() else { return };
    let nodes = [node(&database).await, node(&database).await];
    let bob = register(&nodes[0], "bob", 20).await;
    let mut senders = Vec::new();
    for (at, who) in ["a", "b", "c", "d"].into_iter().enumerate() {
        senders.push((at, register(&nodes[0], who, 30 + u8::try_from(at).unwrap()).await));
    }
    join_all(senders.iter().map(|(at, sender)| {
        let node = &nodes[at % 2];
        async move {
            for number in 1..=50 {
                assert_eq!(send(node, sender, "bob", number, &[0]).await, NEW);
            }
        }
    }))
    .await;
    let waiting = waiting(&nodes[1], bob.mailbox).await;
    let places: Vec<_> = waiting.iter().map(|envelope| envelope.0).collect();
    assert_eq!(places, (1..=200).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_sent_at_two_nodes_is_stored_once() {
    let Some(database) = database() else { return };
    let nodes = [node(&database).await, node(&database).await];
    let alice = register(&nodes[0], "alice", 10).await;
    let bob = register(&nodes[0], "bob", 20).await;
    for number in 1..=40 {
        let both = join_all(nodes.iter().map(|node| send(node, &alice, "bob", number, &[0]))).await;
        let new = both.iter().filter(|outcome| **outcome == NEW).count();
        assert_eq!((new, both.iter().all(Result::is_ok)), (1, true), "{both:?}");
    }
    assert_eq!(waiting(&nodes[0], bob.mailbox).await.len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prekey_is_handed_out_once_by_all_nodes() {
    let Some(database) = database() else { return };
    let nodes = [node(&database).await, node(&database).await];
    let alice = register(&nodes[0], "alice", 10).await;
    let bob = register(&nodes[0], "bob", 20).await;
    publish(&nodes[0], &alice, 1..=200).await;
    let claims = join_all((0..16).map(|at| {
        let node = &nodes[at % 2];
        async move {
            let mut claimed = Vec::new();
            for _ in 0..15 {
                let claim = node.claim(bob.mailbox, name("alice"), true).await.unwrap().unwrap();
                claimed.push(claim.devices[0].one_time.clone());
            }
            claimed
        }
    }))
    .await;
    let claimed: Vec<_> = claims.into_iter().flatten().flatten().collect();
    let distinct: BTreeSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_at_an_older_connection_stays() {
    let Some(database) = database() else { return };
    let nodes = [node(&database).await, node(&database).await];
    let alice = register(&nodes[0], "alice", 10).await;
    let bob = register(&nodes[0], "bob", 20).await;
    for number in 1..=3 {
        assert_eq!(send(&nodes[0], &alice, "bob", number, &[0]).await, NEW);
    }
    let older = nodes[0].take_over(bob.mailbox).await.unwrap();
    let at = |node: usize, through, fence| nodes[node].acknowledge(bob.mailbox, through, fence);
    assert_eq!(at(0, 1, Some(older)).await.unwrap(), Acknowledged::Deleted);
    let newer = nodes[1].take_over(bob.mailbox).await.unwrap();
    assert!(newer > older);
    assert_eq!(at(0, 2, Some(older)).await.unwrap(), Acknowledged::TakenOver);
    assert_eq!(waiting(&nodes[0], bob.mailbox).await.len(), 2);
    // In one group: what the newer one acknowledges counts, each once.
    let (a, b, c, d) =
        tokio::join!(at(0, 3, Some(older)), at(0, 2, Some(newer)), at(0, 2, None), at(0, 3, None));
    let all = [a, b, c, d].map(Result::unwrap);
    let expected = [
        Acknowledged::TakenOver,
        Acknowledged::Deleted,
        Acknowledged::Nothing,
        Acknowledged::Deleted,
    ];
    assert_eq!(all, expected);
    assert_eq!(nodes[1].statistics(contract::NOW).await.unwrap().envelopes, 0);
    let position = nodes[0].positions(vec![bob.mailbox]).await.unwrap()[0].1.unwrap();
    assert_eq!((position.last, position.fence), (3, newer));
}

/// Lists change at one node while messages are sent at another: each message is stored for all devices
/// that there are, or for none.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_is_for_the_devices_of_one_moment() {
    let Some(database) = database() else { return };
    let nodes = [node(&database).await, node(&database).await];
    let alice = register(&nodes[0], "alice", 10).await;
    let bob = register(&nodes[0], "bob", 20).await;
    let second = async |version| -> DeviceRecord {
        let devices = list("bob", version, &[(1, 20), (2, 21)]);
        nodes[0].replace_devices(bob.account, devices).await.unwrap().unwrap();
        let address = contract::address("bob", 2);
        nodes[0].device(address).await.unwrap().unwrap()
    };
    for round in 0..20 {
        let version = 2 + round * 2;
        let device = second(version).await;
        let from = round * 100 + 1;
        // Whoever sends after the new device has published must name it.
        let (published, sent) = tokio::join!(publish(&nodes[0], &device, []), async {
            let mut sent = Vec::new();
            for number in from..from + 10 {
                sent.push(send_to(&nodes[1], &alice, "bob", number, &[1]).await.is_ok());
            }
            sent
        });
        assert!(published);
        let after = send_to(&nodes[1], &alice, "bob", from + 50, &[1]).await;
        assert!(after.is_err(), "{after:?}");
        assert!(sent.is_sorted_by(|a, b| a >= b), "once refused, always refused: {sent:?}");
        assert_eq!(send_to(&nodes[1], &alice, "bob", from + 60, &[1, 2]).await, NEW);
        let one = list("bob", version + 1, &[(1, 20)]);
        nodes[0].replace_devices(bob.account, one).await.unwrap().unwrap();
        let late = send_to(&nodes[1], &alice, "bob", from + 70, &[1, 2]).await;
        assert!(late.is_err(), "{late:?}");
        contract::acknowledge(&nodes[1], bob.mailbox, u64::MAX).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_costs_a_try() {
    let Some(database) = database() else { return };
    let node = node(&database).await;
    let alice = register(&node, "alice", 10).await;
    let bob = register(&node, "bob", 20).await;
    let admin = link(&database).await;
    for number in 1..=20 {
        end_connections(&admin).await;
        let tries = async {
            while !contract::tries_to_send(&node, &alice, "bob", number).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), tries).await.unwrap();
    }
    assert_eq!(waiting(&node, bob.mailbox).await.len(), 20);
    assert_eq!(contract::acknowledge(&node, bob.mailbox, 20).await, Acknowledged::Deleted);
}

/// Both nodes together let through what one would, and a second later nobody owes anything to chance.
#[tokio::test]
async fn the_limits_of_accounts_are_those_of_all_nodes() {
    let Some(database) = database() else { return };
    let nodes = [node(&database).await, node(&database).await];
    let limits =
        Limits { sends_per_account: Rate { burst: 10, per_hour: 3600 }, ..Limits::default() };
    let limiters = [Limiters::new(&limits, true), Limiters::new(&limits, true)];
    let account = AccountId(1);
    let send = |at: usize, now| limiters[at].send(account, 1, now).is_ok();
    let even_out = async |now| {
        for (limiter, node) in limiters.iter().zip(&nodes) {
            limiter.even_out(node, now).await.unwrap();
        }
    };
    for _ in 0..4 {
        assert!(send(0, 100) && send(1, 100));
    }
    even_out(100).await;
    // The second one has heard of all eight, the first one hears of the others when it is used next.
    assert!(send(1, 100) && send(1, 100) && !send(1, 100));
    assert!(send(0, 100));
    even_out(100).await;
    assert!(send(0, 100) && !send(0, 100) && !send(1, 100));
    even_out(100).await;
    // Twelve were taken of ten; one comes back in a second.
    assert!(!send(0, 102) && send(0, 103) && !send(0, 103));
    // Full again, and forgotten.
    assert!(!nodes[0].expire(200, 0).await.unwrap().more);
    let left = link(&database).await.query_one("SELECT count(*) FROM debts", &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told() {
    let quota = MailboxQuota { envelopes: 1, bytes: 1 };
    for (address, told) in [
        ("postgres://127.0.0.1:1/none", "cannot be reached"),
        ("mysql://127.0.0.1/none", "postgres://USER"),
    ] {
        let refused = Postgres::open(address, quota, Arc::default()).await.unwrap_err();
        assert!(refused.to_string().contains(told), "{refused}");
    }
}

/// The table of what waits can be cut in pieces by device, and nothing else has to know.
#[tokio::test]
async fn mailboxes_may_be_partitioned() {
    let Some(database) = database() else { return };
    drop(node(&database).await);
    let admin = link(&database).await;
    admin
        .batch_execute(include_str!("../../../../packaging/partition-segments.sql"))
        .await
        .unwrap();
    let node = open(&database).await;
    contract::a_mailbox_keeps_its_order(&node as &dyn Storage).await;
    let pieces = admin.query_one("SELECT count(*) FROM segments_0", &[]).await;
    assert!(pieces.is_ok());
}
