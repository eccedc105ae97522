//! TLS with certificates from files.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::crypto::SupportedKxGroup;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sprag_relay::clock::SystemClock;
use sprag_relay::config::Tls;
use sprag_relay::{Relay, StartError, TlsError};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::{Client, World, config, start};

/// A certificate for `localhost` and its key, in files.
struct Pair {
    certificates: PathBuf,
    key: PathBuf,
    der: CertificateDer<'static>,
}

impl Pair {
    fn in_folder(folder: &Path) -> Self {
        let CertifiedKey { cert, key_pair } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let (certificates, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        fs::write(&certificates, cert.pem()).expect("written");
        fs::write(&key, key_pair.serialize_pem()).expect("written");
        Self { certificates, key, der: cert.der().clone() }
    }

    fn tls(&self) -> Tls {
        Tls::Files { certificates: self.certificates.clone(), key: self.key.clone() }
    }

    async fn connect(&self, world: &World) -> std::io::Result<Client<TlsStream<TcpStream>>> {
        connect(world.relay.address(), &self.der).await
    }
}

/// A connection to `localhost`, if this certificate vouches for it.
pub(crate) async fn connect(
    address: SocketAddr,
    root: &CertificateDer<'static>,
) -> std::io::Result<Client<TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(Client)
}

#[tokio::test]
async fn certificates_from_files_serve_and_are_read_again() {
    let files = tempfile::tempdir().expect("a folder");
    let first = Pair::in_folder(files.path());
    let world = start(|config| config.tls = first.tls()).await;
    assert_eq!(world.relay.origin().as_str(), format!("https://{}", world.relay.address()));
    let mut client = first.connect(&world).await.expect("a handshake");
    let (_, session) = client.0.get_ref();
    assert_eq!(session.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let group = session.negotiated_key_exchange_group().map(SupportedKxGroup::name);
    assert_eq!(group, Some(rustls::NamedGroup::X25519MLKEM768));
    assert_eq!(client.get("/healthz").await.status, 200);

    let second = Pair::in_folder(files.path());
    second.connect(&world).await.err().expect("not read yet");
    world.relay.reload().expect("they fit");
    let mut other = second.connect(&world).await.expect("a handshake");
    assert_eq!(other.get("/healthz").await.status, 200);
    first.connect(&world).await.err().expect("not served any more");
    // Connections that there are go on.
    assert_eq!(client.get("/healthz").await.status, 200);

    fs::write(&second.key, "damaged").expect("written");
    let error = world.relay.reload().expect_err("no key");
    assert!(matches!(error, TlsError::File { what: "private key", .. }), "{error}");
    second.connect(&world).await.expect("the ones of before go on");
    world.relay.stop().await;
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_ends() {
    let files = tempfile::tempdir().expect("a folder");
    let pair = Pair::in_folder(files.path());
    let world = start(|config| {
        config.tls = pair.tls();
        config.limits.header_timeout = Duration::from_millis(200);
    })
    .await;
    // The first bytes of a ClientHello.
    let mut slow = world.connect().await;
    slow.send("\x16\x03\x01").await;
    slow.closed().await;
    world.connect().await.closed().await;
}

#[tokio::test]
async fn without_tls_nobody_is_served_on_a_port_with_tls() {
    let files = tempfile::tempdir().expect("a folder");
    let pair = Pair::in_folder(files.path());
    let world = start(|config| config.tls = pair.tls()).await;
    let mut plain = world.connect().await;
    plain.send("GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n").await;
    assert!(plain.answer_bytes().await.first() != Some(&b'H'), "no HTTP in the clear");
    // The operations port has none.
    assert_eq!(world.operations().await.get("/healthz").await.status, 200);
}

/// Why a relay does not start with these files.
async fn refusal(files: &TempDir, pair: &Pair) -> TlsError {
    let mut config = config(files);
    config.tls = pair.tls();
    let error = Relay::start(config, Arc::new(SystemClock)).await.expect_err("it must not start");
    let StartError::Tls(error) = error else { panic!("{error}") };
    error
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said() {
    let files = tempfile::tempdir().expect("a folder");
    let pair = Pair::in_folder(files.path());
    let stranger = KeyPair::generate().expect("a key");
    fs::write(&pair.key, stranger.serialize_pem()).expect("written");
    let error = refusal(&files, &pair).await;
    assert!(matches!(error, TlsError::Pair { .. }), "{error}");
    assert!(error.to_string().contains("cannot be used together"), "{error}");

    fs::write(&pair.certificates, "").expect("written");
    let error = refusal(&files, &pair).await;
    assert!(matches!(error, TlsError::File { what: "certificate", .. }), "{error}");
    assert!(error.to_string().contains("chain.pem"), "{error}");

    fs::remove_file(&pair.certificates).expect("removed");
    let error = refusal(&files, &pair).await;
    assert!(matches!(error, TlsError::File { what: "certificate", .. }), "{error}");
}
