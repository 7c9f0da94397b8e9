//! A listener's connections, in clear or with TLS.

use std::sync::Arc;
use std::time::Duration;

use stdx::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{ALL_VERSIONS, RootCertStore, ServerConfig};

use crate::files::certificates;
use crate::{Pem, Problem, Renewed, Tls};

/// How long the other side may take for its part of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Both ways of a connection.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection, in clear or with TLS.
pub type Connection = Box<dyn Wire>;

/// A connection that was taken.
pub struct Accepted {
    /// Both ways of it.
    pub wire: Connection,
    /// Whether it is with TLS.
    pub secure: bool,
    /// The certificate that the other side showed, in DER; an authority of ours vouches for it.
    pub certificate: Option<Vec<u8>>,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accepted").field("secure", &self.secure).finish_non_exhaustive()
    }
}

/// Whether those who connect show a certificate, once the files name authorities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clients {
    /// They must.
    #[default]
    Required,
    /// They may.
    Optional,
}

/// What a listener wants besides its files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// Certificates of those who connect.
    pub clients: Clients,
    /// Names of protocols, as ALPN has them; none if only one is spoken.
    pub protocols: &'static [&'static [u8]],
}

/// Makes connections of what comes in.
#[derive(Clone, Debug)]
pub enum Greeting {
    /// As it comes.
    Clear,
    /// With TLS.
    Tls(Arc<Renewed<TlsAcceptor>>),
}

impl Greeting {
    /// With TLS if there is a certificate of ours. Blocks on the disk.
    pub fn new(place: String, tls: &Tls, terms: Terms, clock: Arc<dyn Clock>) -> Result<Self, Problem> {
        if tls.own.is_none() {
            return Ok(Self::Clear);
        }
        let files = tls.clone();
        let renewed = Renewed::new(place, tls.clone(), clock, move |pem| acceptor(&files, terms, pem))?;
        Ok(Self::Tls(Arc::new(renewed)))
    }

    /// The handshake, if there is one; takes ten seconds at most.
    pub async fn greet(&self, stream: TcpStream) -> std::io::Result<Accepted> {
        let Self::Tls(renewed) = self else {
            return Ok(Accepted { wire: Box::new(stream), secure: false, certificate: None });
        };
        let greeted = tokio::time::timeout(HANDSHAKE, renewed.get().accept(stream)).await;
        let stream = greeted.map_err(|_| std::io::ErrorKind::TimedOut)??;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).map(|found| found.to_vec());
        Ok(Accepted { wire: Box::new(stream), secure: true, certificate })
    }
}

/// Whether the files can be used by a listener. Blocks on the disk.
pub fn check(tls: &Tls) -> Result<(), Problem> {
    if tls.own.is_some() { acceptor(tls, Terms::default(), &tls.read()?).map(drop) } else { Ok(()) }
}

fn acceptor(tls: &Tls, terms: Terms, pem: &Pem) -> Result<TlsAcceptor, Problem> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(ALL_VERSIONS);
    let config = config.map_err(|_| tls.bad_own())?;
    let config = match &pem.ca {
        Some(ca) => {
            let verifier = verifier(ca, terms.clients, provider).ok_or_else(|| tls.bad_ca())?;
            config.with_client_cert_verifier(verifier)
        }
        None => config.with_no_client_auth(),
    };
    let (cert, key) = pem.own.as_ref().ok_or_else(|| tls.bad_own())?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| tls.bad_own())?;
    let mut config = config.with_single_cert(certificates(cert), key).map_err(|_| tls.bad_own())?;
    config.alpn_protocols = terms.protocols.iter().map(|name| name.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn verifier(ca: &[u8], clients: Clients, provider: Arc<CryptoProvider>) -> Option<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(ca));
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    match clients {
        Clients::Required => verifier.build().ok(),
        Clients::Optional => verifier.allow_unauthenticated().build().ok(),
    }
}
