//! TLS by rustls: with certificates from files, which can change, or got by ACME.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{Acceptor, ResolvesServerCert};
use rustls_acme::is_tls_alpn_challenge;
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::Tls;

mod acme;

/// Why connections cannot be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read, or has nothing in it of what it should.
    #[error("{} holds no usable {what}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why it does not.
        source: pem::Error,
    },
    /// Certificate and key are of no use, or not for each other.
    #[error("the certificate in {} and the key in {} cannot be used together", .certificates.display(), .key.display())]
    Pair {
        /// The file of the certificate chain.
        certificates: PathBuf,
        /// The file of the private key.
        key: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// The root for the authority's directory cannot be used.
    #[error("the root certificate in {} cannot be used", .file.display())]
    Root {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// No authority certifies this name.
    #[error(
        "{0} is no domain name that can be certified; give a full name such as chat.example.org"
    )]
    Domain(String),
    /// The authority's directory is no `https://` address.
    #[error("the directory {0} is no https:// address")]
    Directory(String),
    /// rustls refuses its own parameters.
    #[error("TLS cannot be set up")]
    SetUp(#[from] rustls::Error),
}

/// What makes a connection an encrypted one.
pub(crate) struct Terms {
    current: RwLock<Arc<ServerConfig>>,
    source: Source,
}

enum Source {
    Files {
        certificates: PathBuf,
        key: PathBuf,
    },
    /// With what the authority's challenges are answered.
    Acme {
        challenge: Arc<ServerConfig>,
    },
}

/// What goes on beside the connections, until it is dropped.
pub(crate) type Renewal = futures_util::future::BoxFuture<'static, ()>;

impl Terms {
    /// Terms as configured, and what keeps their certificate fresh. Certificates got by ACME are kept in
    /// a folder of the data folder.
    pub(crate) fn new(tls: &Tls, data: &Path) -> Result<Option<(Self, Option<Renewal>)>, TlsError> {
        match tls {
            Tls::Off => Ok(None),
            Tls::Files { certificates, key } => {
                let current = RwLock::new(from_files(certificates, key)?);
                let source = Source::Files { certificates: certificates.clone(), key: key.clone() };
                Ok(Some((Self { current, source }, None)))
            }
            Tls::Acme(acme) => {
                let (resolver, challenge, renewal) = acme::begin(acme, data)?;
                let current = RwLock::new(with_resolver(resolver)?);
                Ok(Some((Self { current, source: Source::Acme { challenge } }, Some(renewal))))
            }
        }
    }

    /// Reads the files again. Where that fails, what was read before goes on.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        if let Source::Files { certificates, key } = &self.source {
            let fresh = from_files(certificates, key)?;
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        Ok(())
    }

    /// Shakes hands; `None` where the other side was the authority with a challenge.
    pub(crate) async fn shake(
        &self,
        stream: TcpStream,
    ) -> io::Result<Option<TlsStream<TcpStream>>> {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        if let Source::Acme { challenge } = &self.source
            && is_tls_alpn_challenge(&start.client_hello())
        {
            let mut stream = start.into_stream(Arc::clone(challenge)).await?;
            stream.shutdown().await?;
            // The authority may need the end of it: it is for the other side to hang up.
            copy(&mut stream, &mut sink()).await?;
            return Ok(None);
        }
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        start.into_stream(current).await.map(Some)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn from_files(certificates: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = read_certificates(certificates)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::File {
        file: key.into(),
        what: "private key",
        source,
    })?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|source| TlsError::Pair {
            certificates: certificates.into(),
            key: key.into(),
            source,
        })?;
    Ok(http(config))
}

fn with_resolver(resolver: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, TlsError> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    Ok(http(config))
}

fn http(mut config: ServerConfig) -> Arc<ServerConfig> {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::File { file: file.into(), what: "certificate", source };
    let chain = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed)?;
    if chain.is_empty() { Err(failed(pem::Error::NoItemsFound)) } else { Ok(chain) }
}
