//! TLS: whom to trust.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, crypto::aws_lc_rs};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use super::Error;

/// What encrypts connections to this host: certificates of the authorities that the operating system
/// trusts are taken, and of those in `trusted` (PEM).
pub(super) fn connector(
    host: &str,
    trusted: &[u8],
) -> Result<(TlsConnector, ServerName<'static>), Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let extra: Vec<_> = CertificateDer::pem_slice_iter(trusted)
        .collect::<Result<_, _>>()
        .map_err(|_| Error::Certificate)?;
    if extra.is_empty() && !trusted.is_empty() {
        return Err(Error::Certificate);
    }
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))
        .map_err(|_| Error::Certificate)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::Insecure)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Origin)?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}
