//! A relay that is away, comes back, has another time; certificates.

use std::time::Duration;

use sprag_client::{Client, Config, Connection, Error, Happening, Storage};
use sprag_relay::config::{Registration, Tls};

use crate::world::{PATIENCE, World, happens, next, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_away_comes_back() {
    let mut world = World::new().await;
    let alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    alice.send("bob", "before").await.unwrap();
    assert_eq!(next(&mut bob).await.text(), "before");
    let mut events = alice.events();
    world.stop().await;
    happens(&mut events, |happening| {
        matches!(happening, Happening::Connection(Connection::Waiting { .. })).then_some(())
    })
    .await;
    alice.send("bob", "meanwhile").await.unwrap();
    assert_eq!(alice.settle(Duration::from_millis(100)).await, Err(Error::Unreachable));
    world.start().await;
    // A person does not have to wait for the next attempt.
    alice.reconnect();
    assert_eq!(next(&mut bob).await.text(), "meanwhile");
    soon(alice.settle(PATIENCE)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_cannot_be_reached() {
    let mut world = World::new().await;
    world.client("alice").await.close().await;
    world.stop().await;
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let storage = Storage::file(world.file("bob.db"));
    let config = Config::new(format!("http://{nowhere}"), "bob").store(storage);
    let fresh = Client::register(config).await.err();
    assert_eq!(fresh, Some(Error::Unreachable));
    assert!(fresh.unwrap().retryable());
    assert!(!world.file("bob.db").exists());
    // A profile can be used all the same.
    let alice = world.client("alice").await;
    assert_eq!(soon(alice.online(PATIENCE)).await, Err(Error::Unreachable));
    let sent = alice.send("bob", "one day").await.unwrap();
    world.start().await;
    let mut bob = world.client("bob").await;
    alice.reconnect();
    let message = next(&mut bob).await;
    assert_eq!((message.id, message.text()), (sent.id(), "one day"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_wire_loses_and_doubles_nothing() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    for number in 0..30 {
        if number % 5 == 0 {
            world.wire.cut_after(2_000 + 500 * number);
        }
        alice.send("bob", format!("{number}")).await.unwrap();
        assert_eq!(next(&mut bob).await.text(), format!("{number}"));
    }
    soon(alice.settle(PATIENCE)).await.unwrap();
    assert_eq!(bob.history("alice", None, 100).await.unwrap().len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_told() {
    let world = World::new().await;
    world.clock.turn(3600);
    let error = Client::register(world.config("alice")).await.err().unwrap();
    let Error::ClockSkew { seconds } = error else { panic!("{error:?}") };
    assert!((-3601..=-3599).contains(&seconds), "{seconds}");
    assert_eq!(
        error.to_string(),
        format!("the clock of this device is {} s slow; set it", -seconds)
    );
    assert!(!world.file("alice.db").exists());
    world.clock.turn(-3600);
    world.client("alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_needs_no_login() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    soon(alice.online(PATIENCE)).await.unwrap();
    alice.close().await;
    // A relay would refuse any login now.
    world.clock.turn(600);
    let alice = world.client("alice").await;
    soon(alice.online(PATIENCE)).await.unwrap();
    alice.close().await;
    // With the token over, a login is needed.
    world.clock.turn(24 * 3600);
    let alice = world.client("alice").await;
    let outcome = soon(alice.online(PATIENCE)).await;
    assert!(matches!(outcome, Err(Error::ClockSkew { .. })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_relay_takes_nobody() {
    let world = World::with(|config| config.registration = Registration::Invitation).await;
    let error = Client::open(world.config("alice")).await.err().unwrap();
    assert_eq!(error.code(), "invitation-invalid");
    assert!(!error.retryable());
    assert!(!world.file("alice.db").exists());
    let error = Client::open(world.config("alice").invitation("x")).await.err().unwrap();
    assert_eq!(error.code(), "invitation-invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_relay_is_told() {
    use tokio::io::AsyncWriteExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let page = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
            stream.write_all(page.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let error = soon(Client::open(Config::new(origin, "alice"))).await.err();
    assert!(matches!(error, Some(Error::NotARelay | Error::Unreachable)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_must_be_trusted() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.key_pair.serialize_pem()).unwrap();
    let mut config = sprag_relay::config::Config::new(folder.path().join("relay"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.listen = listener.local_addr().unwrap();
    drop(listener);
    let origin = format!("https://localhost:{}", config.listen.port());
    config.origin = Some(sprag_api::name::Origin::new(origin.as_str()).unwrap());
    config.tls = Tls::Files { certificates: chain.clone(), key };
    let relay =
        sprag_relay::Relay::start(config, std::sync::Arc::new(crate::world::Hands::default()));
    let relay = relay.await.unwrap();

    let stranger = soon(Client::open(Config::new(&origin, "alice"))).await.err();
    assert_eq!(stranger, Some(Error::Insecure));
    let pem = std::fs::read(&chain).unwrap();
    let nonsense = Config::new(&origin, "alice").trust("no certificate");
    assert_eq!(Client::open(nonsense).await.err(), Some(Error::Certificate));
    let alice = Client::open(Config::new(&origin, "alice").trust(pem.clone())).await.unwrap();
    let bob = Config::new(&origin, "bob").trust(pem).store(Storage::memory());
    let mut bob = Client::open(bob).await.unwrap();
    alice.send("bob", "over TLS").await.unwrap();
    assert_eq!(next(&mut bob).await.text(), "over TLS");
    relay.stop().await;
}
