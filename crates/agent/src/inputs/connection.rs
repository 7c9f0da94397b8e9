//! A listener's connections, in clear or with TLS.

use std::sync::Arc;
use std::time::Duration;

use stdx::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ALL_VERSIONS, RootCertStore, ServerConfig};

use crate::tls::{Pem, Problem, Renewed, Tls};

/// How long the other side may take for its part of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Both ways of a connection.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection that can be read.
pub(super) type Connection = Box<dyn Wire>;

/// Makes connections of what comes in.
#[derive(Clone, Debug)]
pub(super) enum Greeting {
    Clear,
    Tls(Arc<Renewed<TlsAcceptor>>),
}

impl Greeting {
    /// With TLS if there is a certificate of ours; with `ca`, senders must show one that those vouch for.
    pub(super) fn new(place: String, tls: &Tls, clock: Arc<dyn Clock>) -> Result<Self, Problem> {
        if tls.own.is_none() {
            return Ok(Self::Clear);
        }
        let files = tls.clone();
        let renewed = Renewed::new(place, tls.clone(), clock, move |pem| acceptor(&files, pem))?;
        Ok(Self::Tls(Arc::new(renewed)))
    }

    /// The handshake, if there is one.
    pub(super) async fn greet(&self, stream: TcpStream) -> std::io::Result<Connection> {
        let Self::Tls(renewed) = self else { return Ok(Box::new(stream)) };
        let greeted = tokio::time::timeout(HANDSHAKE, renewed.get().accept(stream)).await;
        Ok(Box::new(greeted.map_err(|_| std::io::ErrorKind::TimedOut)??))
    }
}

/// Whether the files can be used.
pub(crate) fn check(tls: &Tls) -> Result<(), Problem> {
    if tls.own.is_some() { acceptor(tls, &tls.read()?).map(drop) } else { Ok(()) }
}

fn acceptor(tls: &Tls, pem: &Pem) -> Result<TlsAcceptor, Problem> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(ALL_VERSIONS);
    let config = config.map_err(|_| tls.bad_own())?;
    let config = match &pem.ca {
        Some(ca) => config.with_client_cert_verifier(verifier(ca, provider).ok_or_else(|| tls.bad_ca())?),
        None => config.with_no_client_auth(),
    };
    let (cert, key) = pem.own.as_ref().ok_or_else(|| tls.bad_own())?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| tls.bad_own())?;
    let config = config.with_single_cert(certificates(cert), key).map_err(|_| tls.bad_own())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn verifier(
    ca: &[u8],
    provider: Arc<CryptoProvider>,
) -> Option<Arc<dyn tokio_rustls::rustls::server::danger::ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(ca));
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect()
}
