//! How a relay starts and stops.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use sprag_relay::clock::SystemClock;
use sprag_relay::config::{Acme, Config, Tls};
use sprag_relay::{FolderError, Relay, StartError};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::world::{SOON, config, start};

async fn refusal(config: Config) -> StartError {
    Relay::start(config, Arc::new(SystemClock)).await.expect_err("it must not start")
}

#[tokio::test]
async fn a_second_relay_on_a_folder_is_refused_until_the_first_has_stopped() {
    let world = start(|_| {}).await;
    let again = || config(&world.folder);
    let error = refusal(again()).await;
    assert!(matches!(error, StartError::Folder(FolderError::InUse { .. })), "{error}");
    assert!(error.to_string().contains("stop it, or name another folder"), "{error}");
    let next = again();
    world.relay.stop().await;
    Relay::start(next, Arc::new(SystemClock)).await.expect("the folder is free").stop().await;
}

#[tokio::test]
async fn the_data_folder_is_private() {
    let world = start(|_| {}).await;
    let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(world.folder.path().join("data")), 0o700);
    assert_eq!(mode(world.folder.path().join("data/lock")), 0o600);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(&folder);
    fs::write(folder.path().join("file"), "").expect("written");
    config.data = folder.path().join("file/data");
    let error = refusal(config).await;
    assert!(matches!(error, StartError::Folder(FolderError::Access { .. })), "{error}");
    assert!(error.to_string().contains("file/data"), "{error}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let world = start(|_| {}).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(&folder);
    config.listen = world.relay.address();
    let error = refusal(config).await;
    assert!(error.to_string().contains("another program does"), "{error}");
    assert!(error.to_string().contains(&world.relay.address().to_string()), "{error}");
}

#[tokio::test]
async fn clients_must_be_able_to_name_the_relay() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut everywhere = config(&folder);
    everywhere.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = refusal(everywhere).await;
    assert!(matches!(error, StartError::Origin(_)), "{error}");
    let mut behind = config(&folder);
    behind.behind_proxy = true;
    assert!(matches!(refusal(behind).await, StartError::Origin(_)));
}

#[tokio::test]
async fn the_origin_comes_from_the_address_unless_it_is_given() {
    let world = start(|_| {}).await;
    let address = world.relay.address();
    assert_eq!(world.relay.origin().as_str(), format!("http://{address}"));
    let given = "https://chat.example.org";
    let world = start(|config| config.origin = given.to_owned().try_into().ok()).await;
    assert_eq!(world.relay.origin().as_str(), given);
    let acme = Acme {
        domains: vec!["chat.example.org".into(), "other.example.org".into()],
        contacts: Vec::new(),
        directory: "https://127.0.0.1:1/directory".into(),
        directory_root: None,
    };
    let world = start(|config| config.tls = Tls::Acme(acme)).await;
    assert_eq!(world.relay.origin().as_str(), given);
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_takes_no_new_ones() {
    let world = start(|_| {}).await;
    let address = world.relay.address();
    let mut idle = world.connect().await;
    assert_eq!(idle.get("/healthz").await.status, 200);
    let mut asked = world.operations().await;
    assert_eq!(asked.get("/readyz").await.status, 200);
    timeout(SOON, world.relay.stop()).await.expect("it stops");
    idle.closed().await;
    asked.closed().await;
    TcpStream::connect(address).await.expect_err("nobody listens any more");
    // The databases were closed in order: nothing is left to recover.
    let left = fs::read_dir(world.folder.path().join("data")).expect("the folder");
    let names: Vec<_> =
        left.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    assert!(!names.iter().any(|name| name.ends_with("-wal")), "{names:?}");
}

#[tokio::test]
async fn while_it_stops_the_operations_port_says_so() {
    let world = start(|_| {}).await;
    let mut asked = world.operations().await;
    assert_eq!(asked.get("/readyz").await.status, 200);
    // A request whose body is waited for keeps the relay from ending.
    let mut unfinished = world.connect().await;
    unfinished.send("POST /v1/sessions HTTP/1.1\r\nHost: relay\r\nContent-Length: 2\r\n").await;
    unfinished.send("Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(unfinished.answer().await.map(|answer| answer.status), Some(100));
    let stop = tokio::spawn(world.relay.stop());
    loop {
        let answer = asked.get("/readyz").await;
        if answer.status == 503 {
            assert!(answer.body.contains("shutting-down"), "{}", answer.body);
            assert!(answer.head.contains("retry-after: "), "{}", answer.head);
            break;
        }
        assert_eq!(answer.status, 200);
    }
    unfinished.send("{}").await;
    let answer = unfinished.answer().await.expect("the request is finished");
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    timeout(SOON, stop).await.expect("in time").expect("it stops");
}
