//! The other side of a connection: where it is, whether it is with TLS, which certificate it showed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use auth::Names;

/// Goes along with every request of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    address: IpAddr,
    secure: bool,
    certificate: Option<Arc<Names>>,
}

impl Peer {
    /// The certificate is in DER, and an authority vouches for it. One whose names cannot be read is none.
    pub(crate) fn new(address: SocketAddr, secure: bool, certificate: Option<&[u8]>) -> Self {
        let certificate = certificate.and_then(Names::of).map(Arc::new);
        Self { address: address.ip().to_canonical(), secure, certificate }
    }

    /// Where the connection comes from; a proxy, if there is one.
    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether the connection is with TLS.
    pub(crate) const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The names in the certificate that was shown.
    pub(crate) fn certificate(&self) -> Option<&Names> {
        self.certificate.as_deref()
    }
}
