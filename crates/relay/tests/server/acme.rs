//! A certificate by ACME, from Pebble: the authority of Let's Encrypt in small, for tests. It validates
//! by tls-alpn-01, as the real one does.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use sprag_relay::clock::SystemClock;
use sprag_relay::config::{Acme, Tls};
use sprag_relay::{Relay, StartError, TlsError};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{interval, timeout};

use crate::tls::connect;
use crate::world::{Client, SOON, World, config, start};

/// Where an authority will be, and how one knows it.
struct Place {
    files: tempfile::TempDir,
    directory: SocketAddr,
    management: SocketAddr,
    certificate: CertificateDer<'static>,
}

impl Place {
    fn find() -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let CertifiedKey { cert, key_pair } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        fs::write(files.path().join("chain.pem"), cert.pem()).expect("written");
        fs::write(files.path().join("key.pem"), key_pair.serialize_pem()).expect("written");
        let [directory, management] = free_ports();
        Self { files, directory, management, certificate: cert.der().clone() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn acme(&self) -> Acme {
        Acme {
            domains: vec!["localhost".into()],
            contacts: vec!["mailto:somebody@example.org".into()],
            directory: format!("https://localhost:{}/dir", self.directory.port()),
            directory_root: Some(self.file("chain.pem")),
        }
    }

    /// Starts Pebble here. It goes to this port of this machine to validate a name.
    async fn pebble(&self, validates_at: u16) -> Child {
        let config = json!({ "pebble": {
            "listenAddress": self.directory,
            "managementListenAddress": self.management,
            "certificate": self.file("chain.pem"),
            "privateKey": self.file("key.pem"),
            "httpPort": 1,
            "tlsPort": validates_at,
        } });
        fs::write(self.file("pebble.json"), config.to_string()).expect("written");
        let mut pebble = Command::new("pebble")
            .arg("-config")
            .arg(self.file("pebble.json"))
            // It validates at once, and does not pretend to have lost track.
            .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect(
                "this test needs Pebble, a certificate authority for tests: apt install pebble",
            );
        let mut lines = BufReader::new(pebble.stdout.take().expect("its output")).lines();
        let listens = async {
            while let Some(line) = lines.next_line().await.expect("a line") {
                if line.contains("ACME directory available") {
                    return;
                }
            }
            panic!("Pebble ended");
        };
        timeout(SOON, listens).await.expect("Pebble is there in time");
        // Nobody else reads on.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        pebble
    }

    /// The root of the certificates that this Pebble gives, made anew at each of its starts.
    async fn root(&self) -> CertificateDer<'static> {
        let mut client = secured(self.management, &self.certificate).await;
        let root = client.get("/roots/0").await;
        CertificateDer::from_pem_slice(root.body.as_bytes()).expect("a certificate")
    }
}

fn free_ports() -> [SocketAddr; 2] {
    let probe = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    [probe(), probe()].map(|probe| probe.local_addr().expect("its address"))
}

/// Tries until somebody listens there with a certificate of this root: nobody outside is told when.
async fn secured(
    address: SocketAddr,
    root: &CertificateDer<'static>,
) -> Client<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let mut again = interval(Duration::from_millis(50));
    let tries = async {
        loop {
            again.tick().await;
            if let Ok(client) = connect(address, root).await {
                return client;
            }
        }
    };
    timeout(SOON, tries).await.expect("a certificate in time")
}

#[tokio::test]
async fn a_certificate_is_got_kept_and_used_again() {
    let place = Place::find();
    let acme = place.acme();
    // It asks before there is anybody to ask, and must ask again.
    let world = start(|config| config.tls = Tls::Acme(acme.clone())).await;
    assert_eq!(world.relay.origin().as_str(), "https://localhost");
    let address = world.relay.address();
    let mut pebble = place.pebble(address.port()).await;
    let root = place.root().await;
    let mut client = secured(address, &root).await;
    assert_eq!(client.get("/healthz").await.status, 200);
    drop(client);

    let kept = world.folder.path().join("data/acme");
    assert_private(&kept);
    let World { relay, folder, .. } = world;
    relay.stop().await;
    pebble.kill().await.expect("killed");
    // Without an authority, with what was kept.
    let mut again = config(&folder);
    again.tls = Tls::Acme(acme);
    let relay = Relay::start(again, Arc::new(SystemClock)).await.expect("a relay");
    let mut client = secured(relay.address(), &root).await;
    assert_eq!(client.get("/healthz").await.status, 200);
    drop(client);
    relay.stop().await;
}

/// One file for the account and one for the certificate, and nobody else reads either.
fn assert_private(folder: &Path) {
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    let files: Vec<_> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn what_nobody_certifies_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let acme = Place::find().acme();
    let refusal = async |acme: Acme| {
        let mut config = config(&folder);
        config.tls = Tls::Acme(acme);
        let error = Relay::start(config, Arc::new(SystemClock)).await.expect_err("it must not");
        let StartError::Tls(error) = error else { panic!("{error}") };
        error
    };
    for name in ["192.0.2.1", "https://chat.example.org", "chat example", "*.example.org", ""] {
        let error = refusal(Acme { domains: vec![name.into()], ..acme.clone() }).await;
        assert!(matches!(&error, TlsError::Domain(told) if told == name), "{error}");
    }
    let error = refusal(Acme { directory: "http://localhost/dir".into(), ..acme.clone() }).await;
    assert!(matches!(error, TlsError::Directory(_)), "{error}");
    let root = Some(folder.path().join("missing.pem"));
    let error = refusal(Acme { directory_root: root, ..acme }).await;
    assert!(matches!(error, TlsError::File { .. }), "{error}");
}
