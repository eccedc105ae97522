//! The limit of the storage on PostgreSQL: the statements of the relay's lanes with nothing around them.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::{try_join, try_join_all, try_join3, try_join4};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, Statement};

use crate::clock::now;
use crate::subject::count;
use crate::traffic::CIPHERTEXT_LEN;

/// How many mailboxes the messages of one connection are spread over.
const MAILBOXES: i64 = 50;
/// Bytes of a message with what is kept of it beside the ciphertext.
const MESSAGE_LEN: usize = CIPHERTEXT_LEN + 32;
/// The bytes of what was accepted from a device.
const RING_LEN: usize = 128;

const TABLES: &str = "
    DROP SCHEMA IF EXISTS bench_bare CASCADE;
    CREATE SCHEMA bench_bare;
    SET search_path = bench_bare;
    CREATE TABLE mailboxes (device BIGINT PRIMARY KEY, next_seq BIGINT NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE receipts (device BIGINT PRIMARY KEY, acknowledged BIGINT NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE senders (device BIGINT PRIMARY KEY, ring BYTEA NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE segments (
        device BIGINT NOT NULL, last BIGINT NOT NULL, received BIGINT NOT NULL, deliver BYTEA NOT NULL,
        PRIMARY KEY (device, last)
    ) WITH (toast_tuple_target = 8160);
    ALTER TABLE segments ALTER COLUMN deliver SET STORAGE EXTERNAL;
    CREATE INDEX segments_by_age ON segments (received);
    INSERT INTO mailboxes SELECT n, 1 FROM generate_series(1, 1000) n;
    INSERT INTO receipts SELECT n, 0 FROM generate_series(1, 1000) n;
    INSERT INTO senders SELECT n, '' FROM generate_series(1, 1000) n;
";

/// Tables of their own.
pub(crate) struct Bare {
    runtime: Runtime,
    database: String,
}

impl Bare {
    /// Makes the tables.
    pub(crate) fn create(database: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let database = database.to_owned();
        runtime.block_on(async {
            connect(&database).await?.batch_execute(TABLES).await.context("tables")
        })?;
        Ok(Self { runtime, database })
    }

    /// So many connections store such groups, and as many delete them, for so long; gives the messages
    /// per second.
    pub(crate) fn measure(&self, group: f64, connections: i64, time: Duration) -> Result<f64> {
        #[expect(clippy::cast_possible_truncation, reason = "a mean of counts")]
        let each = ((group / f64::from(i32::try_from(MAILBOXES)?)).round() as i64).max(1);
        self.runtime.block_on(async {
            connect(&self.database).await?.batch_execute("TRUNCATE segments").await?;
            let lanes = (0..connections).map(|number| Lane::open(&self.database, number, each));
            let mut lanes = try_join_all(lanes).await?;
            let begin = now();
            let messages = try_join_all(lanes.iter_mut().map(|lane| lane.work(time))).await?;
            Ok(count(messages.into_iter().sum())? / begin.elapsed().as_secs_f64())
        })
    }
}

async fn connect(database: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("SET search_path = bench_bare; SET enable_seqscan = off").await?;
    Ok(client)
}

/// A connection that stores, and one that deletes.
struct Lane {
    storing: Client,
    deleting: Client,
    store: [Statement; 5],
    delete: [Statement; 3],
    devices: Vec<i64>,
    /// How many messages each mailbox gets in a commit.
    each: i64,
    deliver: Vec<u8>,
}

const STORE: [&str; 5] = [
    "SELECT * FROM mailboxes WHERE device = ANY($1) ORDER BY device FOR NO KEY UPDATE",
    "SELECT * FROM senders WHERE device = ANY($1) ORDER BY device FOR NO KEY UPDATE",
    "INSERT INTO segments SELECT d, $2, 1800000000, $3 FROM unnest($1::bigint[]) d",
    "UPDATE mailboxes SET next_seq = $2 WHERE device = ANY($1)",
    "UPDATE senders SET ring = $2 WHERE device = ANY($1)",
];
const DELETE: [&str; 3] = [
    "SELECT * FROM receipts WHERE device = ANY($1) ORDER BY device FOR NO KEY UPDATE",
    "DELETE FROM segments WHERE device = ANY($1) AND last <= $2",
    "UPDATE receipts SET acknowledged = $2 WHERE device = ANY($1)",
];

async fn prepare<const N: usize>(client: &Client, statements: [&str; N]) -> Result<[Statement; N]> {
    let prepared = try_join_all(statements.map(|statement| client.prepare(statement))).await?;
    prepared.try_into().ok().context("as many as were asked for")
}

impl Lane {
    async fn open(database: &str, number: i64, each: i64) -> Result<Self> {
        let (storing, deleting) = try_join(connect(database), connect(database)).await?;
        Ok(Self {
            store: prepare(&storing, STORE).await?,
            delete: prepare(&deleting, DELETE).await?,
            storing,
            deleting,
            devices: (1..=MAILBOXES).map(|n| number * MAILBOXES + n).collect(),
            each,
            deliver: vec![0x5A; MESSAGE_LEN * usize::try_from(each)?],
        })
    }

    /// Each mailbox gets so many messages in each commit; those of the commit before go meanwhile.
    async fn work(&mut self, time: Duration) -> Result<u64> {
        let begin = now();
        let (mut messages, mut last) = (0, 0);
        while begin.elapsed() < time {
            try_join(self.store(last + self.each), self.delete(last)).await?;
            last += self.each;
            messages += u64::try_from(self.each * MAILBOXES)?;
        }
        Ok(messages)
    }

    async fn store(&self, last: i64) -> Result<()> {
        let (client, devices) = (&self.storing, &self.devices);
        let [lock, lock_senders, insert, update, update_senders] = &self.store;
        try_join3(
            client.batch_execute("BEGIN"),
            client.query(lock, &[devices]),
            client.query(lock_senders, &[devices]),
        )
        .await?;
        let (next, ring) = (last + 1, vec![0_u8; RING_LEN]);
        try_join4(
            client.execute(insert, &[devices, &last, &self.deliver]),
            client.execute(update, &[devices, &next]),
            client.execute(update_senders, &[devices, &ring]),
            client.batch_execute("COMMIT"),
        )
        .await?;
        Ok(())
    }

    async fn delete(&self, through: i64) -> Result<()> {
        let (client, devices) = (&self.deleting, &self.devices);
        let [lock, delete, update] = &self.delete;
        try_join(client.batch_execute("BEGIN"), client.query(lock, &[devices])).await?;
        try_join3(
            client.execute(delete, &[devices, &through]),
            client.execute(update, &[devices, &through]),
            client.batch_execute("COMMIT"),
        )
        .await?;
        Ok(())
    }
}
