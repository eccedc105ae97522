//! One round of each, on a storage of its own.

use std::sync::Arc;

use bytes::Bytes;
use sprag_api::name::Origin;
use tempfile::TempDir;
use tokio::sync::watch;

use super::*;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::hub::Notice;
use crate::server;
use crate::storage::{AccountId, BlobRecord, Fence, MailboxId};

async fn app() -> (Shared, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = Origin::new("http://127.0.0.1").expect("an origin");
    let (_, stopping) = watch::channel(false);
    let config = Config::new(folder.path());
    let app = server::open(config, Arc::new(SystemClock), origin, stopping).await;
    (app.expect("a storage").app, folder)
}

#[tokio::test]
async fn everything_that_has_expired_goes_in_one_round() {
    let (app, _folder) = app().await;
    let owner = AccountId(1);
    for id in [[1; 16], [2; 16], [3; 16]] {
        let blob = BlobRecord { owner, length: 2, offset: 0, expires: 1 };
        assert!(app.storage.create_blob(id, blob, 100).await.expect("done"));
        let part = Bytes::from_static(b"ab");
        app.storage.append_blob(owner, id, 0, part).await.expect("done").expect("taken");
    }
    let now = app.clock.now();
    assert!(app.storage.expire(now, 0).await.expect("done").more, "one slice is not enough");
    delete_expired(&app).await.expect("done");
    assert!(!app.storage.expire(now, 0).await.expect("done").more);
    assert_eq!(app.storage.statistics(now).await.expect("done").blobs, 0);
}

#[tokio::test]
async fn devices_that_are_gone_are_told_if_they_are_connected() {
    let (app, _folder) = app().await;
    let consumer = app.hub.connect(MailboxId(7), Fence(0));
    assert!(consumer.take_notices().is_empty());
    look(&app).await.expect("done");
    assert_eq!(consumer.take_notices(), [Notice::Removed]);
}

#[test]
fn what_takes_long_to_count_is_counted_less_often() {
    let after = |took| rest(Duration::from_millis(took)).as_secs();
    assert_eq!([0, 5, 600, 601, 2_000, 10_000].map(after), [60, 60, 60, 60, 200, 1_000]);
}
