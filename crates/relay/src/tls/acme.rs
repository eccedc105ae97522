//! Certificates by ACME (RFC 8555), with the challenge tls-alpn-01 (RFC 8737) on the relay's own port.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use futures_util::StreamExt;
use rustls::pki_types::DnsName;
use rustls::server::ResolvesServerCert;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_acme::{AccountCache, AcmeConfig, CertCache};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::{Renewal, TlsError, provider, read_certificates};
use crate::config::Acme;
use crate::folder;

/// The folder of certificates and keys, inside the data folder.
const FOLDER: &str = "acme";

type Begun = (Arc<dyn ResolvesServerCert>, Arc<ServerConfig>, Renewal);

/// What finds the certificate for a connection, what answers challenges, and what gets and renews
/// the certificate.
pub(super) fn begin(acme: &Acme, data: &Path) -> Result<Begun, TlsError> {
    for domain in &acme.domains {
        let is_name = DnsName::try_from(domain.as_str()).is_ok();
        if !is_name || domain.parse::<IpAddr>().is_ok() {
            return Err(TlsError::Domain(domain.clone()));
        }
    }
    if !acme.directory.starts_with("https://") {
        return Err(TlsError::Directory(acme.directory.clone()));
    }
    let mut config = AcmeConfig::new_with_provider(&acme.domains, provider());
    if let Some(root) = &acme.directory_root {
        config = config.client_tls_config(trusting(root)?);
    }
    let mut state = config
        .contact(&acme.contacts)
        .directory(&acme.directory)
        .cache(Cache { folder: data.join(FOLDER) })
        .state();
    let resolver = state.resolver();
    let challenge = state.challenge_rustls_config_with_provider(provider());
    let renewal = Box::pin(async move {
        while let Some(event) = state.next().await {
            match event {
                Ok(done) => tracing::info!(?done, "certificate"),
                Err(error) => tracing::error!(%error, "no certificate yet; trying again"),
            }
        }
    });
    Ok((resolver, challenge, renewal))
}

/// A client that takes a server for the authority if this root vouches for it.
fn trusting(file: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for root in read_certificates(file)? {
        roots.add(root).map_err(|source| TlsError::Root { file: file.into(), source })?;
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Account key, certificates and their keys, in files that only their owner can read.
struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// One file for each directory and what is kept for it.
    fn name(kind: &str, of: &[String], directory: &str) -> String {
        let mut hash = Sha256::new();
        for part in of.iter().map(String::as_str).chain([directory]) {
            hash.update(part);
            hash.update([0]);
        }
        let digest = HEXLOWER.encode(&hash.finalize());
        format!("{kind}-{}", digest.get(..16).unwrap_or(&digest))
    }

    async fn load(&self, name: String) -> io::Result<Option<Vec<u8>>> {
        let file = self.folder.join(name);
        match spawn_blocking(move || fs::read(file)).await? {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn store(&self, name: String, content: &[u8]) -> io::Result<()> {
        let (folder, content) = (self.folder.clone(), content.to_vec());
        let store = move || {
            folder::make(&folder)?;
            folder::write(&folder, &name, &content)
        };
        spawn_blocking(store).await?
    }
}

#[async_trait]
impl CertCache for Cache {
    type EC = io::Error;

    async fn load_cert(&self, domains: &[String], directory: &str) -> io::Result<Option<Vec<u8>>> {
        self.load(Self::name("certificate", domains, directory)).await
    }

    async fn store_cert(&self, domains: &[String], directory: &str, pem: &[u8]) -> io::Result<()> {
        self.store(Self::name("certificate", domains, directory), pem).await
    }
}

#[async_trait]
impl AccountCache for Cache {
    type EA = io::Error;

    async fn load_account(
        &self,
        contacts: &[String],
        directory: &str,
    ) -> io::Result<Option<Vec<u8>>> {
        self.load(Self::name("account", contacts, directory)).await
    }

    async fn store_account(
        &self,
        contacts: &[String],
        directory: &str,
        key: &[u8],
    ) -> io::Result<()> {
        self.store(Self::name("account", contacts, directory), key).await
    }
}
