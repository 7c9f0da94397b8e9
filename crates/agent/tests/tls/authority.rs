//! Authorities and their certificates, made for one test, and TLS on a test's own sockets.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Who vouches for certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate for this host, and its key.
pub(crate) struct Certified {
    pub(crate) certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pem: [String; 2],
}

/// Named, since another package of a build may bring a second one.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn certify(&self) -> Certified {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let pem = [certificate.pem(), key.serialize_pem()];
        let (certificate, key) = (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap());
        Certified { certificate, key, pem }
    }

    pub(crate) fn write(&self, path: &Path) {
        std::fs::write(path, self.0.pem()).unwrap();
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }

    /// A server that shows `own`, and asks for certificates of this authority.
    pub(crate) fn acceptor(&self, own: &Certified) -> TlsAcceptor {
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots(), provider()).build().unwrap();
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let config = config.with_client_cert_verifier(verifier);
        let config = config.with_single_cert(vec![own.certificate.clone()], own.key.clone_key()).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// Connects to a server of this authority, with a certificate or without.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        own: Option<&Certified>,
    ) -> std::io::Result<client::TlsStream<TcpStream>> {
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(self.roots());
        let config = match own {
            Some(own) => config.with_client_auth_cert(vec![own.certificate.clone()], own.key.clone_key()).unwrap(),
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(address).await?).await
    }
}

impl Certified {
    pub(crate) fn write_certificate(&self, path: &Path) {
        std::fs::write(path, &self.pem[0]).unwrap();
    }

    pub(crate) fn write_key(&self, path: &Path) {
        std::fs::write(path, &self.pem[1]).unwrap();
    }
}

/// What a [`TlsListener`] does and has seen; may be changed while it listens.
pub(crate) struct Gate {
    pub(crate) acceptor: TlsAcceptor,
    /// Certificates of clients, a connection each.
    pub(crate) seen: Vec<CertificateDer<'static>>,
    /// Handshakes that came to nothing.
    pub(crate) refused: usize,
}

/// Takes connections with TLS.
pub(crate) struct TlsListener {
    socket: TcpListener,
    gate: Arc<Mutex<Gate>>,
}

impl TlsListener {
    pub(crate) async fn bind(acceptor: TlsAcceptor) -> (Self, Arc<Mutex<Gate>>) {
        let gate = Arc::new(Mutex::new(Gate { acceptor, seen: Vec::new(), refused: 0 }));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (Self { socket, gate: Arc::clone(&gate) }, gate)
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = server::TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.socket.accept().await.unwrap();
            let acceptor = self.gate.lock().unwrap().acceptor.clone();
            let accepted = acceptor.accept(stream).await;
            let mut gate = self.gate.lock().unwrap();
            match accepted {
                Ok(stream) => {
                    gate.seen.push(stream.get_ref().1.peer_certificates().unwrap()[0].clone());
                    return (stream, address);
                }
                Err(_) => gate.refused += 1,
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}
